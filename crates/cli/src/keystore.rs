//! Encrypted key files: Web3 Secret Storage, version 3, as geth, cast, MetaMask and ethers write and read them.
//!
//! Invariant: a file from outside is bounded before it costs anything (size, work and memory of its key derivation), and
//! whatever is in it, reading it ends with the key or with a sentence. What we write is as strong as geth's.
//! Source: <https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/>.

use aes::Aes128;
use aes::cipher::{KeyIvInit, StreamCipher};
use alloy::hex;
use alloy::primitives::keccak256;
use rand::{TryRngCore, rngs::OsRng};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// A secret of 32 bytes.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// A key file has a few hundred bytes.
const MOST_BYTES: usize = 64 * 1024;
/// Memory of scrypt, `128 · n · r` bytes: four times what geth's own parameters take.
const MOST_MEMORY_BYTES: u64 = 1 << 30;
/// Passes of scrypt, and rounds of PBKDF2: some seconds of work.
const MOST_PASSES: u32 = 16;
const MOST_ROUNDS: u32 = 10_000_000;
/// geth's standard: 256 MiB and about a second.
const LOG_N: u8 = 18;
const BLOCK: u32 = 8;

/// Why a key file does not give its key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeystoreError {
    #[error("it is no key file (web3 v3): {0}")]
    Malformed(String),
    #[error("its version is {0}; version 3 is read")]
    Version(Value),
    #[error("its cipher is {0:?}; aes-128-ctr is read")]
    Cipher(String),
    #[error("its {0}")]
    Parameter(String),
    #[error("the password is wrong, or the file is damaged")]
    Password,
}

type Result<T> = std::result::Result<T, KeystoreError>;

