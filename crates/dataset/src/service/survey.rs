//! Gathers an epoch's receipts into a report.
//!
//! Invariant: publishers' receipts are all read before a reader's word is judged by them, so the order of receipts changes nothing.
//! Memory grows with (stream, operator, payer, receipt), 32 bytes a receipt.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use tatum_primitives::{Epoch, OperatorId, Role, StreamKey};
use tatum_receipt::{ContentsLine, Verifier, Witnessed};

use super::median::median_by_weight;
use super::published::Published;
use super::{LEAST_DUE, OperatorService, PayerWord, ServiceReport, Standing, StreamService, ppm};
use crate::{Dataset, Error, Payer};

/// What a reader of a stream says that it holds: its largest span, and how much of that it holds.
type Views = BTreeMap<(StreamKey, Address, u32, Address, u64), (u64, u64)>;

/// An epoch's receipts on their way to a report.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    published: Published,
    words: BTreeMap<(StreamKey, OperatorId, Address), PayerWord>,
    /// Units by payer, and by payer and stream.
    units: BTreeMap<Address, u128>,
    stream_units: BTreeMap<(StreamKey, Address), u128>,
    views: Views,
}

impl Survey {
    /// The report of a dataset, whose signatures are taken as checked, in two passes over its receipts. With `stream`, of that one alone.
    ///
    /// # Errors
    ///
    /// Any [`Error`] of reading.
    pub fn of(dataset: &Dataset, stream: Option<StreamKey>) -> Result<ServiceReport, Error> {
        let parameters = &dataset.manifest().parameters;
        let verifier = Verifier::new(parameters.domain());
        let mut survey = Self::default();
        for witnessed in dataset.witnessed()? {
            survey.publisher(&witnessed?, &verifier);
        }
        for witnessed in dataset.witnessed()? {
            survey.subscriber(&witnessed?, stream);
        }
        Ok(survey.report(parameters.epoch, &dataset.payers()?))
    }

    /// Takes a receipt for what publishers say; to be given all receipts before [`Survey::subscriber`] is given any.
    pub fn publisher(&mut self, witnessed: &Witnessed, verifier: &Verifier) {
        let says = witnessed.signed.receipt.role == Role::Publisher;
        // Recovering the signer is the dear part, and says nothing where there are no lines.
        if says
            && !witnessed.contents.is_empty()
            && let Ok(signer) = verifier.signer(&witnessed.signed)
        {
            self.published.note(witnessed, signer);
        }
    }

    /// Takes a receipt for what subscribers say, of one stream or of all.
    pub fn subscriber(&mut self, witnessed: &Witnessed, only: Option<StreamKey>) {
        let receipt = &witnessed.signed.receipt;
        let (stream, payer) = (receipt.stream_key, receipt.payer);
        let units = u128::from(receipt.bytes_on_time);
        add(self.units.entry(payer).or_default(), units);
        let wanted = only.is_none_or(|only| only == stream);
        if receipt.role != Role::Subscriber || !wanted {
            return;
        }
        add(self.stream_units.entry((stream, payer)).or_default(), units);
        let word = self.words.entry((stream, receipt.operator_id, payer));
        let word = word.or_insert_with(|| silent(payer));
        word.bytes = word.bytes.saturating_add(receipt.bytes);
        word.bytes_on_time = word.bytes_on_time.saturating_add(receipt.bytes_on_time);
        word.receipts.push(witnessed.signed.leaf());
        for line in witnessed.contents.lines() {
            let chain = self.published.chain(&(stream, line.publisher, line.chain));
            if chain.is_some_and(|chain| chain.contradicts(line)) {
                word.contradicted = word.contradicted.saturating_add(1);
                continue;
            }
            word.due = word.due.saturating_add(line.due);
            word.brought = word.brought.saturating_add(line.brought);
            let reader = (stream, payer, receipt.reader.0, line.publisher, line.chain);
            view(&mut self.views, reader, line);
        }
    }

