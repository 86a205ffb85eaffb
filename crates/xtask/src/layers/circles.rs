//! Circles between modules: of two siblings each names the other, or a third one that does.
//!
//! Invariant: it errs towards finding too much, as [`Source`] does: a path counts wherever it stands, and a name that a module
//! imports counts for the module that has it in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::source::Source;

/// A module's place below its crate.
type Module = Vec<String>;
/// Where a name that a module imports comes from: a module, and what of it unless it is the module itself.
type Origin = (Module, Option<String>);

/// The circles of a crate, each as its modules in order.
pub(super) fn circles(folder: &Path) -> anyhow::Result<Vec<Vec<String>>> {
    let sources = Source::of_crate(folder)?;
    let src = folder.join("src");
    let paths =
        sources.iter().map(|source| (module(&source.path, &src), Paths::of(&source.text())));
    let files: BTreeMap<Module, Paths> = paths.collect();
    let edges = Modules::new(&files).edges();
    let all: BTreeSet<&Module> = edges.keys().collect();
    let around = |module: &Module| -> Vec<String> {
        let there = reached(&edges, module);
        let back = |other: &&Module| reached(&edges, other).contains(module);
        let circle = there.iter().filter(|other| all.contains(other)).filter(back);
        circle.map(|module| module.join("/")).collect()
    };
    let circles: BTreeSet<Vec<String>> = all.iter().map(|module| around(module)).collect();
    Ok(circles.into_iter().filter(|circle| !circle.is_empty()).collect())
}

/// The module that a file has.
fn module(file: &Path, src: &Path) -> Module {
    let path = file.strip_prefix(src).unwrap_or(file).with_extension("");
    let mut parts: Module = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// Everything that can be reached from a module.
fn reached(edges: &BTreeMap<Module, BTreeSet<Module>>, from: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for other in edges.get(module).into_iter().flatten() {
            if reached.insert(other.clone()) {
                next.push(other);
            }
        }
    }
    reached
}

/// The modules of a crate and what each imports.
struct Modules<'a> {
    files: &'a BTreeMap<Module, Paths>,
    names: BTreeMap<&'a Module, BTreeMap<&'a str, Origin>>,
}

impl<'a> Modules<'a> {
    fn new(files: &'a BTreeMap<Module, Paths>) -> Self {
        let mut modules = Self { files, names: BTreeMap::new() };
        for (me, paths) in files {
            let imported = paths.imported.iter().filter_map(|path| {
                let (module, rest) = modules.walk(me, path)?;
                let name = path.last()?.as_str();
                match rest {
                    [] => Some((name, (module, None))),
                    [symbol] => Some((name, (module, Some(symbol.clone())))),
                    _ => None,
                }
            });
            let imported = imported.collect();
            modules.names.insert(me, imported);
        }
        modules
    }

    /// From each module to its siblings that it uses, itself or something below it.
    fn edges(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut edges: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (me, paths) in self.files {
            for path in paths.imported.iter().chain(&paths.named) {
                let Some((module, rest)) = self.walk(me, path) else { continue };
                let there = self.resolve(module, rest, 0);
                let shared = me.iter().zip(&there).take_while(|(one, other)| one == other).count();
                if shared < me.len() && shared < there.len() {
                    let from = me[..=shared].to_vec();
                    edges.entry(from).or_default().insert(there[..=shared].to_vec());
                }
            }
        }
        edges
    }

    /// As far as a path leads through modules of this crate, and what is left of it; nothing if it leads outside.
    fn walk<'p>(&self, me: &Module, path: &'p [String]) -> Option<(Module, &'p [String])> {
        let (mut at, mut rest) = (me.clone(), path);
        match path.first()?.as_str() {
            "crate" => (at, rest) = (Module::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while let Some(("super", after)) =
                    rest.split_first().map(|(first, after)| (first.as_str(), after))
                {
                    at.pop();
                    rest = after;
                }
            }
            first => {
                at.push(first.to_owned());
                if !self.files.contains_key(&at) {
                    return None;
                }
                rest = &path[1..];
            }
        }
        Some(self.deeper(at, rest))
    }

    fn deeper<'p>(&self, mut at: Module, mut rest: &'p [String]) -> (Module, &'p [String]) {
        while let Some((first, after)) = rest.split_first() {
            at.push(first.clone());
            if !self.files.contains_key(&at) {
                at.pop();
                break;
            }
            rest = after;
        }
        (at, rest)
    }

    /// The module that has what a path names, through imports that pass it on.
    fn resolve(&self, at: Module, rest: &[String], depth: usize) -> Module {
        /// Imports of imports that are followed.
        const DEEPEST: usize = 8;
        let (at, rest) = self.deeper(at, rest);
        let Some((first, after)) = rest.split_first() else { return at };
        let origin = self.names.get(&at).and_then(|names| names.get(first.as_str()));
        let Some((module, symbol)) = origin.filter(|(module, _)| *module != at) else { return at };
        if depth == DEEPEST {
            return at;
        }
        let path: Vec<String> = symbol.iter().chain(after).cloned().collect();
        self.resolve(module.clone(), &path, depth + 1)
    }
}

/// The paths that stand in a file.
#[derive(Default)]
struct Paths {
    /// By `use`.
    imported: Vec<Vec<String>>,
    /// Anywhere else.
    named: Vec<Vec<String>>,
}

impl Paths {
    fn of(text: &str) -> Self {
        let tokens = tokens(text);
        let (mut paths, mut at) = (Self::default(), 0);
        while at < tokens.len() {
            if tokens[at] == "use" {
                at = tree(&tokens, at + 1, &[], &mut paths.imported);
                continue;
            }
            let mut path = Vec::new();
            while tokens.get(at).is_some_and(|token| is_word(token)) {
                path.push(tokens[at].to_owned());
                at += 1;
                if tokens.get(at) != Some(&"::") {
                    break;
                }
                at += 1;
            }
            if path.is_empty() {
                at += 1;
            } else if path.len() > 1 {
                paths.named.push(path);
            }
        }
        paths
    }
}

/// Reads what stands behind `use`, and gives where it ends.
fn tree(tokens: &[&str], mut at: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(at) {
        at += 1;
        match *token {
            "{" => loop {
                at = tree(tokens, at, &path, found);
                if tokens.get(at.wrapping_sub(1)) != Some(&",") {
                    // Behind a group comes whatever ends it as a whole.
                    return at + 1;
                }
            },
            "," | "}" | ";" => {
                if path.len() > before.len() {
                    found.push(path);
                }
                return at;
            }
            "as" => at += 1,
            word if is_word(word) => path.push(word.to_owned()),
            _ => {}
        }
    }
    at
}

/// Words, `::` and single signs.
fn tokens(text: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = match word {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            _ => word,
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
