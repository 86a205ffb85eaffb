//! The auditor as a service: it finds cheats by itself, says so, files what the contract has against them, and is heard.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tatum_aggregator::audit::{self, DatasetSource};
use tatum_aggregator::auditor::{self, Config, Ended};
use tatum_chain::Chain;
use tatum_primitives::{Address, Epoch, Nano, OperatorId, U256};
use tatum_protocol::{Alarm, AlarmKind};
use tatum_test_utils::{Devnet, free_port};
use tokio::sync::oneshot;

use crate::cheats::{Forgery, forged};
use crate::world::{EPOCH_S, Service, WINDOW_S, World, copy_folder, signer};

/// Takes alarms; while answers wait in line, with those.
#[derive(Clone, Default)]
struct Receiver {
    alarms: Arc<Mutex<Vec<Alarm>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

impl Receiver {
    async fn start() -> (Self, String) {
        let receiver = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/alarms", listener.local_addr().unwrap());
        let router = Router::new().route("/alarms", post(Self::take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    async fn take(State(receiver): State<Self>, body: axum::Json<Alarm>) -> StatusCode {
        receiver.alarms.lock().unwrap().push(body.0);
        receiver.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::NO_CONTENT)
    }

    fn kinds(&self) -> Vec<AlarmKind> {
        self.alarms.lock().unwrap().iter().map(|alarm| alarm.kind).collect()
    }

    /// Waits until something was filed that is called `action`.
    async fn until_filed(&self, action: &str) {
        let filed = || {
            let alarms = self.alarms.lock().unwrap();
            alarms.iter().any(|alarm| alarm.summary.contains(&format!("\"action\":\"{action}\"")))
        };
        until(action, async || filed()).await;
    }
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}"));
}

/// Epoch 1 is final, epoch 2 is closed and nobody has proposed for it; `datasets` holds what is final.
async fn scene() -> (World, PathBuf) {
    let world = World::start().await;
    let service = Service::start(&world, "data", "proposer").await;
    world.hand_in(&service.url, &world.traffic(1)).await;
    world.advance(EPOCH_S + 60).await;
    world.until_final(&service.url, 1).await;
    service.stop().await;
    world.advance(EPOCH_S).await;
    let datasets = world.folder.path().join("known");
    for dataset in std::fs::read_dir(world.folder.path().join("data/datasets")).unwrap() {
        let dataset = dataset.unwrap();
        copy_folder(&dataset.path(), &datasets.join(dataset.file_name()));
    }
    (world, datasets)
}

async fn config(world: &World, datasets: &Path, webhook: &str) -> Config {
    let mut config = Config::new(
        world.folder.path().join("auditor"),
        world.devnet.rpc_url().to_owned(),
        world.devnet.deployment_file().to_owned(),
    );
    config.dataset = Some(datasets.display().to_string());
    config.webhook = Some(webhook.to_owned());
    config.challenge = true;
    config.poll = Duration::from_millis(100);
    config
}

/// A bonded account that is about to cheat.
async fn cheat(world: &World, name: &str) -> Chain {
    let cheat = world.stranger(name).await;
    cheat.ensure_proposer_bond().await.unwrap();
    cheat
}

/// What the final distribution promises, so that a forgery can go on from it.
fn history(datasets: &Path, world_final: tatum_primitives::B256) -> (Vec<Nano>, Nano) {
    let dataset = tatum_dataset::Dataset::open(&datasets.join(world_final.to_string())).unwrap();
    let rows = dataset.distribution().unwrap();
    let nano = rows.iter().map(|row| row.cumulative_nano).collect();
    (nano, dataset.manifest().results.total_nano)
}

async fn cancelled(chain: &Chain, times: usize) {
    until("a cancellation", async || chain.cancelled_roots(Epoch(2)).await.unwrap().len() == times)
        .await;
}

#[tokio::test]
async fn cheats_are_found_filed_against_and_told_to_the_webhook() {
    let (world, datasets) = scene().await;
    let (one, two, three) =
        (cheat(&world, "one").await, cheat(&world, "two").await, cheat(&world, "three").await);
    one.close_epochs().await.unwrap();
    let reader = world.reader().await;
    let tatum_chain::ProposalStatus::Finalized(last) =
        reader.proposal_status(Epoch(1)).await.unwrap()
    else {
        panic!("epoch 1 is final");
    };
    let (previous_nano, total) = history(&datasets, last.proposal.manifest_hash);
    let go_on = |forgery: &mut Forgery| {
        forgery.previous_nano = previous_nano.clone();
        forgery.parameters.previous_total_nano = total;
        forgery.parameters.previous_manifest_hash = Some(last.proposal.manifest_hash);
        forgery.parameters.available_nano =
            forgery.parameters.available_nano.checked_sub(total).unwrap();
    };

    let (receiver, url) = Receiver::start().await;
    let mut config = config(&world, &datasets, &url).await;
    let port = free_port().unwrap();
    config.listen = Some(([127, 0, 0, 1], port).into());
    let auditor = world.stranger("auditor").await;
    let (stop, stopped) = oneshot::channel();
    let key = signer(&Devnet::account("auditor"));
    let shutdown = async { stopped.await.unwrap_or_default() };
    let running = tokio::spawn(auditor::run(config, Some(key), shutdown));

    // An address that operator 0 never named.
    let proposal = forged(&one, &datasets, |forgery| {
        go_on(forgery);
        forgery.operators[0].payout = Address::repeat_byte(0x66);
    })
    .await;
    one.propose(proposal).await.unwrap();
    receiver.until_filed("payout_challenged").await;
    cancelled(&reader, 1).await;

    // An operator that does not exist.
    let proposal = forged(&two, &datasets, |forgery| {
        go_on(forgery);
        let ghost = forgery.operators[1];
        forgery.operators.push(tatum_dataset::Operator { operator_id: OperatorId(2), ..ghost });
    })
    .await;
    two.propose(proposal).await.unwrap();
    receiver.until_filed("unknown_operator_challenged").await;
    cancelled(&reader, 2).await;

    // A decrease with its tree kept secret: demanded by the auditor, proven by somebody who has the tree, so that the
    // auditor's bond lies at the contract until it is reclaimed.
    let secret = world.folder.path().join("secret");
    copy_all(&datasets, &secret);
    let proposal = forged(&three, &secret, |forgery| forgery.operators[1].bond_wei = 0).await;
    let bond_wei = auditor.demand_bond_wei().await.unwrap();
    three.propose(proposal).await.unwrap();
    receiver.until_filed("demanded").await;
    let account = auditor.account().unwrap();
    let held_wei = auditor.balance_wei(account).await.unwrap();
    let insider = world.stranger("insider").await;
    let source = Some(DatasetSource::Folder(secret));
    let challenge = audit::challenge(&insider, Epoch(2), source).await.unwrap();
    assert!(matches!(challenge, audit::Challenge::Decreased { .. }), "{challenge:?}");
    until("the bond is back", async || {
        auditor.balance_wei(account).await.unwrap() == held_wei + bond_wei
    })
    .await;
    assert!(auditor.stranded_demands().await.unwrap().is_empty());

    until("all is cleared", async || {
        receiver.kinds().iter().filter(|kind| **kind == AlarmKind::Cleared).count() == 3
    })
    .await;
    let status = |path: &str| world.http.get(format!("http://127.0.0.1:{port}{path}")).send();
    assert_eq!(status("/health").await.unwrap().status(), 200);
    assert_eq!(status("/ready").await.unwrap().status(), 200);
    // The gauge is set at the end of each look.
    let metrics = async || status("/metrics").await.unwrap().text().await.unwrap();
    until("no alarm stands", async || {
        metrics().await.contains("tatum_auditor_alarms_standing 0\n")
    })
    .await;
    let metrics = metrics().await;
    for line in [
        "tatum_auditor_alarms_total{kind=\"differs\"} 2",
        "tatum_auditor_alarms_total{kind=\"unavailable\"} 1",
        "tatum_auditor_alarms_total{kind=\"acted\"} 3",
        "tatum_auditor_audits_total{result=\"holds\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    stop.send(()).unwrap();
    let ended = running.await.unwrap().unwrap();
    assert_eq!(ended, Ended { alarms_standing: 0, alarms_undelivered: 0 });
    let alarms = receiver.alarms.lock().unwrap().clone();
    let payout = alarms.iter().find(|alarm| alarm.kind == AlarmKind::Differs).unwrap();
    assert_eq!(payout.proposer, one.account().unwrap());
    assert!(payout.differences.iter().any(|line| line.contains("operator 0")), "{payout:?}");
    let rewards = auditor.balance_wei(account).await.unwrap();
    assert!(rewards > U256::ZERO);
}

fn copy_all(from: &Path, to: &Path) {
    for folder in std::fs::read_dir(from).unwrap() {
        let folder = folder.unwrap();
        copy_folder(&folder.path(), &to.join(folder.file_name()));
    }
}

#[tokio::test]
async fn an_alarm_outlives_restarts_and_a_webhook_that_fails() {
    let (world, datasets) = scene().await;
    let cheat = cheat(&world, "cheat").await;
    cheat.close_epochs().await.unwrap();
    let secret = world.folder.path().join("secret");
    std::fs::create_dir_all(&secret).unwrap();
    let proposal = forged(&cheat, &secret, |forgery| forgery.operators[1].bond_wei = 0).await;
    cheat.propose(proposal.clone()).await.unwrap();

    // The webhook's address is one where nobody listens yet.
    let nobody = format!("http://127.0.0.1:{}/alarms", free_port().unwrap());
    let (receiver, url) = Receiver::start().await;
    world.stranger("auditor").await;
    let look = async |webhook: &str| {
        let mut config = config(&world, &datasets, webhook).await;
        config.once = true;
        let key = signer(&Devnet::account("auditor"));
        // An auditor that is killed while it delivers.
        let run = auditor::run(config, Some(key), std::future::pending());
        let ended = tokio::time::timeout(Duration::from_secs(10), run).await;
        ended.ok().map(Result::unwrap)
    };
    assert_eq!(look(&nobody).await, None);

    // The next start delivers what was found before, though its first try is refused.
    receiver.answers.lock().unwrap().push_back(StatusCode::INTERNAL_SERVER_ERROR);
    let standing = Some(Ended { alarms_standing: 1, alarms_undelivered: 0 });
    assert_eq!(look(&url).await, standing);
    assert_eq!(
        receiver.kinds(),
        [AlarmKind::Unavailable, AlarmKind::Unavailable, AlarmKind::Acted]
    );
    // Nothing is said twice, and nothing demanded twice.
    assert_eq!(look(&url).await, standing);
    assert_eq!(receiver.kinds().len(), 3);

    world.advance(WINDOW_S + 1).await;
    assert_eq!(look(&url).await, standing);
    let over = Some(Ended { alarms_standing: 0, alarms_undelivered: 0 });
    assert_eq!(look(&url).await, over);
    assert_eq!(receiver.kinds()[3..], [AlarmKind::Acted, AlarmKind::Cleared]);
    let alarms = receiver.alarms.lock().unwrap();
    assert!(alarms[3].summary.contains("\"action\":\"unanswered\""), "{:?}", alarms[3]);
    assert_eq!(alarms[3].root, proposal.root);
}
