//! `tatum operator assent`: stands for an aggregator's list of receipts if one's own are in it, and forces those that are not.
//!
//! Invariant: nothing is signed but a list that was read in whole, leads to what is signed, and lacks nothing that the operator's nodes keep. It
//! holds no state: a restart reads the list again, a word that is handed in twice counts once, and what was forced is not forced again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use tatum_chain::{Assent, Chain};
use tatum_merkle::{ListCommitment, ListWords};
use tatum_primitives::{Address, B256, Epoch, OperatorId};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::{ASSENT_PAGE, MOST_ASSENTED, OfferedList, OperatorAssent, ProblemKind};
use tatum_receipt::{ReceiptKey, SessionKey, SignedReceipt, StoredReceipt, Verifier};

use super::force::FORCED_AT_ONCE;
use crate::args::{Account, AggregatorArgs, ChainArgs};
use crate::cmd::receipts::kept_in;
use crate::keys::{self, KeystoreArgs};
use crate::output::Output;
use crate::shutdown;

/// Whose word, and about what.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of one of the operator's nodes, which may be running; may be repeated
    #[arg(long, value_name = "DIR", required = true)]
    data: Vec<PathBuf>,
    /// An operator that the account runs by its pool of delegators; may be repeated. Those that it owns are found
    #[arg(long = "operator", value_name = "ID")]
    pooled: Vec<OperatorId>,
    /// The most receipts of an epoch that are forced if they are left out, for some 45 000 gas each; otherwise it is said how
    #[arg(long, value_name = "RECEIPTS", default_value_t = 0)]
    force_up_to: usize,
    /// Seconds between looks; half of the deployment's grace has to hold a few
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

pub(super) async fn run(args: &Args, output: Output) -> anyhow::Result<()> {
    let owner = keys::session_key(&args.keystore.account().required()?)?;
    let chain = args.chain.read_only().await?;
    let mut operators = chain.operators_of(owner.address()).await?;
    for operator in &args.pooled {
        let signer = chain.who_assents(*operator).await?;
        ensure!(
            signer == owner.address(),
            "{signer} stands for operator {operator}, not {}",
            owner.address()
        );
        operators.push(*operator);
    }
    operators.sort_unstable();
    operators.dedup();
    ensure!(
        !operators.is_empty(),
        "{} owns no operator; its owner's key stands for it, and --operator names one that is run by its pool",
        owner.address()
    );
    for folder in &args.data {
        kept_in(folder, None).await?;
    }
    let ids: Vec<_> = operators.iter().map(ToString::to_string).collect();
    output.progress(format!(
        "standing for operators {}, looking every {} s",
        ids.join(", "),
        args.every
    ));
    let mut desk = Desk {
        verifier: Verifier::new(chain.domain()),
        aggregator: args.aggregator.client()?,
        missing: BTreeMap::new(),
        signed: None,
        forced: None,
        account: args.chain.account(&args.keystore)?,
        chain,
        owner,
        operators,
        args,
        output,
    };
    tokio::select! {
        () = desk.go_on() => Ok(()),
        () = shutdown::requested() => Ok(()),
    }
}

struct Desk<'a> {
    args: &'a Args,
    chain: Chain,
    /// Connected only while something is sent, so that other commands can send for the account too.
    account: Account<'a>,
    aggregator: AggregatorClient,
    verifier: Verifier,
    owner: SessionKey,
    operators: Vec<OperatorId>,
    /// Of each epoch the list that was read, and what it lacks of ours.
    missing: BTreeMap<Epoch, (ListCommitment, Vec<SignedReceipt>)>,
    /// The list that was signed last; its words are handed in again until there is an assent, and told once.
    signed: Option<(Epoch, ListCommitment)>,
    /// The newest epoch for which all was forced that is to be.
    forced: Option<Epoch>,
    output: Output,
}

