//! What the demo and the soak share: an empty folder for what comes of them, and a voice.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use tatum_test_utils::repository;

/// An empty output folder with one for logs; what was there is gone.
pub(crate) fn empty_folder(out: &Path) -> anyhow::Result<PathBuf> {
    let out = if out.is_absolute() { out.to_owned() } else { repository().join(out) };
    if out.exists() {
        std::fs::remove_dir_all(&out).with_context(|| format!("emptying {}", out.display()))?;
    }
    std::fs::create_dir_all(out.join("logs"))
        .with_context(|| format!("creating {}", out.display()))?;
    Ok(out)
}

/// Tells what is going on, and since when.
pub(crate) fn say(started: Instant, what: &str) {
    println!("[{:6.1} s] {what}", started.elapsed().as_secs_f32());
}
