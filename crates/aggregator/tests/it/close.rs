//! An epoch from receipts to claims, and everything published about it.

use std::time::Duration;

use tatum_aggregator::audit::{self, DatasetSource};
use tatum_chain::{Chain, Claim};
use tatum_database::Database;
use tatum_dataset::{Beside, Dataset, EpochData, Sources};
use tatum_primitives::{B256, Epoch, U256};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::{EpochSummary, PROBLEM_JSON, Problem};

use tokio::time::{Instant, sleep};

use crate::world::{EPOCH_S, GRACE_S, PATIENCE, Service, World, copy_folder};

#[tokio::test]
async fn receipts_become_claims_that_anybody_can_check() {
    let world = World::start().await;
    let service = Service::start(&world, "data", "proposer").await;
    world.hand_in(&service.url, &world.traffic(1)).await;
    world.advance(EPOCH_S + 60).await;
    let answer = world.until_final(&service.url, 1).await;
    let epoch: EpochSummary = serde_json::from_value(answer).unwrap();
    assert_eq!(epoch.receipts, Some(3));

    late_receipts_are_refused(&world, &service).await;
    operators_claim(&world, &service).await;
    payouts_are_explained(&world, &service).await;
    let chain = world.reader().await;
    the_audit_holds(&chain, &service).await;
    a_receipt_that_was_not_counted_is_named(&world, &chain, &service).await;
    a_changed_dataset_is_found_out(&world, &chain, &service, &epoch).await;
    receipts_are_proven(&world, &chain, &service).await;
    odd_requests_are_answered_plainly(&world, &service).await;
    service.stop().await;
}

#[tokio::test]
async fn what_a_reorganisation_made_not_final_is_made_final_again() {
    let world = World::start().await;
    let service = Service::start(&world, "data", "proposer").await;
    world.hand_in(&service.url, &world.traffic(1)).await;
    world.advance(EPOCH_S + 60).await;
    let before = world.until_final(&service.url, 1).await;
    let chain = world.reader().await;
    world.devnet.anvil().reorganise(5).await.unwrap();
    assert_ne!(chain.finalized_epoch().await.unwrap(), Some(Epoch(1)), "it is undone");

    let deadline = Instant::now() + PATIENCE;
    while chain.finalized_epoch().await.unwrap() != Some(Epoch(1)) {
        assert!(Instant::now() < deadline, "nobody makes it final again");
        world.until_final(&service.url, 1).await;
        sleep(Duration::from_millis(100)).await;
    }
    world.hand_in(&service.url, &world.traffic(2)).await;
    world.advance(EPOCH_S + 60).await;
    world.until_final(&service.url, 2).await;
    let after = world.until_final(&service.url, 1).await;
    assert_eq!((&after["root"], &after["state"]), (&before["root"], &before["state"]));
    service.stop().await;
}

/// A reorganisation may make it roll an epoch up again whose proposal comes back: the chain names the first dataset and our address.
#[tokio::test]
async fn what_it_proposed_it_publishes_whatever_it_rolled_up_since() {
    let world = World::start_with(600, 0).await;
    let service = Service::start(&world, "data", "proposer").await;
    world.advance(GRACE_S).await;
    let proposed = world.until(&service.url, 0, |epoch| epoch["state"] == "proposed").await;
    let manifest_hash: B256 = serde_json::from_value(proposed["manifest_hash"].clone()).unwrap();
    let datasets = service.datasets.clone();
    service.stop().await;

    let first = Dataset::open(&datasets.join(manifest_hash.to_string())).unwrap();
    let mut parameters = first.manifest().parameters.clone();
    parameters.grace_ms += 1;
    let other = tatum_dataset::write(
        &datasets,
        EpochData {
            parameters,
            payers: first.payers().unwrap(),
            operators: first.operators().unwrap(),
            previous_nano: vec![],
            receipts: vec![],
            sources: Sources::default(),
            beside: Beside::default(),
        },
    );
    let other = other.unwrap().manifest_hash;
    assert_ne!(other, manifest_hash);
    let file = world.folder.path().join("data/aggregator.db");
    let database = Database::open_file(&file).await.unwrap();
    database.record_manifest(Epoch(0), other, 0).await.unwrap();
    database.record_cancelled(Epoch(0), 0).await.unwrap();
    database.close().await;

    let service = Service::start(&world, "data", "proposer").await;
    let proposed = world.until(&service.url, 0, |epoch| epoch["state"] == "proposed").await;
    assert_eq!(proposed["manifest_hash"], manifest_hash.to_string());
    let published = DatasetSource::Url(format!("{}/v1/epochs/0", service.url));
    let report = audit::epoch(&world.reader().await, Epoch(0), Some(published)).await.unwrap();
    assert!(report.ok, "{}", serde_json::to_string_pretty(&report).unwrap());
    service.stop().await;
}