impl Desk<'_> {
    async fn go_on(&mut self) {
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!("nothing was done; trying again: {error:#}");
            }
            tokio::time::sleep(Duration::from_secs(self.args.every)).await;
        }
    }

    /// The epoch that ended last is the one that waits for words, or for what is forced.
    async fn look(&mut self) -> anyhow::Result<()> {
        let (_, now_s) = self.chain.head().await?;
        let running = self.chain.schedule().await?.epoch_at_ms(now_s.saturating_mul(1_000));
        let Some(epoch) = running.0.checked_sub(1).map(Epoch) else { return Ok(()) };
        self.missing.retain(|of, _| *of >= epoch);
        let end_s = self.chain.schedule().await?.end_ms(epoch) / 1_000;
        let windows = self.chain.deployment().windows;
        if now_s < end_s.saturating_add(windows.grace_s) {
            self.stand_for(epoch).await
        } else if now_s < windows.forced_until_s(end_s) {
            self.force(epoch).await
        } else {
            Ok(())
        }
    }

    /// Signs the list that is offered if nothing of ours lacks.
    async fn stand_for(&mut self, epoch: Epoch) -> anyhow::Result<()> {
        let Some(offered) = self.compare(epoch).await? else { return Ok(()) };
        let lacks = self.missing.get(&epoch).is_some_and(|(_, missing)| !missing.is_empty());
        if lacks { Ok(()) } else { self.sign(&offered).await }
    }

    /// The list that is offered, if one is; what it lacks of ours is worked out once.
    async fn compare(&mut self, epoch: Epoch) -> anyhow::Result<Option<OfferedList>> {
        let offered = match self.aggregator.offered_list(epoch).await {
            Ok(offered) => offered,
            Err(error) if error.problem().is_some_and(|p| p.kind == ProblemKind::NotYet) => {
                return Ok(None);
            }
            Err(error) => return Err(error).context("asking for the list"),
        };
        if self.missing.get(&epoch).is_none_or(|(read, _)| *read != offered.receipts) {
            let listed = self.read(&offered).await?;
            let missing = lacking(self.own(epoch).await?, &listed, &self.verifier);
            if !missing.is_empty() {
                let count = missing.len();
                tracing::warn!(%epoch, lacking = count, "the list lacks receipts of ours: it is not signed");
            }
            self.missing.insert(epoch, (offered.receipts, missing));
        }
        Ok(Some(offered))
    }

    /// The receipts of the list, which lead to what is to be signed.
    async fn read(&self, offered: &OfferedList) -> anyhow::Result<Vec<SignedReceipt>> {
        let count = offered.receipts.count;
        ensure!(count <= MOST_ASSENTED, "it has {count} receipts, more than {MOST_ASSENTED}");
        let mut listed = Vec::new();
        while let Some(left) = count.checked_sub(u32::try_from(listed.len())?).filter(|n| *n > 0) {
            let page = self.aggregator.offered_receipts(offered.epoch, count - left).await?;
            let most = usize::try_from(left.min(ASSENT_PAGE))?;
            ensure!((1..=most).contains(&page.len()), "a page of it has {} receipts", page.len());
            listed.extend(page);
        }
        let words = ListWords::of_leaves(listed.iter().map(SignedReceipt::encode))?;
        ensure!(words.commitment() == offered.receipts, "the receipts are not those of the list");
        Ok(listed)
    }

    /// What our nodes keep of the epoch and the pot pays for.
    async fn own(&self, epoch: Epoch) -> anyhow::Result<Vec<SignedReceipt>> {
        let mut own = Vec::new();
        for folder in &self.args.data {
            let kept = kept_in(folder, Some(epoch)).await?;
            own.extend(kept.into_iter().map(StoredReceipt::into_signed).filter(|signed| {
                let receipt = &signed.receipt;
                receipt.epoch == epoch
                    && receipt.channel == B256::ZERO
                    && self.operators.contains(&receipt.operator_id)
            }));
        }
        Ok(own)
    }

    /// Signs for each of our operators, until more than half of the bond has.
    async fn sign(&mut self, offered: &OfferedList) -> anyhow::Result<()> {
        let OfferedList { epoch, round, receipts, .. } = *offered;
        if offered.standing.is_assent() {
            return Ok(());
        }
        let is_new = self.signed.replace((epoch, receipts)) != Some((epoch, receipts));
        let assent = Assent { round, list: receipts };
        let signature = assent.sign(self.chain.deployment(), epoch, &self.owner);
        for operator in &self.operators {
            let word = OperatorAssent { operator: *operator, round, receipts, signature };
            let standing = match self.aggregator.assent(epoch, &word).await {
                Ok(standing) => standing,
                // One that has no bond in the epoch keeps the owner's others from nothing.
                Err(error) if error.problem().is_some() => {
                    tracing::warn!(%epoch, %operator, "its word does not count: {error}");
                    continue;
                }
                Err(error) => return Err(error).context("handing in a word"),
            };
            if !is_new {
                continue;
            }
            let value = serde_json::json!({
                "epoch": epoch, "operator": operator, "round": round, "receipts": receipts,
                "signed_wei": standing.signed_wei.to_string(),
                "total_wei": standing.total_wei.to_string(),
            });
            let rows = [
                ("epoch", epoch.to_string()),
                ("operator", operator.to_string()),
                ("receipts", receipts.count.to_string()),
                ("list", receipts.top.to_string()),
            ];
            self.output.result(&value, &rows);
        }
        Ok(())
    }

    /// Forces what the list that counts lacks of ours: the one that operators stand for, else the aggregator's.
    async fn force(&mut self, epoch: Epoch) -> anyhow::Result<()> {
        if self.forced == Some(epoch) {
            return Ok(());
        }
        // Whoever was away, or too slow for the others, has yet to see it.
        self.compare(epoch).await?;
        let Some((read, missing)) = self.missing.get(&epoch) else { return Ok(()) };
        if let Some(assent) = self.chain.assent_of(epoch).await? {
            let (top, aggregator) = (assent.list.top, self.aggregator.base());
            ensure!(
                assent.list == *read,
                "operators stand for the list {top} of epoch {epoch}, which {aggregator} does not have; name the aggregator that has it"
            );
        }
        let forced: BTreeSet<B256> =
            self.chain.forced(epoch).await?.signed_hashes.into_iter().collect();
        let left = missing.iter().filter(|signed| !forced.contains(&signed.leaf()));
        let mut left: Vec<SignedReceipt> = left.cloned().collect();
        let beyond = left.split_off(left.len().min(self.args.force_up_to)).len();
        if !left.is_empty() {
            let chain = self.account.connect().await?;
            for some in left.chunks(FORCED_AT_ONCE) {
                let transaction = chain.force_receipts(epoch, some).await?;
                let value = serde_json::json!({
                    "epoch": epoch, "forced": some.len(), "transaction": transaction,
                });
                let rows = [
                    ("epoch", epoch.to_string()),
                    ("forced", some.len().to_string()),
                    ("transaction", transaction.to_string()),
                ];
                self.output.result(&value, &rows);
            }
        }
        self.forced = Some(epoch);
        ensure!(
            beyond == 0,
            "{beyond} receipts of epoch {epoch} are left out; force them with `tatum operator force {epoch} --receipts FILE`, FILE being \
             what `tatum receipts export --epoch {epoch} --data DIR --format batch --out FILE` writes"
        );
        Ok(())
    }
}

