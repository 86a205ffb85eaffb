//! A hub, its payers and its operators, each honest or not, in any order of steps: nobody honest loses more than is stated.
#![allow(missing_docs)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tatum_channel::route::{Backing, Deliverer, Hub, RouteRefusal, gross_up};
use tatum_channel::{Channel, Pair, SignedBy};
use tatum_primitives::{Address, B256, Bps, NodeId, OperatorId, ReaderId};
use tatum_receipt::DeliveryReceipt;

const HUB: Address = Address::repeat_byte(0xbb);
const HUB_OPERATOR: OperatorId = OperatorId(9);
const CONTRACT: Address = Address::repeat_byte(0xcc);
/// In each lane.
const CREDIT_WEI: u128 = 100;
const TWO: usize = 2;

fn operator_id(number: usize) -> OperatorId {
    OperatorId(u32::try_from(number).unwrap())
}

/// Who follows the rules.
#[derive(Clone, Copy, Debug)]
struct Honest {
    payers: [bool; TWO],
    hub: bool,
    operators: [bool; TWO],
}

#[derive(Clone, Debug)]
enum Step {
    /// An operator delivers, one that cheats without looking at its credit.
    Deliver { payer: usize, operator: usize, cost_wei: u128 },
    /// A payer signs for what it was delivered, one that cheats for anything, and perhaps by a key that may not.
    Sign { payer: usize, operator: usize, any_wei: u128, may_sign: bool },
    /// An operator shows the receipt to the hub; one that cheats may show it for another operator. A hub that cheats signs anything.
    Release { payer: usize, operator: usize, to_other: bool, any_wei: u128 },
    /// A payer begins to leave; the hub answers with all that it holds.
    PayerExits { payer: usize },
    /// The hub leaves an operator, which answers.
    HubExits { operator: usize },
    /// The hub adds to a channel.
    TopUp { operator: usize, amount_wei: u128 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let (who, amount) = (0..TWO, 0u128..1_500);
    let pair = (who.clone(), who.clone());
    prop_oneof![
        6 => (pair.clone(), 1u128..80)
            .prop_map(|((payer, operator), cost_wei)| Step::Deliver { payer, operator, cost_wei }),
        6 => (pair.clone(), amount.clone(), prop::bool::weighted(0.9))
            .prop_map(|((payer, operator), any_wei, may_sign)| Step::Sign { payer, operator, any_wei, may_sign }),
        6 => (pair, prop::bool::weighted(0.2), amount.clone())
            .prop_map(|((payer, operator), to_other, any_wei)| Step::Release { payer, operator, to_other, any_wei }),
        1 => who.clone().prop_map(|payer| Step::PayerExits { payer }),
        1 => who.clone().prop_map(|operator| Step::HubExits { operator }),
        1 => (who, amount).prop_map(|(operator, amount_wei)| Step::TopUp { operator, amount_wei }),
    ]
}

struct World {
    honest: Honest,
    fee: Bps,
    hub: Hub,
    incoming: Vec<Channel>,
    outgoing: Vec<Channel>,
    lanes: BTreeMap<(usize, usize), Deliverer>,
    delivered_wei: BTreeMap<(usize, usize), u128>,
    /// The payer's newest receipts, at the operators.
    signed: BTreeMap<(usize, usize), (DeliveryReceipt, SignedBy)>,
    /// At the hub: all that it may redeem.
    at_hub: Vec<(usize, DeliveryReceipt)>,
    /// The hub's receipts, at the operators.
    released: BTreeMap<(usize, usize), DeliveryReceipt>,
}

fn payer_address(payer: usize) -> Address {
    Address::repeat_byte(1 + u8::try_from(payer).unwrap())
}

fn node(operator: usize) -> NodeId {
    NodeId(B256::repeat_byte(0x40 + u8::try_from(operator).unwrap()))
}

fn by(signer: Address) -> SignedBy {
    SignedBy { signer: Some(signer), may_sign: true }
}

fn backing(channel: &Channel) -> Backing {
    let open = channel.state();
    Backing {
        id: channel.id(),
        deposited_wei: open.map_or(0, |open| open.deposited_wei),
        is_exiting: open.is_none_or(|open| open.exit_ends_s.is_some()),
    }
}

impl World {
    fn new(honest: Honest, fee: Bps, deposits: [u128; 4]) -> Self {
        let open = |payer, operator_id, deposit_wei| {
            let mut channel = Channel::new(Pair { hub: CONTRACT, payer, operator_id });
            channel.open(deposit_wei, 60).unwrap();
            channel
        };
        let incoming = (0..TWO).map(|p| open(payer_address(p), HUB_OPERATOR, deposits[p]));
        let outgoing = (0..TWO).map(|o| open(HUB, operator_id(o), deposits[TWO + o]));
        let pairs = (0..TWO).flat_map(|p| (0..TWO).map(move |o| (p, o)));
        Self {
            honest,
            fee,
            hub: Hub::new(HUB, HUB_OPERATOR, fee),
            incoming: incoming.collect(),
            outgoing: outgoing.collect(),
            lanes: pairs.clone().map(|pair| (pair, Deliverer::new(CREDIT_WEI))).collect(),
            delivered_wei: pairs.map(|pair| (pair, 0)).collect(),
            signed: BTreeMap::new(),
            at_hub: Vec::new(),
            released: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Deliver { payer, operator, cost_wei } => {
                let lane = self.lanes.get_mut(&(payer, operator)).unwrap();
                if lane.deliver(cost_wei).is_ok() || !self.honest.operators[operator] {
                    *self.delivered_wei.get_mut(&(payer, operator)).unwrap() += cost_wei;
                }
            }
            Step::Sign { payer, operator, any_wei, may_sign } => {
                self.sign(payer, operator, any_wei, may_sign);
            }
            Step::Release { payer, operator, to_other, any_wei } => {
                self.release(payer, operator, to_other, any_wei);
            }
            Step::PayerExits { payer } => {
                let _ = self.incoming[payer].exit(0);
                self.hub_redeems();
            }
            Step::HubExits { operator } => {
                let _ = self.outgoing[operator].exit(0);
                self.operators_redeem();
            }
            Step::TopUp { operator, amount_wei } => {
                let _ = self.outgoing[operator].top_up(amount_wei);
            }
        }
    }

