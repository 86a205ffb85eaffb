use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256};
use proptest::prelude::*;
use tatum_primitives::{Epoch, OperatorId, ReaderId, Role, StreamKey};
use tatum_receipt::{Contents, ContentsLine, DeliveryReceipt, Witnessed};

use super::*;
use crate::scene::{data, key, sign, verifier};
use crate::{Dataset, Payer, verify, write};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(1));

fn line(chain: u64, span: u64, due: u64, brought: u64) -> ContentsLine {
    let (publisher, number, id) = (key(1).address(), span - 1, B256::repeat_byte(9));
    ContentsLine { publisher, chain, number, id, span, held: span, due, brought }
}

fn stated(receipt: DeliveryReceipt, lines: Vec<ContentsLine>) -> Witnessed {
    let contents = Contents::new(lines).unwrap();
    let receipt = DeliveryReceipt { contents: contents.root(), ..receipt };
    Witnessed::new(sign(receipt), contents).unwrap()
}

/// What a payer's reader says of an operator; all of it was on time.
fn word(payer: Address, operator: u32, bytes: u64, lines: Vec<ContentsLine>) -> Witnessed {
    let receipt = DeliveryReceipt {
        payer,
        operator_id: OperatorId(operator),
        stream_key: STREAM,
        role: Role::Subscriber,
        epoch: Epoch(4),
        messages: 1,
        bytes,
        bytes_on_time: bytes,
        ..DeliveryReceipt::default()
    };
    stated(receipt, lines)
}

fn published(chain: u64, span: u64) -> Witnessed {
    let payer = key(1).address();
    let base = word(payer, 0, 5, vec![line(chain, span, span, span)]).signed.receipt;
    stated(DeliveryReceipt { role: Role::Publisher, ..base }, vec![line(chain, span, span, span)])
}

fn payer(number: u8) -> Address {
    Address::repeat_byte(number)
}

fn paying(fees: &[(Address, u64)]) -> Vec<Payer> {
    let quota_bytes = U256::from(1_000_000);
    let one = |(payer, fee): &(Address, u64)| Payer {
        payer: *payer,
        fee_wei: U256::from(*fee),
        quota_bytes,
    };
    fees.iter().map(one).collect()
}

fn survey(receipts: &[Witnessed], fees: &[(Address, u64)]) -> ServiceReport {
    let mut survey = Survey::default();
    receipts.iter().for_each(|receipt| survey.publisher(receipt, &verifier()));
    receipts.iter().for_each(|receipt| survey.subscriber(receipt, None));
    survey.report(Epoch(4), &paying(fees))
}

fn figures(report: &ServiceReport) -> Vec<(u32, Standing, Option<u64>)> {
    let operators = report.streams.iter().flat_map(|stream| &stream.operators);
    operators.map(|o| (o.operator_id.0, o.standing, o.completeness_ppm)).collect()
}

#[test]
fn who_drops_two_in_a_hundred_is_named_and_nobody_else() {
    let mut receipts = vec![published(1, 1_000)];
    for reader in 2..5 {
        receipts.push(word(payer(reader), 0, 10, vec![line(1, 1_000, 1_000, 1_000)]));
        receipts.push(word(payer(reader), 1, 10, vec![line(1, 1_000, 1_000, 980)]));
    }
    let report = survey(&receipts, &[(payer(2), 5), (payer(3), 6), (payer(4), 7)]);
    let measured = Standing::Measured;
    assert_eq!(figures(&report), [(0, measured, Some(1_000_000)), (1, measured, Some(980_000))]);
    let named: Vec<_> = report.below(990_000).map(|(_, o)| o.operator_id.0).collect();
    assert_eq!(named, [1]);
    let stream = &report.streams[0];
    assert_eq!((stream.published, stream.readers_ppm()), (Some(1_000), Some(WHOLE_PPM)));
    let behind: Vec<_> = stream.operators[1].payers.iter().flat_map(|p| &p.receipts).collect();
    assert_eq!(behind.len(), 3);
}

/// What payers 2, 3 and 4 say of operator 1 in a stream, of a thousand messages; who is not named says nothing.
fn judged(says: &[(u8, u64)], fees: &[(u8, u64)]) -> Vec<Finding> {
    let mut receipts = vec![published(1, 1_000)];
    for (number, _) in fees {
        let said = says.iter().find(|(who, _)| who == number);
        let lines = said.map(|(_, brought)| line(1, 1_000, 1_000, *brought));
        receipts.push(word(payer(*number), 1, 10, lines.into_iter().collect()));
    }
    let fees: Vec<_> = fees.iter().map(|(number, fee)| (payer(*number), *fee)).collect();
    survey(&receipts, &fees).findings(990_000)
}

