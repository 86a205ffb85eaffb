//! What a closed epoch came to, through the real binary: listed, explained, proven, exported, and found out when it was changed.

use std::path::Path;

use serde_json::Value;
use tatum_primitives::Epoch;

use crate::closed_epoch::{Closed, OPERATORS, PAYERS};

/// What the documentation promises for something that does not hold.
const DIFFERS: Option<i32> = Some(3);

#[tokio::test]
async fn a_closed_epoch_is_shown_explained_and_checked() -> anyhow::Result<()> {
    let closed = Closed::start().await?;
    let epoch = closed.close().await?;
    assert_eq!(epoch, Epoch(1));
    epochs_are_compared_with_the_chain(&closed).await?;
    a_payout_is_explained_by_the_aggregator_and_by_the_dataset_alike(&closed).await?;
    operators_and_their_earnings_are_listed(&closed).await?;
    receipts_go_out_and_come_back(&closed).await?;
    ranges_are_audited(&closed).await
}

async fn epochs_are_compared_with_the_chain(closed: &Closed) -> anyhow::Result<()> {
    let listed = closed.json(&["epoch", "list"]).await?;
    let states: Vec<_> = listed.as_array().unwrap().iter().map(|one| &one["on_chain"]).collect();
    assert!(states.contains(&&Value::from("same")) && !states.contains(&&Value::from("other")));
    let shown = closed.json(&["epoch", "show", "1"]).await?;
    assert_eq!((&shown["state"], &shown["on_chain"]), (&"finalized".into(), &"same".into()));
    assert_eq!(shown["receipts"], u64::from(PAYERS) * u64::from(OPERATORS - 1));
    let ends_s = closed.chain.schedule().await?.end_ms(Epoch(1)) / 1_000;
    assert_eq!(shown["ends_at_s"], ends_s);
    let (code, told) = closed.told(&["epoch", "list", "--before", "2", "--limit", "1"]).await?;
    assert!(code == Some(0) && told.contains("on chain") && told.contains("same"), "{told}");
    let (code, told) = closed.told(&["epoch", "show", "99"]).await?;
    assert!(code == Some(1) && told.contains("epoch 99"), "{told}");
    Ok(())
}

async fn a_payout_is_explained_by_the_aggregator_and_by_the_dataset_alike(
    closed: &Closed,
) -> anyhow::Result<()> {
    let words = ["explain", "payout", "--operator", "1", "--epoch", "1"];
    let told = closed.json(&words).await?;
    assert_eq!(told["on_chain"], "same");
    let nano = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let edges = told["work"].as_array().unwrap();
    assert_eq!(edges.len(), PAYERS as usize);
    assert_eq!(
        edges.iter().map(|edge| nano(&edge["work_nano"])).sum::<u64>(),
        nano(&told["work_nano"])
    );
    // Of 1 : 2 : 3 parts the second operator has a third, rounded down.
    for edge in edges {
        assert_eq!(nano(&edge["work_nano"]), nano(&edge["payer_steers_nano"]) / 3);
    }
    let folder = closed.dataset(Epoch(1)).await?;
    let datasets = folder.parent().unwrap().display().to_string();
    for place in [folder.display().to_string(), datasets, closed.url.clone()] {
        let by_dataset = closed.json(&[&words[..], &["--dataset", &place]].concat()).await?;
        assert_eq!(by_dataset, told, "{place}");
    }
    let (_, text) = closed.told(&words).await?;
    assert!(text.contains("which steer") && text.contains("on chain    same"), "{text}");

    let changed = closed.folder.path().join("changed");
    copy(&folder, &changed)?;
    flip(&changed.join("receipts.parquet"))?;
    let place = changed.display().to_string();
    let (code, text) = closed.told(&[&words[..], &["--dataset", &place]].concat()).await?;
    assert!(code == DIFFERS && text.contains("receipts.parquet"), "{text}");
    let (code, text) = closed.told(&["explain", "payout", "--operator", "77"]).await?;
    assert!(code == Some(1) && text.contains("no such operator"), "{text}");
    Ok(())
}

