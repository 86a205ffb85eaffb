//! The shared vectors of what lies beside receipts, for Rust and Solidity.
//!
//! Invariant: `tests/vectors/heads.json` is exactly what this code makes. After an intended change run
//! `UPDATE_VECTORS=1 cargo test --release -p tatum-receipt --test heads` and look at the difference.
#![allow(missing_docs)]

use std::path::Path;

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, keccak256};
use tatum_receipt::{Contents, ContentsLine, MAX_LINES};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct File {
    contents: Vec<Case>,
    refused: Vec<Refused>,
}

/// Lines, what they come to, and the proofs of one head and one line of figures.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Case {
    name: String,
    publishers: Vec<Address>,
    chains: Vec<String>,
    numbers: Vec<String>,
    ids: Vec<B256>,
    spans: Vec<String>,
    held: Vec<String>,
    due: Vec<String>,
    brought: Vec<String>,
    encoded: Bytes,
    heads_root: B256,
    contents: B256,
    /// The line that is proved.
    at: usize,
    head_leaf: B256,
    head_proof: Vec<B256>,
    figures_leaf: B256,
    figures_proof: Vec<B256>,
}

/// A proof that must not verify.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Refused {
    name: String,
    contents: B256,
    leaf: B256,
    proof: Vec<B256>,
}

fn line(at: u64) -> ContentsLine {
    let (publisher, span) = (u8::try_from(1 + at / 3).unwrap(), 10 + at);
    ContentsLine {
        publisher: Address::repeat_byte(publisher),
        chain: at * 1_000_000_007,
        number: 1_000 * at + 100,
        id: keccak256(at.to_be_bytes()),
        span,
        held: span - at % 2,
        due: span - at % 4,
        brought: span - at % 4 - at % 3,
    }
}

fn case(count: usize, at: usize) -> Case {
    let lines = (0..count as u64).map(line).collect();
    let contents = Contents::new(lines).unwrap();
    let lines = contents.lines();
    let texts = |field: fn(&ContentsLine) -> u64| {
        lines.iter().map(|line| field(line).to_string()).collect()
    };
    Case {
        name: format!("{count} lines, line {at}"),
        publishers: lines.iter().map(|line| line.publisher).collect(),
        chains: texts(|line| line.chain),
        numbers: texts(|line| line.number),
        ids: lines.iter().map(|line| line.id).collect(),
        spans: texts(|line| line.span),
        held: texts(|line| line.held),
        due: texts(|line| line.due),
        brought: texts(|line| line.brought),
        encoded: contents.encode().into(),
        heads_root: contents.heads_root(),
        contents: contents.root(),
        at,
        head_leaf: lines[at].head_leaf(),
        head_proof: contents.head_proof(at).unwrap(),
        figures_leaf: lines[at].figures_leaf(),
        figures_proof: contents.figures_proof(at).unwrap(),
    }
}

fn refused() -> Vec<Refused> {
    let Case { contents, head_leaf, head_proof, figures_leaf, .. } = case(5, 2);
    let of = |name: &str, leaf, proof: &[B256]| Refused {
        name: name.to_owned(),
        contents,
        leaf,
        proof: proof.to_vec(),
    };
    vec![
        of("another line's head", case(5, 3).head_leaf, &head_proof),
        of("figures where a head stands", figures_leaf, &head_proof),
        of("without the figures' root", head_leaf, &head_proof[..head_proof.len() - 1]),
        of("no proof", head_leaf, &[]),
    ]
}

#[test]
fn heads_json_is_what_this_code_makes() {
    let counts = [(1, 0), (2, 0), (2, 1), (3, 2), (5, 2), (5, 4), (33, 32), (MAX_LINES, 17)];
    let contents = counts.map(|(count, at)| case(count, at)).into();
    let made = File { contents, refused: refused() };
    // Tests run in their package's folder; what is compiled in is the folder of whichever checkout shares the build.
    let path = Path::new("../../tests/vectors/heads.json");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap() + "\n";
        std::fs::write(path, text).unwrap();
    }
    let text = std::fs::read_to_string(path).expect("make it with UPDATE_VECTORS=1");
    assert_eq!(serde_json::from_str::<File>(&text).unwrap(), made);
}
