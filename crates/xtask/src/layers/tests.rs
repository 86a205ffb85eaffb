//! The walls hold today, and one line through one of them is found.

use std::fs;

use super::*;

fn workspace() -> Vec<Crate> {
    crates(&repository()).unwrap()
}

/// What is broken in a crate of this name whose only file has this text.
fn broken_by(name: &str, file: &str, text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let one =
        Crate { name: name.to_owned(), folder: folder.path().to_owned(), dependencies: vec![] };
    broken(&[one]).unwrap()
}

#[test]
fn every_crate_stays_within_its_walls() {
    assert_eq!(broken(&workspace()).unwrap(), Vec::<String>::new());
}

#[test]
fn one_use_of_tokio_in_the_overlay_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut overlay = workspace().into_iter().find(|one| one.name == "overlay").unwrap();
    for source in Source::of_crate(&overlay.folder).unwrap() {
        let copy = folder.path().join(source.path.strip_prefix(&overlay.folder).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&source.path, copy).unwrap();
    }
    overlay.folder = folder.path().to_owned();
    assert_eq!(broken(&[overlay.clone()]).unwrap(), Vec::<String>::new());

    let file = folder.path().join("src/ledger.rs");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\nuse ", "\nuse tokio::time::sleep;\nuse ", 1)).unwrap();
    let found = broken(&[overlay]).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("src/ledger.rs:") && found[0].contains("tokio is named"),
        "{found:?}"
    );
}

#[test]
fn a_dependency_through_a_wall_or_upwards_is_found() {
    let mut overlay = workspace().into_iter().find(|one| one.name == "overlay").unwrap();
    overlay.dependencies.extend(["tokio".to_owned(), "node".to_owned()]);
    let found = broken(&[overlay]).unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("node, which stands above it"), "{found:?}");
    assert!(found[1].contains("depends on tokio"), "{found:?}");
}

#[test]
fn clocks_files_and_sockets_are_found_however_they_are_imported() {
    for text in [
        "use std::fs;",
        "use std::{fs, path::Path};",
        "let text = std::fs::read(path);",
        "use std::time::{Duration, Instant};",
        "let socket = std::net::UdpSocket::bind(address);",
    ] {
        assert_eq!(broken_by("merkle", "src/lib.rs", text).len(), 1, "{text}");
    }
}

#[test]
fn comments_tests_and_parts_of_words_are_nobodys_business() {
    let text = "// Not tokio.\nuse tokio_free::Instantly;\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    assert_eq!(broken_by("merkle", "src/lib.rs", text), Vec::<String>::new());
}

#[test]
fn a_crate_without_a_layer_is_refused() {
    assert!(broken_by("newcomer", "src/lib.rs", "")[0].contains("stands in no layer"));
}

#[test]
fn arrows_that_follow_from_others_are_left_out() {
    let one = |name: &str, dependencies: &[&str]| Crate {
        name: name.to_owned(),
        folder: PathBuf::new(),
        dependencies: dependencies.iter().map(ToString::to_string).collect(),
    };
    let crates = [
        one("primitives", &[]),
        one("receipt", &["primitives"]),
        one("node", &["primitives", "receipt"]),
    ];
    let text = diagram::dot(&crates);
    assert!(
        text.contains("\"node\" -> \"receipt\"") && text.contains("\"receipt\" -> \"primitives\"")
    );
    assert!(!text.contains("\"node\" -> \"primitives\""), "{text}");
}

#[test]
fn modules_that_name_each_other_are_found_however_they_do() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = folder.path().join("src").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a;\nmod b;\nmod c;\npub use b::inner::{B, Other};\npub use c::C;");
    write("a.rs", "use crate::{B, C};\nfn f() { crate::c::g() }");
    write("b/mod.rs", "pub mod inner;\nuse super::c::{self, C as See};");
    write("b/inner.rs", "// use crate::a::A;\npub struct B;");
    write("c.rs", "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}");
    assert_eq!(circles::circles(folder.path()).unwrap(), Vec::<Vec<String>>::new());

    for text in ["use crate::a::A;", "use super::super::a;", "fn f(a: crate::a::A) {}"] {
        write("b/inner.rs", text);
        assert_eq!(circles::circles(folder.path()).unwrap(), [["a", "b"]], "{text}");
    }
    write("b/inner.rs", "pub struct B;");
    write("c.rs", "use super::Other;");
    assert_eq!(circles::circles(folder.path()).unwrap(), [["b", "c"]], "by a name passed on");
}
