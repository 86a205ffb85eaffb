//! A process that is killed while it writes has lost nothing that it acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use tatum_database::{Database, Outcome, Writer, WriterOptions};

use crate::support::{all, candidate, receipt};

const DATABASE: &str = "TATUM_CRASH_TEST_DATABASE";
const PAYERS: u8 = 16;
const ROUNDS: usize = 8;

/// Not a test of its own: the process that gets killed. Prints a line for each receipt that was acknowledged.
#[tokio::test]
async fn victim() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let database = Database::open_file(Path::new(&path)).await.unwrap();
    let start = all(&database, 0).await.iter().map(|r| r.receipt.sequence).max().unwrap_or(0) + 1;
    let (writer, _) = Writer::spawn(database, WriterOptions::default());
    let submitters = (0..PAYERS).map(|payer| {
        let writer = writer.clone();
        tokio::spawn(async move {
            for sequence in start.. {
                let outcomes = writer.submit(vec![candidate(&receipt(payer, 1, 0, sequence))]);
                assert_eq!(outcomes.await.unwrap(), [Outcome::Accepted]);
                let mut out = std::io::stdout().lock();
                writeln!(out, "\nacknowledged {payer} {sequence}").unwrap();
                out.flush().unwrap();
            }
        })
    });
    for submitter in submitters.collect::<Vec<_>>() {
        submitter.await.unwrap();
    }
}

#[tokio::test]
async fn kill_minus_nine_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tatum.db");
    let mut acknowledged = [0u64; PAYERS as usize];
    for round in 0..ROUNDS {
        run_victim(&path, 40 + round * 57, &mut acknowledged);
        let database = Database::open_file(&path).await.unwrap();
        let held = all(&database, 0).await;
        for (payer, sequence) in acknowledged.iter().enumerate() {
            let found = held.iter().find(|r| usize::from(r.receipt.payer[0]) == payer);
            let stored = found.map_or(0, |r| r.receipt.sequence);
            assert!(stored >= *sequence, "payer {payer}: {sequence} acknowledged, {stored} held");
        }
        database.close().await;
    }
    assert!(acknowledged.iter().any(|sequence| *sequence > 10));
}

/// Runs the victim until it acknowledged `lines` receipts, kills it and reads what else it had acknowledged.
fn run_victim(path: &Path, lines: usize, acknowledged: &mut [u64; PAYERS as usize]) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::victim", "--nocapture", "--test-threads=1"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let mut words = line.split(' ');
        // The last line may have been cut by the kill.
        let (Some("acknowledged"), Some(payer), Some(sequence)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let payer: usize = payer.parse().unwrap();
        acknowledged[payer] = acknowledged[payer].max(sequence.parse().unwrap_or(0));
        seen += 1;
        if seen == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= lines, "the victim ended by itself after {seen} receipts");
}
