//! A cheat of every kind, whatever it shows, against an auditor that holds no stake.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tatum_aggregator::auditor::{self, Config};
use tatum_aggregator::judge;
use tatum_chain::{Assent, Chain, Draft, EpochFacts, Fate, Proposal};
use tatum_dataset::Dataset;
use tatum_merkle::{Entry, SumTree, Word};
use tatum_primitives::{Epoch, Nano, OperatorId, ReaderId, U256};
use tatum_receipt::SignedReceipt;
use tatum_test_utils::Devnet;
use tatum_watcher::adversary::{Draft as Lines, World as Epochs};
use tatum_watcher::{EdgeLeaf, FORCED, Kept, Kind, ListData, ProposalData, ReceiptLeaf};
use tokio::sync::oneshot;

use crate::auditor::Receiver;
use crate::world::{EPOCH_S, GRACE_S, PATIENCE, Service, World, copy_folder, signer};

const WINDOW_S: u64 = 1_200;
const FORCE_S: u64 = 60;
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9/v1/epochs/2";

/// Epoch 1 is final. Operators assented to the receipts of epoch 2 and one more was forced; our aggregator has proposed what
/// is right, and is away.
pub(crate) struct Scene {
    pub(crate) world: World,
    /// Our datasets.
    pub(crate) datasets: PathBuf,
    /// What our proposal commits to.
    pub(crate) right: Proposal,
    /// A receipt that its payer signed and nobody assented to or forced.
    extra: SignedReceipt,
    epoch: Epochs,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let world = World::start_with(WINDOW_S, FORCE_S).await;
        let service = Service::start(&world, "data", "proposer").await;
        let datasets = service.datasets.clone();
        world.hand_in(&service.url, &world.traffic(1)).await;
        world.advance(EPOCH_S + GRACE_S + FORCE_S).await;
        world.until_final(&service.url, 1).await;
        let traffic = world.traffic(2);
        world.hand_in(&service.url, &traffic).await;

        world.advance_to_end_of(2, 1).await;
        let (_, newest) = traffic.split_at(traffic.len() - 3);
        let assented = assent(&world, newest, &datasets).await;
        let forced = of_another_reader(&world, 7);
        world.operators[0].chain.force_receipts(Epoch(2), &[forced]).await.unwrap();
        world.advance(GRACE_S + FORCE_S).await;
        world.until(&service.url, 2, |epoch| epoch["state"] == "proposed").await;
        service.stop().await;
        let right = world.open(2).await.remove(0);
        let reader = world.reader().await;
        let inputs = reader.epoch_inputs(Epoch(2)).await.unwrap();
        let facts = reader.epoch_facts(&inputs).await.unwrap();
        let previous = final_tree(&reader, &datasets).await;
        let epoch = epoch(&facts, &right, previous, assented);
        let extra = of_another_reader(&world, 9);
        Self { world, datasets, right, extra, epoch }
    }

    /// What is right, to be changed.
    fn lines(&self) -> Lines {
        self.epoch.right()
    }

    /// The lie that only this rule finds, or that it finds first.
    fn lie(&self, kind: Kind) -> Lines {
        let mut lines = self.lines();
        let receipts = lines.signed().unwrap();
        let of = |receipts: &[(SignedReceipt, u32)]| Lines::of(receipts, &self.epoch);
        let without = |forced: bool| {
            let dropped = receipts.iter().position(|(_, at)| (*at == FORCED) == forced).unwrap();
            let kept = receipts.iter().enumerate().filter(|(at, _)| *at != dropped);
            of(&kept.map(|(_, one)| one.clone()).collect::<Vec<_>>())
        };
        match kind {
            // A signature that is nobody's.
            Kind::BadReceipt => lines.receipts[0][213 + 5] ^= 1,
            Kind::BadReceiptStep => change_receipt(&mut lines, |line| line.payer_units += 1),
            Kind::BadEdge => {
                change_edge(&mut lines, |edge| edge.nano = Nano(edge.nano.0 + 1));
                lines.retotal_edges();
            }
            Kind::BadEdgeStep => lines.work_nano = Nano(lines.work_nano.0 - 1),
            Kind::BadEdgeUnits => change_edge(&mut lines, |edge| {
                (edge.units, edge.payer_units) = (2 * edge.units, 2 * edge.payer_units);
            }),
            Kind::MissingEdge => {
                lines.edges.pop();
                lines.retotal_edges();
                lines.rebuild_entries(&self.epoch);
            }
            Kind::IgnoredForced => lines = without(true),
            Kind::IgnoredAssented => lines = without(false),
            Kind::BadEntry => self.shift_entries(&mut lines),
            Kind::Extra => {
                let mut receipts = receipts;
                receipts.push((self.extra.clone(), FORCED));
                receipts.sort_by_key(|(signed, _)| signed.receipt.key());
                lines = of(&receipts);
            }
        }
        lines
    }

    /// Operator 0 gets a nano of operator 1's.
    fn shift_entries(&self, lines: &mut Lines) {
        for (id, more) in [(0u32, 1), (1, -1)] {
            let place = usize::try_from(id).unwrap();
            let nano = lines.entries[place].sum().0.checked_add_signed(more).unwrap();
            let payout = self.epoch.facts.operators[place].payout;
            let (operator_id, cumulative_nano) = (OperatorId(id), Nano(nano));
            lines.entries[place] = Word::leaf(&Entry { operator_id, payout, cumulative_nano });
        }
    }

    /// Proposes a lie, of which the cheat says that its data is ours.
    pub(crate) async fn propose(&self, kind: Kind) -> Cheat {
        let chain = self.world.stranger(kind.name()).await;
        let (judged, data) = self.lie(kind).propose(&self.epoch);
        let draft = Draft {
            receipts: judged.receipts,
            edges: judged.edges,
            entries_top: judged.entries_top,
            work_nano: judged.work_nano,
            ..self.right.draft
        };
        chain.propose(&draft, NOWHERE).await.unwrap();
        let account = chain.account().unwrap();
        let made = self.world.open(2).await.into_iter().find(|p| p.proposer == account);
        Cheat { kind, chain, proposal: made.unwrap(), data }
    }
}

