//! The shared vectors of channels: names of channels and lanes, what is signed to end one, and walks through a channel's states with
//! the outcome of each step.
//!
//! Invariant: `tests/vectors/channels.json` is exactly what this code makes. After an intended change run
//! `UPDATE_VECTORS=1 cargo test --release -p tatum-channel --test vectors` and look at the difference.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use tatum_channel::{Channel, Pair, SignedBy, close_digest, lane_id};
use tatum_primitives::{
    Address, B256, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey, keccak256,
};
use tatum_receipt::DeliveryReceipt;

const WALKS: u64 = 12;
const STEPS: usize = 80;
/// More than a channel holds.
const TOO_MUCH: u128 = 1 << 88;

#[derive(Serialize)]
struct File {
    ids: Vec<IdCase>,
    lanes: Vec<LaneCase>,
    closes: Vec<CloseCase>,
    walks: Vec<Walk>,
}

#[derive(Serialize)]
struct IdCase {
    name: String,
    hub: Address,
    payer: Address,
    operator_id: u32,
    generation: u32,
    channel: B256,
}

#[derive(Serialize)]
struct LaneCase {
    name: String,
    channel: B256,
    node: B256,
    stream_key: B256,
    role: u8,
    reader: u32,
    lane: B256,
}

#[derive(Serialize)]
struct CloseCase {
    name: String,
    chain_id: u64,
    hub: Address,
    channel: B256,
    total_wei: String,
    digest: B256,
}

/// A channel from before its first opening on. Step `i` is the `i`-th of each array.
#[derive(Default, Serialize)]
struct Walk {
    name: String,
    kinds: Vec<&'static str>,
    /// Of `open`, `top_up`, `redeem`, `redeem_other` (of a channel that is none) and `close`: wei.
    amounts_wei: Vec<String>,
    /// Of `open`: the window in minutes; of `redeem`: the lane; of `wait`: seconds.
    details: Vec<u64>,
    /// Of `redeem`: 0 the payer, 1 its session key, 2 somebody else, 3 nobody.
    signers: Vec<u8>,
    /// `ok`, or the code of what refuses.
    outcomes: Vec<&'static str>,
    /// The channel after the step. The end of an exit in seconds since the walk's beginning, 0 for none.
    deposited_wei: Vec<String>,
    paid_wei: Vec<String>,
    exit_ends_s: Vec<u64>,
    generations: Vec<u32>,
}

struct Step {
    kind: &'static str,
    amount_wei: u128,
    detail: u64,
    signer: u8,
}

/// The same numbers each time.
struct Numbers(B256);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = keccak256(self.0);
        u64::from_be_bytes(self.0[..8].try_into().unwrap()) % bound
    }

    fn step(&mut self) -> Step {
        let kinds = [
            "open",
            "open",
            "open",
            "top_up",
            "redeem",
            "redeem",
            "redeem",
            "redeem",
            "redeem",
            "redeem_other",
            "exit",
            "settle",
            "settle",
            "close",
            "wait",
            "wait",
        ];
        let kind = kinds[usize::try_from(self.below(16)).unwrap()];
        let small = u128::from(self.below(1_000));
        let amount_wei = match self.below(12) {
            0 => 0,
            // `redeem` may owe as much as it likes.
            1 => TOO_MUCH,
            _ => small,
        };
        let detail = match kind {
            "open" => [60, 61, 1_440, 43_200, 59, 43_201][usize::try_from(self.below(6)).unwrap()],
            "wait" => [1, 1_000, 3_600, 86_400][usize::try_from(self.below(4)).unwrap()],
            _ => self.below(3),
        };
        let signer = [0, 0, 0, 1, 1, 1, 2, 3][usize::try_from(self.below(8)).unwrap()];
        Step { kind, amount_wei, detail, signer }
    }
}

fn receipt(channel: B256, step: &Step) -> DeliveryReceipt {
    let lane = u32::try_from(step.detail).unwrap();
    let (reader, owed) = (ReaderId(lane), step.amount_wei);
    DeliveryReceipt { channel, reader, owed, ..DeliveryReceipt::default() }
}

fn take(channel: &mut Channel, step: &Step, now_s: &mut u64) -> &'static str {
    let changed = match step.kind {
        "open" => channel.open(step.amount_wei, step.detail.try_into().unwrap()),
        "top_up" => channel.top_up(step.amount_wei),
        "exit" => channel.exit(*now_s).map(drop),
        "settle" => channel.settle(*now_s).map(drop),
        "close" => channel.close(step.amount_wei).map(drop),
        "wait" => {
            *now_s += step.detail;
            Ok(())
        }
        kind => {
            let id = if kind == "redeem" { channel.id() } else { B256::repeat_byte(9) };
            let signer = (step.signer < 3).then(|| Address::repeat_byte(step.signer + 1));
            let by = SignedBy { signer, may_sign: step.signer < 2 };
            let paid = channel.redeem(&receipt(id, step), by, *now_s);
            return paid.err().map_or("ok", |refusal| refusal.code());
        }
    };
    changed.err().map_or("ok", |error| error.code())
}

