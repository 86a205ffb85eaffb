//! Proposals of distributions: what is stated, what the chain adds, what becomes of them.
//!
//! Invariant: a [`Proposal`] is what its `Proposed` event says, so it is committed to on chain and can be handed to whatever
//! judges it. Source: `ISettlement`.

use alloy::primitives::TxHash;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use serde::{Deserialize, Serialize};
use tatum_merkle::{ListCommitment, Word};
use tatum_primitives::{Address, B256, Epoch, Nano, U256};

use crate::bindings::{Distributor, ISettlement};
use crate::{Assent, Chain, ChainError, Result};

/// Letters of a URI that are shown and tried; those of honest proposers have fewer than a hundred.
const LONGEST_URI: usize = 2_048;

/// What a proposer states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The epoch.
    pub epoch: Epoch,
    /// The word over all entries.
    pub entries_top: Word,
    /// The receipts.
    pub receipts: ListCommitment,
    /// The edges.
    pub edges: ListCommitment,
    /// The sum of all edges.
    pub work_nano: Nano,
    /// The rolling hash of what was forced in the epoch.
    pub forced_hash: B256,
    /// keccak256 of `manifest.json`.
    pub manifest_hash: B256,
}

impl Draft {
    /// Whether both commit to the same lists and entries. Where the data lies may differ.
    pub fn promises_what(&self, other: &Self) -> bool {
        let Self { epoch, entries_top, receipts, edges, work_nano, .. } = *self;
        (epoch, entries_top, receipts, edges, work_nano)
            == (other.epoch, other.entries_top, other.receipts, other.edges, other.work_nano)
    }

    /// The part that can be wrong.
    pub const fn judged(&self) -> tatum_watcher::Proposal {
        let Self { entries_top, receipts, edges, work_nano, .. } = *self;
        tatum_watcher::Proposal { receipts, edges, entries_top, work_nano }
    }
}

/// A proposal as the chain recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What was stated.
    pub draft: Draft,
    /// How many proposals there were before, and one: no two have the same.
    pub counter: u64,
    /// By whom.
    pub proposer: Address,
    /// When, seconds of chain time.
    pub time_s: u64,
    /// The root that was final then.
    pub old_root: Word,
    /// What could be paid beyond that root.
    pub available_nano: Nano,
    /// The assent that counted then.
    pub assent: Option<Assent>,
    /// Where its data is said to be, as it can be shown: a stranger wrote it.
    pub uri: String,
    /// The hash of what the stranger wrote, which need not be text.
    pub uri_hash: B256,
    /// The block it was made in.
    pub block_number: u64,
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It can be challenged, or waits to become final, or for its bond to be withdrawn.
    Open,
    /// It is the epoch's distribution.
    Final,
    /// It was shown to be wrong, or its data was withheld.
    Cancelled,
    /// The guardian took it back.
    Vetoed,
    /// Another became final, and its proposer has the bond back.
    Withdrawn,
}

/// A proposal and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The proposal.
    pub proposal: Proposal,
    /// What became of it.
    pub fate: Fate,
    /// Whether its proposer has the bond back.
    pub bond_returned: bool,
}

/// How an open proposal stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When its window is over and nobody can ask on, as far as is known, seconds of chain time.
    pub finalizable_at_s: u64,
    /// Demands that wait for an answer.
    pub open_demands: u32,
    /// Whether nothing was decided about it yet.
    pub open: bool,
}

impl Standing {
    /// Whether it may become final, or its bond be withdrawn.
    pub const fn is_ripe(&self, now_s: u64) -> bool {
        self.open && self.open_demands == 0 && now_s >= self.finalizable_at_s
    }
}

