//! What judging costs: disproofs, demands and their answers, forced receipts, assents.
//!
//! The dearest disproofs are measured: the word of an entry, and a receipt that was forced or assented to and is not there.

use anyhow::{Context, ensure};
use tatum_chain::Assent;
use tatum_chain::bindings::{Assents, ForcedReceipts, IAssents, ISettlement, demands, disproofs};
use tatum_merkle::SumTree;
use tatum_primitives::{
    B256, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey, U256, keccak256,
};
use tatum_receipt::{DeliveryReceipt, SignedReceipt, Verifier};

use alloy::primitives::Bytes;
use alloy::providers::{DynProvider, Provider};
use alloy::sol_types::SolValue;

use super::deep::Deep;
use super::{
    BEFORE_PROPOSALS_S, Bench, EPOCH_S, Figures, NODE, REGISTERED, mined, note, receipt, send,
};

/// Coins for an answer: far more than its price.
const OFFER_WEI: u128 = 100_000_000_000_000_000;
/// Lines of an edges list are not looked at but for their keys.
const EDGE_BYTES: usize = 80;

/// What an epoch's proposals are measured with.
struct Case {
    receipts: Vec<Vec<u8>>,
    shown: Vec<Vec<u8>>,
    forced: Vec<u8>,
    forced_hash: B256,
}

impl Bench {
    /// Everything in the first epoch that has no distribution yet.
    pub(super) async fn settling(
        &self,
        tree: &SumTree,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let deployment = self.devnet.deployment().clone();
        let disproofs = disproofs::Disproofs::new(deployment.disproofs, self.provider.clone());
        let running = self.pool.currentEpoch().call().await.context("reading the epoch")?;
        let case = self.forcing(running, figures).await?;
        let shown = Deep::new(&case.shown)?;
        // To the running epoch's end, and its assents; then all before it become final.
        let into = self.reach_epoch().await?;
        self.devnet.anvil().advance(EPOCH_S - into + 1).await?;
        send!(self.pool.closeEpochs(), "closing an epoch");
        self.assenting(running, &shown, figures).await?;
        self.devnet.anvil().advance(BEFORE_PROPOSALS_S).await?;
        while self.distributor.nextEpoch().call().await.context("reading the epoch")? < running {
            let (proposal, _) = self.propose(self.draft(tree.top().0).await?).await?;
            self.finalize(proposal).await?;
        }
        self.disproving(&disproofs, &case, &shown, tree, figures).await?;
        self.demanding(&case, tree, figures).await
    }

    async fn reach_epoch(&self) -> anyhow::Result<u64> {
        let latest = self.provider.get_block_by_number(Default::default()).await?;
        let time = latest.context("no block")?.header.timestamp;
        let genesis = self.pool.genesis().call().await.context("reading the genesis")?;
        Ok((time - genesis) % EPOCH_S)
    }

    /// The second forced receipt of an epoch is measured.
    async fn forcing(&self, epoch: u64, figures: &mut Figures) -> anyhow::Result<Case> {
        let forced =
            ForcedReceipts::new(self.devnet.deployment().forced_receipts, self.provider.clone());
        // What is left out has its place between the fourth and the fifth.
        let readers = [0, 1, 2, 3, 100, 101, 102, 103];
        let receipts: Vec<_> = readers.iter().map(|reader| self.signed(epoch, *reader)).collect();
        let mut shown = receipts.clone();
        shown[3] = self.signed(epoch, 51);
        let ours = self.signed(epoch, 50);
        for (name, one) in
            [("force_receipt_first", self.signed(epoch, 49)), ("force_receipt", ours.clone())]
        {
            let call = forced.forceReceipts(epoch, vec![Bytes::from(one)]);
            note(figures, name, send!(call, "forcing a receipt"));
        }
        let forced_hash = forced.hashOf(epoch).call().await.context("reading the forced hash")?;
        let lines = receipts.into_iter().zip(0_u32..).map(|(signed, source)| line(signed, source));
        Ok(Case { receipts: lines.collect(), shown, forced: ours, forced_hash })
    }

