//! Keys come from the environment or an encrypted keystore file, never from an argument.
//!
//! Invariant: secrets are wiped from our own buffers and appear in no output. Source: Web3 Secret Storage v3.

use std::path::{Path, PathBuf};

use alloy::primitives::hex;
use anyhow::{Context, bail};
use rand_0_8::rngs::OsRng;
use tatum_chain::PrivateKeySigner;
use tatum_receipt::SessionKey;
use zeroize::Zeroizing;

/// A secret of 32 bytes.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Where a key is looked for, in this order: environment variable, keystore file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeySource<'a> {
    /// What the key is for, in error messages.
    pub(crate) purpose: &'static str,
    /// Environment variable with the hex key.
    pub(crate) variable: &'static str,
    /// Keystore file, if one was named.
    pub(crate) keystore: Option<&'a Path>,
    /// File with the keystore's password; otherwise `TATUM_KEYSTORE_PASSWORD`.
    pub(crate) password_file: Option<&'a Path>,
}

impl KeySource<'_> {
    /// The secret, if there is one.
    pub(crate) fn find(self) -> anyhow::Result<Option<Secret>> {
        if let Ok(text) = std::env::var(self.variable) {
            let text = Zeroizing::new(text);
            return parse_hex(&text)
                .with_context(|| format!("reading {} from {}", self.purpose, self.variable))
                .map(Some);
        }
        self.keystore.map(|file| decrypt(file, self.password_file)).transpose()
    }

    /// The secret, or an error that says where it may come from.
    pub(crate) fn required(self) -> anyhow::Result<Secret> {
        self.find()?.with_context(|| {
            format!(
                "no {}: set {}, or name an encrypted keystore file (make one with `tatum key new`)",
                self.purpose, self.variable
            )
        })
    }
}

/// A key for transactions.
pub(crate) fn signer(secret: &Secret) -> anyhow::Result<PrivateKeySigner> {
    PrivateKeySigner::from_slice(secret.as_slice()).context("not a secp256k1 secret key")
}

/// A key for receipts and messages.
pub(crate) fn session_key(secret: &Secret) -> anyhow::Result<SessionKey> {
    SessionKey::from_bytes(secret).map_err(Into::into)
}

/// Writes `secret` encrypted; refuses to replace a file.
pub(crate) fn encrypt(secret: &Secret, file: &Path, password: &str) -> anyhow::Result<()> {
    if file.exists() {
        bail!("{} exists already; a key file is never replaced", file.display());
    }
    let directory = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)
        .with_context(|| format!("creating {}", directory.display()))?;
    let name = file.file_name().and_then(|name| name.to_str()).context("the file needs a name")?;
    eth_keystore::encrypt_key(directory, &mut OsRng, secret.as_slice(), password, Some(name))
        .with_context(|| format!("writing {}", file.display()))?;
    Ok(())
}

/// The password of keystore files.
pub(crate) fn password(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("reading the password file {}", file.display()))?;
        return Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    match std::env::var("TATUM_KEYSTORE_PASSWORD") {
        Ok(password) => Ok(Zeroizing::new(password)),
        Err(_) => {
            bail!("no keystore password: set TATUM_KEYSTORE_PASSWORD, or name --password-file")
        }
    }
}

fn decrypt(file: &Path, password_file: Option<&Path>) -> anyhow::Result<Secret> {
    let password = password(password_file)?;
    let bytes = eth_keystore::decrypt_key(file, password.as_str())
        .with_context(|| format!("decrypting {}", file.display()))?;
    let bytes = Zeroizing::new(bytes);
    let secret: [u8; 32] = bytes.as_slice().try_into().context("the key has not 32 bytes")?;
    Ok(Zeroizing::new(secret))
}

/// Parses 32 bytes of hex, with or without 0x. The text itself never shows up in an error.
pub(crate) fn parse_hex(text: &str) -> anyhow::Result<Secret> {
    match hex::decode_to_array(text.trim()) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(_) => bail!("a key is 32 bytes as 64 hex digits"),
    }
}

/// `--keystore` and `--password-file` as they are given on the command line.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct KeystoreArgs {
    /// Encrypted keystore file (web3 v3), used if TATUM_PRIVATE_KEY is not set
    #[arg(long, value_name = "FILE", env = "TATUM_KEYSTORE")]
    keystore: Option<PathBuf>,
    /// File with the keystore's password; otherwise TATUM_KEYSTORE_PASSWORD
    #[arg(long, value_name = "FILE", env = "TATUM_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
}

impl KeystoreArgs {
    /// Where the account's key comes from.
    pub(crate) fn account(&self) -> KeySource<'_> {
        KeySource {
            purpose: "account key",
            variable: "TATUM_PRIVATE_KEY",
            keystore: self.keystore.as_deref(),
            password_file: self.password_file.as_deref(),
        }
    }

    /// The password file, for other keystores of the same command.
    pub(crate) fn password_file(&self) -> Option<&Path> {
        self.password_file.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_gives_the_key_back_only_with_its_password() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("operator.json");
        let secret = Zeroizing::new([7; 32]);
        encrypt(&secret, &file, "correct").unwrap();
        let right = directory.path().join("right");
        let wrong = directory.path().join("wrong");
        std::fs::write(&right, "correct\n").unwrap();
        std::fs::write(&wrong, "guess").unwrap();
        assert_eq!(decrypt(&file, Some(&right)).unwrap(), secret);
        assert!(decrypt(&file, Some(&wrong)).is_err());
        assert!(encrypt(&secret, &file, "correct").is_err(), "a key file is never replaced");
    }

    #[test]
    fn errors_do_not_repeat_the_key() {
        let error = parse_hex("deadbeef").unwrap_err();
        assert!(!format!("{error:#}").contains("deadbeef"));
    }
}
