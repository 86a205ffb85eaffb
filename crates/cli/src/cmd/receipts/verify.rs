//! `tatum receipts verify`: whether receipts in files hold, as far as that can be told without asking anybody.
//!
//! Invariant: a receipt passes every rule that the aggregator has, with the chain's facts taken as the receipt claims them; with
//! `--on-chain` the key that signed is one that its payer authorised for the epoch.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;
use tatum_primitives::{Address, B256, Domain, Epoch, NodeId, OperatorId};
use tatum_receipt::checks::{ChainFacts, EpochWindow, OpenChannel, check, check_in_channel};
use tatum_receipt::{DeliveryReceipt, Rejection, SignedReceipt, Verifier};

use crate::args::ChainArgs;
use crate::output::Output;
use tatum_watchtower::kept_receipts::in_file;

/// Receipts that are named when they do not hold, at most.
const NAMED: usize = 100;

/// Which files.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Receipts as they are handed in, as they are shown (JSON), or a JSON object a line
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Ask the chain whether each key may sign for its payer
    #[arg(long)]
    on_chain: bool,
    #[command(flatten)]
    chain: ChainArgs,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    receipts: u64,
    hold: u64,
    /// Who signed for whom.
    signers: Vec<Signer>,
    /// The first that do not hold.
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize)]
struct Signer {
    payer: Address,
    signer: Address,
    receipts: u64,
    /// Whether the chain says that it may; unknown unless it was asked.
    authorized: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Failed {
    file: PathBuf,
    /// Its place in the file, from 0.
    place: usize,
    leaf: B256,
    code: String,
    reason: String,
}

/// Signers by payer and signer, with the epochs in which they signed.
type Signed = BTreeMap<(Address, Address), BTreeMap<Epoch, u64>>;

pub(super) async fn run(args: &VerifyArgs, output: Output) -> anyhow::Result<bool> {
    let domain = args.chain.deployment.load()?.domain();
    let (mut report, mut signed) = (Report::default(), Signed::new());
    for file in &args.files {
        for (place, receipt) in in_file(file)?.into_iter().enumerate() {
            report.receipts += 1;
            match signer_of(&receipt, domain) {
                Ok(signer) => {
                    report.hold += 1;
                    let key = (receipt.receipt.payer, signer);
                    *signed.entry(key).or_default().entry(receipt.receipt.epoch).or_default() += 1;
                }
                Err(rejection) if report.failed.len() < NAMED => {
                    let (code, reason) = (rejection.code().to_owned(), rejection.to_string());
                    let (file, leaf) = (file.clone(), receipt.leaf());
                    report.failed.push(Failed { file, place, leaf, code, reason });
                }
                Err(_) => {}
            }
        }
    }
    report.signers = signers(args, &signed).await?;
    let authorized = report.signers.iter().all(|signer| signer.authorized != Some(false));
    report.ok = report.hold == report.receipts && authorized;
    show(&report, output);
    Ok(report.ok)
}

/// Who signed, if the receipt holds.
fn signer_of(signed: &SignedReceipt, domain: Domain) -> Result<Address, Rejection> {
    let receipt = &signed.receipt;
    let (verifier, facts) = (Verifier::new(domain), AsClaimed(receipt));
    let window = EpochWindow::only(receipt.epoch);
    let checked = if receipt.channel == B256::ZERO {
        check(signed, &verifier, window, &facts)
    } else {
        check_in_channel(signed, &verifier, window, &facts)
    };
    checked.map(|checked| checked.signer())
}

/// The chain as one receipt claims it.
struct AsClaimed<'a>(&'a DeliveryReceipt);

impl ChainFacts for AsClaimed<'_> {
    fn operator_of_node(&self, _: NodeId, _: Epoch) -> Option<OperatorId> {
        Some(self.0.operator_id)
    }

    fn is_bonded(&self, _: OperatorId, _: Epoch) -> bool {
        true
    }

    fn quota_bytes(&self, _: Address, _: Epoch) -> Option<u64> {
        Some(u64::MAX)
    }

    fn is_session_key(&self, _: Address, _: Address, _: Epoch) -> bool {
        true
    }

    fn open_channel(&self, _: Address, _: OperatorId) -> Option<OpenChannel> {
        let (id, deposited_wei) = (self.0.channel, u128::MAX);
        Some(OpenChannel { id, deposited_wei, paid_wei: 0, is_exiting: false })
    }
}