#[test]
fn who_drops_two_in_a_hundred_is_convicted_by_more_than_half_of_the_fees() {
    let found = judged(&[(2, 980), (3, 979), (4, 1_000)], &[(2, 5), (3, 6), (4, 10)]);
    let expected = Finding {
        operator_id: OperatorId(1),
        stream: STREAM,
        completeness_ppm: 980_000,
        sole_payer: None,
    };
    assert_eq!(found, [expected]);
    assert_eq!(judged(&[(2, 990), (3, 991), (4, 1_000)], &[(2, 5), (3, 6), (4, 10)]), []);
    assert_eq!(judged(&[(2, 980), (3, 979)], &[(2, 5), (3, 5), (4, 10)]), [], "half is not more");
    let alone = judged(&[(2, 500)], &[(2, 5)]);
    assert_eq!(alone[0].sole_payer, Some(payer(2)));
}

#[test]
fn a_stream_made_up_by_a_liar_costs_an_operator_nothing_that_serves_a_hundred_times_as_much() {
    let own = StreamKey(B256::repeat_byte(7));
    let lie = |number: u8| {
        let base = word(payer(number), 1, 10, vec![]).signed.receipt;
        stated(DeliveryReceipt { stream_key: own, ..base }, vec![line(1, 1_000, 1_000, 0)])
    };
    let honest = word(payer(4), 1, 10, vec![line(1, 1_000, 1_000, 1_000)]);
    let receipts = [published(1, 1_000), lie(2), lie(3), honest];
    let found = |fee| survey(&receipts, &[(payer(2), 1), (payer(3), 1), (payer(4), fee)]);
    assert_eq!(found(199).findings(990_000), []);
    assert_eq!(found(198).findings(990_000).len(), 1, "it pays for a hundredth");
    assert_eq!(found(199).below(990_000).count(), 1, "the report names it all the same");
}

#[test]
fn where_it_cannot_tell_it_says_so() {
    let few = word(payer(2), 0, 10, vec![line(1, 1_000, LEAST_DUE - 1, 0)]);
    let silent = word(payer(2), 1, 10, vec![]);
    let alone = word(payer(2), 2, 10, vec![line(1, 1_000, LEAST_DUE, 0)]);
    let report = survey(&[few, silent, alone], &[(payer(2), 5)]);
    let expected =
        [(0, Standing::Few, None), (1, Standing::Silent, None), (2, Standing::OneWord, Some(0))];
    assert_eq!(figures(&report), expected);
    assert_eq!(report.streams[0].published, None);
    assert_eq!(report.below(WHOLE_PPM).count(), 0, "nobody is named on one payer's word");
}

#[test]
fn several_chains_and_readers_of_a_payer_add_up() {
    let payer = payer(2);
    let one = word(payer, 0, 10, vec![line(1, 400, 400, 400), line(2, 100, 100, 50)]);
    let mut two = word(payer, 0, 10, vec![]).signed.receipt;
    two.reader = ReaderId(9);
    let two = stated(two, vec![line(1, 500, 500, 500)]);
    let report = survey(&[one, two], &[(payer, 5)]);
    let operator = &report.streams[0].operators[0];
    assert_eq!((operator.due, operator.brought, operator.payers.len()), (1_000, 950, 1));
    assert_eq!((report.streams[0].span, report.streams[0].held), (1_000, 1_000));
}

#[test]
fn a_head_that_no_publisher_signed_counts_for_nothing() {
    let mut forged = line(1, 1_000, 1_000, 0);
    forged.id = B256::repeat_byte(7);
    let lie = word(payer(2), 0, 10, vec![forged]);
    // A stranger's word about the chain of another is no publisher's.
    let mut stranger = published(1, 1_000).signed.receipt;
    stranger.payer = key(2).address();
    let stranger = stated(stranger, vec![forged]);
    let report = survey(&[published(1, 1_000), stranger, lie], &[(payer(2), 5)]);
    let operator = &report.streams[0].operators[0];
    assert_eq!((operator.standing, operator.payers[0].contradicted), (Standing::Silent, 1));
    assert_eq!(report.streams[0].disputed_chains, 0);
}

#[test]
fn a_dataset_holds_what_lies_beside_its_receipts_and_is_surveyed_from_disk() {
    let mut data = data();
    let mut witnessed: Vec<Witnessed> = (data.receipts.drain(..).enumerate())
        .map(|(at, signed)| {
            let lines = vec![line(1, 1_000, 1_000, 990 - at as u64), line(2, 5, 5, 5)];
            stated(signed.receipt, if at == 3 { vec![] } else { lines })
        })
        .collect();
    witnessed.sort_by_key(|receipt| receipt.signed.receipt.key());
    data.receipts = witnessed.iter().map(|receipt| receipt.signed.clone()).collect();
    data.beside = witnessed.iter().map(|receipt| receipt.contents.clone()).collect();
    let parent = tempfile::tempdir().unwrap();
    let folder = write(parent.path(), data.clone()).unwrap().folder;
    verify(&folder).unwrap();
    let dataset = Dataset::open(&folder).unwrap();
    let read: Vec<Witnessed> = dataset.witnessed().unwrap().map(Result::unwrap).collect();
    assert_eq!(read, witnessed);
    let report = Survey::of(&dataset, None).unwrap();
    assert_eq!(report.streams.len(), 3);
    let only = Survey::of(&dataset, Some(STREAM)).unwrap();
    assert_eq!(only.streams, report.streams[..1]);
    // Lines that nobody signed for have no place in it.
    data.beside = [Contents::new(vec![line(1, 9, 9, 9)]).unwrap()].into_iter().collect();
    let bare = write(parent.path(), data).unwrap();
    assert_eq!(bare.manifest.files[4].rows, 0);
}