impl Chain {
    /// Every proposal that was ever made for `epoch`, the oldest first.
    pub async fn proposals(&self, epoch: Epoch) -> Result<Vec<Record>> {
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(Distributor::Proposed::SIGNATURE_HASH)
            .topic2(U256::from(epoch.0));
        let logs = self.logs_since(&filter, self.deployment().deploy_block).await?;
        let made = logs.iter().filter_map(proposed);
        let mut records: Vec<Record> = made
            .map(|proposal| Record { proposal, fate: Fate::Open, bond_returned: false })
            .collect();
        let Some(first) = records.first().map(|record| record.proposal.block_number) else {
            return Ok(records);
        };
        let counters: Vec<B256> =
            records.iter().map(|record| U256::from(record.proposal.counter).into()).collect();
        let ends = [
            Distributor::Finalized::SIGNATURE_HASH,
            Distributor::Cancelled::SIGNATURE_HASH,
            Distributor::Vetoed::SIGNATURE_HASH,
            Distributor::BondReturned::SIGNATURE_HASH,
        ];
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(ends.to_vec())
            .topic1(counters);
        for log in &self.logs_since(&filter, first).await? {
            let Some(counter) = log.topics().get(1) else { continue };
            let of =
                |record: &&mut Record| B256::from(U256::from(record.proposal.counter)) == *counter;
            records.iter_mut().filter(of).for_each(|record| record.note(log));
        }
        Ok(records)
    }

    /// The proposal that became final for `epoch`, if one has.
    pub async fn final_proposal(&self, epoch: Epoch) -> Result<Option<Proposal>> {
        let records = self.proposals(epoch).await?;
        Ok(records.into_iter().find(|record| record.fate == Fate::Final).map(|r| r.proposal))
    }

    /// The root that a proposal makes final: its depth follows from the number of operators.
    pub async fn root_of(&self, proposal: &Proposal) -> Result<Word> {
        let operators = self.operator_count(proposal.draft.epoch).await?;
        let depth = u32::BITS.saturating_sub(operators.saturating_sub(1).leading_zeros());
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        let deep = |_| ChainError::OutOfRange { what: "operators", value: operators.to_string() };
        Word::root(proposal.draft.entries_top, depth).map_err(deep)
    }

    /// How a proposal stands now.
    pub async fn standing(&self, counter: u64) -> Result<Standing> {
        let read = |e| ChainError::from_call("reading a proposal's standing", e);
        let standing = self.distributor.standingOf(counter).call().await.map_err(read)?;
        Ok(Standing {
            finalizable_at_s: standing.finalizableAt.to::<u64>(),
            open_demands: standing.openDemands.to::<u32>(),
            open: standing.state == OPEN,
        })
    }

    /// What a proposal with so many receipts has to post.
    pub async fn proposal_bond_wei(&self, receipts: u32, assented: bool) -> Result<U256> {
        let call = self.distributor.bondWei(U256::from(receipts), assented);
        call.call().await.map_err(|e| ChainError::from_call("reading a proposal's bond", e))
    }

    /// What a distribution of the next `epoch` with so much work may pay beyond the final one.
    pub async fn available_nano(&self, epoch: Epoch, work: Nano) -> Result<Nano> {
        let call = self.distributor.availableNano(epoch.0, work.0);
        let available = call.call().await;
        available.map(Nano).map_err(|e| ChainError::from_call("reading what is available", e))
    }

    /// Puts a distribution before the contract, against a bond.
    pub async fn propose(&self, draft: &Draft, uri: &str) -> Result<TxHash> {
        let assented = self.assent_of(draft.epoch).await?.is_some();
        let bond_wei = self.proposal_bond_wei(draft.receipts.count, assented).await?;
        self.approve(self.deployment().distributor, bond_wei).await?;
        let call = self.distributor.propose(draft.into(), uri.to_owned());
        self.send("proposing", call).await.map(|r| r.transaction_hash)
    }

    /// Makes the oldest surviving proposal the root that claims are paid from.
    pub async fn finalize(&self, proposal: &Proposal) -> Result<TxHash> {
        let call = self.distributor.finalize(proposal.into());
        self.send("finalizing", call).await.map(|r| r.transaction_hash)
    }