/// Those of `own` for which the list has neither themselves nor a newer one by the same signer: one that nobody signed would be in it and
/// not count.
fn lacking(
    own: Vec<SignedReceipt>,
    listed: &[SignedReceipt],
    verifier: &Verifier,
) -> Vec<SignedReceipt> {
    let mut newest: BTreeMap<ReceiptKey, SignedReceipt> = BTreeMap::new();
    for signed in own {
        let held = newest.entry(signed.receipt.key()).or_insert_with(|| signed.clone());
        if held.receipt.rank() < signed.receipt.rank() {
            *held = signed;
        }
    }
    let signer = |signed: &SignedReceipt| -> Option<Address> { verifier.signer(signed).ok() };
    for signed in listed {
        let key = signed.receipt.key();
        let Some(held) = newest.get(&key) else { continue };
        let is_newer = || {
            signed.receipt.rank() >= held.receipt.rank()
                && signer(held).is_some()
                && signer(signed) == signer(held)
        };
        if signed == held || is_newer() {
            newest.remove(&key);
        }
    }
    newest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use tatum_primitives::Domain;
    use tatum_receipt::DeliveryReceipt;

    use super::*;

    const DOMAIN: Domain = Domain { chain_id: 1, stake_pool: Address::ZERO };

    fn signed(stream: u8, sequence: u64, key: u8) -> SignedReceipt {
        let receipt = DeliveryReceipt {
            stream_key: tatum_primitives::StreamKey(B256::repeat_byte(stream)),
            sequence,
            messages: sequence,
            bytes: sequence,
            bytes_on_time: sequence,
            ..DeliveryReceipt::default()
        };
        let key = SessionKey::from_bytes(&[key; 32]).unwrap();
        SignedReceipt::sign(receipt, &key, &Verifier::new(DOMAIN))
    }

    #[test]
    fn what_is_listed_or_replaced_by_its_signer_is_not_lacking() {
        let verifier = Verifier::new(DOMAIN);
        let own = || vec![signed(1, 2, 1), signed(1, 3, 1), signed(2, 5, 1), signed(3, 7, 1)];
        assert_eq!(lacking(own(), &[], &verifier).len(), 3, "of a key only the newest counts");
        let listed = [signed(1, 3, 1), signed(2, 6, 1), signed(3, 7, 1)];
        assert_eq!(lacking(own(), &listed, &verifier), []);
        let older = [signed(1, 2, 1), signed(2, 5, 1), signed(3, 7, 1)];
        assert_eq!(lacking(own(), &older, &verifier), [signed(1, 3, 1)]);
        // Made up by whoever lists it: it would be in the list, and count for nothing.
        let made_up = [signed(1, 9, 2), signed(2, 5, 1), signed(3, 7, 1)];
        assert_eq!(lacking(own(), &made_up, &verifier), [signed(1, 3, 1)]);
    }
}
