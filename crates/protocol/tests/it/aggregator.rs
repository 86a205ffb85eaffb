//! What goes into an aggregator and comes out of it, and what an auditor's webhook gets.

use ed25519_dalek::SigningKey;
use serde::Serialize;
use tatum_primitives::{Address, B256, Domain, Epoch, Nano, NodeId, OperatorId, Role, StreamKey};
use tatum_protocol::receipts::{Answer, encode};
use tatum_protocol::{
    Alarm, AlarmKind, CountedReceipt, Cursor, Earnings, EpochEarning, EpochState, EpochSummary,
    Evidence, IdentitySummary, Payout, PayoutEdge, Problem, ProblemKind, ReceiptPage,
    RejectionSummary, ServiceSums,
};
use tatum_receipt::{
    DeliveryReceipt, Rejection, RejectionStatement, SessionKey, SignatureError, SignedReceipt,
    Verifier, rejection_id,
};

const DOMAIN: Domain = Domain { chain_id: 31_337, stake_pool: Address::repeat_byte(1) };

fn receipt() -> SignedReceipt {
    let key = SessionKey::from_bytes(&[7; 32]).unwrap();
    let receipt = DeliveryReceipt {
        payer: key.address(),
        operator_id: OperatorId(3),
        node: NodeId(B256::repeat_byte(2)),
        stream_key: StreamKey(B256::repeat_byte(4)),
        role: Role::Publisher,
        epoch: Epoch(12),
        sequence: 9,
        messages: 1_000,
        bytes: 1_000_000,
        ..DeliveryReceipt::default()
    };
    SignedReceipt::sign(receipt, &key, &Verifier::new(DOMAIN))
}

fn rejections() -> Vec<Rejection> {
    let (payer, node, operator_id) =
        (Address::repeat_byte(5), NodeId(B256::repeat_byte(2)), OperatorId(3));
    let (epoch, running) = (Epoch(12), Epoch(13));
    vec![
        Rejection::Malformed { detail: "9 is no role".to_owned() },
        Rejection::OutOfBounds { field: "messages".to_owned(), got: 0, min: 1, max: 9 },
        Rejection::Channel { channel: B256::repeat_byte(1).to_string() },
        Rejection::OtherChannel { got: B256::repeat_byte(1), open: B256::ZERO },
        Rejection::EvidenceFull { most: 1_024 },
        Rejection::FutureEpoch { got: running, running: epoch },
        Rejection::PastEpoch { got: epoch, earliest_open: running },
        Rejection::UnknownOperator { operator_id },
        Rejection::UnknownNode { node, operator_id },
        Rejection::NoStake { payer },
        Rejection::OverQuota { got: 2, quota: 1 },
        Rejection::Signature { error: SignatureError::HighS },
        Rejection::UnauthorizedSigner { signer: payer, payer },
    ]
}

/// A form as it is sent, a line each.
fn lines<T: Serialize>(forms: impl IntoIterator<Item = T>) -> String {
    let line = |form: T| serde_json::to_string(&form).unwrap() + "\n";
    forms.into_iter().map(line).collect()
}

