//! What the web API takes and answers.

use serde::Serialize;
use tatum_primitives::{Address, B256, Epoch, NodeId, OperatorId, U256};
use tatum_protocol::web::{
    Account, Action, AsOf, Event, OperatorStatus, Permit, Prepared, Request, SessionKeyState,
    SessionKeySummary, StakeBy, StakeStatus, Step, TransactionState, TransactionStatus, Unbonding,
};
use tatum_receipt::Signature;

const ACCOUNT: Address = Address::repeat_byte(7);
const AS_OF: AsOf =
    AsOf { block: 9, hash: B256::repeat_byte(9), time_s: 1_700_000_000, finalized: false };

fn data(amount: u64) -> U256 {
    U256::from(amount) * U256::from(1_000_000_000_000_000_000_u64)
}

fn lines<T: Serialize>(forms: impl IntoIterator<Item = T>) -> String {
    let line = |form: T| serde_json::to_string(&form).unwrap() + "\n";
    forms.into_iter().map(line).collect()
}

fn actions() -> Vec<Action> {
    let (operator, node) = (OperatorId(3), NodeId(B256::repeat_byte(2)));
    let signature = Signature([5; 65]);
    let permit = Permit { deadline_s: 1_700_001_800, signature };
    vec![
        Action::Stake { amount_wei: data(10), by: StakeBy::Permit, permit: Some(permit) },
        Action::Stake { amount_wei: data(10), by: StakeBy::TransferAndCall, permit: None },
        Action::Unstake { amount_wei: data(1) },
        Action::UnstakeAll,
        Action::WithdrawStake,
        Action::AuthorizeSessionKey { key: ACCOUNT, proof: signature },
        Action::RevokeSessionKey { key: ACCOUNT },
        Action::RegisterOperator {
            payout: ACCOUNT,
            bond_wei: 5,
            capacity_bytes: Some(u64::MAX),
            metadata: "acme".to_owned(),
        },
        Action::AddNode { operator, node },
        Action::RemoveNode { operator, node },
        Action::DeclareCapacity { operator, capacity_bytes: u64::MAX },
        Action::AddBond { operator, amount_wei: u128::MAX },
        Action::SetPayout { operator, payout: ACCOUNT },
        Action::RenameOperator { operator, metadata: "acme".to_owned() },
        Action::OfferOperator { operator, candidate: ACCOUNT },
        Action::AcceptOperator { operator },
        Action::Leave { operator },
        Action::WithdrawBond { operator },
        Action::Claim { operators: vec![operator] },
        Action::OpenChannel { operator, deposit_wei: 9, window_minutes: 60 },
        Action::TopUpChannel { operator, deposit_wei: 9 },
        Action::ExitChannel { operator },
        Action::SettleChannel { payer: ACCOUNT, operator },
    ]
}

#[test]
fn actions_keep_their_form_and_are_read_back() {
    let requests = actions().into_iter().map(|action| Request { account: ACCOUNT, action });
    let requests: Vec<Request> = requests.collect();
    for request in &requests {
        let text = serde_json::to_string(request).unwrap();
        assert_eq!(&serde_json::from_str::<Request>(&text).unwrap(), request, "{text}");
    }
    insta::assert_snapshot!(lines(requests));
}

#[test]
fn what_wallets_sign_keeps_its_form() {
    let steps = vec![
        Step::Send {
            label: "stake".to_owned(),
            to: ACCOUNT,
            data: "0x12".to_owned(),
            value_wei: U256::ZERO,
            gas: Some(90_000),
            refused: None,
        },
        Step::Sign {
            label: "permit".to_owned(),
            typed_data: serde_json::json!({ "primaryType": "Permit" }),
            answer: "permit".to_owned(),
        },
    ];
    let warnings = vec!["A fee is taken.".to_owned()];
    let prepared = Prepared { as_of: AS_OF, chain_id: 31_337, account: ACCOUNT, warnings, steps };
    let status = TransactionStatus {
        as_of: AS_OF,
        hash: B256::repeat_byte(4),
        state: TransactionState::Reverted,
        block: Some(8),
        confirmations: 2,
        reason: Some("there is nothing staked".to_owned()),
    };
    insta::assert_snapshot!(lines([prepared]) + &lines([status]));
}

#[test]
fn accounts_operators_and_events_keep_their_form() {
    let (epoch, payer) = (Epoch(12), ACCOUNT);
    let unbonding =
        Unbonding { amount_wei: data(1), withdrawable_epoch: Epoch(19), withdrawable_at_s: 7 };
    let stake = StakeStatus {
        payer,
        stake_wei: data(100),
        withdrawable_wei: U256::ZERO,
        unbonding_wei: data(1),
        unbonding: vec![unbonding],
        fee_rate_ppb: 10_000_000,
        fees_paid_wei: data(2),
        fees_since_epoch: Epoch(3),
        quota_bytes: U256::from(1_u128 << 80),
        quota_bytes_per_data: U256::from(354_334_794),
        next_quota_bytes_per_data: U256::from(353_826_915),
        next_quota_bytes: U256::MAX,
        epoch,
        next_epoch_at_s: 1_700_000_600,
        balance_wei: data(5),
    };
    let key = SessionKeySummary {
        key: Address::repeat_byte(8),
        state: SessionKeyState::Revoked,
        from_epoch: Epoch(2),
        last_epoch: Some(Epoch(12)),
    };
    let account = Account {
        as_of: AS_OF,
        address: payer,
        coin_wei: data(1),
        balance_wei: data(5),
        allowance_wei: U256::ZERO,
        stake,
        used: None,
        session_keys: vec![key],
        operators: vec![OperatorId(3)],
    };
    let operator = OperatorStatus {
        id: OperatorId(3),
        owner: payer,
        payout: payer,
        bond_wei: data(5_000),
        declared_bytes: u64::MAX,
        capacity_bytes: 1 << 40,
        next_capacity_bytes: 0,
        exit_epoch: Some(Epoch(13)),
        bond_free_from: Some(Epoch(20)),
        epoch,
        claimed_nano: tatum_primitives::Nano(u64::MAX),
        payout_balance_wei: U256::ZERO,
    };
    let head = Event::Head { block: 9, hash: AS_OF.hash, time_s: AS_OF.time_s, epoch };
    let events = [head, Event::EpochOpened { epoch }, Event::Finalized { epoch }];
    insta::assert_snapshot!(lines([account]) + &lines([operator]) + &lines(events));
}