#[derive(Deserialize)]
struct File {
    version: Value,
    #[serde(alias = "Crypto")]
    crypto: Crypto,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParameters,
    ciphertext: String,
    #[serde(flatten)]
    derivation: Derivation,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParameters {
    iv: String,
}

#[derive(Deserialize)]
#[serde(tag = "kdf", content = "kdfparams", rename_all = "lowercase")]
enum Derivation {
    Scrypt { n: u64, r: u32, p: u32, dklen: u32, salt: String },
    Pbkdf2 { c: u32, prf: String, dklen: u32, salt: String },
}

/// The key in a file's `bytes`.
pub(crate) fn open(bytes: &[u8], password: &str) -> Result<Secret> {
    if bytes.len() > MOST_BYTES {
        return Err(KeystoreError::Malformed(format!("it has {} bytes", bytes.len())));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let file: File = serde_json::from_slice(bytes)
        .map_err(|error| KeystoreError::Malformed(error.to_string()))?;
    if file.version.as_u64() != Some(3) && file.version.as_str() != Some("3") {
        return Err(KeystoreError::Version(file.version));
    }
    let crypto = file.crypto;
    if crypto.cipher != "aes-128-ctr" {
        return Err(KeystoreError::Cipher(crypto.cipher));
    }
    let iv: [u8; 16] = hex_field("iv", &crypto.cipherparams.iv)?;
    let mac: [u8; 32] = hex_field("mac", &crypto.mac)?;
    let mut secret = Zeroizing::new(decode("ciphertext", &crypto.ciphertext)?);
    if secret.is_empty() || secret.len() > 32 {
        return Err(KeystoreError::Parameter(format!(
            "ciphertext has {} bytes, not 32",
            secret.len()
        )));
    }
    let derived = crypto.derivation.derive(password)?;
    if mac_of(&derived, &secret) != mac {
        return Err(KeystoreError::Password);
    }
    apply_cipher(&derived, &iv, &mut secret);
    // Some tools leave a key's leading zero bytes away.
    let mut key: Secret = Zeroizing::new([0; 32]);
    if let Some(end) = key.get_mut(32 - secret.len()..) {
        end.copy_from_slice(&secret);
    }
    Ok(key)
}

/// A new file's text. `address` is written down for tools that look files up by it.
pub(crate) fn seal(secret: &Secret, password: &str, address: Option<&str>) -> Result<String> {
    seal_with(secret, password, address, LOG_N)
}

fn seal_with(secret: &Secret, password: &str, address: Option<&str>, log_n: u8) -> Result<String> {
    let (mut salt, mut iv) = ([0; 32], [0; 16]);
    for random in [&mut salt[..], &mut iv[..]] {
        let drawn = OsRng.try_fill_bytes(random);
        drawn
            .map_err(|error| KeystoreError::Parameter(format!("salt cannot be drawn: {error}")))?;
    }
    let (n, salt_hex) = (1_u64 << log_n, hex::encode(salt));
    let derivation = Derivation::Scrypt { n, r: BLOCK, p: 1, dklen: 32, salt: salt_hex.clone() };
    let derived = derivation.derive(password)?;
    let mut sealed = secret.to_vec();
    apply_cipher(&derived, &iv, &mut sealed);
    let mut file = json!({
        "version": 3,
        "id": uuid::Uuid::new_v4().to_string(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": hex::encode(iv) },
            "ciphertext": hex::encode(&sealed),
            "kdf": "scrypt",
            "kdfparams": { "dklen": 32, "n": n, "p": 1, "r": BLOCK, "salt": salt_hex },
            "mac": hex::encode(mac_of(&derived, &sealed)),
        },
    });
    if let (Some(address), Some(fields)) = (address, file.as_object_mut()) {
        fields.insert("address".into(), address.trim_start_matches("0x").to_lowercase().into());
    }
    Ok(file.to_string())
}

impl Derivation {
    /// The first 32 bytes of the derived key: both functions make longer keys by appending.
    fn derive(&self, password: &str) -> Result<Secret> {
        let mut derived: Secret = Zeroizing::new([0; 32]);
        let invalid = |what: String| KeystoreError::Parameter(what);
        match self {
            Self::Scrypt { n, r, p, dklen, salt } => {
                check_length(*dklen)?;
                let memory = n.saturating_mul(u64::from(*r)).saturating_mul(128);
                if !n.is_power_of_two() || *n < 2 || memory > MOST_MEMORY_BYTES || *p > MOST_PASSES
                {
                    return Err(invalid(format!(
                        "scrypt parameters (n {n}, r {r}, p {p}) are out of bounds"
                    )));
                }
                let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
                let parameters = scrypt::Params::new(log_n, *r, *p)
                    .map_err(|error| invalid(format!("scrypt parameters: {error}")))?;
                scrypt::scrypt(
                    password.as_bytes(),
                    &decode("salt", salt)?,
                    &parameters,
                    derived.as_mut(),
                )
                .map_err(|error| invalid(format!("scrypt parameters: {error}")))?;
            }
            Self::Pbkdf2 { c, prf, dklen, salt } => {
                check_length(*dklen)?;
                if prf != "hmac-sha256" || *c == 0 || *c > MOST_ROUNDS {
                    return Err(invalid(format!(
                        "pbkdf2 parameters (prf {prf:?}, c {c}) are out of bounds"
                    )));
                }
                let salt = decode("salt", salt)?;
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(
                    password.as_bytes(),
                    &salt,
                    *c,
                    derived.as_mut(),
                );
            }
        }
        Ok(derived)
    }
}

fn check_length(dklen: u32) -> Result<()> {
    // The cipher takes 16 bytes of the derived key, the checksum 16 more.
    if (32..=64).contains(&dklen) {
        return Ok(());
    }
    Err(KeystoreError::Parameter(format!("dklen is {dklen}, not 32")))
}

fn mac_of(derived: &Secret, sealed: &[u8]) -> [u8; 32] {
    let (_, second) = derived.split_at(16);
    *keccak256([second, sealed].concat())
}

fn apply_cipher(derived: &Secret, iv: &[u8; 16], bytes: &mut [u8]) {
    let mut key = [0; 16];
    key.copy_from_slice(derived.split_at(16).0);
    ctr::Ctr128BE::<Aes128>::new(&key.into(), &(*iv).into()).apply_keystream(bytes);
}

fn hex_field<const N: usize>(name: &str, text: &str) -> Result<[u8; N]> {
    let bytes = decode(name, text)?;
    let got = bytes.len();
    bytes
        .try_into()
        .map_err(|_| KeystoreError::Parameter(format!("{name} has {got} bytes, not {N}")))
}

fn decode(name: &str, text: &str) -> Result<Vec<u8>> {
    hex::decode(text).map_err(|_| KeystoreError::Parameter(format!("{name} is not hex")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The two test vectors of the specification: password "testpassword".
    const PBKDF2: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
    const SCRYPT: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},"ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt","kdfparams":{"dklen":32,"n":262144,"p":8,"r":1,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},"mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
    const KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

    #[test]
    fn the_specifications_vectors_open() {
        for file in [PBKDF2, SCRYPT] {
            assert_eq!(hex::encode(*open(file.as_bytes(), "testpassword").unwrap()), KEY);
        }
    }

    #[test]
    fn what_other_tools_write_opens_too() {
        let spellings = [
            PBKDF2.replace("\"crypto\"", "\"Crypto\""),
            PBKDF2.replace(r#""id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","#, ""),
            PBKDF2.replace(r#""3198bc9c-6672-5ab3-d995-4942343ae5b6""#, "null"),
            format!("\u{feff}{PBKDF2}"),
            PBKDF2.replace("\"version\":3", "\"version\":3,\"address\":\"0xAB\",\"x-ethers\":{}"),
        ];
        for file in spellings {
            assert_eq!(hex::encode(*open(file.as_bytes(), "testpassword").unwrap()), KEY, "{file}");
        }
    }

    #[test]
    fn damaged_files_are_refused_in_a_sentence_before_they_cost_anything() {
        let damages = [
            ("\"dklen\":32", "\"dklen\":16"),
            ("\"n\":262144", "\"n\":1099511627776"),
            ("\"n\":262144", "\"n\":262143"),
            ("\"p\":8", "\"p\":4294967295"),
            ("\"r\":1", "\"r\":4294967295"),
            ("83dbcc02d8ccb40e466191a123791e0e", "83dbcc"),
            ("aes-128-ctr", "aes-256-gcm"),
            ("\"version\":3", "\"version\":1"),
            ("2103ac29", "zzzzzzzz"),
            ("d172bf74", "d172bf7400"),
            ("\"scrypt\"", "\"argon2\""),
        ];
        for (whole, damaged) in damages {
            let error =
                open(SCRYPT.replace(whole, damaged).as_bytes(), "testpassword").unwrap_err();
            assert!(!matches!(error, KeystoreError::Password), "{damaged}: {error}");
        }
        assert!(matches!(open(PBKDF2.as_bytes(), "guess"), Err(KeystoreError::Password)));
        assert!(open(&vec![b' '; MOST_BYTES + 1], "").is_err());
    }

    #[test]
    fn a_short_key_has_leading_zero_bytes() {
        let derivation = r#"{"n":2,"r":8,"p":1,"dklen":32,"salt":"00"}"#;
        let derived = serde_json::from_str::<Derivation>(&format!(
            r#"{{"kdf":"scrypt","kdfparams":{derivation}}}"#
        ));
        let derived = derived.unwrap().derive("word").unwrap();
        let mut sealed = vec![0x22; 31];
        apply_cipher(&derived, &[0; 16], &mut sealed);
        let file = format!(
            r#"{{"version":3,"crypto":{{"cipher":"aes-128-ctr","cipherparams":{{"iv":"{}"}},"ciphertext":"{}","kdf":"scrypt","kdfparams":{derivation},"mac":"{}"}}}}"#,
            "00".repeat(16),
            hex::encode(&sealed),
            hex::encode(mac_of(&derived, &sealed)),
        );
        let key = open(file.as_bytes(), "word").unwrap();
        assert_eq!(key[0], 0);
        assert_eq!(key[1..], [0x22; 31]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_sealed_key_opens_with_its_password_and_no_other(key: [u8; 32], word in ".{0,40}", other in ".{0,40}") {
            let secret = Zeroizing::new(key);
            let file = seal_with(&secret, &word, Some("0xAb"), 2).unwrap();
            prop_assert_eq!(open(file.as_bytes(), &word).unwrap(), secret);
            prop_assert!(other == word || open(file.as_bytes(), &other).is_err());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(open(&bytes, "word").is_err());
        }
    }
}
