//! A bonded proposer that takes from an operator what it was promised, with its tree published and with its tree kept back.

use std::path::{Path, PathBuf};

use tatum_aggregator::audit::{self, Challenge, DatasetSource};
use tatum_chain::{Chain, ChainError, Proposal, ProposedEvent};
use tatum_dataset::{Dataset, Operator, Parameters, Payer, Writer};
use tatum_primitives::{B256, Bps, Epoch, Nano, OperatorId, U256};

use crate::world::{EPOCH_S, Service, WINDOW_S, World, copy_folder};

/// Epoch 1 is final by our aggregator; epoch 2 has ended while that was away, and a cheat's proposal for it is pending.
struct Scene {
    world: World,
    /// Holds the final dataset of epoch 1, nothing else.
    datasets: PathBuf,
    cheat: Chain,
    auditor: Chain,
    event: ProposedEvent,
    bond_wei: U256,
}

impl Scene {
    /// The cheat's dataset lies below `published`, which only it knows.
    async fn start(published: &str) -> Self {
        let world = World::start().await;
        let service = Service::start(&world, "data", "proposer").await;
        world.hand_in(&service.url, &world.traffic(1)).await;
        world.advance(EPOCH_S + 60).await;
        let settled = world.until_final(&service.url, 1).await;
        world.hand_in(&service.url, &world.traffic(2)).await;
        service.stop().await;
        world.advance(EPOCH_S + 60).await;

        let hash = settled["manifest_hash"].as_str().unwrap();
        let datasets = world.folder.path().join("auditor");
        copy_folder(&world.folder.path().join("data/datasets").join(hash), &datasets.join(hash));
        let cheat = world.stranger("rival").await;
        let auditor = world.stranger("auditor").await;
        cheat.close_epochs().await.unwrap();
        cheat.ensure_proposer_bond().await.unwrap();
        let bond_wei = cheat.proposer_bond_of_wei(cheat.account().unwrap()).await.unwrap();
        let folder = world.folder.path().join(published);
        std::fs::create_dir_all(&folder).unwrap();
        let proposal = without_history(&cheat, &folder).await;
        cheat.propose(proposal).await.unwrap();
        let event = world.pending(2).await;
        Self { world, datasets, cheat, auditor, event, bond_wei }
    }

    async fn challenge(&self) -> Challenge {
        let source = DatasetSource::Folder(self.datasets.clone());
        audit::challenge(&self.auditor, Epoch(2), Some(source)).await.unwrap()
    }

    /// The cheat has paid, the auditor is rewarded, and our aggregator's proposal becomes final.
    async fn is_put_right(&self, held_wei: U256) {
        let cheat = self.cheat.account().unwrap();
        assert_eq!(self.cheat.proposer_bond_of_wei(cheat).await.unwrap(), U256::ZERO);
        let auditor = self.auditor.account().unwrap();
        let reward_wei = self.bond_wei / U256::from(2);
        assert_eq!(self.auditor.balance_wei(auditor).await.unwrap(), held_wei + reward_wei);
        // Bonded again, the cheat has to wait: those who were bonded before come first.
        self.cheat.ensure_proposer_bond().await.unwrap();
        let again = self.cheat.propose(self.event.proposal.clone()).await.unwrap_err();
        assert!(again.to_string().contains("ProposalsReserved"), "{again}");

        let service = Service::start(&self.world, "data", "proposer").await;
        let settled = self.world.until_final(&service.url, 2).await;
        assert_ne!(settled["root"], self.event.proposal.root.to_string());
        assert_eq!(settled["receipts"], 3);
        let source = Some(DatasetSource::Folder(service.datasets.clone()));
        let report = audit::epoch(&self.auditor, Epoch(2), source).await.unwrap();
        assert!(report.ok, "{}", serde_json::to_string_pretty(&report).unwrap());
        service.stop().await;
    }
}

/// What a cheat's proposal is made from.
pub(crate) struct Forgery {
    pub(crate) parameters: Parameters,
    pub(crate) operators: Vec<Operator>,
    pub(crate) previous_nano: Vec<Nano>,
}

/// A proposal for epoch 2 that forgets what was promised before and gives all funds to operator 0.
async fn without_history(chain: &Chain, folder: &Path) -> Proposal {
    // The cheat says that operator 1, which earned most, has no bond.
    forged(chain, folder, |forgery| forgery.operators[1].bond_wei = 0).await
}