#[test]
fn lines_that_belong_to_no_receipt_are_found() {
    let mut data = data();
    let one = stated(data.receipts[0].receipt.clone(), vec![line(1, 1_000, 1_000, 990)]);
    data.receipts[0] = one.signed.clone();
    data.beside = [one.contents].into_iter().collect();
    let parent = tempfile::tempdir().unwrap();
    let honest = write(parent.path(), data.clone()).unwrap().folder;
    // Heads of one dataset below the receipts of another.
    let two = stated(one.signed.receipt, vec![line(1, 1_000, 1_000, 980)]);
    data.receipts[0] = two.signed.clone();
    data.beside = [two.contents].into_iter().collect();
    let other = write(parent.path(), data).unwrap().folder;
    std::fs::copy(honest.join("heads.parquet"), other.join("heads.parquet")).unwrap();
    let found = verify(&other).unwrap_err().to_string();
    assert!(found.contains("heads.parquet row 0"), "{found}");
}

proptest! {
    #[test]
    fn who_weighs_less_than_half_moves_no_median_out_of_the_others_range(
        honest in prop::collection::vec((0..=WHOLE_PPM, 1_u128..1_000), 1..12),
        liars in prop::collection::vec((0..=WHOLE_PPM, 0_u128..1_000), 0..24),
    ) {
        let weight: u128 = honest.iter().map(|(_, weight)| weight).sum();
        let mut left = weight - 1;
        let liars = liars.into_iter().map(|(value, weight)| {
            let weight = weight.min(left);
            left -= weight;
            (value, weight)
        });
        let all: Vec<_> = honest.iter().copied().chain(liars).collect();
        let median = median_by_weight(all).unwrap();
        let least = honest.iter().map(|(value, _)| *value).min().unwrap();
        let most = honest.iter().map(|(value, _)| *value).max().unwrap();
        prop_assert!((least..=most).contains(&median));
    }

    #[test]
    fn the_order_of_words_and_splitting_a_weight_change_no_median(
        words in prop::collection::vec((0..=WHOLE_PPM, 2_u128..1_000), 1..12),
        part in 1_u128..1_000,
    ) {
        let median = median_by_weight(words.clone());
        let mut turned = words.clone();
        turned.reverse();
        prop_assert_eq!(median_by_weight(turned), median);
        let (value, weight) = words[0];
        let part = part.min(weight - 1);
        let mut split = vec![(value, part), (value, weight - part)];
        split.extend(&words[1..]);
        prop_assert_eq!(median_by_weight(split), median);
    }

    #[test]
    fn a_survey_does_not_depend_on_the_order_of_receipts(
        words in prop::collection::vec((2_u8..6, 0_u32..3, 1_u64..500, 0_u64..=1_000), 1..20),
    ) {
        let fees: Vec<_> = (2..6).map(|n| (payer(n), 100 * u64::from(n))).collect();
        let mut receipts: Vec<_> = words.iter().enumerate().map(|(at, (n, operator, bytes, brought))| {
            let lines = vec![line(1, 1_000 + at as u64, 1_000, *brought)];
            word(payer(*n), *operator, *bytes, lines)
        }).collect();
        receipts.push(published(1, 2_000));
        let straight = figures(&survey(&receipts, &fees));
        receipts.reverse();
        prop_assert_eq!(figures(&survey(&receipts, &fees)), straight);
    }

    #[test]
    fn leaving_words_out_of_a_dataset_convicts_nobody(
        words in prop::collection::btree_map((2_u8..8, 0_u32..3), 960_u64..=1_000, 1..18),
        left_out in prop::collection::vec(any::<bool>(), 20),
    ) {
        let fees: Vec<_> = (2..8).map(|n| (payer(n), 100 * u64::from(n))).collect();
        let told = |silent: &dyn Fn(usize) -> bool| {
            let mut receipts: Vec<_> = words.iter().enumerate().map(|(at, ((n, operator), brought))| {
                let lines = if silent(at) { vec![] } else { vec![line(1, 1_000, 1_000, *brought)] };
                word(payer(*n), *operator, 10, lines)
            }).collect();
            receipts.push(published(1, 1_000));
            let found = survey(&receipts, &fees).findings(990_000);
            found.into_iter().map(|found| found.operator_id).collect::<BTreeSet<_>>()
        };
        let whole = told(&|_| false);
        prop_assert!(told(&|at| left_out[at]).is_subset(&whole));
    }
}
