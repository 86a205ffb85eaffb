//! What goes into the store over HTTP and what does not, with the answers that say so.

use proptest::prelude::*;
use serde_json::{Value, json};
use tatum_aggregator::ingest::Limits;
use tatum_database::RejectionQuery;
use tatum_primitives::{Address, B256, Domain, NodeId, OperatorId, ReaderId, U256};
use tatum_protocol::PROBLEM_JSON;
use tatum_protocol::receipts::{RECEIPTS, encode};
use tatum_receipt::{DeliveryReceipt, SIGNED_RECEIPT_BYTES, SignedReceipt, Verifier};

use crate::support::{BY_CHANNEL, CHANNEL, Intake, QUOTA, RUNNING, key};

async fn intake() -> Intake {
    Intake::start(Limits::default()).await
}

fn outcomes(answers: &Value) -> Vec<String> {
    let outcome = |answer: &Value| match answer["reason"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => answer["outcome"].as_str().unwrap().to_owned(),
    };
    answers.as_array().unwrap().iter().map(outcome).collect()
}

#[tokio::test]
async fn receipts_are_stored_and_answered_in_order() {
    let intake = intake().await;
    let (first, second) = (intake.receipt(1, 1, |_| ()), intake.receipt(1, 2, |_| ()));
    let batch = [&first, &first, &second, &first].map(Clone::clone);
    let answers = intake.hand_in(&batch).await;
    assert_eq!(outcomes(&answers), ["accepted", "duplicate", "accepted", "superseded"]);
    let answers = intake.hand_in(&[second, intake.receipt(2, 1, |_| ())]).await;
    assert_eq!(outcomes(&answers), ["duplicate", "accepted"]);
    assert_eq!(intake.hand_in(&[]).await, json!([]));
    assert_eq!(intake.held().await.len(), 2);
}

/// Every refusal that is named in the protocol's list of bad input, each next to an honest receipt.
#[tokio::test]
async fn bad_receipts_are_refused_with_their_reason_and_change_nothing() {
    let intake = intake().await;
    let held = intake.receipt(1, 5, |_| ());
    intake.hand_in(std::slice::from_ref(&held)).await;
    let before = intake.held().await;

    let stranger = SignedReceipt::sign(held.receipt.clone(), &key(77), &intake.verifier);
    let elsewhere = Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO });
    let other_domain = SignedReceipt::sign(held.receipt.clone(), &key(101), &elsewhere);
    let mut altered = intake.receipt(1, 6, |_| ());
    altered.receipt.bytes += 1;
    let mut garbage = intake.receipt(1, 6, |_| ());
    garbage.signature.0[..64].fill(0);
    let bad: Vec<(&str, SignedReceipt)> = vec![
        ("unauthorized_signer", stranger),
        ("unauthorized_signer", other_domain),
        ("unauthorized_signer", altered),
        ("signature", garbage),
        ("signature", high_s(&intake.receipt(1, 6, |_| ()))),
        ("unknown_operator", intake.receipt(1, 6, |r| r.operator_id = OperatorId(8))),
        ("unknown_node", intake.receipt(1, 6, |r| r.node = NodeId(B256::ZERO))),
        ("no_stake", intake.receipt(50, 6, |_| ())),
        ("past_epoch", intake.receipt(1, 6, |r| r.epoch = RUNNING.previous().unwrap())),
        ("future_epoch", intake.receipt(1, 6, |r| r.epoch = RUNNING.next())),
        (
            "over_quota",
            intake.receipt(1, 6, |r| (r.bytes, r.bytes_on_time) = (2 * QUOTA, 2 * QUOTA)),
        ),
        ("out_of_bounds", intake.receipt(1, 6, |r| r.bytes_on_time = r.bytes + 1)),
        ("out_of_bounds", intake.receipt(1, 6, |r| r.sequence = u64::MAX)),
        ("channel", intake.receipt(1, 6, |r| r.owed = 1)),
        ("other_channel", intake.receipt(1, 6, |r| r.channel = B256::repeat_byte(1))),
        ("other_channel", intake.receipt(1, 6, |r| r.channel = CHANNEL)),
        ("unauthorized_signer", stranger_in_channel(&intake)),
    ];
    for (code, receipt) in &bad {
        let honest = intake.receipt(2, 1, |_| ());
        let answers = intake.hand_in(&[receipt.clone(), honest]).await;
        let answered = outcomes(&answers);
        assert_eq!(&answered[0], code, "{answers}");
        assert!(answered[1] == "accepted" || answered[1] == "duplicate");
        assert!(answers[0]["message"].as_str().is_some_and(|message| message.len() > 10));
    }
    let mut after = intake.held().await;
    after.retain(|signed| signed.receipt.payer != key(2).address());
    assert_eq!(after, before);

    // All of them are kept, with their reason.
    let query = RejectionQuery { limit: 100, ..Default::default() };
    let kept = intake.database.rejections(query).await.unwrap();
    assert_eq!(kept.len(), bad.len());
    for (code, receipt) in &bad {
        let found = kept
            .iter()
            .any(|kept| kept.rejection.code() == *code && kept.bytes == receipt.encode());
        assert!(found, "{code} was not kept");
    }
}