/// The same receipts and the same chain make the same dataset, whichever block the epoch was closed in.
#[tokio::test]
async fn an_epoch_that_is_closed_in_another_block_has_the_same_dataset() {
    let world = World::start_with(600, 0).await;
    let service = Service::start(&world, "data", "proposer").await;
    let anvil = world.devnet.anvil();
    let before = anvil.snapshot().await.unwrap();
    world.advance(GRACE_S).await;
    let proposed = |epoch: &serde_json::Value| epoch["state"] == "proposed";
    let first = world.until(&service.url, 0, proposed).await;
    service.stop().await;
    anvil.revert(&before).await.unwrap();
    anvil.mine(3).await.unwrap();
    world.advance(GRACE_S).await;
    let service = Service::start(&world, "other data", "rival").await;
    let second = world.until(&service.url, 0, proposed).await;
    assert_ne!(first["block_hash"], second["block_hash"]);
    assert_eq!(first["manifest_hash"], second["manifest_hash"]);
    service.stop().await;
}

async fn late_receipts_are_refused(world: &World, service: &Service) {
    let late = world.receipt(0, 0, 1, 9);
    let aggregator = AggregatorClient::new(&service.url).unwrap();
    let answers = aggregator.hand_in(&[late]).await.unwrap();
    assert!(answers[0].is_final());
    assert!(answers[0].reason().unwrap().starts_with("past_epoch: "), "{answers:?}");
}

async fn operators_claim(world: &World, service: &Service) {
    let mut earned = Vec::new();
    let aggregator = AggregatorClient::new(&service.url).unwrap();
    for operator in &world.operators {
        let proof = aggregator.operator_proof(Epoch(1), operator.id).await.unwrap();
        proof.verify().unwrap();
        let account = operator.chain.account().unwrap();
        let before = operator.chain.balance_wei(account).await.unwrap();
        let siblings = proof.proof.siblings.iter().map(|word| word.0).collect();
        let claim = Claim { entry: proof.entry, proof: siblings };
        operator.chain.claim(claim).await.unwrap();
        let got = operator.chain.balance_wei(account).await.unwrap() - before;
        assert_eq!(got, proof.cumulative_nano.to_wei());
        assert!(got > U256::ZERO);
        earned.push(proof.cumulative_nano);
    }
    // Operator 1 delivered twice the bytes to payer 0, and everything to payer 1, who pays more.
    assert!(earned[1] > earned[0]);
}

