//! The aggregator's own key, with which it stands by what it says.
//!
//! Invariant: the key is made once, is on disk before it signs anything, and its file is readable by its owner only. It
//! holds no funds; who gets hold of it can make up rejections, nothing else.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, ensure};
use ed25519_dalek::SigningKey;
use tatum_chain::replace_file;
use tatum_primitives::{B256, Domain};
use tatum_receipt::RejectionStatement;

/// The key's file.
const FILE: &str = "identity.key";

/// The aggregator's key, and the deployment that it speaks of.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
    domain: Domain,
}

impl Identity {
    /// The key in `folder`; a new one if there is none.
    pub fn open(folder: &Path, domain: Domain) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                write_new(&path).with_context(|| format!("making {}", path.display()))?
            }
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let secret: Result<B256, _> = text.trim().parse();
        ensure!(secret.is_ok(), "{} holds no key: 32 bytes as hex", path.display());
        let key = SigningKey::from_bytes(&secret.unwrap_or_default().0);
        Ok(Self { key, domain })
    }

    /// What its signatures are checked with.
    pub fn signer(&self) -> B256 {
        B256::from(self.key.verifying_key().to_bytes())
    }

    /// The deployment that its statements are about.
    pub const fn domain(&self) -> Domain {
        self.domain
    }

    /// Its word that it rejected something.
    pub fn rejected(&self, id: B256, code: &str, at_ms: u64) -> RejectionStatement {
        RejectionStatement::sign(&self.key, self.domain, id, code, at_ms)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("signer", &self.signer()).finish_non_exhaustive()
    }
}

/// Writes a new key and gives the file's text.
fn write_new(path: &Path) -> std::io::Result<String> {
    let secret: [u8; 32] = rand::random();
    let text = format!("{}\n", B256::from(secret));
    replace_file(path, text.as_bytes())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use tatum_primitives::Address;

    use super::*;

    #[test]
    fn the_key_stays_the_same_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let domain = Domain { chain_id: 1, stake_pool: Address::ZERO };
        let first = Identity::open(folder.path(), domain).unwrap();
        let again = Identity::open(folder.path(), domain).unwrap();
        assert_eq!(first.signer(), again.signer());
        let id = B256::repeat_byte(3);
        assert_eq!(first.rejected(id, "no_stake", 5), again.rejected(id, "no_stake", 5));
        first.rejected(id, "no_stake", 5).verify(domain).unwrap();
        let path = folder.path().join(FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let secret = std::fs::read_to_string(&path).unwrap();
        assert!(!format!("{first:?}").contains(secret.trim()));
        std::fs::write(&path, "0x12").unwrap();
        assert!(Identity::open(folder.path(), domain).is_err());
    }
}