    /// The first operator has more than half of the bond; the third round has ten signers more than the second.
    async fn assenting(
        &self,
        epoch: u64,
        shown: &Deep,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let deployment = self.devnet.deployment();
        let assents = Assents::new(deployment.assents, self.provider.clone());
        let mut gas = Vec::new();
        for (round, signers) in [(1, 1), (2, 1), (3, REGISTERED)] {
            let assent = Assent { round, list: shown.commitment() };
            let signature = assent.sign(deployment, Epoch(epoch), &self.owner);
            let words = vec![Bytes::from(signature.0.to_vec()); usize::try_from(signers)?];
            let list = IAssents::Assent { round, count: assent.list.count, top: assent.list.top };
            let call = assents.assent(epoch, list, (0..signers).collect(), words);
            gas.push(send!(call, "assenting"));
        }
        note(figures, "assent_first", gas[0]);
        note(figures, "assent_per_operator", (gas[2] - gas[1]).div_ceil(u64::from(REGISTERED - 1)));
        Ok(())
    }

    /// Three, and the dearest of them. Nobody was paid for a disproof before, which makes none of them dearer.
    async fn disproving(
        &self,
        disproofs: &disproofs::Disproofs::DisproofsInstance<DynProvider>,
        case: &Case,
        shown: &Deep,
        tree: &SumTree,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let edges_lines = edges();
        let (receipts, edges) = (Deep::new(&case.receipts)?, Deep::new(&edges_lines)?);
        let lie = self.lie(case, &receipts, &edges, tree).await?;
        let entry = entry(tree, gap(&edges, &edges_lines, 4)?)?;
        let entry_gas = send!(disproofs.badEntry(lie, entry), "disproving an entry");

        let lie = self.lie(case, &receipts, &edges, tree).await?;
        let around = gap(&receipts, &case.receipts, 4)?;
        let call = disproofs.ignoredForced(lie, case.forced.clone().into(), around.clone());
        let forced_gas = send!(call, "showing what was ignored");

        let lie = self.lie(case, &receipts, &edges, tree).await?;
        let leaf = case.shown[3].clone().into();
        let assented = disproofs::ISettlement::Line { index: 3, leaf, path: shown.path(3)? };
        let call = disproofs.ignoredAssented(lie, assented, around);
        let assented_gas = send!(call, "showing what was ignored of the assented");

        note(figures, "disprove_entry", entry_gas);
        note(figures, "disprove_ignored_forced", forced_gas);
        note(figures, "disprove_ignored_assented", assented_gas);
        note(figures, "disprove_max", entry_gas.max(forced_gas).max(assented_gas));
        Ok(())
    }

    /// A line, which has the longest path, and 64 words.
    async fn demanding(
        &self,
        case: &Case,
        tree: &SumTree,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let contract =
            demands::Demands::new(self.devnet.deployment().demands, self.provider.clone());
        let many: Vec<_> =
            (0..64_u8).map(|i| [case.receipts[0].as_slice(), &[i]].concat()).collect();
        let (receipts, edges) = (Deep::new(&many)?, Deep::new(&edges())?);
        let lie = self.lie(case, &receipts, &edges, tree).await?;
        let proposal = demands::ISettlement::Proposal::abi_decode(&lie.abi_encode())?;
        let none = asked(0, 0, 0, 0, B256::ZERO);
        let line = asked(lie.counter, 0, 3, 0, keccak256(&many[3]));
        let words = asked(lie.counter, 6, 0, 64, receipts.real_top());
        for (name, what, path) in [
            ("demand", &line, receipts.path(3)?),
            ("demand_words", &words, receipts.path_above().to_vec()),
        ] {
            let call = contract
                .demand(proposal.clone(), what.clone(), path, none.clone())
                .value(U256::from(OFFER_WEI));
            note(figures, name, send!(call, "demanding"));
        }
        let call = contract.answerLine(line, many[3].clone().into());
        note(figures, "answer_line", send!(call, "showing a line"));
        let call = contract.answerWords(words, receipts.real_words());
        note(figures, "answer", send!(call, "showing words"));
        Ok(())
    }

