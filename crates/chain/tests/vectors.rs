//! The shared vectors of streams' keys and of the words by which sponsors' vaults have streams: remade here and compared with the checked-in
//! file, which the page's tests read too.
//!
//! Invariant: `tests/vectors/streams.json` is exactly what this code makes. After an intended change run
//! `UPDATE_VECTORS=1 cargo test --release -p tatum-chain --test vectors` and look at the difference.
#![allow(missing_docs)]

use std::path::Path;

use serde_json::{Value, json};
use tatum_chain::streams_word;
use tatum_primitives::{StreamId, StreamKey};

const PATH: &str = "../../tests/vectors/streams.json";
const OWNER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

fn key(id: &str, partition: u16) -> StreamKey {
    StreamId::new(id).unwrap().key(partition)
}

fn stream(name: &str, id: &str, partition: u16) -> Value {
    let owner = StreamId::new(id).unwrap().owner().map(|owner| format!("{owner:#x}"));
    let key = key(id, partition);
    json!({ "name": name, "id": id, "partition": partition, "owner": owner, "key": key })
}

fn set(name: &str, streams: &[(&str, u16)]) -> Value {
    let word = streams_word(streams.iter().map(|(id, partition)| key(id, *partition)));
    let named: Vec<_> = streams.iter().map(|(id, partition)| format!("{id}#{partition}")).collect();
    json!({ "name": name, "streams": named, "word": word })
}

fn refused(name: &str, id: &str) -> Value {
    assert!(StreamId::new(id).is_err(), "{name}");
    json!({ "name": name, "id": id })
}

fn streams() -> Vec<Value> {
    let owned = format!("{OWNER}/weather");
    let large = format!("0X{}/weather", OWNER[2..].to_uppercase());
    let mut cases = vec![
        stream("nobody's", "acme/weather", 0),
        stream("a partition", "acme/weather", 12),
        stream("the last partition", "acme/weather", u16::MAX),
        stream("an owner with its checksum", &owned, 0),
        stream("the same in small letters", &owned.to_lowercase(), 0),
        stream("the same in capitals", &large, 0),
        stream("an owner without a name", &OWNER.to_lowercase(), 1),
        stream("no address in front", &format!("weather/{}", OWNER.to_lowercase()), 0),
        stream("letters that are no digits", "0xweather", 0),
        stream("printable", "!\"$%&'()*+,-./:;<=>?@[]^_`{|}~", 0),
        stream("the longest", &"x".repeat(255), 0),
    ];
    // With its partition around the bytes that the hash takes in at once: 136.
    cases.extend([133, 134, 135, 136].map(|length| stream("a block", &"y".repeat(length), 0)));
    cases
}

fn sets() -> Vec<Value> {
    let small = format!("{OWNER}/weather").to_lowercase();
    let (one, other) = ((small.as_str(), 0), ("acme/weather", 3));
    let many: Vec<_> = (0..9).map(|partition| ("acme/weather", partition)).collect();
    vec![
        set("one", &[one]),
        set("one twice", &[one, one]),
        set("two", &[one, other]),
        set("two in the other order, one of them twice", &[other, one, other]),
        set("nine", &many),
    ]
}

fn make() -> Value {
    let mistyped = format!("{}/weather", OWNER.replace("0xf39F", "0xf39f"));
    let refused = [
        refused("nothing", ""),
        refused("too long", &"x".repeat(256)),
        refused("a space", "acme weather"),
        refused("no ASCII", "acmé/weather"),
        refused("capitals that are no checksum", &mistyped),
    ];
    json!({ "streams": streams(), "sets": sets(), "refused": refused })
}

#[test]
fn the_file_of_streams_is_what_the_code_makes() {
    let made = format!("{}\n", serde_json::to_string_pretty(&make()).unwrap());
    let path = Path::new(PATH);
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        // Renamed into place, so that a test that reads at the same time sees the old file or the new one.
        let beside = path.with_extension("new");
        std::fs::write(&beside, &made).unwrap();
        std::fs::rename(&beside, path).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(kept == made, "tests/vectors/streams.json differs from what the code makes");
}
