//! The guides, as a reader follows them: each block of commands is run, in order, in a folder and a home of its own.
//!
//! What cannot be the same for every reader (addresses, hosts) is put in for the reader's placeholders. A comment before a block
//! says what a reader knows and a program does not: `<!-- test: … -->`, with `;` between
//!
//! - `background until TEXT`: it goes on; the reader goes on when the text is there
//! - `retry`: it may need an epoch to begin or to end first
//! - `exit N`: that code is meant
//! - `coin for FILE`, `DATA for FILE`: the account of the key file has some before
//! - `0xNAME is FILE`: the placeholder is the key file's address or node id
//! - `VARIABLE=VALUE`: the environment has it
//! - `not run: REASON`
//!
//! Invariant: a block without a comment is run as it stands and has to succeed.

mod page;
mod reader;

use tatum_devnet::{Anvil, AnvilSettings, free_port};
use tatum_test_utils::Process;

use reader::Reader;

/// Both parts of the page for a network of one's own: one command, and the contracts on somebody's chain.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_comes_from_nothing_to_a_network_of_its_own() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let chain = Anvil::start(AnvilSettings::default(), &home.path().join("logs")).await?;
    let mut reader = Reader::new(home.path())?;
    let (aggregator, tracker, stun) = (free_port()?, free_port()?, free_port()?);
    reader.reads(
        "tatum devnet --data ./net",
        "tatum devnet --data ./net --free-ports --epoch-length 20",
    );
    reader.reads("https://rpc.example", chain.rpc_url());
    reader.reads("0.0.0.0:7070", &format!("127.0.0.1:{aggregator}"));
    reader.reads("0.0.0.0:7080", &format!("127.0.0.1:{tracker}"));
    reader.reads("0.0.0.0:3478", &format!("127.0.0.1:{stun}"));
    reader.coin_at(chain.rpc_url());
    reader.follow("own-network").await?;
    assert_eq!(std::fs::read_to_string(home.path().join("received"))?, "sunny\n");
    reader.leave().await
}

/// Publisher, subscriber, operator, auditor and sponsor, on a network of one machine.
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_all_roles_get_through_their_pages() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let logs = home.path().join("logs");
    reader::furnish(home.path())?;
    let mut command = tokio::process::Command::new(tatum_test_utils::tatum_binary()?);
    command.args(["devnet", "--free-ports", "--epoch-length", "20", "--json", "--data", "net"]);
    command.current_dir(home.path());
    let network = Process::spawn_into("devnet", command, &logs, &home.path().join("net.json"))?;
    let told = reader::told(&home.path().join("net.json")).await?;
    let mut reader = Reader::on(home.path(), &told)?;
    std::fs::write(home.path().join("readings.jsonl"), "{\"temperature\": 21}\n")?;
    reader.follow("publisher").await?;

    reader.copy_key("subscriber-session", "session.json")?;
    let owner = reader.id_of("payer.json").await?;
    reader.reads("0xOWNER", &owner);
    reader.reads("0xADDRESS", told["accounts"][5]["id"].as_str().unwrap_or_default());
    reader.follow("subscriber").await?;
    reader.until_something_is_final().await?;
    reader.follow("operator").await?;
    reader.follow("auditor").await?;
    reader.follow("sponsor").await?;
    reader.leave().await?;
    network.terminate().await
}