fn walk(number: u64) -> Walk {
    let pair = Pair { hub: Address::ZERO, payer: Address::ZERO, operator_id: OperatorId(0) };
    let (mut channel, mut now_s) = (Channel::new(pair), 0);
    let mut numbers = Numbers(keccak256(number.to_be_bytes()));
    let mut walk = Walk { name: format!("walk {number}"), ..Walk::default() };
    for _ in 0..STEPS {
        let step = numbers.step();
        walk.outcomes.push(take(&mut channel, &step, &mut now_s));
        walk.kinds.push(step.kind);
        walk.amounts_wei.push(step.amount_wei.to_string());
        walk.details.push(step.detail);
        walk.signers.push(step.signer);
        let open = channel.state();
        walk.deposited_wei.push(open.map_or(0, |open| open.deposited_wei).to_string());
        walk.paid_wei.push(open.map_or(0, |open| open.paid_wei).to_string());
        walk.exit_ends_s.push(open.and_then(|open| open.exit_ends_s).unwrap_or(0));
        walk.generations.push(channel.generation());
    }
    walk
}

fn ids() -> Vec<IdCase> {
    let cases = [
        ("the first channel", 1, 2, 0, 0),
        ("the second", 1, 2, 0, 1),
        ("another operator", 1, 2, u32::MAX, 1),
        ("another payer", 1, 3, 0, 1),
        ("another hub", 4, 2, 0, 1),
        ("the last", 1, 2, 7, (1 << 24) - 1),
    ];
    let case = |(name, hub, payer, operator_id, generation): (&str, u8, u8, u32, u32)| {
        let (hub, payer) = (Address::repeat_byte(hub), Address::repeat_byte(payer));
        let pair = Pair { hub, payer, operator_id: OperatorId(operator_id) };
        let channel = pair.channel_id(generation);
        IdCase { name: name.into(), hub, payer, operator_id, generation, channel }
    };
    cases.map(case).into()
}

fn lanes() -> Vec<LaneCase> {
    let cases = [
        ("a subscriber's", 1, 2, 3, Role::Subscriber, 0),
        ("another channel's", 9, 2, 3, Role::Subscriber, 0),
        ("another node's", 1, 9, 3, Role::Subscriber, 0),
        ("another stream's", 1, 2, 9, Role::Subscriber, 0),
        ("a publisher's", 1, 2, 3, Role::Publisher, 0),
        ("storage, the last reader's", 1, 2, 3, Role::Storage, u32::MAX),
    ];
    let case = |(name, channel, node, stream, role, reader): (&str, u8, u8, u8, Role, u32)| {
        let receipt = DeliveryReceipt {
            channel: B256::repeat_byte(channel),
            node: NodeId(B256::repeat_byte(node)),
            stream_key: StreamKey(B256::repeat_byte(stream)),
            role,
            reader: ReaderId(reader),
            // No part of the lane.
            epoch: Epoch(u64::from(channel)),
            ..DeliveryReceipt::default()
        };
        LaneCase {
            name: name.into(),
            channel: receipt.channel,
            node: receipt.node.0,
            stream_key: receipt.stream_key.0,
            role: role as u8,
            reader,
            lane: lane_id(&receipt),
        }
    };
    cases.map(case).into()
}

fn closes() -> Vec<CloseCase> {
    let cases = [
        ("nothing for the operator", 31_337, 1, 2, 0),
        ("another chain", 1, 1, 2, 0),
        ("another hub", 31_337, 9, 2, 0),
        ("another channel", 31_337, 1, 9, 0),
        ("all that a channel holds", 31_337, 1, 2, TOO_MUCH - 1),
    ];
    let case = |(name, chain_id, hub, channel, total_wei): (&str, u64, u8, u8, u128)| {
        let (hub, channel) = (Address::repeat_byte(hub), B256::repeat_byte(channel));
        let digest = close_digest(chain_id, hub, channel, total_wei);
        let total_wei = total_wei.to_string();
        CloseCase { name: name.into(), chain_id, hub, channel, total_wei, digest }
    };
    cases.map(case).into()
}

fn make() -> File {
    File { ids: ids(), lanes: lanes(), closes: closes(), walks: (0..WALKS).map(walk).collect() }
}

#[test]
fn the_file_is_what_the_code_makes() {
    let path = Path::new("../../tests/vectors/channels.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&make()).unwrap());
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(kept == made, "tests/vectors/channels.json differs from what the code makes");
}

#[test]
fn the_walks_meet_every_outcome() {
    let walks: Vec<Walk> = (0..WALKS).map(walk).collect();
    let met: BTreeSet<(&str, &str)> = walks
        .iter()
        .flat_map(|walk| walk.kinds.iter().copied().zip(walk.outcomes.iter().copied()))
        .collect();
    let wanted = [
        ("open", "ok"),
        ("open", "window_out_of_bounds"),
        ("open", "amount_zero"),
        ("open", "deposit_too_large"),
        ("open", "is_open"),
        ("top_up", "ok"),
        ("top_up", "amount_zero"),
        ("top_up", "not_open"),
        ("top_up", "is_exiting"),
        ("top_up", "deposit_too_large"),
        ("redeem", "ok"),
        ("redeem", "exit_over"),
        ("redeem", "nothing_new"),
        ("redeem", "nothing_left"),
        ("redeem", "wrong_signer"),
        ("redeem_other", "other_channel"),
        ("exit", "ok"),
        ("exit", "is_exiting"),
        ("exit", "not_open"),
        ("settle", "ok"),
        ("settle", "exit_not_over"),
        ("settle", "not_open"),
        ("close", "ok"),
        ("close", "close_out_of_bounds"),
        ("close", "not_open"),
    ];
    for outcome in wanted {
        assert!(met.contains(&outcome), "{outcome:?} is not met");
    }
}