    /// Has a proposal's bond paid back to its proposer, with the proposer's part of the pot if it is final; tells that part.
    pub async fn withdraw_proposal_bond(&self, proposal: &Proposal) -> Result<(TxHash, Nano)> {
        let call = self.distributor.withdrawBond(proposal.into());
        let receipt = self.send("withdrawing a proposal's bond", call).await?;
        let paid = receipt.decoded_log::<Distributor::ProposerPaid>();
        Ok((receipt.transaction_hash, Nano(paid.map_or(0, |paid| paid.nano))))
    }

    /// The counters of proposals that our account showed to be wrong, in the blocks from `from` on, and was not paid for.
    pub async fn due_rewards(&self, from: u64) -> Result<Vec<u64>> {
        let reporter = B256::left_padding_from(self.account()?.as_slice());
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(Distributor::Cancelled::SIGNATURE_HASH)
            .topic2(reporter);
        let logs = self.logs_since(&filter, from.max(self.deployment().deploy_block)).await?;
        let mut due = Vec::new();
        for counter in logs.iter().filter_map(|log| log.topics().get(1)) {
            let counter: u64 = U256::from_be_bytes(counter.0).saturating_to();
            let reward = self.distributor.rewardOf(counter).call().await;
            let reward = reward.map_err(|e| ChainError::from_call("reading a reward", e))?;
            if reward.amountWei > U256::ZERO {
                due.push(counter);
            }
        }
        Ok(due)
    }

    /// Has the reporter of a cancelled proposal paid.
    pub async fn withdraw_reward(&self, counter: u64) -> Result<TxHash> {
        let call = self.distributor.withdrawReward(counter);
        self.send("withdrawing a reward", call).await.map(|r| r.transaction_hash)
    }

    /// The root that claims are paid from.
    pub async fn finalized_root(&self) -> Result<B256> {
        let call = self.distributor.finalizedRoot();
        call.call().await.map_err(|e| ChainError::from_call("reading the finalized root", e))
    }

    /// The newest epoch that claims are paid for, if any.
    pub async fn finalized_epoch(&self) -> Result<Option<Epoch>> {
        let next = self.distributor.nextEpoch().call().await;
        let next = next.map_err(|e| ChainError::from_call("reading the finalized epoch", e))?;
        Ok(next.checked_sub(1).map(Epoch))
    }

    /// The epochs for which something was proposed or became final in the blocks `from ..= to`, in chain order.
    pub async fn settled_epochs(&self, from: u64, to: u64) -> Result<Vec<Epoch>> {
        let signatures =
            [Distributor::Proposed::SIGNATURE_HASH, Distributor::Finalized::SIGNATURE_HASH];
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(signatures.to_vec());
        let from = from.max(self.deployment().deploy_block);
        let logs = self.logs(&filter, from, to).await?;
        // The epoch is the second indexed field of both.
        let epochs = logs.iter().filter_map(|log| log.topics().get(2).copied());
        Ok(epochs.map(|topic| Epoch(U256::from_be_bytes(topic.0).saturating_to())).collect())
    }
}

/// `ISettlement.State.Open`.
const OPEN: u8 = 1;

impl Record {
    /// Takes up what an event says of it.
    fn note(&mut self, log: &Log) {
        match log.topic0() {
            Some(&Distributor::Finalized::SIGNATURE_HASH) => self.fate = Fate::Final,
            Some(&Distributor::Cancelled::SIGNATURE_HASH) => self.fate = Fate::Cancelled,
            Some(&Distributor::Vetoed::SIGNATURE_HASH) => self.fate = Fate::Vetoed,
            Some(&Distributor::BondReturned::SIGNATURE_HASH) => {
                self.bond_returned = true;
                if self.fate == Fate::Open {
                    self.fate = Fate::Withdrawn;
                }
            }
            _ => {}
        }
    }
}

