//! Demands: whoever commits to data and keeps it to itself is asked for it, word by word.
//!
//! Invariant: everything about a demand, its answer included, comes from the chain's events, so whoever starts anew knows
//! what was asked and shown. Source: `IDemands`.

use alloy::eips::BlockId;
use alloy::primitives::TxHash;
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, U256};

use crate::bindings::demands::{Demands, IDemands};
use crate::{Chain, ChainError, Proposal, Result};

/// The part of a proposal that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tree {
    /// The list of receipts.
    Receipts,
    /// The list of edges.
    Edges,
    /// The entries.
    Entries,
}

/// What is asked for: what lies under a word that is committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asked {
    /// The proposal's.
    pub counter: u64,
    /// In which part.
    pub tree: Tree,
    /// How far above the leaves; 0 asks for the bytes of a line, else for the words up to six levels below.
    pub level: u8,
    /// The word's place in its level.
    pub index: u32,
    /// How many words are to be shown; 0 for a line.
    pub words: u8,
    /// The word.
    pub word: B256,
}

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The words below the word.
    Words(Vec<B256>),
    /// The bytes of a line.
    Line(Vec<u8>),
}

/// A demand and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// What is asked for.
    pub asked: Asked,
    /// What the contract knows it by.
    pub id: B256,
    /// By whom.
    pub demander: Address,
    /// What was offered to whoever answers.
    pub offer_wei: U256,
    /// The last moment for an answer, seconds of chain time.
    pub answer_by_s: u64,
    /// The answer, if there is one.
    pub shown: Option<Shown>,
}

/// How much more than the price is offered, for the base fee may rise until the demand is mined.
const MARGIN_PERCENT: u64 = 130;

impl Chain {
    /// All demands that were ever made of a proposal, in order, each with its answer.
    pub async fn demands(&self, proposal: &Proposal) -> Result<Vec<Demand>> {
        let signatures = [
            Demands::Demanded::SIGNATURE_HASH,
            Demands::WordsShown::SIGNATURE_HASH,
            Demands::LineShown::SIGNATURE_HASH,
        ];
        let filter = Filter::new()
            .address(self.deployment().demands)
            .event_signature(signatures.to_vec())
            .topic1(U256::from(proposal.counter));
        let mut demands: Vec<Demand> = Vec::new();
        for log in &self.logs_since(&filter, proposal.block_number).await? {
            if let Some(demand) = demanded(log) {
                demands.push(demand);
            } else if let Some((id, shown)) = shown(log) {
                // Nobody can ask for the same twice.
                let answered = demands.iter_mut().filter(|demand| demand.id == id);
                answered.for_each(|demand| demand.shown = Some(shown.clone()));
            }
        }
        Ok(demands)
    }

    /// What has to be offered with a demand now, and a little more.
    pub async fn demand_price_wei(&self, of_line: bool) -> Result<U256> {
        let read = |e| ChainError::from_call("reading the price of a demand", e);
        let gas = match of_line {
            true => self.demands.LINE_GAS().call().await.map_err(read)?,
            false => self.demands.WORDS_GAS().call().await.map_err(read)?,
        };
        // Asked for as a call, the contract would reckon with no base fee at some endpoints.
        let block = self.provider.get_block(BlockId::latest()).await?;
        let fee = block.and_then(|block| block.header.base_fee_per_gas).unwrap_or_default();
        let price_wei = gas.saturating_mul(U256::from(fee)).saturating_mul(U256::from(3));
        // Half of three times the gas, with the margin.
        let percent = price_wei.saturating_mul(U256::from(MARGIN_PERCENT));
        Ok(percent.checked_div(U256::from(200)).unwrap_or(U256::MAX))
    }

