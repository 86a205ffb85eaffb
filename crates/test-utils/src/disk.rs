//! A small disk that can be full: a file system in memory, in a mount namespace of its own.
//!
//! Invariant: only who is put inside sees it, and it goes with its handle, however this process ends; no byte is ever written to the disk that
//! it hides. Neither root nor a mount that others see is needed, but a kernel that lets users make namespaces.
//! Source: `unshare(1)`, `nsenter(1)`.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, ensure};
use tokio::process::Command;

/// Mounts at `$0`, says so, and holds the namespace until its input ends: with the process that holds the other end.
const HOLD: &str = r#"mount -t tmpfs -o size="$1" tmpfs "$0" && echo ready && exec cat"#;

/// A file system of so many bytes.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
    size_bytes: u64,
    holder: Child,
}

impl SmallDisk {
    /// Mounts one at `path`; nothing where the kernel does not let us.
    pub fn mount(path: &Path, size_bytes: u64) -> anyhow::Result<Option<Self>> {
        std::fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))?;
        // A link on the way would lead out of the namespace: links begin at the root of whoever follows them.
        let path = &path.canonicalize().with_context(|| format!("finding {}", path.display()))?;
        let mut command = std::process::Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", HOLD]);
        command.arg(path).arg(size_bytes.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut holder) = command.spawn() else { return Ok(None) };
        let mut said = [0; 5];
        let is_ready = match holder.stdout.as_mut() {
            Some(stdout) => stdout.read_exact(&mut said).is_ok() && &said == b"ready",
            None => false,
        };
        let disk = Self { path: path.to_owned(), size_bytes, holder };
        Ok(is_ready.then_some(disk))
    }

    /// The same command, run where this disk is.
    pub fn inside(&self, command: &Command) -> Command {
        let given = command.as_std();
        let mut inside = Command::new("nsenter");
        inside.args(["--target", &self.holder.id().to_string(), "--user", "--mount"]);
        inside.args(["--preserve-credentials", "--"]);
        inside.arg(given.get_program()).args(given.get_args()).stdin(Stdio::null());
        for (name, value) in given.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    /// Leaves no byte free.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut filler = std::fs::File::create(self.filler()).context("filling a small disk")?;
        let beneath = std::fs::metadata(&self.path).context("looking beneath a small disk")?;
        ensure!(
            filler.metadata()?.dev() != beneath.dev(),
            "{} is no longer mounted where it was",
            self.path.display()
        );
        // Pieces first, then what is left by bytes.
        let mut left = self.size_bytes;
        for piece in [[0; 4096].as_slice(), &[0]] {
            while filler.write_all(piece).is_ok() {
                let taken = left.checked_sub(u64::try_from(piece.len())?);
                left = taken.context("a small disk takes more than it holds")?;
            }
        }
        Ok(())
    }

    /// Frees what was filled.
    pub fn make_room(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.filler()).context("making room on a small disk")
    }

    fn filler(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.path.strip_prefix("/").unwrap_or(&self.path)).join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        // It ends with its input; nobody is left to be told if it does not.
        let _ = self.holder.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_is_full_inside_and_unseen_outside() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link)?;
        let place = folder.path().join("small");
        let Some(disk) = SmallDisk::mount(&link.join("small"), 1 << 20)? else {
            eprintln!("no namespaces may be made here: not tested");
            return Ok(());
        };
        let written = async || {
            // A file of its own each time: one that is there has a page already.
            let mut command = Command::new("sh");
            command.args(["-c", "echo x > \"$0\"/$$"]).arg(&place).stderr(Stdio::null());
            anyhow::Ok(disk.inside(&command).stderr(Stdio::null()).status().await?.success())
        };
        assert!(written().await?);
        disk.fill()?;
        assert!(!written().await?, "there was room on a full disk");
        disk.make_room()?;
        assert!(written().await?);
        assert!(std::fs::read_dir(&place)?.next().is_none(), "the mount is seen outside");
        Ok(())
    }
}