/// The proposal that a `Proposed` event tells.
fn proposed(log: &Log) -> Option<Proposal> {
    let Distributor::Proposed { proposal, uri, .. } =
        log.log_decode::<Distributor::Proposed>().ok()?.inner.data;
    let list = ListCommitment { top: proposal.assentTop, count: proposal.assentCount };
    let round = proposal.assentRound;
    Some(Proposal {
        draft: draft(&proposal.draft),
        counter: proposal.counter,
        proposer: proposal.proposer,
        time_s: proposal.time,
        old_root: Word(proposal.oldRoot),
        available_nano: Nano(proposal.availableNano),
        assent: (round != 0).then_some(Assent { round, list }),
        uri: shown(&uri),
        uri_hash: proposal.uriHash,
        block_number: log.block_number.unwrap_or_default(),
    })
}

/// A stranger's text for logs, terminals and webhooks: on one line, without what draws or rings there, and not without end.
fn shown(text: &str) -> String {
    let harmless =
        |letter: char| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter };
    text.chars().map(harmless).take(LONGEST_URI).collect()
}

fn draft(draft: &ISettlement::Draft) -> Draft {
    Draft {
        epoch: Epoch(draft.epoch),
        entries_top: Word(draft.entriesTop),
        receipts: ListCommitment { top: draft.receiptsTop, count: draft.receiptsCount },
        edges: ListCommitment { top: draft.edgesTop, count: draft.edgesCount },
        work_nano: Nano(draft.workNano),
        forced_hash: draft.forcedHash,
        manifest_hash: draft.manifestHash,
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;

    use super::*;

    /// What is read of the event of a proposal whose URI is these bytes.
    fn told(uri: &[u8]) -> Proposal {
        let draft = Draft {
            epoch: Epoch(2),
            entries_top: Word::ZERO,
            receipts: ListCommitment::default(),
            edges: ListCommitment::default(),
            work_nano: Nano::ZERO,
            forced_hash: B256::ZERO,
            manifest_hash: B256::ZERO,
        };
        let made = Proposal {
            draft,
            counter: 1,
            proposer: Address::ZERO,
            time_s: 0,
            old_root: Word::ZERO,
            available_nano: Nano::ZERO,
            assent: None,
            uri: String::new(),
            uri_hash: keccak256(uri),
            block_number: 0,
        };
        let (place, proposer) = ("?".repeat(uri.len()), Address::ZERO);
        let proposal = (&made).into();
        let event =
            Distributor::Proposed { counter: 1, epoch: 2, proposer, proposal, uri: place.clone() };
        let mut data = event.encode_log_data();
        let mut bytes = data.data.to_vec();
        let at = bytes.windows(place.len()).position(|some| some == place.as_bytes()).unwrap();
        bytes[at..at + uri.len()].copy_from_slice(uri);
        data.data = bytes.into();
        let inner = alloy::primitives::Log { address: Address::ZERO, data };
        proposed(&Log { inner, ..Log::default() }).unwrap()
    }

    #[test]
    fn a_uri_that_is_no_text_hides_no_proposal_and_keeps_its_hash() {
        let uri = [b'h', 0xff, 0xfe, 0xc3];
        let proposal = told(&uri);
        let handed_in = ISettlement::Proposal::from(&proposal);
        assert_eq!(handed_in.uriHash, keccak256(uri), "no contract would take its disproof");
    }

    #[test]
    fn a_uri_draws_nothing_on_a_terminal_and_makes_no_line_of_its_own() {
        let uri = b"http://x/\x1b[31m\nepoch 2: everything holds\r\x07";
        let proposal = told(uri);
        assert!(!proposal.uri.contains(char::is_control), "{:?}", proposal.uri);
        assert!(proposal.uri.starts_with("http://x/"));
        assert_eq!(proposal.uri_hash, keccak256(uri));
        assert_eq!(told(&[b'a'; 5_000]).uri.len(), LONGEST_URI);
    }
}