/// Who signed for whom; and whether they may, if the chain is to be asked.
async fn signers(args: &VerifyArgs, signed: &Signed) -> anyhow::Result<Vec<Signer>> {
    let chain = match args.on_chain {
        true => Some(args.chain.read_only().await?),
        false => None,
    };
    let mut signers = Vec::new();
    for ((payer, signer), epochs) in signed {
        let mut authorized = None;
        if let Some(chain) = &chain {
            let mut all = true;
            for epoch in epochs.keys() {
                let asked = chain.is_authorized(*payer, *signer, *epoch).await;
                all &= asked.context("asking the chain who may sign")?;
            }
            authorized = Some(all);
        }
        let receipts = epochs.values().sum();
        signers.push(Signer { payer: *payer, signer: *signer, receipts, authorized });
    }
    Ok(signers)
}

fn show(report: &Report, output: Output) {
    let line = |signer: &Signer| {
        let may = match (signer.authorized, signer.payer == signer.signer) {
            (Some(true), _) => "authorised on chain",
            (Some(false), _) => "NOT AUTHORISED",
            (None, true) => "its own key",
            (None, false) => "a session key (--on-chain asks)",
        };
        let receipts = signer.receipts.to_string();
        vec![signer.payer.to_string(), signer.signer.to_string(), receipts, may.to_owned()]
    };
    let lines: Vec<Vec<String>> = report.signers.iter().map(line).collect();
    let mut rows =
        vec![("receipts", report.receipts.to_string()), ("hold", report.hold.to_string())];
    rows.extend(report.failed.iter().map(|failed| {
        let Failed { file, place, leaf, reason, .. } = failed;
        ("FAILED", format!("{} receipt {place} ({leaf}): {reason}", file.display()))
    }));
    let verdict = if report.ok { "everything holds" } else { "NOT all of them hold" };
    rows.push(("result", verdict.to_owned()));
    output.listing(report, &["payer", "signed by", "receipts", ""], &lines, &rows);
}

#[cfg(test)]
mod tests {
    use tatum_receipt::SessionKey;

    use super::*;

    const DOMAIN: Domain = Domain { chain_id: 1, stake_pool: Address::ZERO };

    fn signed(change: impl FnOnce(&mut DeliveryReceipt)) -> SignedReceipt {
        let key = SessionKey::from_bytes(&[7; 32]).unwrap();
        let mut receipt =
            DeliveryReceipt { messages: 1, bytes: 9, bytes_on_time: 9, ..Default::default() };
        change(&mut receipt);
        SignedReceipt::sign(receipt, &key, &Verifier::new(DOMAIN))
    }

    #[test]
    fn a_receipt_holds_by_its_form_its_bounds_and_its_signature() {
        let signer = SessionKey::from_bytes(&[7; 32]).unwrap().address();
        assert_eq!(signer_of(&signed(|_| ()), DOMAIN), Ok(signer));
        let in_channel = signed(|receipt| (receipt.channel, receipt.owed) = (B256::ZERO, 5));
        assert!(matches!(signer_of(&in_channel, DOMAIN), Err(Rejection::Channel { .. })));
        let in_channel =
            signed(|receipt| (receipt.channel, receipt.owed) = (B256::repeat_byte(1), 5));
        assert_eq!(signer_of(&in_channel, DOMAIN), Ok(signer));
        let more = signed(|receipt| receipt.bytes_on_time = 10);
        assert!(matches!(signer_of(&more, DOMAIN), Err(Rejection::OutOfBounds { .. })));
        let mut changed = signed(|_| ());
        changed.receipt.bytes = 10;
        assert_ne!(signer_of(&changed, DOMAIN), Ok(signer), "it is somebody else's word");
        changed.signature.0[64] = 99;
        assert!(matches!(signer_of(&changed, DOMAIN), Err(Rejection::Signature { .. })));
    }
}