/// A proposal for epoch 2 that is `change`d from one without history and without receipts. Its dataset is put below
/// `folder`, and nobody listens where it is said to be.
pub(crate) async fn forged(
    chain: &Chain,
    folder: &Path,
    change: impl FnOnce(&mut Forgery),
) -> Proposal {
    let inputs = chain.epoch_inputs(Epoch(2)).await.unwrap();
    let deployment = chain.deployment();
    let parameters = Parameters {
        chain_id: deployment.chain_id,
        stake_pool: deployment.stake_pool,
        distributor: deployment.distributor,
        epoch: Epoch(2),
        block_number: inputs.block_number,
        block_hash: inputs.block_hash,
        pool_bps: Bps::ONE,
        pool_limit_bps: Bps::new(0).unwrap(),
        grace_ms: 0,
        pot_nano: Nano::from_wei_down(inputs.pot_wei).unwrap(),
        available_nano: Nano::from_wei_down(inputs.funded_through_wei).unwrap(),
        previous_total_nano: Nano::ZERO,
        previous_manifest_hash: None,
        assented: None,
        forced_hash: B256::ZERO,
    };
    let payers = inputs.payers.iter().map(|payer| Payer {
        payer: payer.payer,
        fee_wei: payer.fee_wei,
        quota_bytes: payer.quota_bytes,
    });
    let operators = inputs.operators.iter().map(|operator| Operator {
        operator_id: operator.id,
        payout: operator.payout,
        bond_wei: operator.bond_wei,
        capacity_bytes: operator.capacity_bytes,
    });
    let (payers, operators) = (payers.collect(), operators.collect());
    let mut forgery = Forgery { parameters, operators, previous_nano: vec![] };
    change(&mut forgery);
    let Forgery { parameters, operators, previous_nano } = forgery;
    let writer = Writer::create(folder, parameters, payers, operators, previous_nano).unwrap();
    let written = writer.finish().unwrap();
    let results = &written.manifest.results;
    Proposal {
        epoch: Epoch(2),
        root: results.root.0,
        receipts_root: results.receipts_root(),
        manifest_hash: written.manifest_hash,
        uri: "http://127.0.0.1:9/v1/epochs/2".to_owned(),
    }
}

#[tokio::test]
async fn a_cheats_proposal_is_challenged_and_ours_gets_through() {
    let scene = Scene::start("auditor").await;
    // Meanwhile our aggregator says what it sees and does not fight it.
    let service = Service::start(&scene.world, "data", "proposer").await;
    let watched = |epoch: &serde_json::Value| {
        epoch["note"].as_str().is_some_and(|note| note.contains("proposed another root"))
    };
    scene.world.until(&service.url, 2, watched).await;
    service.stop().await;

    let held_wei = scene.auditor.balance_wei(scene.auditor.account().unwrap()).await.unwrap();
    let challenge = scene.challenge().await;
    let Challenge::Decreased { operator_id, final_nano, proposed_nano, .. } = &challenge else {
        panic!("{challenge:?}");
    };
    let folder = scene.datasets.join(scene.event.proposal.manifest_hash.to_string());
    let proposed = Dataset::open(&folder).unwrap().tree().unwrap();
    let left = proposed.entry(*operator_id).unwrap().cumulative_nano;
    assert_eq!((operator_id.0, proposed_nano), (1, &left.0.to_string()));
    assert!(final_nano.parse::<u64>().unwrap() > left.0);
    scene.is_put_right(held_wei).await;
}

#[tokio::test]
async fn a_cheat_that_keeps_its_tree_back_is_asked_and_cancelled() {
    let scene = Scene::start("secret").await;
    let held_wei = scene.auditor.balance_wei(scene.auditor.account().unwrap()).await.unwrap();
    let challenge = scene.challenge().await;
    assert!(
        matches!(&challenge, Challenge::Demanded { operator_id, .. } if operator_id.0 == 1),
        "{challenge:?}"
    );
    let challenge = scene.challenge().await;
    assert!(matches!(challenge, Challenge::Awaited { .. }), "{challenge:?}");

    // The cheat has nothing to show: its entry promises too little.
    let folder = scene.world.folder.path().join("secret");
    let folder = folder.join(scene.event.proposal.manifest_hash.to_string());
    let tree = Dataset::open(&folder).unwrap().tree().unwrap();
    let siblings = tree.proof(OperatorId(1)).unwrap().siblings.iter().map(|word| word.0).collect();
    let entry = tree.entry(OperatorId(1)).unwrap().encode();
    let shown = scene.cheat.answer_demand(scene.event.proposal.clone(), entry, siblings).await;
    assert!(matches!(shown, Err(ChainError::Refused { .. })), "{shown:?}");

    scene.world.advance(WINDOW_S + 1).await;
    let challenge = scene.challenge().await;
    assert!(
        matches!(&challenge, Challenge::Unanswered { operator_id, .. } if operator_id.0 == 1),
        "{challenge:?}"
    );
    scene.is_put_right(held_wei).await;
}
