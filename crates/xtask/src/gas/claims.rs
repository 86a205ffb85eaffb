//! What operators are paid by: proposals, their finalization, claims.

use anyhow::{Context, ensure};
use tatum_merkle::{Entry, SumTree};
use tatum_primitives::{Address, B256, Nano, OperatorId, U256, keccak256};

use alloy::providers::Provider;

use super::{
    BEFORE_PROPOSALS_S, Bench, Figures, NODE, REGISTERED, data, mined, note, receipt, send,
};

/// Deep enough for proofs of 17 words.
const OPERATORS: u32 = 100_000;
/// In the middle of the tree, at the start of no subtree.
const CLAIMANT: u32 = 54_321;
const RUN_START: u32 = 40_004;

impl Bench {
    /// Distributions over 100 000 operators; everything is measured in the second. The tree that is final then.
    pub(super) async fn claiming(&self, figures: &mut Figures) -> anyhow::Result<SumTree> {
        self.register().await?;
        self.next_epoch().await?;
        let registered = self.pool.closedEpochs().call().await.context("reading the epoch")?;
        self.next_epoch().await?;
        self.devnet.anvil().advance(BEFORE_PROPOSALS_S).await?;
        // Nobody was there before, so there is one place and nobody at it.
        for _ in 0..registered {
            let (proposal, _) = self.propose(self.draft(B256::ZERO).await?).await?;
            self.finalize(proposal).await?;
        }
        let mut measured = Figures::new();
        let mut last = None;
        for round in 1..=2 {
            let tree = tree(round)?;
            let (proposal, gas) = self.propose(self.draft(tree.top().0).await?).await?;
            note(&mut measured, "propose", gas);
            note(&mut measured, "finalize", self.finalize(proposal).await?);
            self.claims(&tree, &mut measured).await?;
            self.next_epoch().await?;
            self.devnet.anvil().advance(BEFORE_PROPOSALS_S).await?;
            last = Some(tree);
        }
        figures.append(&mut measured);
        last.context("no round was measured")
    }

    /// A few operators, the first with most of the bond; the registry is told that there are as many as in the trees, for
    /// 100 000 registrations would take minutes.
    async fn register(&self) -> anyhow::Result<()> {
        let bond = self.registry.minimumBondWei().call().await.context("reading the bond")?;
        for _ in 0..REGISTERED {
            let call =
                self.registry.register(self.owner.address(), bond.to(), u64::MAX, String::new());
            send!(call, "registering");
        }
        send!(self.registry.addBond(0, data(1_000_000).to()), "bonding");
        send!(self.registry.addNode(0, NODE), "adding a node");
        let slot = U256::from_be_bytes(keccak256(B256::ZERO).0);
        let registry = *self.registry.address();
        let checkpoint = self.provider.get_storage_at(registry, slot).await?;
        let epoch = checkpoint & U256::from((1_u64 << 48) - 1);
        let value = B256::from(epoch | (U256::from(OPERATORS) << 48));
        let () = self
            .provider
            .raw_request("anvil_setStorageAt".into(), (registry, B256::from(slot), value))
            .await
            .map(|_: bool| ())
            .context("setting the number of operators")?;
        let count = self.registry.operatorCount(u64::MAX).call().await.context("counting")?;
        ensure!(count == OPERATORS, "the registry counts {count} operators");
        Ok(())
    }

    async fn claims(&self, tree: &SumTree, figures: &mut Figures) -> anyhow::Result<()> {
        let id = OperatorId(CLAIMANT);
        let proof = tree.proof(id)?;
        ensure!(tree.depth() == 17, "the tree is {} deep", tree.depth());
        let words = proof.siblings.iter().map(|word| word.0).collect();
        let call = self.distributor.claim(tree.entry(id)?.encode(), words);
        note(figures, "claim", send!(call, "claiming"));
        for (name, start, count) in [
            ("claim_range_per_operator", RUN_START, 256_u32),
            ("claim_range_512_per_operator", RUN_START + 1000, 512),
        ] {
            let (entries, range) = tree.range(OperatorId(start), OperatorId(start + count - 1))?;
            let entries = entries.iter().map(Entry::encode).collect();
            let boundary = range.boundary.iter().map(|word| word.0).collect();
            let call = self.distributor.claimRange(entries, boundary, U256::from(range.depth));
            let gas = send!(call, "claiming a range");
            note(figures, name, gas.div_ceil(u64::from(count)));
        }
        Ok(())
    }
}

/// All operators' entries after `round` distributions; amounts differ, and the second round is above the first everywhere.
fn tree(round: u64) -> anyhow::Result<SumTree> {
    let entries = (0..OPERATORS).map(|id| {
        let seed = keccak256(id.to_be_bytes());
        let share = u64::from(seed.0[0]) * 100_000 + 10_000_000;
        Entry {
            operator_id: OperatorId(id),
            payout: Address::from_word(seed),
            cumulative_nano: Nano(round * share),
        }
    });
    SumTree::build(entries.collect()).context("building the tree")
}