async fn operators_and_their_earnings_are_listed(closed: &Closed) -> anyhow::Result<()> {
    let listed = closed.json(&["operator", "list"]).await?;
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), OPERATORS as usize);
    assert_eq!((&listed[2]["id"], &listed[2]["name"]), (&2.into(), &"operator 2".into()));
    assert_eq!(listed[2]["nodes"].as_array().unwrap().len(), 1);
    let page = closed.json(&["operator", "list", "--after", "1", "--limit", "1"]).await?;
    assert_eq!(page[0], listed[2]);
    let status = closed.json(&["operator", "status", "--operator", "2"]).await?;
    assert_eq!((&status["name"], &status["nodes"]), (&listed[2]["name"], &listed[2]["nodes"]));

    let earnings = closed.json(&["operator", "earnings", "--operator", "1"]).await?;
    assert_eq!((&earnings["on_chain"], &earnings["finalized_epoch"]), (&"same".into(), &1.into()));
    let newest = &earnings["epochs"][0];
    let explained = closed.json(&["explain", "payout", "--operator", "1"]).await?;
    for part in ["work_nano", "paid_nano", "pool_nano", "total_nano", "cumulative_nano"] {
        assert_eq!(newest[part], explained[part], "{part}");
    }
    assert_eq!(newest["cumulative_nano"], status_of(closed, "1").await?["earned_nano"]);
    let (code, csv) = closed.told(&["operator", "earnings", "--operator", "1", "--csv"]).await?;
    let total = newest["total_nano"].as_str().unwrap();
    assert!(code == Some(0) && csv.starts_with("epoch,state,") && csv.contains(total), "{csv}");
    assert!(!csv.contains('█'), "a chart is for terminals");
    Ok(())
}

async fn status_of(closed: &Closed, id: &str) -> anyhow::Result<Value> {
    closed.json(&["operator", "status", "--operator", id]).await
}

async fn receipts_go_out_and_come_back(closed: &Closed) -> anyhow::Result<()> {
    let of_one = closed.json(&["receipts", "list", "--epoch", "1", "--operator", "0"]).await?;
    let of_one = of_one.as_array().unwrap();
    assert_eq!(of_one.len(), PAYERS as usize);
    let leaf = of_one[0]["leaf"].as_str().unwrap();
    let dataset = closed.dataset(Epoch(1)).await?.display().to_string();
    for source in [["--epoch", "1"], ["--dataset", &dataset]] {
        let file = closed.folder.path().join("proof.json").display().to_string();
        let words = [&["receipts", "show", leaf, "--proof", &file], source.as_slice()].concat();
        let shown = closed.json(&words).await?;
        assert!(shown["ok"] == true && shown["leaf"] == leaf, "{shown}");
        let audited = closed.json(&["audit", "receipt", &file, "--on-chain"]).await?;
        assert_eq!(audited["ok"], true);
    }
    let stream = of_one[0]["receipt"]["stream_key"].as_str().unwrap();
    let words = ["receipts", "list", "--dataset", &dataset, "--stream", stream, "--limit", "2"];
    assert_eq!(closed.json(&words).await?.as_array().unwrap().len(), 2);

    for format in ["ndjson", "batch"] {
        let file = closed.folder.path().join(format).display().to_string();
        let words = ["receipts", "export", "--epoch", "1", "--format", format, "--out", &file];
        let exported = closed.json(&words).await?;
        let verified = closed.json(&["receipts", "verify", &file, "--on-chain"]).await?;
        assert_eq!(verified["receipts"], exported["receipts"]);
        assert_eq!(
            (&verified["ok"], &verified["signers"][0]["authorized"]),
            (&true.into(), &true.into())
        );
        closed.json(&["audit", "epoch", "1", "--receipts", &file]).await?;
    }
    let batch = closed.folder.path().join("batch");
    let mut bytes = std::fs::read(&batch)?;
    // No signature ends so.
    *bytes.last_mut().unwrap() = 99;
    std::fs::write(&batch, bytes)?;
    let (code, told) = closed.told(&["receipts", "verify", &batch.display().to_string()]).await?;
    assert!(code == DIFFERS && told.contains("NOT all of them hold"), "{told}");
    Ok(())
}

async fn ranges_are_audited(closed: &Closed) -> anyhow::Result<()> {
    let audited = closed.json(&["audit", "epoch", "0..1"]).await?;
    let held: Vec<_> = audited.as_array().unwrap().iter().map(|one| one["ok"] == true).collect();
    assert_eq!(held, [true, true]);
    assert_eq!(closed.json(&["audit", "epoch", "1.."]).await?.as_array().unwrap().len(), 1);
    let (code, told) = closed.told(&["audit", "epoch", "1..3"]).await?;
    assert!(code == Some(1) && told.contains("nobody has proposed"), "{told}");
    let folder = closed.dataset(Epoch(1)).await?;
    flip(&folder.join("payers.parquet"))?;
    let (code, told) = closed.told(&["audit", "epoch", "0..1"]).await?;
    assert!(code == DIFFERS && told.contains("DIFFERS"), "{told}");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Changes one bit in the middle of a file.
fn flip(file: &Path) -> anyhow::Result<()> {
    let mut bytes = std::fs::read(file)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    Ok(std::fs::write(file, bytes)?)
}
