//! A crate's source files, to look for words: without comments, texts and what only tests have.
//!
//! Invariant: it errs towards finding too much. It knows our own style (rustfmt, unit tests at the end of a file or in files
//! of their own) and not the language.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{list, read};

/// A source file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Its lines up to its tests, without comments and texts.
    lines: Vec<String>,
}

impl Source {
    /// The files of a crate's `src`, without those that only tests have.
    pub(super) fn of_crate(folder: &Path) -> anyhow::Result<Vec<Self>> {
        let mut found = Vec::new();
        let src = folder.join("src");
        if src.is_dir() {
            collect(&src, &mut found)?;
        }
        let texts: Vec<(PathBuf, String)> = found
            .into_iter()
            .map(|path| read(&path).map(|text| (path, text)))
            .collect::<anyhow::Result<_>>()?;
        let of_tests: BTreeSet<PathBuf> =
            texts.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
        let sources = texts.into_iter().filter(|(path, _)| !is_of_tests(path, &of_tests));
        Ok(sources.map(|(path, text)| Self::new(path, &text)).collect())
    }

    fn new(path: PathBuf, text: &str) -> Self {
        let mut lines: Vec<String> = text.lines().map(code).collect();
        let inline = |pair: &[String]| {
            pair[0].trim() == "#[cfg(test)]"
                && pair[1].starts_with("mod ")
                && pair[1].ends_with('{')
        };
        let end = lines.windows(2).position(inline).unwrap_or(lines.len());
        lines.truncate(end);
        Self { path, lines }
    }

    /// All of it.
    pub(super) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The numbers of the lines that name this, a word or a path.
    pub(super) fn lines_naming(&self, name: &str) -> Vec<usize> {
        let names = |line: &&String| names(line, name);
        let numbered = (1..).zip(&self.lines);
        numbered.filter(|(_, line)| names(line)).map(|(number, _)| number).collect()
    }
}

/// Rust files below a folder, in order.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for path in list(folder)? {
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The files and folders of the modules that a file has for its tests: `#[cfg(test)]` before `mod name;`.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let after_attribute = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let module = |pair: &[&str]| {
        let declared = pair[1].rsplit_once("mod ")?.1;
        declared.strip_suffix(';').map(ToOwned::to_owned)
    };
    let stem = path.file_stem().unwrap_or_default();
    let own_folder = if stem == "mod" || stem == "lib" || stem == "main" {
        path.with_file_name("")
    } else {
        path.with_extension("")
    };
    let names = after_attribute.filter_map(module);
    names.flat_map(|name| [own_folder.join(&name), own_folder.join(name + ".rs")]).collect()
}

fn is_of_tests(path: &Path, of_tests: &BTreeSet<PathBuf>) -> bool {
    path.ancestors().any(|part| of_tests.contains(part))
}

/// A line without its comment and without what stands in quotation marks.
fn code(line: &str) -> String {
    let outside = line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
    outside.split("//").next().unwrap_or_default().to_owned()
}

/// Whether a line has this path or word, not as a part of another, also as `std::{fs, …}`.
fn names(line: &str, name: &str) -> bool {
    if let Some((parent, child)) = name.rsplit_once("::")
        && let Some((_, grouped)) = line.split_once(&format!("{parent}::{{"))
    {
        return has_word(grouped, child) || has_word(line, name);
    }
    has_word(line, name)
}

fn has_word(line: &str, word: &str) -> bool {
    let in_a_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(in_a_word) && !after.is_some_and(in_a_word)
    })
}