async fn payouts_are_explained(world: &World, service: &Service) {
    let aggregator = AggregatorClient::new(&service.url).unwrap();
    let mut payers = Vec::new();
    for operator in &world.operators {
        let payout = aggregator.payout(Epoch(1), operator.id, 0, 100).await.unwrap();
        let proof = aggregator.operator_proof(Epoch(1), operator.id).await.unwrap();
        assert_eq!(payout.cumulative_nano, proof.cumulative_nano);
        assert!(payout.adds_up() && payout.next_offset.is_none(), "{payout:?}");
        payers.push(payout.work.len());
    }
    assert_eq!(payers, [1, 2]);
    for operator in &world.operators {
        let earnings = aggregator.earnings(operator.id, 2).await.unwrap();
        let newest = &earnings.epochs[0];
        let payout = aggregator.payout(newest.epoch, operator.id, 0, 1).await.unwrap();
        assert_eq!((earnings.operator, newest.total_nano), (operator.id, payout.total_nano));
        assert_eq!(newest.cumulative_nano, payout.cumulative_nano);
    }
    // A page of one: what the rule makes of all edges is told with each.
    let operator = world.operators[1].id;
    let whole = aggregator.payout(Epoch(1), operator, 0, 100).await.unwrap();
    let first = aggregator.payout(Epoch(1), operator, 0, 1).await.unwrap();
    assert_eq!((&first.work[..], first.next_offset), (&whole.work[..1], Some(1)));
    let second = aggregator.payout(Epoch(1), operator, 1, 1).await.unwrap();
    assert_eq!((&second.work[..], second.next_offset), (&whole.work[1..], None));
    assert_eq!(second.work_nano, whole.work_nano);
}

async fn the_audit_holds(chain: &Chain, service: &Service) {
    let folder = Some(DatasetSource::Folder(service.datasets.clone()));
    for (epoch, source) in [(0, None), (1, None), (1, folder)] {
        let report = audit::epoch(chain, Epoch(epoch), source).await.unwrap();
        assert!(
            report.ok && report.finalized,
            "{}",
            serde_json::to_string_pretty(&report).unwrap()
        );
        let names: Vec<&str> = report.checks.iter().map(|check| check.name.as_str()).collect();
        let all = [
            "proposal",
            "manifest",
            "dataset",
            "commitment",
            "parameters",
            "payers",
            "operators",
            "available",
            "cumulative",
            "session keys",
            "nodes",
            "rules",
        ];
        assert_eq!(names, all);
        let number = |text: &str| text.parse::<u64>().unwrap();
        let paid = number(&report.distributed_nano) + number(&report.carried_nano);
        assert_eq!(paid, number(&report.pot_nano));
    }
    let error = audit::epoch(chain, Epoch(7), None).await.unwrap_err();
    assert!(error.to_string().contains("epoch 7"), "{error}");
}

async fn a_receipt_that_was_not_counted_is_named(world: &World, chain: &Chain, service: &Service) {
    let audited = async |held: &[u8]| {
        let source = Some(DatasetSource::Folder(service.datasets.clone()));
        let held = audit::held_receipts(held).unwrap();
        audit::epoch(chain, Epoch(1), audit::Datasets::new(source).holding(held)).await.unwrap()
    };
    let handed_in = serde_json::to_vec(&world.traffic(1)).unwrap();
    let report = audited(&handed_in).await;
    assert!(report.ok, "{report:?}");
    assert!(report.checks.iter().any(|check| check.name == "held receipts"));
    // Signed and never counted: a newer one of a known key, and one of a key of its own.
    let (newer, mut other) = (world.receipt(0, 0, 1, 9), world.receipt(1, 0, 1, 1).receipt);
    other.stream_key.0 = tatum_primitives::B256::repeat_byte(9);
    let other = world.sign(1, other);
    let dropped = [newer, world.receipt(0, 0, 1, 2), other];
    let report = audited(&tatum_protocol::receipts::encode(&dropped)).await;
    assert!(!report.ok);
    assert_eq!(report.differences.len(), 2, "{report:?}");
    for leaf in [dropped[0].leaf(), dropped[2].leaf()] {
        assert!(report.differences.iter().any(|line| line.contains(&leaf.to_string())));
    }
}

async fn a_changed_dataset_is_found_out(
    world: &World,
    chain: &Chain,
    service: &Service,
    epoch: &EpochSummary,
) {
    let hash = epoch.manifest_hash.unwrap().to_string();
    for name in audit::TABLES.into_iter().chain(["manifest.json"]) {
        let changed = world.folder.path().join(format!("changed-{name}")).join(&hash);
        copy_folder(&service.datasets.join(&hash), &changed);
        let path = changed.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let source = Some(DatasetSource::Folder(changed));
        let report = audit::epoch(chain, Epoch(1), source).await.unwrap();
        assert!(!report.ok, "{name} was changed");
        assert!(
            report.differences.iter().any(|line| line.contains(name) || line.contains("manifest"))
        );
    }
}

