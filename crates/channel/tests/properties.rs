//! The channel's accounting identities, for any sequence of calls.
#![allow(missing_docs)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tatum_channel::{Channel, Pair, SignedBy, lane_id};
use tatum_primitives::{Address, B256, OperatorId, ReaderId};
use tatum_receipt::DeliveryReceipt;

const PAYER: Address = Address::repeat_byte(1);

#[derive(Clone, Debug)]
enum Step {
    Open { deposit_wei: u128 },
    TopUp { amount_wei: u128 },
    Redeem { lane: u32, owed_wei: u128, signed: bool, current: bool },
    Exit,
    Settle,
    Close { total_wei: u128 },
    Wait { seconds: u64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let amount = 0u128..2_000;
    prop_oneof![
        2 => amount.clone().prop_map(|deposit_wei| Step::Open { deposit_wei }),
        1 => amount.clone().prop_map(|amount_wei| Step::TopUp { amount_wei }),
        6 => (0u32..3, amount.clone(), any::<bool>(), prop::bool::weighted(0.9))
            .prop_map(|(lane, owed_wei, signed, current)| Step::Redeem { lane, owed_wei, signed, current }),
        1 => Just(Step::Exit),
        2 => Just(Step::Settle),
        1 => amount.prop_map(|total_wei| Step::Close { total_wei }),
        2 => (0u64..5_000).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// Everything that was ever signed and paid, by lane.
#[derive(Default)]
struct Books {
    in_wei: u128,
    out_wei: u128,
    signed_wei: BTreeMap<B256, u128>,
    paid_wei: BTreeMap<B256, u128>,
    ids: Vec<B256>,
}

fn take(channel: &mut Channel, step: &Step, now_s: &mut u64, books: &mut Books) {
    match *step {
        Step::Open { deposit_wei } => {
            if channel.open(deposit_wei, 60).is_ok() {
                assert!(!books.ids.contains(&channel.id()), "an id was used twice");
                books.ids.push(channel.id());
                books.in_wei += deposit_wei;
            }
        }
        Step::TopUp { amount_wei } => {
            if channel.top_up(amount_wei).is_ok() {
                books.in_wei += amount_wei;
            }
        }
        Step::Redeem { lane, owed_wei, signed, current } => {
            let id = if current { channel.id() } else { B256::repeat_byte(9) };
            let reader = ReaderId(lane);
            let receipt = DeliveryReceipt {
                payer: PAYER,
                reader,
                channel: id,
                owed: owed_wei,
                ..Default::default()
            };
            let lane = lane_id(&receipt);
            let signer = if signed { PAYER } else { Address::repeat_byte(7) };
            if signed {
                let most = books.signed_wei.entry(lane).or_default();
                *most = owed_wei.max(*most);
            }
            let by = SignedBy { signer: Some(signer), may_sign: signed };
            if let Ok(paid_wei) = channel.redeem(&receipt, by, *now_s) {
                assert!(paid_wei > 0 && current && signed);
                *books.paid_wei.entry(lane).or_default() += paid_wei;
                books.out_wei += paid_wei;
            }
        }
        Step::Exit => drop(channel.exit(*now_s)),
        Step::Settle => {
            books.out_wei += channel.settle(*now_s).map_or(0, |end| end.due_wei + end.returned_wei);
        }
        Step::Close { total_wei } => {
            books.out_wei +=
                channel.close(total_wei).map_or(0, |end| end.due_wei + end.returned_wei);
        }
        Step::Wait { seconds } => *now_s += seconds,
    }
}

proptest! {
    #[test]
    fn money_is_neither_made_nor_lost(steps in prop::collection::vec(any_step(), 1..80)) {
        let pair = Pair { hub: Address::ZERO, payer: PAYER, operator_id: OperatorId(0) };
        let (mut channel, mut now_s, mut books) = (Channel::new(pair), 0, Books::default());
        for step in &steps {
            let generation = channel.generation();
            take(&mut channel, step, &mut now_s, &mut books);
            prop_assert!(channel.generation() >= generation);
            let left_wei = channel.state().map_or(0, |open| {
                assert!(open.paid_wei <= open.deposited_wei);
                assert_eq!(open.lanes().map(|(_, lane)| lane.paid_wei).sum::<u128>(), open.paid_wei);
                open.left_wei()
            });
            prop_assert_eq!(books.in_wei, books.out_wei + left_wei);
            for (lane, paid_wei) in &books.paid_wei {
                prop_assert!(paid_wei <= &books.signed_wei[lane]);
            }
        }
    }

    #[test]
    fn any_payer_can_leave(steps in prop::collection::vec(any_step(), 1..40)) {
        let pair = Pair { hub: Address::ZERO, payer: PAYER, operator_id: OperatorId(0) };
        let (mut channel, mut now_s, mut books) = (Channel::new(pair), 0, Books::default());
        for step in &steps {
            take(&mut channel, step, &mut now_s, &mut books);
        }
        if channel.state().is_some() {
            let _ = channel.exit(now_s);
            let ended = channel.settle(now_s + 3_600).unwrap();
            prop_assert_eq!(ended.due_wei, 0);
            prop_assert_eq!(books.in_wei, books.out_wei + ended.returned_wei);
        }
        prop_assert!(channel.state().is_none());
    }
}