/// A cheat that shows whatever it is asked for.
pub(crate) struct Cheat {
    pub(crate) kind: Kind,
    chain: Chain,
    pub(crate) proposal: Proposal,
    data: ProposalData,
}

impl Cheat {
    /// Answers every demand until its proposal is over.
    async fn answer(&self) {
        while self.chain.standing(self.proposal.counter).await.unwrap().open {
            for demand in self.chain.demands(&self.proposal).await.unwrap() {
                let shown = judge::answer(&demand, &self.proposal.draft, &self.data);
                if let (None, Some(shown)) = (&demand.shown, shown) {
                    // It may be cancelled meanwhile.
                    let _ = self.chain.answer(&demand.asked, &shown).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn change_receipt(lines: &mut Lines, change: impl FnOnce(&mut ReceiptLeaf)) {
    let mut line = ReceiptLeaf::decode(&lines.receipts[1]).unwrap();
    change(&mut line);
    lines.receipts[1] = line.encode();
}

fn change_edge(lines: &mut Lines, change: impl FnOnce(&mut EdgeLeaf)) {
    let mut edge = EdgeLeaf::decode(&lines.edges[0]).unwrap();
    change(&mut edge);
    lines.edges[0] = edge.encode();
}

/// A receipt of payer 0 for operator 0, from a reader that our aggregator never heard of.
fn of_another_reader(world: &World, reader: u32) -> SignedReceipt {
    let mut receipt = world.receipt(0, 0, 2, 1).receipt;
    receipt.reader = ReaderId(reader);
    world.sign(0, receipt)
}

/// Both operators sign the list of `receipts`, which is put where our aggregator finds it.
async fn assent(world: &World, receipts: &[SignedReceipt], datasets: &Path) -> ListData {
    let leaves: Vec<Vec<u8>> = receipts.iter().map(|signed| signed.encode().to_vec()).collect();
    let list = ListData::new(leaves.clone()).unwrap();
    let assent = Assent { round: 1, list: list.commitment() };
    let deployment = world.devnet.deployment();
    let signed = world.operators.iter().enumerate().map(|(n, operator)| {
        let owner = Devnet::account(&format!("operator {n}"));
        (operator.id, assent.sign(deployment, Epoch(2), &owner))
    });
    let signatures = signed.collect();
    world.operators[0].chain.assent(Epoch(2), assent, signatures).await.unwrap();
    let folder = datasets.join("assents");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{}.receipts", assent.list.top));
    std::fs::write(file, leaves.concat()).unwrap();
    list
}

async fn final_tree(reader: &Chain, datasets: &Path) -> SumTree {
    let before = reader.final_proposal(Epoch(1)).await.unwrap().unwrap();
    let folder = datasets.join(before.draft.manifest_hash.to_string());
    Dataset::open(&folder).unwrap().tree().unwrap()
}

/// The epoch as whoever lies at random has it.
fn epoch(facts: &EpochFacts, right: &Proposal, previous: SumTree, assented: ListData) -> Epochs {
    let kept = Kept { previous, assented: Some(assented), forced: facts.forced.receipts.clone() };
    Epochs { facts: facts.of(right), kept, signed: vec![], keys: vec![], chosen: vec![] }
}

/// An auditor's account has gas and nothing else.
pub(crate) async fn auditor_config(world: &World, datasets: &Path) -> Config {
    let account = Devnet::account("auditor").address();
    world.devnet.anvil().fund(account).await.unwrap();
    let mut config = Config::new(
        world.folder.path().join("auditor"),
        world.devnet.rpc_url().to_owned(),
        world.devnet.deployment_file().to_owned(),
    );
    config.dataset = Some(datasets.display().to_string());
    config.challenge = true;
    config.poll = Duration::from_millis(200);
    config
}

#[tokio::test]
async fn a_cheat_of_every_kind_is_disproved_by_an_auditor_without_a_stake() {
    let scene = Box::pin(Scene::start()).await;
    // The right lines, worked out another way, are what our aggregator proposed.
    let (judged, _) = scene.lines().propose(&scene.epoch);
    assert_eq!(judged, scene.right.draft.judged());

    let mut cheats = Vec::new();
    for kind in Kind::ALL {
        cheats.push(scene.propose(kind).await);
    }
    let known = scene.world.folder.path().join("known");
    for folder in std::fs::read_dir(&scene.datasets).unwrap() {
        let folder = folder.unwrap();
        copy_folder(&folder.path(), &known.join(folder.file_name()));
    }
    let mut config = auditor_config(&scene.world, &known).await;
    let (receiver, url) = Receiver::start().await;
    config.webhook = Some(url);
    config.from = Some(Epoch(2));
    let (stop, stopped) = oneshot::channel();
    let key = signer(&Devnet::account("auditor"));
    let shutdown = async { stopped.await.unwrap_or_default() };
    let running = tokio::spawn(auditor::run(config, Some(key), shutdown));
    let answering = futures_util::future::join_all(cheats.iter().map(Cheat::answer));
    tokio::time::timeout(3 * PATIENCE, answering).await.unwrap();

    let reader = scene.world.reader().await;
    let records = reader.proposals(Epoch(2)).await.unwrap();
    assert_eq!(records.len(), 1 + Kind::ALL.len());
    for record in &records {
        let ours = record.proposal == scene.right;
        let expected = if ours { Fate::Open } else { Fate::Cancelled };
        assert_eq!(record.fate, expected, "{}", record.proposal.counter);
    }
    // Half of each bond, and nothing of the auditor's own.
    let bonds = records
        .iter()
        .filter(|record| record.fate == Fate::Cancelled)
        .map(|record| reader.proposal_bond_wei(record.proposal.draft.receipts.count, true));
    let bonds_wei = futures_util::future::try_join_all(bonds).await.unwrap();
    let reward_wei = bonds_wei.iter().fold(U256::ZERO, |sum, wei| sum + *wei / U256::from(2));
    let account = Devnet::account("auditor").address();
    let paid = async {
        while reader.balance_wei(account).await.unwrap() < reward_wei {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, paid).await.unwrap();
    assert_eq!(reader.balance_wei(account).await.unwrap(), reward_wei);
    let auditor = scene.world.devnet.connect(&Devnet::account("auditor")).await.unwrap();
    assert_eq!(auditor.stranded_demands().await.unwrap(), []);
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    for Cheat { kind, proposal, .. } in &cheats {
        let rule = format!("\"rule\":\"{}\"", kind.name());
        let said = receiver.acted_on(proposal.counter);
        assert!(said.iter().any(|said| said.contains(&rule)), "{}: {said:?}", kind.name());
    }

    // What is right becomes final.
    let service = Service::start(&scene.world, "data", "proposer").await;
    scene.world.advance(WINDOW_S).await;
    let settled = scene.world.until_final(&service.url, 2).await;
    let root = reader.root_of(&scene.right).await.unwrap().0;
    assert_eq!(settled["root"], root.to_string());
    service.stop().await;
}