    /// Asks for what lies under a word, which `path` proves, and pays for the answer. `shown` is the answered demand that
    /// showed the word; a first demand has none.
    pub async fn demand(
        &self,
        proposal: &Proposal,
        asked: &Asked,
        path: Vec<B256>,
        shown: Option<&Asked>,
    ) -> Result<TxHash> {
        let offer_wei = self.demand_price_wei(asked.level == 0).await?;
        let shown = shown.map_or_else(nothing, Into::into);
        let call = self.demands.demand(proposal.into(), asked.into(), path, shown);
        let sent = self.send("demanding data of a proposal", call.value(offer_wei)).await;
        sent.map(|r| r.transaction_hash)
    }

    /// Shows what was asked for; the offer is ours.
    pub async fn answer(&self, asked: &Asked, shown: &Shown) -> Result<TxHash> {
        let (action, asked) = ("answering a demand", asked.into());
        let sent = match shown {
            Shown::Words(words) => {
                self.send(action, self.demands.answerWords(asked, words.clone())).await
            }
            Shown::Line(leaf) => {
                self.send(action, self.demands.answerLine(asked, leaf.clone().into())).await
            }
        };
        sent.map(|r| r.transaction_hash)
    }

    /// Cancels a proposal that left a demand unanswered; the reward is the demander's.
    pub async fn expire(&self, proposal: &Proposal, asked: &Asked) -> Result<TxHash> {
        let call = self.demands.expire(proposal.into(), asked.into());
        self.send("cancelling a proposal for want of an answer", call)
            .await
            .map(|r| r.transaction_hash)
    }

    /// Our demands whose proposals are over and whose offers are still to be had back.
    pub async fn stranded_demands(&self) -> Result<Vec<Asked>> {
        let demander = B256::left_padding_from(self.account()?.as_slice());
        let filter = Filter::new()
            .address(self.deployment().demands)
            .event_signature(Demands::Demanded::SIGNATURE_HASH)
            .topic3(demander);
        let logs = self.logs_since(&filter, self.deployment().deploy_block).await?;
        let mut stranded = Vec::new();
        for demand in logs.iter().filter_map(demanded) {
            // The contract knows best: answered, paid back or still open, it refuses.
            let call = self.demands.reclaim((&demand.asked).into());
            match call.call().await.map_err(|e| ChainError::from_call("reading a demand", e)) {
                Ok(_) => stranded.push(demand.asked),
                Err(ChainError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stranded)
    }

    /// Has the offer of a stranded demand paid back to its demander.
    pub async fn reclaim(&self, asked: &Asked) -> Result<TxHash> {
        let call = self.demands.reclaim(asked.into());
        self.send("reclaiming a demand's offer", call).await.map(|r| r.transaction_hash)
    }
}

impl From<&Asked> for IDemands::Asked {
    fn from(asked: &Asked) -> Self {
        let Asked { counter, tree, level, index, words, word } = *asked;
        let tree = match tree {
            Tree::Receipts => 0,
            Tree::Edges => 1,
            Tree::Entries => 2,
        };
        Self { counter, tree, level, index, words, word }
    }
}

/// What a first demand refers to.
const fn nothing() -> IDemands::Asked {
    IDemands::Asked { counter: 0, tree: 0, level: 0, index: 0, words: 0, word: B256::ZERO }
}

fn demanded(log: &Log) -> Option<Demand> {
    let event = log.log_decode::<Demands::Demanded>().ok()?.inner.data;
    let IDemands::Asked { counter, tree, level, index, words, word } = event.asked;
    let tree = *[Tree::Receipts, Tree::Edges, Tree::Entries].get(usize::from(tree))?;
    Some(Demand {
        asked: Asked { counter, tree, level, index, words, word },
        id: event.id,
        demander: event.demander,
        offer_wei: event.offerWei,
        answer_by_s: event.answerBy,
        shown: None,
    })
}

fn shown(log: &Log) -> Option<(B256, Shown)> {
    if let Ok(event) = log.log_decode::<Demands::WordsShown>() {
        let Demands::WordsShown { id, words, .. } = event.inner.data;
        return Some((id, Shown::Words(words)));
    }
    let Demands::LineShown { id, leaf, .. } =
        log.log_decode::<Demands::LineShown>().ok()?.inner.data;
    Some((id, Shown::Line(leaf.to_vec())))
}