    /// A proposal whose lists have 16 million lines.
    async fn lie(
        &self,
        case: &Case,
        receipts: &Deep,
        edges: &Deep,
        tree: &SumTree,
    ) -> anyhow::Result<disproofs::ISettlement::Proposal> {
        let (receipts, edges) = (receipts.commitment(), edges.commitment());
        let draft = ISettlement::Draft {
            receiptsTop: receipts.top,
            receiptsCount: receipts.count,
            edgesTop: edges.top,
            edgesCount: edges.count,
            forcedHash: case.forced_hash,
            ..self.draft(tree.top().0).await?
        };
        let (proposal, _) = self.propose(draft).await?;
        Ok(disproofs::ISettlement::Proposal::abi_decode(&proposal.abi_encode())?)
    }

    /// A receipt of this account for the first operator, with its signature.
    fn signed(&self, epoch: u64, reader: u32) -> Vec<u8> {
        let receipt = DeliveryReceipt {
            payer: self.owner.address(),
            operator_id: OperatorId(0),
            node: NodeId(NODE),
            stream_key: StreamKey(B256::repeat_byte(1)),
            role: Role::Subscriber,
            reader: ReaderId(reader),
            epoch: Epoch(epoch),
            sequence: 1,
            messages: 10,
            bytes: 1000,
            bytes_on_time: 900,
            contents: keccak256("contents"),
            channel: B256::ZERO,
            owed: 0,
        };
        let verifier = Verifier::new(self.devnet.deployment().domain());
        SignedReceipt::sign(receipt, &self.owner, &verifier).encode().to_vec()
    }
}

/// A word in the middle of the tree, which is said to be wrong; the tree before had the same.
fn entry(
    tree: &SumTree,
    around: disproofs::ISettlement::Gap,
) -> anyhow::Result<disproofs::Disproofs::EntryOpening> {
    let place = 54_321_u32;
    let siblings = tree.proof(OperatorId(place))?.siblings;
    let path: Vec<_> = siblings.iter().map(|word| word.0).collect();
    let word = tree.word(0, u64::from(place)).0;
    let old_path = path.clone();
    Ok(disproofs::Disproofs::EntryOpening {
        place,
        word,
        path,
        oldWord: word,
        oldPath: old_path,
        around,
    })
}

fn line(signed: Vec<u8>, source: u32) -> Vec<u8> {
    [signed.as_slice(), &keccak256("totals").0, &source.to_be_bytes()].concat()
}

/// Lines of operators 0, 0, 0, 0, and from 90 000 on.
fn edges() -> Vec<Vec<u8>> {
    let ids = [0_u32, 0, 0, 0, 90_000, 90_001, 90_002, 90_003];
    ids.iter()
        .zip(0_u8..)
        .map(|(id, payer)| {
            let mut line = vec![0; EDGE_BYTES];
            line[..4].copy_from_slice(&id.to_be_bytes());
            line[4] = payer;
            line
        })
        .collect()
}

fn gap(list: &Deep, lines: &[Vec<u8>], index: u32) -> anyhow::Result<disproofs::ISettlement::Gap> {
    let side = |at: Option<u32>| -> anyhow::Result<(Bytes, Vec<B256>)> {
        let Some(at) = at else { return Ok(Default::default()) };
        let line = lines.get(usize::try_from(at)?).context("no such line")?;
        Ok((line.clone().into(), list.path(at)?))
    };
    let ((left, left_path), (right, right_path)) =
        (side(index.checked_sub(1))?, side(Some(index))?);
    Ok(disproofs::ISettlement::Gap {
        index,
        left,
        leftPath: left_path,
        right,
        rightPath: right_path,
    })
}

fn asked(counter: u64, level: u8, index: u32, words: u8, word: B256) -> demands::IDemands::Asked {
    demands::IDemands::Asked { counter, tree: 0, level, index, words, word }
}
