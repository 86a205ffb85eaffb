//! Keys come from the environment or an encrypted keystore file, never from an argument.
//!
//! Invariant: secrets are wiped from our own buffers and appear in no output. Source: Web3 Secret Storage v3.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use alloy::primitives::hex;
use anyhow::{Context, bail};
use tatum_chain::PrivateKeySigner;
use tatum_receipt::SessionKey;
use zeroize::Zeroizing;

use crate::keystore::{self, KeystoreError, Secret};

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

impl<'a> KeySource<'a> {
    /// Where a node's key comes from.
    pub(crate) const fn of_node(
        keystore: Option<&'a Path>,
        password_file: Option<&'a Path>,
    ) -> Self {
        Self { purpose: "node key", variable: "TATUM_NODE_KEY", keystore, password_file }
    }

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

/// Writes `secret` encrypted, for its owner's eyes only; refuses to replace a file. An account's `address` goes along.
pub(crate) fn encrypt(
    secret: &Secret,
    file: &Path,
    password: &str,
    address: Option<&str>,
) -> anyhow::Result<()> {
    if password.is_empty() {
        bail!("an empty password protects nothing; choose one");
    }
    let sealed = keystore::seal(secret, password, address)?;
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("making the folder {}", directory.display()))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            anyhow::anyhow!("{} exists already; a key file is never replaced", file.display())
        }
        _ => anyhow::Error::new(error).context(format!("writing {}", file.display())),
    })?;
    new.write_all(sealed.as_bytes())
        .and_then(|()| new.sync_all())
        .with_context(|| format!("writing {}", file.display()))
}

/// The password of keystore files: from a file, the environment, or the terminal.
pub(crate) fn password(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    find_password(file)?.map_or_else(|| prompt("Password: "), Ok)
}

/// The password for a new keystore file; asked for twice where it is typed.
pub(crate) fn new_password(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    if let Some(password) = find_password(file)? {
        return Ok(password);
    }
    let password = prompt("New password: ")?;
    if prompt("The same again: ")? != password {
        bail!("the two passwords differ");
    }
    Ok(password)
}

fn find_password(file: Option<&Path>) -> anyhow::Result<Option<Zeroizing<String>>> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("reading the password file {}", file.display()))?;
        let text = Zeroizing::new(text);
        // Editors put a mark at the start and a line's end at the end; everything else belongs to the password.
        let password = text.strip_prefix('\u{feff}').unwrap_or(&text);
        return Ok(Some(Zeroizing::new(password.trim_end_matches(['\r', '\n']).to_owned())));
    }
    Ok(std::env::var("TATUM_KEYSTORE_PASSWORD").ok().map(Zeroizing::new))
}

fn prompt(text: &str) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!("no keystore password: set TATUM_KEYSTORE_PASSWORD, or name --password-file");
    }
    Ok(Zeroizing::new(rpassword::prompt_password(text).context("reading the password")?))
}

pub(crate) fn decrypt(file: &Path, password_file: Option<&Path>) -> anyhow::Result<Secret> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let password = password(password_file)?;
    let opened = keystore::open(&bytes, &password);
    opened.map_err(|error| {
        let spaces = password.trim() != password.as_str();
        let hint = match error {
            KeystoreError::Password if spaces => " (the password begins or ends with a space)",
            _ => "",
        };
        anyhow::anyhow!("opening {}: {error}{hint}", file.display())
    })
}

/// A key in plain hex, from the terminal or standard input.
pub(crate) fn import() -> anyhow::Result<Secret> {
    if std::io::stdin().is_terminal() {
        return parse_hex(&prompt("Key (64 hex digits): ")?);
    }
    let mut text = Zeroizing::new(String::new());
    let mut input = std::io::stdin().lock().take(256);
    input.read_to_string(&mut text).context("reading the key from standard input")?;
    parse_hex(&text)
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
        encrypt(&secret, &file, "correct", None).unwrap();
        let right = directory.path().join("right");
        let wrong = directory.path().join("wrong");
        std::fs::write(&right, "correct\n").unwrap();
        std::fs::write(&wrong, "guess").unwrap();
        assert_eq!(decrypt(&file, Some(&right)).unwrap(), secret);
        assert!(decrypt(&file, Some(&wrong)).is_err());
        assert!(encrypt(&secret, &file, "correct", None).is_err(), "a key file is never replaced");
        assert!(
            encrypt(&secret, &directory.path().join("other"), "", None).is_err(),
            "no password"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("operator.json");
        encrypt(&Zeroizing::new([7; 32]), &file, "correct", None).unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_editors_mark_is_no_part_of_a_password_but_a_space_is() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pw");
        std::fs::write(&file, "\u{feff}correct horse \r\n").unwrap();
        assert_eq!(password(Some(&file)).unwrap().as_str(), "correct horse ");
    }

    #[test]
    fn errors_do_not_repeat_the_key() {
        let error = parse_hex("deadbeef").unwrap_err();
        assert!(!format!("{error:#}").contains("deadbeef"));
    }
}
