//! Links `tatum` with packed relocations (DT_RELR, glibc 2.36 and later): the loader then reads 0.1 MB of them instead of
//! 9 MB, which would stay in every process's memory. And finds out what `tatum --version` says of this build: the commit,
//! with `-dirty` for changes on top of it, its day, the profile and the target.

use std::process::Command;

fn main() {
    let is = |name, value| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    name_the_build();
}

fn name_the_build() {
    // Every commit and checkout appends to this log; changes in a checkout are those of the crates.
    if let Some(log) = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    println!("cargo::rerun-if-changed=..");
    let commit = git(&["describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]);
    let commit = commit.map_or("unknown commit".to_owned(), |commit| format!("commit {commit}"));
    let day = git(&["log", "-1", "--format=%cs"]).map_or(String::new(), |day| format!(" of {day}"));
    let (profile, target) = (variable("PROFILE"), variable("TARGET"));
    println!("cargo::rustc-env=TATUM_BUILD={commit}{day}, {profile} build for {target}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let done = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(done.stdout).ok()?;
    done.status.success().then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