    fn sign(&mut self, payer: usize, operator: usize, any_wei: u128, may_sign: bool) {
        let delivered_wei = self.delivered_wei[&(payer, operator)];
        let is_honest = self.honest.payers[payer];
        let owed = if is_honest { gross_up(delivered_wei, self.fee).unwrap() } else { any_wei };
        let receipt = DeliveryReceipt {
            payer: payer_address(payer),
            operator_id: HUB_OPERATOR,
            node: node(operator),
            channel: self.incoming[payer].id(),
            owed,
            ..DeliveryReceipt::default()
        };
        let may_sign = may_sign || is_honest;
        self.signed.insert(
            (payer, operator),
            (receipt, SignedBy { may_sign, ..by(payer_address(payer)) }),
        );
    }

    fn release(&mut self, payer: usize, operator: usize, to_other: bool, any_wei: u128) {
        let Some((receipt, signed_by)) = self.signed.get(&(payer, operator)).cloned() else {
            return;
        };
        // The chain says whose the node is; who cheats only gets to name another of its own.
        let to_other = to_other && self.honest.operators.iter().all(|honest| !honest);
        let to = if to_other { 1 - operator } else { operator };
        let backings = (backing(&self.incoming[payer]), backing(&self.outgoing[to]));
        let released = self.hub.release(&receipt, signed_by, operator_id(to), backings);
        let took = released.is_ok();
        let by_hub = match released {
            Ok(released) if self.honest.hub => released,
            Err(_) if self.honest.hub => return,
            // It takes the receipt and signs whatever it likes, in a lane that it chooses.
            _ => DeliveryReceipt {
                payer: HUB,
                operator_id: operator_id(to),
                reader: ReaderId(u32::try_from(payer).unwrap()),
                channel: self.outgoing[to].id(),
                owed: any_wei,
                ..receipt.clone()
            },
        };
        if took || !self.honest.hub {
            self.at_hub.push((payer, receipt));
        }
        let others = self.released.iter().filter(|((p, o), _)| *o == to && *p != payer);
        let others_wei = others.map(|(_, receipt)| receipt.owed).sum();
        let lane = self.lanes.get_mut(&(payer, to)).unwrap();
        lane.released(&by_hub, backings.1, others_wei);
        let held = self.released.entry((payer, to)).or_insert_with(|| by_hub.clone());
        if by_hub.owed > held.owed {
            *held = by_hub;
        }
    }