    /// The report. `payers` are those of the epoch.
    #[must_use]
    pub fn report(self, epoch: Epoch, payers: &[Payer]) -> ServiceReport {
        let fees: BTreeMap<Address, U256> =
            payers.iter().map(|payer| (payer.payer, payer.fee_wei)).collect();
        let mut streams: BTreeMap<StreamKey, BTreeMap<OperatorId, Vec<PayerWord>>> =
            BTreeMap::new();
        for ((stream, operator_id, payer), mut word) in self.words {
            let fee = fees.get(&payer).copied().unwrap_or_default();
            let units = self.units.get(&payer).copied().unwrap_or_default();
            let here = self.stream_units.get(&(stream, payer)).copied().unwrap_or_default();
            word.weight_wei = steered(fee, here, units);
            word.completeness_ppm = ppm(word.brought, word.due).filter(|_| word.due >= LEAST_DUE);
            streams.entry(stream).or_default().entry(operator_id).or_default().push(word);
        }
        let told = |(stream, operators)| tell(stream, operators, &self.published, &self.views);
        ServiceReport { epoch, streams: streams.into_iter().map(told).collect() }
    }
}

const fn silent(payer: Address) -> PayerWord {
    PayerWord {
        payer,
        weight_wei: 0,
        due: 0,
        brought: 0,
        completeness_ppm: None,
        bytes: 0,
        bytes_on_time: 0,
        contradicted: 0,
        receipts: Vec::new(),
    }
}

const fn add(sum: &mut u128, more: u128) {
    *sum = sum.saturating_add(more);
}

/// A reader says the same of a chain beside several receipts, at different times: the largest span is the last word.
fn view(views: &mut Views, reader: (StreamKey, Address, u32, Address, u64), line: &ContentsLine) {
    let held = views.entry(reader).or_default();
    *held = (line.span, line.held).max(*held);
}

/// What of a fee went by the units of a stream: its weight there. Rounded down.
fn steered(fee: U256, here: u128, units: u128) -> u128 {
    let product = fee.saturating_mul(U256::from(here));
    product.checked_div(U256::from(units)).and_then(|wei| wei.try_into().ok()).unwrap_or_default()
}

fn tell(
    stream: StreamKey,
    operators: BTreeMap<OperatorId, Vec<PayerWord>>,
    published: &Published,
    views: &Views,
) -> StreamService {
    let first = (stream, Address::ZERO, 0, Address::ZERO, 0);
    let of_stream = views.range(first..).take_while(|(reader, _)| reader.0 == stream);
    let (span, held) = of_stream.fold((0_u64, 0_u64), |(span, held), (_, view)| {
        (span.saturating_add(view.0), held.saturating_add(view.1))
    });
    let chains = || published.of(stream);
    let count = |chain: &super::PublishedChain| chain.span;
    let said = chains().map(count).fold(0_u64, u64::saturating_add);
    StreamService {
        stream,
        published: chains().next().map(|_| said),
        disputed_chains: chains().filter(|chain| chain.disputed).map(|_| 1_u64).sum(),
        span,
        held,
        operators: operators.into_iter().map(judge).collect(),
    }
}

fn judge((operator_id, payers): (OperatorId, Vec<PayerWord>)) -> OperatorService {
    let complete = |word: &PayerWord| Some((word.completeness_ppm?, word.weight_wei));
    let timely = |word: &PayerWord| Some((ppm(word.bytes_on_time, word.bytes)?, word.weight_wei));
    let words: Vec<_> = payers.iter().filter_map(complete).collect();
    let due = payers.iter().fold(0, |sum: u64, word| sum.saturating_add(word.due));
    let brought = payers.iter().fold(0, |sum: u64, word| sum.saturating_add(word.brought));
    let standing = match (words.len(), due) {
        (0, 0) => Standing::Silent,
        (0, _) => Standing::Few,
        (1, _) => Standing::OneWord,
        _ => Standing::Measured,
    };
    OperatorService {
        operator_id,
        standing,
        completeness_ppm: median_by_weight(words),
        timeliness_ppm: median_by_weight(payers.iter().filter_map(timely).collect()),
        due,
        brought,
        payers,
    }
}
