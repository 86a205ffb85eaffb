//! The auditor as a service: it asks for what is withheld, goes on after it was killed, says what it finds and is heard.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tatum_aggregator::auditor::{self, Config, Ended};
use tatum_chain::{Chain, Draft, Fate, Proposal};
use tatum_merkle::ListCommitment;
use tatum_primitives::{B256, Epoch, Nano, U256};
use tatum_protocol::{Alarm, AlarmKind};
use tatum_test_utils::{Devnet, free_port};

use crate::cheats::auditor_config;
use crate::world::{EPOCH_S, Service, World, copy_folder, signer};

const WINDOW_S: u64 = 1_200;

/// Takes alarms; while answers wait in line, with those.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    alarms: Arc<Mutex<Vec<Alarm>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

impl Receiver {
    pub(crate) async fn start() -> (Self, String) {
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

    /// What was filed about a proposal.
    pub(crate) fn acted_on(&self, counter: u64) -> Vec<String> {
        let alarms = self.alarms.lock().unwrap();
        let acted = alarms.iter().filter(|a| a.kind == AlarmKind::Acted && a.counter == counter);
        acted.map(|alarm| alarm.summary.clone()).collect()
    }
}

/// Epoch 1 is final, our aggregator is away, and a cheat has proposed for epoch 2 what nobody can look into.
struct Scene {
    world: World,
    datasets: PathBuf,
    reader: Chain,
    proposal: Proposal,
}

impl Scene {
    async fn start() -> Self {
        let world = World::start_with(WINDOW_S, 0).await;
        let service = Service::start(&world, "data", "proposer").await;
        world.hand_in(&service.url, &world.traffic(1)).await;
        world.advance(EPOCH_S + 60).await;
        world.until_final(&service.url, 1).await;
        let datasets = world.folder.path().join("known");
        for dataset in std::fs::read_dir(&service.datasets).unwrap() {
            let dataset = dataset.unwrap();
            copy_folder(&dataset.path(), &datasets.join(dataset.file_name()));
        }
        service.stop().await;
        world.advance_to_end_of(2, 61).await;
        let cheat = world.stranger("cheat").await;
        cheat.close_epochs().await.unwrap();
        let before = cheat.final_proposal(Epoch(1)).await.unwrap().unwrap();
        let list = |byte, count| ListCommitment { top: B256::repeat_byte(byte), count };
        let draft = Draft {
            epoch: Epoch(2),
            entries_top: before.draft.entries_top,
            receipts: list(1, 70),
            edges: list(2, 3),
            work_nano: Nano(7),
            forced_hash: B256::ZERO,
            manifest_hash: B256::repeat_byte(3),
        };
        // Nobody listens there.
        cheat.propose(&draft, "http://127.0.0.1:9/v1/epochs/2").await.unwrap();
        let proposal = world.open(2).await.remove(0);
        let reader = world.reader().await;
        Self { world, datasets, reader, proposal }
    }

    async fn config(&self) -> Config {
        let mut config = auditor_config(&self.world, &self.datasets).await;
        config.once = true;
        config
    }

    /// One look of an auditor that remembers nothing but what is on chain.
    async fn look_anew(&self) {
        let config = self.config().await;
        let _ = std::fs::remove_dir_all(&config.data_dir);
        let key = signer(&Devnet::account("auditor"));
        auditor::run(config, Some(key), std::future::pending()).await.unwrap();
    }

    async fn fate(&self) -> Fate {
        self.reader.proposals(Epoch(2)).await.unwrap()[0].fate
    }
}

#[tokio::test]
async fn withheld_data_is_asked_for_once_and_costs_the_bond_also_if_the_auditor_is_killed_between()
{
    let scene = Box::pin(Scene::start()).await;
    let asked = async || scene.reader.demands(&scene.proposal).await.unwrap();
    scene.look_anew().await;
    let [demand] = asked().await.try_into().unwrap();
    // The words one level above the 70 receipts.
    assert_eq!((demand.asked.level, demand.asked.words), (7, 35));
    assert!(demand.offer_wei > U256::ZERO);
    scene.look_anew().await;
    assert_eq!(asked().await, [demand]);

    scene.world.advance(WINDOW_S + 1).await;
    assert_eq!(scene.fate().await, Fate::Open);
    scene.look_anew().await;
    assert_eq!(scene.fate().await, Fate::Cancelled);
    // The offer is back, and the reward is withdrawn.
    scene.look_anew().await;
    let auditor = scene.world.devnet.connect(&Devnet::account("auditor")).await.unwrap();
    assert_eq!(auditor.stranded_demands().await.unwrap(), []);
    let account = auditor.account().unwrap();
    let bond_wei = auditor.proposal_bond_wei(70, false).await.unwrap();
    assert_eq!(auditor.balance_wei(account).await.unwrap(), bond_wei / U256::from(2));

    // Ours is next, as if nothing had happened.
    let service = Service::start(&scene.world, "data", "proposer").await;
    let settled = scene.world.until_final(&service.url, 2).await;
    assert_eq!(settled["receipts"], 0);
    service.stop().await;
}

#[tokio::test]
async fn an_alarm_outlives_restarts_and_a_webhook_that_fails() {
    let scene = Box::pin(Scene::start()).await;
    // The webhook's address is one where nobody listens yet.
    let nobody = format!("http://127.0.0.1:{}/alarms", free_port().unwrap());
    let (receiver, url) = Receiver::start().await;
    let look = async |webhook: &str| {
        let mut config = scene.config().await;
        config.webhook = Some(webhook.to_owned());
        let key = signer(&Devnet::account("auditor"));
        // An auditor that is killed while it delivers.
        let run = auditor::run(config, Some(key), std::future::pending());
        let ended = tokio::time::timeout(Duration::from_secs(15), run).await;
        ended.ok().map(Result::unwrap)
    };
    assert_eq!(look(&nobody).await, None);

    // The next start delivers what was found before, though its first try is refused.
    receiver.answers.lock().unwrap().push_back(StatusCode::INTERNAL_SERVER_ERROR);
    let standing = Some(Ended { alarms_standing: 1, alarms_undelivered: 0 });
    assert_eq!(look(&url).await, standing);
    let told = [AlarmKind::Unavailable, AlarmKind::Unavailable, AlarmKind::Acted];
    assert_eq!(receiver.kinds(), told);
    // Nothing is said twice, and nothing demanded twice.
    assert_eq!(look(&url).await, standing);
    assert_eq!(receiver.kinds(), told);

    scene.world.advance(WINDOW_S + 1).await;
    assert_eq!(look(&url).await, standing);
    let over = Some(Ended { alarms_standing: 0, alarms_undelivered: 0 });
    assert_eq!(look(&url).await, over);
    assert_eq!(receiver.kinds()[3..], [AlarmKind::Acted, AlarmKind::Cleared]);
    let filed = receiver.acted_on(scene.proposal.counter);
    assert!(filed[1].contains("\"action\":\"expired\""), "{filed:?}");
}
