//! What is told of the service in an epoch.
//!
//! Invariant: each figure stands with the payers behind it, and each payer's word with the receipts behind that.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use tatum_primitives::{Epoch, OperatorId, StreamKey};

/// How well founded a figure of completeness is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Several payers speak.
    Measured,
    /// Only one does: it may lie.
    OneWord,
    /// Nobody should have got enough of the operator for a figure.
    Few,
    /// Nobody states what it got.
    Silent,
}

/// What one payer says of an operator in a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerWord {
    /// Who pays.
    pub payer: Address,
    /// What it pays for the stream: its weight. Decimal text.
    #[serde(with = "decimal")]
    pub weight_wei: u128,
    /// Messages that it should have got of the operator.
    pub due: u64,
    /// Those that it got of it.
    pub brought: u64,
    /// Completeness by its word, in parts per million.
    pub completeness_ppm: Option<u64>,
    /// Payload bytes that the operator brought first.
    pub bytes: u64,
    /// Those that were on time.
    pub bytes_on_time: u64,
    /// Lines that cannot be true beside what publishers say, and do not count.
    pub contradicted: u64,
    /// The receipts that say so, by their leaves, in order of the dataset.
    pub receipts: Vec<B256>,
}

/// How an operator served a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorService {
    /// The operator.
    pub operator_id: OperatorId,
    /// How well founded the completeness is.
    pub standing: Standing,
    /// The median by fee of what payers say, in parts per million; none if nothing can be told.
    pub completeness_ppm: Option<u64>,
    /// The same of bytes on time.
    pub timeliness_ppm: Option<u64>,
    /// Messages that were due, of all payers.
    pub due: u64,
    /// Those that it brought.
    pub brought: u64,
    /// Who says so.
    pub payers: Vec<PayerWord>,
}

impl OperatorService {
    /// Whether the operator is known to have served worse than `least_ppm`. On one payer's word nobody is named.
    #[must_use]
    pub fn is_below(&self, least_ppm: u64) -> bool {
        self.standing == Standing::Measured
            && self.completeness_ppm.is_some_and(|ppm| ppm < least_ppm)
    }
}

/// How a stream was served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamService {
    /// The stream partition.
    pub stream: StreamKey,
    /// Messages that publishers say they published; none if no publisher's own receipt tells, so that what readers hold is compared
    /// with nothing but each other.
    pub published: Option<u64>,
    /// Chains of which a publisher signed two messages in one place.
    pub disputed_chains: u64,
    /// Messages that there were for readers while they took part, summed over all of them.
    pub span: u64,
    /// Those that they hold, whoever brought them.
    pub held: u64,
    /// Who served, by id.
    pub operators: Vec<OperatorService>,
}

impl StreamService {
    /// How complete what readers hold is, in parts per million.
    #[must_use]
    pub fn readers_ppm(&self) -> Option<u64> {
        super::ppm(self.held, self.span)
    }
}

/// How an epoch's streams were served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceReport {
    /// The epoch.
    pub epoch: Epoch,
    /// The streams, by key.
    pub streams: Vec<StreamService>,
}

impl ServiceReport {
    /// The operators that are known to have served a stream worse than `least_ppm`.
    pub fn below(
        &self,
        least_ppm: u64,
    ) -> impl Iterator<Item = (&StreamService, &OperatorService)> {
        self.streams.iter().flat_map(move |stream| {
            let below = stream.operators.iter().filter(move |o| o.is_below(least_ppm));
            below.map(move |operator| (stream, operator))
        })
    }
}

/// 128-bit amounts as decimal text, because JSON numbers stop at 2^53 in most readers.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}