    fn hub_redeems(&mut self) {
        for (payer, receipt) in &self.at_hub {
            let _ = self.incoming[*payer].redeem(receipt, by(payer_address(*payer)), 1);
        }
    }

    fn operators_redeem(&mut self) {
        for ((_, operator), receipt) in &self.released {
            let _ = self.outgoing[*operator].redeem(receipt, by(HUB), 1);
        }
    }

    /// Everybody is paid by what it holds; then who is honest looks at what it lost.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        self.hub_redeems();
        self.operators_redeem();
        let paid_wei = |channel: &Channel| channel.state().map_or(0, |open| open.paid_wei);
        for payer in (0..TWO).filter(|&payer| self.honest.payers[payer]) {
            let worth_wei: u128 = (0..TWO)
                .map(|o| gross_up(self.delivered_wei[&(payer, o)], self.fee).unwrap())
                .sum();
            let paid = paid_wei(&self.incoming[payer]);
            prop_assert!(paid <= worth_wei, "payer {payer} paid {paid} for {worth_wei}");
        }
        if self.honest.hub {
            let took_wei: u128 = self.incoming.iter().map(paid_wei).sum();
            let gave_wei: u128 = self.outgoing.iter().map(paid_wei).sum();
            prop_assert!(gave_wei <= took_wei, "the hub took {took_wei} and gave {gave_wei}");
            prop_assert_eq!(took_wei, self.hub.received_wei());
            prop_assert!(self.hub.released_wei() <= self.hub.received_wei());
        }
        for operator in (0..TWO).filter(|&operator| self.honest.operators[operator]) {
            let delivered: u128 = (0..TWO).map(|p| self.delivered_wei[&(p, operator)]).sum();
            let paid = paid_wei(&self.outgoing[operator]);
            let most_wei = TWO as u128 * CREDIT_WEI;
            prop_assert!(
                delivered <= paid + most_wei,
                "operator {operator}: {paid} of {delivered}"
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nobody_honest_loses_more_than_is_stated(
        honest in prop::array::uniform5(prop::bool::weighted(0.6)),
        fee in 0u16..2_000,
        deposits in prop::array::uniform4(1u128..3_000),
        steps in prop::collection::vec(any_step(), 1..80),
    ) {
        let [p0, p1, hub, o0, o1] = honest;
        let honest = Honest { payers: [p0, p1], hub, operators: [o0, o1] };
        let mut world = World::new(honest, Bps::new(fee).unwrap(), deposits);
        for step in &steps {
            world.take(step);
        }
        world.settle()?;
    }

    /// With everybody honest and deposits that do, all that was signed for arrives.
    #[test]
    fn where_all_are_honest_operators_are_paid_all_that_was_signed_for(
        fee in 0u16..2_000,
        costs in prop::collection::vec((0..TWO, 0..TWO, 1u128..80), 1..60),
    ) {
        let honest = Honest { payers: [true; TWO], hub: true, operators: [true; TWO] };
        let mut world = World::new(honest, Bps::new(fee).unwrap(), [1 << 60; 4]);
        for (payer, operator, cost_wei) in costs {
            world.take(&Step::Deliver { payer, operator, cost_wei });
            world.take(&Step::Sign { payer, operator, any_wei: 0, may_sign: true });
            world.take(&Step::Release { payer, operator, to_other: false, any_wei: 0 });
        }
        world.settle()?;
        for operator in 0..TWO {
            let delivered: u128 = (0..TWO).map(|p| world.delivered_wei[&(p, operator)]).sum();
            let paid = world.outgoing[operator].state().unwrap().paid_wei;
            prop_assert!(paid >= delivered, "{paid} of {delivered}");
        }
    }
}

/// The hub's side of each refusal, and that none changes what it counts.
#[test]
fn a_hub_releases_only_against_a_new_covered_receipt_of_the_lane_s_operator() {
    let honest = Honest { payers: [true; TWO], hub: true, operators: [true; TWO] };
    let world = World::new(honest, Bps::new(1_000).unwrap(), [1_000, 1_000, 500, 1_000]);
    let mut hub = world.hub.clone();
    let (incoming, outgoing) = (backing(&world.incoming[0]), backing(&world.outgoing[0]));
    let (by_payer, to) = (by(payer_address(0)), OperatorId(0));
    let owing = |owed| DeliveryReceipt {
        payer: payer_address(0),
        operator_id: HUB_OPERATOR,
        node: node(0),
        channel: incoming.id,
        messages: 7,
        owed,
        ..DeliveryReceipt::default()
    };
    let first = hub.release(&owing(100), by_payer, to, (incoming, outgoing)).unwrap();
    assert_eq!((first.payer, first.operator_id, first.owed), (HUB, to, 90));
    assert_eq!((first.node, first.messages, first.channel), (node(0), 7, outgoing.id));
    let mut refused = |receipt, signed_by, to, backings| {
        let before = (hub.received_wei(), hub.released_wei());
        let refusal = hub.release(&receipt, signed_by, to, backings).unwrap_err();
        assert_eq!((hub.received_wei(), hub.released_wei()), before);
        refusal
    };
    let both = (incoming, outgoing);
    let again = RouteRefusal::NothingNew { owed_wei: 100, received_wei: 100 };
    assert_eq!(refused(owing(100), by_payer, to, both), again);
    let elsewhere = DeliveryReceipt { channel: B256::ZERO, ..owing(200) };
    assert_eq!(
        refused(elsewhere, by_payer, to, both),
        RouteRefusal::OtherChannel { got: B256::ZERO }
    );
    let forged = SignedBy { may_sign: false, ..by_payer };
    assert_eq!(refused(owing(200), forged, to, both), RouteRefusal::Signer);
    assert_eq!(refused(owing(200), by_payer, HUB_OPERATOR, both), RouteRefusal::OwnNode);
    let other = RouteRefusal::OtherOperator { before: to };
    assert_eq!(refused(owing(200), by_payer, OperatorId(1), both), other);
    // What is owed is cumulative: in the hub's next channel the operator would be paid from the start.
    let reopened = Backing { id: B256::repeat_byte(6), ..outgoing };
    let ended = RouteRefusal::LaneEnded { channel: outgoing.id };
    assert_eq!(refused(owing(200), by_payer, to, (incoming, reopened)), ended);
    let leaving = Backing { is_exiting: true, ..incoming };
    assert_eq!(refused(owing(200), by_payer, to, (leaving, outgoing)), RouteRefusal::Exiting);
    let uncovered = |owed_wei, covered_wei| RouteRefusal::Uncovered { owed_wei, covered_wei };
    assert_eq!(refused(owing(1_001), by_payer, to, both), uncovered(1_001, 1_000));
    assert_eq!(refused(owing(600), by_payer, to, both), uncovered(540, 500));

    // Two payers with the same reader number do not share a lane at the operator.
    let theirs =
        DeliveryReceipt { payer: payer_address(1), channel: world.incoming[1].id(), ..owing(100) };
    let backings = (backing(&world.incoming[1]), outgoing);
    let second = hub.release(&theirs, by(payer_address(1)), to, backings).unwrap();
    assert_ne!(second.reader, first.reader);
}
