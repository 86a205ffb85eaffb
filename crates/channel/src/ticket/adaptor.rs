//! Signatures that are complete but for a secret: whoever knows the logarithm of a point makes an ordinary ECDSA signature of one.
//!
//! For a point `T`, a key `x` and a digest `m`: `R' = kG`, `R = kT`, `s' = (m + r·x) / k` with `r` the first coordinate of `R`, and
//! a proof that `R'` and `R` have one `k`. With `T = tG` the signature is `(r, s'/t)`. Who does not know `t` can check that it would
//! be, and no more. Source: Aumayr et al., "Generalized Channels from Limited Blockchain Scripts and Adaptor Signatures" (2021), §5;
//! the proof is Chaum and Pedersen's.
//!
//! Invariant: no two presignatures of a key share a `k`: it is a hash of key, digest and point.
// Scalars and points wrap by their definition; nothing here is an amount.
#![allow(clippy::arithmetic_side_effects)]

use k256::elliptic_curve::ff::PrimeField;
use k256::elliptic_curve::group::GroupEncoding;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::AffineCoordinates;
use k256::elliptic_curve::scalar::IsHigh;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use k256::{AffinePoint, FieldBytes, ProjectivePoint, Scalar, U256};
use tatum_primitives::{Address, B256, keccak256};
use tatum_receipt::{SIGNATURE_BYTES, SessionKey, Signature};

const G: ProjectivePoint = ProjectivePoint::GENERATOR;

/// A signature but for the logarithm of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presignature {
    /// `kG`.
    base: ProjectivePoint,
    /// `kT`.
    lifted: ProjectivePoint,
    s: Scalar,
    /// That both have one logarithm: challenge and answer.
    proof: (Scalar, Scalar),
}

impl Presignature {
    /// Signs `digest` but for the logarithm of `point`; `None` for a point at infinity, and by one chance in 2^127.
    pub(super) fn make(key: &SessionKey, digest: B256, point: ProjectivePoint) -> Option<Self> {
        if point == ProjectivePoint::IDENTITY {
            return None;
        }
        let x = scalar(&key.to_bytes().0)?;
        let k = hash(&[
            b"tatum ticket nonce",
            key.to_bytes().as_slice(),
            digest.as_slice(),
            &bytes(&point),
        ]);
        let (base, lifted) = (G * k, point * k);
        let r = first(&lifted)?;
        let s = (reduced(digest) + r * x) * Option::<Scalar>::from(k.invert())?;
        let w =
            hash(&[b"tatum ticket proof nonce", &k.to_bytes(), digest.as_slice(), &bytes(&point)]);
        let e = challenge(digest, &[point, base, lifted, G * w, point * w]);
        Some(Self { base, lifted, s, proof: (e, w + e * k) })
    }

    /// Whether the logarithm of `point` makes it a signature of `digest` by whoever has the public key.
    pub(super) fn holds(
        &self,
        public: &ProjectivePoint,
        digest: B256,
        point: ProjectivePoint,
    ) -> bool {
        let (e, z) = self.proof;
        let witnesses = (G * z - self.base * e, point * z - self.lifted * e);
        let statement = [point, self.base, self.lifted, witnesses.0, witnesses.1];
        let one_k = challenge(digest, &statement) == e;
        let (Some(r), Some(inverse)) =
            (first(&self.lifted), Option::<Scalar>::from(self.s.invert()))
        else {
            return false;
        };
        let signed = (G * reduced(digest) + *public * r) * inverse == self.base;
        point != ProjectivePoint::IDENTITY && one_k && signed
    }

    /// The signature, by the point's logarithm.
    pub(super) fn complete(&self, logarithm: &Scalar) -> Option<Signature> {
        let r = first(&self.lifted)?;
        let s = self.s * Option::<Scalar>::from(logarithm.invert())?;
        let is_odd = bool::from(self.lifted.to_affine().y_is_odd());
        let is_high = bool::from(s.is_high());
        let s = if is_high { -s } else { s };
        let mut signature = [0; SIGNATURE_BYTES];
        let (to_r, rest) = signature.split_at_mut(32);
        let (to_s, v) = rest.split_at_mut(32);
        to_r.copy_from_slice(&r.to_bytes());
        to_s.copy_from_slice(&s.to_bytes());
        v.fill(27 + u8::from(is_odd ^ is_high));
        Some(Signature(signature))
    }
}

/// The public key of a signer.
pub(super) fn public(key: &SessionKey) -> Option<ProjectivePoint> {
    scalar(&key.to_bytes().0).map(|x| G * x)
}

/// A hash as a scalar; what is above the group order makes one chance in 2^127 of a bias.
pub(super) fn hash(parts: &[&[u8]]) -> Scalar {
    reduced(keccak256(parts.concat()))
}

/// A point in 33 bytes.
pub(super) fn bytes(point: &ProjectivePoint) -> [u8; 33] {
    point.to_affine().to_bytes().into()
}

/// The point that these bytes stand for, but for the one at infinity.
pub(super) fn point(bytes: &[u8; 33]) -> Option<ProjectivePoint> {
    let point = Option::<AffinePoint>::from(AffinePoint::from_bytes(&(*bytes).into()))?;
    (point != AffinePoint::IDENTITY).then(|| point.into())
}

