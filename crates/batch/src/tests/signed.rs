//! Right signatures, and what can be wrong with one.

use secp256k1::{Message, PublicKey, SECP256K1, SecretKey};

use crate::Claim;

/// Signatures by `keys` keys in turn.
pub(super) fn signed(count: usize, keys: usize) -> Vec<Claim> {
    (0..count).map(|nth| sign(nth % keys, digest(nth))).collect()
}

/// A signature of a key by number.
pub(super) fn sign(key: usize, digest: [u8; 32]) -> Claim {
    let secret = secret(key);
    let signed = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest), &secret);
    let (id, compact) = signed.serialize_compact();
    let mut signature = [27 + u8::try_from(i32::from(id)).unwrap(); 65];
    signature[..64].copy_from_slice(&compact);
    Claim { digest, signature, key: Some(PublicKey::from_secret_key(SECP256K1, &secret)) }
}

pub(super) fn secret(key: usize) -> SecretKey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&key.to_le_bytes());
    SecretKey::from_byte_array(bytes).unwrap()
}

fn digest(nth: usize) -> [u8; 32] {
    let mut digest = [3; 32];
    digest[..8].copy_from_slice(&nth.to_le_bytes());
    digest
}

/// What is done to a right signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    R,
    S,
    Digest,
    V,
    NoV,
    Key,
    Mirrored,
    HighS,
    /// r or s is one of the numbers where something ends.
    EndR,
    EndS,
}

impl Flaw {
    pub(super) const ALL: [Self; 10] = [
        Self::R,
        Self::S,
        Self::Digest,
        Self::V,
        Self::NoV,
        Self::Key,
        Self::Mirrored,
        Self::HighS,
        Self::EndR,
        Self::EndS,
    ];
}

/// n, highest byte first.
const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
/// p.
const PRIME: &str = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";

pub(super) fn number(hex: &str) -> [u8; 32] {
    core::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
}

/// x − y, modulo 2^256.
pub(super) fn minus(x: [u8; 32], y: [u8; 32]) -> [u8; 32] {
    let mut borrow = 0;
    let mut difference = [0; 32];
    for i in (0..32).rev() {
        let digit = i16::from(x[i]) - i16::from(y[i]) - borrow;
        borrow = i16::from(digit < 0);
        difference[i] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    difference
}

/// 0 … 3 and the numbers around n, p and 2^256.
pub(super) fn end(nth: usize) -> [u8; 32] {
    let small = |value: u8| {
        let mut number = [0; 32];
        number[31] = value;
        number
    };
    let base = [small(3), number(ORDER), number(PRIME), [0; 32]][nth % 4];
    let offset = u8::try_from(nth / 4 % 5).unwrap();
    // From two above to two below.
    minus(minus(base, small(offset)), minus([0; 32], small(2)))
}

/// A claim with a flaw; `nth` tells flaws of one kind apart.
pub(super) fn flawed(claim: &Claim, flaw: Flaw, nth: usize) -> Claim {
    let mut claim = *claim;
    let [r, s] = [0, 32].map(|at| core::array::from_fn(|i| claim.signature[at + i]));
    let _: [u8; 32] = r;
    match flaw {
        Flaw::R => claim.signature[nth % 32] ^= 1 << (nth % 8),
        Flaw::S => claim.signature[32 + nth % 32] ^= 1 << (nth % 8),
        Flaw::Digest => claim.digest[nth % 32] ^= 1 << (nth % 8),
        Flaw::V => claim.signature[64] ^= 27 ^ 28,
        Flaw::NoV => claim.signature[64] = [0, 1, 26, 29, 30, 255][nth % 6],
        Flaw::Key => claim.key = sign(nth + 1_000_000, claim.digest).key,
        Flaw::Mirrored | Flaw::HighS => {
            claim.signature[32..64].copy_from_slice(&minus(number(ORDER), s));
            if flaw == Flaw::Mirrored {
                claim.signature[64] ^= 27 ^ 28;
            }
        }
        Flaw::EndR => claim.signature[..32].copy_from_slice(&end(nth)),
        Flaw::EndS => claim.signature[32..64].copy_from_slice(&end(nth)),
    }
    claim
}