#[test]
fn a_batch_of_receipts_keeps_its_bytes() {
    let bytes = encode(&[receipt(), receipt()]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    insta::assert_snapshot!(hex);
}

#[test]
fn answers_for_receipts_keep_their_form() {
    let plain = [Answer::Accepted, Answer::Superseded, Answer::Duplicate, Answer::Evidence];
    let rejected = rejections().into_iter().map(Answer::rejected);
    let answers: Vec<Answer> = plain.into_iter().chain(rejected).collect();
    for answer in &answers {
        let text = serde_json::to_string(answer).unwrap();
        assert_eq!(&serde_json::from_str::<Answer>(&text).unwrap(), answer);
    }
    insta::assert_snapshot!(lines(&answers));
}

#[test]
fn problems_keep_their_form() {
    let problem = |kind| Problem::new(kind, "what is the matter in this case");
    insta::assert_snapshot!(lines(ProblemKind::ALL.map(problem)));
}

#[test]
fn epochs_keep_their_form() {
    let bare = EpochSummary {
        epoch: Epoch(12),
        state: EpochState::Open,
        receipts: None,
        block_number: None,
        block_hash: None,
        manifest_hash: None,
        root: None,
        receipts_root: None,
        pot_nano: None,
        distributed_nano: None,
        uri: None,
        proposer: None,
        propose_tx: None,
        finalizable_at_s: None,
        finalize_tx: None,
        note: None,
        updated_ms: 1_700_000_000_000,
    };
    let full = EpochSummary {
        state: EpochState::Finalized,
        receipts: Some(3),
        block_number: Some(99),
        block_hash: Some(B256::repeat_byte(1)),
        manifest_hash: Some(B256::repeat_byte(2)),
        root: Some(B256::repeat_byte(3)),
        receipts_root: Some(B256::repeat_byte(4)),
        pot_nano: Some("18446744073709551615".to_owned()),
        distributed_nano: Some("18446744073709551614".to_owned()),
        uri: Some("https://example.net/v1/epochs/12".to_owned()),
        proposer: Some(Address::repeat_byte(5)),
        propose_tx: Some(B256::repeat_byte(6)),
        finalizable_at_s: Some(1_700_000_000),
        finalize_tx: Some(B256::repeat_byte(7)),
        note: Some("waits for the chain".to_owned()),
        ..bare
    };
    insta::assert_snapshot!(lines([bare, full]));
}

#[test]
fn pages_of_receipts_keep_their_form() {
    let signed = receipt();
    let counted = CountedReceipt {
        leaf: signed.leaf(),
        receipt: signed.receipt,
        signature: signed.signature,
    };
    let page = ReceiptPage { epoch: Epoch(12), receipts: vec![counted], next_offset: Some(1) };
    insta::assert_snapshot!(lines([page]));
}

#[test]
fn explained_payouts_keep_their_form_and_add_up() {
    let edge = |payer, work_nano| PayoutEdge {
        payer: Address::repeat_byte(payer),
        receipts: 3,
        units_bytes: u128::from(u64::MAX),
        payer_units_bytes: u128::MAX,
        payer_steers_nano: Nano(u64::MAX),
        work_nano: Nano(work_nano),
    };
    let payout = Payout {
        epoch: Epoch(12),
        operator: OperatorId(3),
        work: vec![edge(1, 70), edge(2, 30)],
        next_offset: None,
        work_nano: Nano(100),
        cap_nano: Nano(80),
        paid_nano: Nano(90),
        pool_nano: Nano(5),
        role_nano: Nano::ZERO,
        total_nano: Nano(95),
        before_nano: Nano(1_000),
        cumulative_nano: Nano(1_095),
    };
    let text = serde_json::to_string(&payout).unwrap();
    assert_eq!(serde_json::from_str::<Payout>(&text).unwrap(), payout);
    assert!(payout.adds_up());
    let changed = |change: fn(&mut Payout)| {
        let mut changed = payout.clone();
        change(&mut changed);
        changed
    };
    let more = [
        changed(|payout| payout.work[1].work_nano = Nano(31)),
        changed(|payout| payout.pool_nano = Nano(6)),
        changed(|payout| payout.before_nano = Nano(u64::MAX)),
        changed(|payout| payout.work.truncate(1)),
    ];
    assert!(!more.iter().any(Payout::adds_up), "{more:?}");
    insta::assert_snapshot!(lines([payout]));
}

#[test]
fn earnings_keep_their_form() {
    let earning = EpochEarning {
        epoch: Epoch(12),
        state: EpochState::Proposed,
        work_nano: Nano(100),
        paid_nano: Nano(90),
        pool_nano: Nano(5),
        total_nano: Nano(95),
        cumulative_nano: Nano(u64::MAX),
    };
    insta::assert_snapshot!(lines([Earnings { operator: OperatorId(3), epochs: vec![earning] }]));
}

#[test]
fn rejections_and_who_signs_them_keep_their_form() {
    let key = SigningKey::from_bytes(&[8; 32]);
    let (signed, reason) = (receipt(), Rejection::NoStake { payer: Address::repeat_byte(5) });
    let id = rejection_id(reason.code(), &signed.encode());
    let statement = RejectionStatement::sign(&key, DOMAIN, id, reason.code(), 2);
    let identity = IdentitySummary {
        signer: statement.signer,
        chain_id: DOMAIN.chain_id,
        stake_pool: DOMAIN.stake_pool,
    };
    let rejection = RejectionSummary {
        id,
        message: reason.to_string(),
        reason,
        payer: Some(signed.receipt.payer),
        epoch: Some(signed.receipt.epoch),
        receipt: Some(signed),
        times: 2,
        first_ms: 1,
        last_ms: 2,
        statement,
    };
    insta::assert_snapshot!(lines([rejection]) + &lines([identity]));
}

#[test]
fn evidence_keeps_its_form_and_adds_up() {
    let mut sums = ServiceSums::default();
    for (payer, role, owed) in [(1, 0, 7), (1, 1, 8), (2, 0, u128::MAX)] {
        sums.add(&DeliveryReceipt {
            payer: Address::repeat_byte(payer),
            role: Role::try_from(role).unwrap(),
            messages: u64::MAX,
            owed,
            ..receipt().receipt
        });
    }
    let evidence = sums.evidence(Epoch(12));
    let text = serde_json::to_string(&evidence).unwrap();
    assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
    insta::assert_snapshot!(lines([evidence]));
    let cursor = Cursor::behind(&receipt().receipt);
    assert_eq!(cursor.key(Epoch(12)), Some(receipt().receipt.key()));
    let text = serde_json::to_string(&cursor).unwrap();
    assert_eq!(serde_json::from_str::<Cursor>(&text).unwrap(), cursor);
    assert_eq!(serde_json::from_str::<Cursor>("\"00\"").unwrap().key(Epoch(0)), None);
}

#[test]
fn alarms_keep_their_form() {
    let alarm = |kind| Alarm {
        id: B256::repeat_byte(1),
        kind,
        chain_id: DOMAIN.chain_id,
        distributor: Address::repeat_byte(2),
        epoch: Epoch(12),
        counter: 9,
        entries_top: B256::repeat_byte(3),
        manifest_hash: B256::repeat_byte(4),
        proposer: Address::repeat_byte(5),
        uri: "https://example.net/v1/epochs/12".to_owned(),
        finalizable_at_s: 1_700_000_000,
        summary: "the proposal of epoch 12 does not hold".to_owned(),
        differences: vec!["roots: not the same".to_owned()],
        at_ms: 1_700_000_000_000,
    };
    insta::assert_snapshot!(lines(AlarmKind::ALL.map(alarm)));
}