/// A receipt of a channel that is open, signed by somebody whose it is not.
fn stranger_in_channel(intake: &Intake) -> SignedReceipt {
    let receipt = in_channel(intake, 0, 1).receipt;
    SignedReceipt::sign(receipt, &key(77), &intake.verifier)
}

fn in_channel(intake: &Intake, reader: u32, sequence: u64) -> SignedReceipt {
    intake.receipt(BY_CHANNEL, sequence, |r| {
        (r.channel, r.owed, r.reader) = (CHANNEL, 7 * u128::from(sequence), ReaderId(reader));
    })
}

/// What a channel pays is taken as evidence, answered so, and in no epoch's books: whether what counts is handed in beside it or not.
#[tokio::test]
async fn receipts_of_channels_are_evidence_and_count_for_no_pot() {
    let intake = intake().await;
    let counted = intake.receipt(BY_CHANNEL, 3, |_| ());
    let batch = [in_channel(&intake, 0, 2), counted.clone(), in_channel(&intake, 0, 1)];
    let answers = intake.hand_in(&batch).await;
    assert_eq!(outcomes(&answers), ["evidence", "accepted", "evidence"]);
    assert_eq!(intake.hand_in(&batch[..1]).await, json!([{ "outcome": "evidence" }]));
    assert_eq!(intake.held().await, [counted]);
    assert_eq!(intake.evidence().await, [in_channel(&intake, 0, 2)], "the newest of its key");
}

/// Its deposit has room for three.
#[tokio::test]
async fn a_channel_fills_no_more_room_than_its_deposit_buys() {
    let intake = intake().await;
    let lanes: Vec<_> = (0..5).map(|reader| in_channel(&intake, reader, 1)).collect();
    let answers = intake.hand_in(&lanes).await;
    let full = "evidence_full";
    assert_eq!(outcomes(&answers), ["evidence", "evidence", "evidence", full, full]);
    assert_eq!(outcomes(&intake.hand_in(&[in_channel(&intake, 2, 9)]).await), ["evidence"]);
    assert_eq!(intake.evidence().await.len(), 3);
    assert_eq!(intake.held().await, []);
}

