//! What an aggregator does when it starts, on a young chain and on an old one, and what it keeps.

use serde_json::Value;
use tatum_aggregator::audit;
use tatum_database::Database;
use tatum_primitives::{Address, B256, Epoch};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::receipts;
use tatum_receipt::SIGNED_RECEIPT_BYTES;

use crate::world::{EPOCH_S, Service, World};

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is().await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
    waited.unwrap_or_else(|_| panic!("{what}"));
}

async fn json(world: &World, url: &str) -> Value {
    world.http.get(url).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_new_aggregator_on_an_old_chain_goes_on_from_what_is_final() {
    let world = World::start().await;
    let old = Service::start_with(&world, "old", "proposer", |config| {
        config.keep_epochs = Some(1);
    })
    .await;
    let reader = world.reader().await;
    world.hand_in(&old.url, &world.traffic(1)).await;
    world.advance(EPOCH_S + 60).await;
    world.until_final(&old.url, 1).await;

    let new = Service::start(&world, "new", "rival").await;
    let first = world.until(&new.url, 1, |epoch| epoch["state"] == "finalized").await;
    assert!(first["note"].as_str().unwrap().contains("started with it"), "{first}");
    let epochs = json(&world, &format!("{}/v1/epochs", new.url)).await;
    assert!(epochs.as_array().unwrap().iter().all(|epoch| epoch["epoch"] != 0), "{epochs}");

    // The receipts of epoch 2 reach the new one only; the other one is gone, and so is its address.
    let kept = world.folder.path().join("old/aggregator.db");
    old.stop().await;
    world.hand_in(&new.url, &world.traffic(2)).await;
    world.advance(EPOCH_S + 60).await;
    let proposed = world.until(&new.url, 2, |epoch| epoch["state"] == "proposed").await;
    let settled = world.until_final(&new.url, 2).await;
    assert_eq!((&settled["root"], &settled["receipts"]), (&proposed["root"], &Value::from(3)));
    let folder = audit::DatasetSource::Folder(new.datasets.clone());
    let report = audit::epoch(&reader, Epoch(2), Some(folder)).await.unwrap();
    assert!(report.ok, "{}", serde_json::to_string_pretty(&report).unwrap());
    new.stop().await;

    // Of two final epochs the old one keeps the receipts of the newest, once it has heard of it.
    let old = Service::start_with(&world, "old", "proposer", |config| {
        config.keep_epochs = Some(1);
        // Its rival's dataset is not to be had any more.
        copy_datasets(&world, "new", "old");
    })
    .await;
    world.until(&old.url, 2, |epoch| epoch["state"] == "finalized").await;
    let database = Database::open_file(&kept).await.unwrap();
    until("the receipts of epoch 1 are gone", async || {
        database.scan_receipts(Epoch(1)).next().await.unwrap().is_none()
    })
    .await;
    // Its dataset is the record.
    let listed = json(&world, &format!("{}/v1/epochs/1/receipts", old.url)).await;
    assert_eq!(listed["receipts"].as_array().unwrap().len(), 3);
    database.close().await;
    old.stop().await;
}

fn copy_datasets(world: &World, from: &str, to: &str) {
    let folder = |name: &str| world.folder.path().join(name).join("datasets");
    for dataset in std::fs::read_dir(folder(from)).unwrap() {
        let dataset = dataset.unwrap();
        crate::world::copy_folder(&dataset.path(), &folder(to).join(dataset.file_name()));
    }
}

#[tokio::test]
async fn rejections_are_signed_and_the_file_proves_them() {
    let world = World::start().await;
    let service = Service::start(&world, "data", "proposer").await;
    // From here on it knows which epoch runs.
    world.hand_in(&service.url, &world.traffic(1)[..1]).await;
    let mut stranger = world.receipt(0, 0, 1, 1).receipt;
    stranger.payer = Address::repeat_byte(0x77);
    let stranger = world.sign(0, stranger);
    let mut batch = receipts::encode(&[stranger.clone(), stranger]);
    // The role of the second.
    batch[2 + SIGNED_RECEIPT_BYTES + 1 + 88] = 9;
    let aggregator = AggregatorClient::new(&service.url).unwrap();
    let answers = aggregator.hand_in_batch(batch, 2).await.unwrap();
    assert!(answers.iter().all(|answer| answer.reason().is_some()), "{answers:?}");

    let file = world.http.get(format!("{}/v1/rejections", service.url)).send().await.unwrap();
    let file = file.bytes().await.unwrap();
    let identity = json(&world, &format!("{}/v1/identity", service.url)).await;
    let signer: B256 = serde_json::from_value(identity["signer"].clone()).unwrap();
    let domain = world.devnet.deployment().domain();
    assert_eq!(identity["chain_id"], domain.chain_id);
    let reports = audit::rejections(&file, domain, Some(signer));
    assert!(reports.len() >= 2 && reports.iter().all(|report| report.ok), "{reports:?}");
    let codes: Vec<String> =
        reports.into_iter().map(|report| report.statement.unwrap().code).collect();
    assert!(codes.contains(&"malformed".to_owned()), "{codes:?}");
    assert!(codes.contains(&"no_stake".to_owned()), "{codes:?}");
    assert!(!audit::rejections(&file, domain, Some(B256::ZERO)).iter().any(|report| report.ok));
    // A restart signs with the same key.
    service.stop().await;
    let service = Service::start(&world, "data", "proposer").await;
    assert_eq!(json(&world, &format!("{}/v1/identity", service.url)).await, identity);
    service.stop().await;
}
