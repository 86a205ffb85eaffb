//! The token that opens the bridge, and its file.
//!
//! Invariant: the file is readable by its owner only, or it is not used; whether a token is right takes as long to say however
//! much of it is right.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use alloy::primitives::hex;
use anyhow::{Context, ensure};
use rand::TryRngCore;
use rand::rngs::OsRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A token of fewer characters could be guessed.
const FEWEST_CHARACTERS: usize = 32;

/// What whoever asks must know.
pub(crate) struct Token(Zeroizing<String>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token in `file`; if there is no such file it is made, with a new one.
    pub(crate) fn load_or_draw(file: &Path) -> anyhow::Result<Self> {
        match Self::draw(file) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::load(file),
            drawn => drawn.with_context(|| format!("making the token file {}", file.display())),
        }
    }

    fn draw(file: &Path) -> std::io::Result<Self> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        let mut secret = Zeroizing::new([0_u8; 32]);
        OsRng.try_fill_bytes(secret.as_mut()).map_err(std::io::Error::other)?;
        let token = Zeroizing::new(hex::encode(*secret));
        new.write_all(token.as_bytes())?;
        new.sync_all()?;
        Ok(Self(token))
    }

    fn load(file: &Path) -> anyhow::Result<Self> {
        let shown = file.display();
        let mode = std::fs::metadata(file)
            .with_context(|| format!("looking at the token file {shown}"))?
            .mode();
        ensure!(
            mode & 0o077 == 0,
            "others may read the token file {shown}: say `chmod 600 {shown}`, and change the token if they may have"
        );
        let text = std::fs::read_to_string(file);
        let text = Zeroizing::new(text.with_context(|| format!("reading {shown}"))?);
        let token = text.trim();
        ensure!(
            token.len() >= FEWEST_CHARACTERS && token.bytes().all(|byte| byte.is_ascii_graphic()),
            "the token in {shown} can be guessed or cannot be sent: it takes {FEWEST_CHARACTERS} visible ASCII characters; remove the file, and a new one is made"
        );
        Ok(Self(Zeroizing::new(token.to_owned())))
    }

    /// Whether it is this one.
    pub(super) fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_drawn_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/bridge.token");
        let first = Token::load_or_draw(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        let again = Token::load_or_draw(&file).unwrap();
        assert!(first.is(&again.0) && !first.is(&again.0[1..]) && !first.is(""));
        assert_eq!(format!("{first:?}"), "Token(…)");
    }

    #[test]
    fn a_file_that_others_may_read_or_that_holds_no_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bridge.token");
        Token::load_or_draw(&file).unwrap();
        let mode = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        mode(0o640);
        let refused = Token::load_or_draw(&file).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
        mode(0o600);
        std::fs::write(&file, "secret\n").unwrap();
        let refused = Token::load_or_draw(&file).unwrap_err().to_string();
        assert!(refused.contains("can be guessed"), "{refused}");
    }
}