/// The other signature of the same key over the same receipt.
fn high_s(signed: &SignedReceipt) -> SignedReceipt {
    let order: U256 =
        "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
    let mut mirrored = signed.clone();
    let s = U256::from_be_slice(&signed.signature.0[32..64]);
    mirrored.signature.0[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
    mirrored.signature.0[64] = 55 - signed.signature.0[64];
    mirrored
}

#[tokio::test]
async fn a_later_receipt_takes_no_pay_away_and_readers_do_not_disturb_each_other() {
    let intake = intake().await;
    let paid = intake.receipt(1, 5, |_| ());
    let last = i64::MAX.unsigned_abs();
    let unpaid = intake.receipt(1, 5, |r| (r.sequence, r.bytes_on_time) = (last, 0));
    let fewer = intake.receipt(1, 6, |r| (r.bytes, r.bytes_on_time) = (4_999, 4_500));
    let other = intake.receipt(1, 1, |r| r.reader = ReaderId(9));
    let batch = [&unpaid, &paid, &unpaid, &other, &fewer, &paid].map(Clone::clone);
    let answers = intake.hand_in(&batch).await;
    let expected = ["accepted", "accepted", "superseded", "accepted", "accepted", "superseded"];
    assert_eq!(outcomes(&answers), expected);
    assert_eq!(intake.held().await, [fewer, other]);
}

#[tokio::test]
async fn malformed_elements_do_not_spoil_their_neighbours() {
    let intake = intake().await;
    let mut batch = encode(&[1, 2, 3].map(|payer| intake.receipt(payer, 1, |_| ())));
    // The role of the second.
    batch[2 + SIGNED_RECEIPT_BYTES + 1 + 88] = 9;
    let answers = intake.hand_in_bytes(batch).await;
    assert_eq!(outcomes(&answers), ["accepted", "malformed", "accepted"]);
    assert_eq!(intake.held().await.len(), 2);
}

#[tokio::test]
async fn bodies_that_are_no_batch_are_refused_whole() {
    let intake = intake().await;
    let mut trailing = encode(&[intake.receipt(1, 1, |_| ())]);
    trailing.push(0);
    let mut version = encode(&[intake.receipt(1, 1, |_| ())]);
    version[0] = 9;
    let cases: [(&str, Vec<u8>, u16, &str); 5] = [
        (RECEIPTS, trailing, 400, "bad_request"),
        (RECEIPTS, version, 400, "bad_request"),
        (RECEIPTS, vec![], 400, "bad_request"),
        ("application/json", b"[]".to_vec(), 415, "unsupported_media_type"),
        ("text/plain", b"[]".to_vec(), 415, "unsupported_media_type"),
    ];
    for (media_type, body, expected, code) in cases {
        let (status, answer) = intake.post(media_type, body).await;
        assert_eq!((status, &answer["code"]), (expected, &json!(code)), "{answer}");
        assert_eq!(answer["status"], expected, "{answer}");
    }
    assert_eq!(intake.held().await, []);
}

#[tokio::test]
async fn too_much_is_turned_away() {
    let limits = Limits { body_bytes: 10_000, receipts_per_request: 3, ..Limits::default() };
    let intake = Intake::start(limits).await;
    let (status, answer) = intake.post(RECEIPTS, vec![1; 10_001]).await;
    assert_eq!((status, &answer["code"]), (413, &json!("too_large")));
    let four: Vec<_> = (1..=4).map(|payer| intake.receipt(payer, 1, |_| ())).collect();
    let (status, _) = intake.post(RECEIPTS, encode(&four)).await;
    assert_eq!(status, 413);
    assert_eq!(intake.held().await, []);

    // A body without a length takes the room of the largest one.
    let limits = Limits { body_bytes: 10_000, bytes_under_way: 9_999, ..Limits::default() };
    let intake = Intake::start(limits).await;
    let answer = intake.raw(&[
        "POST /v1/receipts HTTP/1.1",
        "host: test",
        "content-type: application/vnd.tatum.receipts",
        "transfer-encoding: chunked",
        "connection: close",
        "",
        "0",
        "",
        "",
    ]);
    let answer = answer.await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    assert!(answer.contains(PROBLEM_JSON), "{answer}");
}

#[tokio::test]
async fn a_closing_epoch_takes_no_receipt_even_before_its_time() {
    let intake = intake().await;
    intake.database.begin_closing(RUNNING, 1).await.unwrap();
    let answers = intake.hand_in(&[intake.receipt(1, 1, |_| ())]).await;
    assert_eq!(outcomes(&answers), ["past_epoch"]);
    assert_eq!(intake.held().await, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However receipts are ordered, repeated and cut into requests, the same ones are held in the end.
    #[test]
    fn order_repetition_and_splitting_change_nothing(
        traffic in prop::collection::vec((1u8..4, 1u64..6), 1..30),
        cut in 1usize..8,
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let intake = intake().await;
            let receipts: Vec<SignedReceipt> =
                traffic.iter().map(|(payer, sequence)| intake.receipt(*payer, *sequence, |_| ())).collect();
            for batch in receipts.chunks(cut) {
                let answers = intake.hand_in(batch).await;
                assert!(answers.as_array().unwrap().iter().all(|answer| answer["outcome"] != "rejected"));
            }
            let mut newest: Vec<DeliveryReceipt> = receipts.into_iter().map(|signed| signed.receipt).collect();
            newest.sort_by_key(|receipt| (receipt.payer, std::cmp::Reverse(receipt.sequence)));
            newest.dedup_by_key(|receipt| receipt.payer);
            let held: Vec<_> = intake.held().await.into_iter().map(|signed| signed.receipt).collect();
            assert_eq!(held, newest);
        });
    }
}