/// The address of a public key.
pub(super) fn address(point: &ProjectivePoint) -> Address {
    let uncompressed = point.to_affine().to_encoded_point(false);
    let (_, coordinates) = uncompressed.as_bytes().split_at(1);
    Address::from_word(keccak256(coordinates))
}

/// A point whose logarithm nobody knows: the first one on the curve whose coordinate is a hash.
pub(super) fn nobodys(name: &str) -> ProjectivePoint {
    let candidates = (0u32..).map(|n| {
        let x = keccak256([name.as_bytes(), &n.to_be_bytes()].concat());
        let mut compressed = [2; 33];
        let (_, to_x) = compressed.split_at_mut(1);
        to_x.copy_from_slice(x.as_slice());
        Option::<AffinePoint>::from(AffinePoint::from_bytes(&compressed.into()))
    });
    // Each second coordinate is on the curve.
    candidates.flatten().next().map_or(G, ProjectivePoint::from)
}

/// The first coordinate as the `r` of a signature; `None` above the group order.
fn first(point: &ProjectivePoint) -> Option<Scalar> {
    let r = Option::<Scalar>::from(Scalar::from_repr(point.to_affine().x()))?;
    (r != Scalar::ZERO).then_some(r)
}

fn challenge(digest: B256, points: &[ProjectivePoint]) -> Scalar {
    let points: Vec<u8> = points.iter().flat_map(bytes).collect();
    hash(&[b"tatum ticket proof", digest.as_slice(), &points])
}

fn reduced(bytes: B256) -> Scalar {
    <Scalar as Reduce<U256>>::reduce_bytes(&FieldBytes::from(bytes.0))
}

fn scalar(bytes: &[u8; 32]) -> Option<Scalar> {
    Scalar::from_repr(FieldBytes::from(*bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: B256 = B256::repeat_byte(5);

    fn key(byte: u8) -> SessionKey {
        SessionKey::from_bytes(&[byte; 32]).unwrap()
    }

    #[test]
    fn the_logarithm_makes_an_ordinary_signature_and_nothing_else_does() {
        for n in 1..40u64 {
            let (key, t) = (key(7), Scalar::from(n * 77_777));
            let digest = keccak256(n.to_be_bytes());
            let pre = Presignature::make(&key, digest, G * t).unwrap();
            let key_point = public(&key).unwrap();
            assert!(pre.holds(&key_point, digest, G * t));
            assert_eq!(address(&key_point), key.address());
            assert_eq!(point(&bytes(&key_point)), Some(key_point));
            let signature = pre.complete(&t).unwrap();
            assert_eq!(signature.signer(digest), Ok(key.address()), "{n}");
            let wrong = pre.complete(&(t + Scalar::ONE)).unwrap();
            assert_ne!(wrong.signer(digest).ok(), Some(key.address()));
        }
    }

    #[test]
    fn whatever_is_changed_no_longer_holds() {
        let (signer, t) = (key(7), Scalar::from(9u64));
        let (public, point) = (public(&signer).unwrap(), G * t);
        let pre = Presignature::make(&signer, DIGEST, point).unwrap();
        let one = Scalar::ONE;
        let changed = [
            Presignature { base: pre.base + G, ..pre },
            Presignature { lifted: pre.lifted + G, ..pre },
            Presignature { s: pre.s + one, ..pre },
            Presignature { s: Scalar::ZERO, ..pre },
            Presignature { proof: (pre.proof.0 + one, pre.proof.1), ..pre },
            Presignature { proof: (pre.proof.0, pre.proof.1 + one), ..pre },
        ];
        for changed in changed {
            assert!(!changed.holds(&public, DIGEST, point), "{changed:?}");
        }
        assert!(!pre.holds(&super::public(&key(8)).unwrap(), DIGEST, point));
        assert!(!pre.holds(&public, B256::repeat_byte(6), point));
        assert!(!pre.holds(&public, DIGEST, point + G));
        assert!(!pre.holds(&public, DIGEST, ProjectivePoint::IDENTITY));
        assert_eq!(Presignature::make(&signer, DIGEST, ProjectivePoint::IDENTITY), None);
    }

    /// A signer that knows the point's logarithm cannot make one that looks right and completes to nothing: `R` has to be `kT`.
    #[test]
    fn a_lifted_point_of_another_nonce_is_refused() {
        let (key, t) = (key(7), Scalar::from(9u64));
        let point = G * t;
        let honest = Presignature::make(&key, DIGEST, point).unwrap();
        let x = scalar(&key.to_bytes().0).unwrap();
        let (k, other) = (Scalar::from(3u64), Scalar::from(4u64));
        let lifted = point * other;
        let s = (reduced(DIGEST) + first(&lifted).unwrap() * x) * k.invert().unwrap();
        let forged = Presignature { base: G * k, lifted, s, ..honest };
        assert!(!forged.holds(&public(&key).unwrap(), DIGEST, point));
    }

    #[test]
    fn nonces_differ_with_point_and_digest() {
        let key = key(7);
        let of =
            |digest, t: u64| Presignature::make(&key, digest, G * Scalar::from(t)).unwrap().base;
        assert_ne!(of(DIGEST, 1), of(DIGEST, 2));
        assert_ne!(of(DIGEST, 1), of(B256::repeat_byte(6), 1));
    }
}
