//! `tatum man`: the help of every command as manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::output::Output;

/// Where the pages go.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder for the pages, such as /usr/local/share/man/man1; made if there is none
    folder: PathBuf,
}

/// Writes a page for `command` and each command below it.
pub(crate) fn run(args: &Args, command: clap::Command, output: Output) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    let writing = || format!("writing manual pages to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(writing)?;
    clap_mangen::generate_to(command, folder).with_context(writing)?;
    let pages = std::fs::read_dir(folder).with_context(writing)?;
    let ours = pages.filter_map(Result::ok).filter(|page| {
        let name = page.file_name();
        name.to_str().is_some_and(|name| name.starts_with("tatum") && name.ends_with(".1"))
    });
    let pages = ours.count();
    let rows = [("pages", pages.to_string()), ("folder", folder.display().to_string())];
    output.result(&serde_json::json!({ "pages": pages, "folder": folder }), &rows);
    Ok(ExitCode::SUCCESS)
}