async fn receipts_are_proven(world: &World, chain: &Chain, service: &Service) {
    let aggregator = AggregatorClient::new(&service.url).unwrap();
    let page = aggregator.receipts(Epoch(1), 0, 2).await.unwrap();
    assert_eq!((page.receipts.len(), page.next_offset), (2, Some(2)));
    let rest = aggregator.receipts(Epoch(1), 2, 2).await.unwrap();
    assert_eq!((rest.receipts.len(), rest.next_offset), (1, None));
    for counted in page.receipts.iter().chain(&rest.receipts) {
        assert_eq!(counted.receipt.sequence, 3, "only the newest counts");
        let url = format!("{}/v1/epochs/1/receipts/{}", service.url, counted.leaf);
        let file = world.http.get(url).send().await.unwrap().bytes().await.unwrap();
        let mut report = audit::receipt(&file);
        assert!(report.ok, "{report:?}");
        audit::receipt_on_chain(&mut report, chain).await.unwrap();
        assert!(report.ok, "{report:?}");
        assert_eq!(report.checks.len(), 8);
        for at in (0..file.len()).step_by(61) {
            let mut changed = file.to_vec();
            changed[at] ^= 1;
            let report = audit::receipt(&changed);
            assert!(!report.ok, "byte {at} was changed");
            assert!(!report.checks.last().unwrap().ok);
        }
    }
}

async fn odd_requests_are_answered_plainly(world: &World, service: &Service) {
    let cases = [
        ("/v1/epochs/1/manifest", 200),
        ("/v1/epochs/1/files/receipts.parquet", 200),
        ("/v1/epochs?limit=1", 200),
        ("/v1/rejections?payer=0x0000000000000000000000000000000000000001", 200),
        ("/health", 200),
        ("/ready", 200),
        ("/v1/epochs/1/files/..%2F..%2Faggregator.db", 404),
        ("/v1/epochs/1/files/%2Fetc%2Fpasswd", 404),
        ("/v1/epochs/99", 404),
        ("/v1/epochs/99/manifest", 404),
        ("/v1/epochs/1/operators/77", 404),
        ("/v1/epochs/1/payouts/77", 404),
        ("/v1/operators/77/earnings", 200),
        ("/v1/operators/me/earnings", 400),
        ("/v1/epochs/1/payouts/1?offset=18446744073709551615", 200),
        ("/v1/epochs/1/payouts/1?limit=-1", 400),
        ("/v1/epochs/1/payouts/one", 400),
        ("/v1/epochs/99/payouts/1", 404),
        (
            "/v1/epochs/1/receipts/0x0000000000000000000000000000000000000000000000000000000000000001",
            404,
        ),
        ("/v1/epochs/1/payers/0x0000000000000000000000000000000000000001", 404),
        ("/v1/epochs/99/payers/0x0000000000000000000000000000000000000001", 200),
        ("/v1/epochs/1/payers/me", 400),
        ("/v1/nothing", 404),
        ("/v1/receipts", 405),
        ("/v1/epochs/one", 400),
        ("/v1/epochs?limits=1", 400),
        ("/v1/rejections?payer=me", 400),
    ];
    for (path, expected) in cases {
        let answer = world.http.get(format!("{}{path}", service.url)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{path}");
        if expected >= 400 {
            assert_eq!(answer.headers()["content-type"], PROBLEM_JSON, "{path}");
            let problem: Problem = answer.json().await.unwrap();
            assert_eq!(problem.kind.status().as_u16(), expected, "{path}: {problem}");
        }
    }
    let metrics = world.http.get(format!("{}/metrics", service.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("tatum_receipts_rejected_total{code=\"past_epoch\"} 1"), "{metrics}");
    assert!(metrics.contains("tatum_epochs_finalized 2"), "{metrics}");
    assert_eq!(tatum_test_utils::metrics::flaws(&metrics).unwrap(), Vec::<String>::new());
}
