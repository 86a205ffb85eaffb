//! Where other people's programs are.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// A Foundry program: the one that npm installed for the checkout that the program runs in, else the one in PATH.
///
/// npm's packages hold the binary itself beside a launcher; the binary is taken, because the launcher would outlive a SIGKILL
/// only by its child.
pub fn foundry(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    find(name, &here, &folders).with_context(|| {
        format!(
            "{name} is neither in node_modules of this folder or one above nor in PATH. Install it: `npm install @foundry-rs/{name}` \
             here, or https://getfoundry.sh"
        )
    })
}

fn find(name: &str, here: &Path, path: &[PathBuf]) -> Option<PathBuf> {
    let installed = here.ancestors().find_map(|folder| in_packages(name, folder));
    let in_path = || path.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    installed.or_else(in_path)
}

/// The binary in the package for this system, of which npm installs one.
fn in_packages(name: &str, folder: &Path) -> Option<PathBuf> {
    let packages = std::fs::read_dir(folder.join("node_modules/@foundry-rs")).ok()?;
    let prefix = format!("{name}-");
    let for_systems = packages.flatten().filter(|package| {
        package.file_name().to_str().is_some_and(|package| package.starts_with(&prefix))
    });
    let mut binaries = for_systems.map(|package| package.path().join("bin").join(name));
    binaries.find(|binary| binary.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_taken_from_the_checkout_before_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("crates/cli");
        let (bin, other) = (folder.path().join("bin"), folder.path().join("empty"));
        std::fs::create_dir_all(&below).unwrap();
        std::fs::create_dir_all(&bin).unwrap();
        let path = [other, bin.clone()];
        assert_eq!(find("anvil", &below, &path), None);
        std::fs::write(bin.join("anvil"), "").unwrap();
        assert_eq!(find("anvil", &below, &path), Some(bin.join("anvil")));
        let package = folder.path().join("node_modules/@foundry-rs/anvil-linux-amd64/bin");
        std::fs::create_dir_all(&package).unwrap();
        std::fs::write(package.join("anvil"), "").unwrap();
        assert_eq!(find("anvil", &below, &path), Some(package.join("anvil")));
    }
}
