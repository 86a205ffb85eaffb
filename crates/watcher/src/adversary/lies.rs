//! What a proposer may lie about: every committed field, the sums, the order, what is left out and what is put in; each alone
//! and with some of what would follow from it.

use alloy_primitives::{Address, B256};
use tatum_merkle::{Entry, Word};
use tatum_primitives::{Bps, Epoch, Nano, NodeId, OperatorId};
use tatum_receipt::{DeliveryReceipt, SignedReceipt};

use super::{Draft, Random, World};
use crate::{EdgeLeaf, FORCED, ReceiptLeaf};

/// A way to lie.
#[derive(Clone, Copy, Debug)]
pub struct Lie {
    /// What is wrong.
    pub name: &'static str,
    how: How,
}

/// Changes a draft; nothing if there is nothing to lie about.
type Tell = fn(&World, &mut Draft, &mut Random) -> Option<()>;

#[derive(Clone, Copy, Debug)]
enum How {
    /// These bytes of a receipt's line.
    Receipt(usize, usize),
    /// These bytes of an edge's line.
    Edge(usize, usize),
    /// Something about the receipts.
    Receipts(Tell),
    /// Something about the edges.
    Edges(Tell),
    /// Something about the entries or the sum.
    Rest(Tell),
}

macro_rules! lies {
    ($($name:literal $how:ident $tell:tt;)*) => { &[$(Lie { name: $name, how: How::$how $tell }),*] };
}

/// All of them.
pub const LIES: &[Lie] = lies! {
    "a receipt's payer" Receipt(0, 20);
    "a receipt's operator" Receipt(20, 4);
    "a receipt's node" Receipt(24, 32);
    "a receipt's stream" Receipt(56, 32);
    "a receipt's role" Receipt(88, 1);
    "a receipt's reader" Receipt(89, 4);
    "a receipt's epoch" Receipt(93, 8);
    "a receipt's sequence" Receipt(101, 8);
    "a receipt's messages" Receipt(109, 8);
    "a receipt's bytes" Receipt(117, 8);
    "a receipt's bytes on time" Receipt(125, 8);
    "a receipt's contents" Receipt(133, 32);
    "a receipt's channel" Receipt(165, 32);
    "a receipt's owed" Receipt(197, 16);
    "a receipt's signature" Receipt(213, 65);
    "a receipt's edge units" Receipt(278, 16);
    "a receipt's payer units" Receipt(294, 16);
    "a receipt's source" Receipt(310, 4);
    "an inadmissible receipt, well signed" Receipts(inadmissible);
    "a receipt by nobody's key" Receipts(by_a_stranger);
    "a receipt twice" Receipts(receipt_twice);
    "a receipt twice, a zero line between" Receipts(receipt_twice_around_zero);
    "a receipt left out" Receipts(receipt_left_out);
    "a receipt that nobody assented to" Receipts(receipt_extra);
    "an older receipt" Receipts(receipt_older);
    "two receipts exchanged" Receipts(receipts_exchanged);
    "an empty or zero line among the receipts" Receipts(receipt_line_zero);
    "a receipt's line of another length" Receipts(receipt_length);
    "no receipts at all" Receipts(no_receipts);
    "totals of receipts shifted from one on" Rest(receipt_totals_shifted);
    "an edge's operator" Edge(0, 4);
    "an edge's payer" Edge(4, 20);
    "an edge's units" Edge(24, 16);
    "an edge's payer units" Edge(40, 16);
    "an edge's nano" Edge(56, 8);
    "an edge's operator nano" Edge(64, 8);
    "an edge's total nano" Edge(72, 8);
    "an edge twice" Edges(edge_twice);
    "an edge left out" Edges(edge_left_out);
    "two edges exchanged" Edges(edges_exchanged);
    "an edge's line of another length" Edges(edge_length);
    "no edges at all" Edges(no_edges);
    "an edge that nobody served, with all that its payer steers" Edges(edge_unserved);
    "an edge of nothing" Edges(edge_of_nothing);
    "nano moved from one edge to another" Edges(nano_moved);
    "an edge's units and its payer's doubled" Edges(units_doubled);
    "edges by another pool share" Edges(other_pool_share);
    "the sum of all edges" Rest(work_off);
    "the sum of all edges, entries agreeing" Rest(work_off_followed);
    "an entry's hash" Rest(entry_hash);
    "an entry's sum" Rest(entry_sum);
    "two entries exchanged" Rest(entries_exchanged);
    "nano moved from one entry to another" Rest(entry_moved);
    "an entry paid to somebody else" Rest(entry_payout);
    "another operator's entry with the right sum" Rest(entry_foreign_id);
    "a zero word for an operator" Rest(entry_zero);
    "a word where there is no operator" Rest(entry_beyond);
    "nothing kept of what was earned before" Rest(entry_forgets);
    "work paid beyond the cap" Rest(entry_without_cap);
};

/// A random lie about a right draft; nothing if it comes out true.
pub(super) fn tell(
    world: &World,
    right: &Draft,
    random: &mut Random,
) -> Option<(&'static Lie, Draft)> {
    let lie = &LIES[random.place(LIES.len())];
    let mut draft = right.clone();
    lie.tell(world, &mut draft, random)?;
    (draft != *right && !world.is_right(&draft)).then_some((lie, draft))
}

impl Lie {
    fn tell(&self, world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
        match self.how {
            How::Receipt(at, len) => turn(&mut draft.receipts, at, len, random)?,
            How::Edge(at, len) => turn(&mut draft.edges, at, len, random)?,
            How::Receipts(tell) | How::Edges(tell) | How::Rest(tell) => tell(world, draft, random)?,
        }
        let follow = random.below(4);
        if matches!(self.how, How::Receipt(..) | How::Receipts(_)) {
            // Field by field what follows is followed up, as far as the liar cares.
            let totals = matches!(self.how, How::Receipt(278.., _));
            if follow > 0 && !totals {
                draft.retotal_receipts();
            }
            if follow > 1 {
                draft.rebuild_edges(world);
            }
        }
        if matches!(self.how, How::Edge(..) | How::Edges(_)) && follow > 0 {
            let totals = matches!(self.how, How::Edge(64.., _));
            if !totals {
                draft.retotal_edges();
            }
        }
        if !matches!(self.how, How::Rest(_)) && follow > 2 {
            draft.rebuild_entries(world);
        }
        Some(())
    }
}

/// Turns some bits of the field of some line.
fn turn(lines: &mut [Vec<u8>], at: usize, len: usize, random: &mut Random) -> Option<()> {
    let which = at_random(lines, random)?;
    let byte = at + if random.once_in(2) { len - 1 } else { random.place(len) };
    lines[which][byte] ^= u8::try_from(1 + random.below(255)).unwrap();
    Some(())
}

fn at_random<T>(items: &[T], random: &mut Random) -> Option<usize> {
    (!items.is_empty()).then(|| random.place(items.len()))
}

/// Two different places.
fn two_at_random<T>(items: &[T], random: &mut Random) -> Option<(usize, usize)> {
    let one = at_random(items, random)?;
    let other = random.place(items.len());
    (one != other).then_some((one, other))
}

fn insert_receipt(draft: &mut Draft, signed: &SignedReceipt, source: u32) {
    let line = ReceiptLeaf { signed: signed.encode(), edge_units: 0, payer_units: 0, source };
    let behind = |bytes: &Vec<u8>| bytes.get(..93) < Some(line.key());
    let at = draft.receipts.partition_point(behind);
    draft.receipts.insert(at, line.encode());
    draft.retotal_receipts();
}

fn remake(
    world: &World,
    draft: &mut Draft,
    random: &mut Random,
    change: impl FnOnce(&mut DeliveryReceipt, &mut Random),
) -> Option<()> {
    let at = at_random(&draft.receipts, random)?;
    let line = ReceiptLeaf::decode(&draft.receipts.remove(at))?;
    let mut receipt = line.receipt().ok()?.receipt;
    let payer = world.keys.iter().position(|key| key.address() == receipt.payer)?;
    change(&mut receipt, random);
    insert_receipt(draft, &world.sign(receipt, payer), line.source);
    Some(())
}

fn inadmissible(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    remake(world, draft, random, |receipt, random| match random.below(8) {
        0 => receipt.epoch = Epoch(6),
        1 => receipt.channel = B256::with_last_byte(1),
        2 => receipt.owed = 1,
        3 => receipt.messages = 0,
        4 => receipt.bytes_on_time = receipt.bytes + 1,
        5 => (receipt.bytes, receipt.bytes_on_time) = (1 << 40, 1 << 40),
        6 => receipt.operator_id = OperatorId(77),
        _ => receipt.node = NodeId(B256::with_last_byte(5)),
    })
}

fn by_a_stranger(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.receipts, random)?;
    let line = ReceiptLeaf::decode(&draft.receipts.remove(at))?;
    let receipt = line.receipt().ok()?.receipt;
    let stranger = random.place(world.keys.len() + 1);
    insert_receipt(draft, &world.sign(receipt, stranger), line.source);
    Some(())
}

fn receipt_twice(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.receipts, random)?;
    let to = if random.once_in(2) { at } else { random.place(draft.receipts.len()) };
    draft.receipts.insert(to, draft.receipts[at].clone());
    Some(())
}

fn receipt_twice_around_zero(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.receipts, random)?;
    let zero = vec![0; if random.once_in(2) { 314 } else { 0 }];
    draft.receipts.splice(at..at, [draft.receipts[at].clone(), zero]);
    Some(())
}

fn receipt_left_out(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.receipts, random)?;
    draft.receipts.remove(at);
    Some(())
}

fn receipt_extra(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let source = random.pick(&[FORCED, 0, 1, 99]);
    insert_receipt(draft, &world.receipt(random), source);
    Some(())
}

fn receipt_older(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    remake(world, draft, random, |receipt, random| match random.below(2) {
        0 => receipt.bytes_on_time /= 2,
        _ => receipt.sequence = receipt.sequence.saturating_sub(1),
    })
}

fn receipts_exchanged(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let (one, other) = two_at_random(&draft.receipts, random)?;
    draft.receipts.swap(one, other);
    Some(())
}

fn receipt_line_zero(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = random.place(draft.receipts.len() + 1);
    draft.receipts.insert(at, vec![0; random.pick(&[0, 32, 64, 314])]);
    Some(())
}

fn receipt_length(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.receipts, random)?;
    draft.receipts[at].resize(random.pick(&[64, 278, 313, 315]), 0);
    Some(())
}

fn no_receipts(_: &World, draft: &mut Draft, _: &mut Random) -> Option<()> {
    draft.receipts.clear();
    Some(())
}

fn receipt_totals_shifted(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let from = at_random(&draft.receipts, random)?;
    let by = u128::from(1 + random.below(9));
    let mut payer = None;
    for bytes in &mut draft.receipts[from..] {
        let mut line = ReceiptLeaf::decode(bytes)?;
        if *payer.get_or_insert(line.payer()) != line.payer() {
            break;
        }
        line.payer_units += by;
        line.edge_units += by;
        *bytes = line.encode();
    }
    for bytes in &mut draft.edges {
        let mut edge = EdgeLeaf::decode(bytes)?;
        if Some(edge.payer) == payer {
            edge.payer_units += by;
            let steered = u128::from(world.facts.steered_nano(edge.payer).ok()?.0);
            edge.nano = Nano((steered * edge.units / edge.payer_units).try_into().ok()?);
            *bytes = edge.encode();
        }
    }
    draft.retotal_edges();
    draft.rebuild_entries(world);
    Some(())
}

fn edge_twice(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.edges, random)?;
    draft.edges.insert(at, draft.edges[at].clone());
    Some(())
}

fn edge_left_out(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.edges, random)?;
    draft.edges.remove(at);
    Some(())
}

fn edges_exchanged(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let (one, other) = two_at_random(&draft.edges, random)?;
    draft.edges.swap(one, other);
    Some(())
}

fn edge_length(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.edges, random)?;
    draft.edges[at].resize(random.pick(&[0, 64, 79, 81]), 0);
    Some(())
}

fn no_edges(_: &World, draft: &mut Draft, _: &mut Random) -> Option<()> {
    draft.edges.clear();
    Some(())
}

fn insert_edge(draft: &mut Draft, edge: EdgeLeaf) -> Option<()> {
    let behind = |bytes: &Vec<u8>| bytes.get(..24) < Some(edge.key().as_slice());
    let at = draft.edges.partition_point(behind);
    let taken = draft.edges.get(at).is_some_and(|bytes| bytes.starts_with(&edge.key()));
    (!taken).then(|| draft.edges.insert(at, edge.encode()))
}

fn new_edge(world: &World, random: &mut Random) -> Option<EdgeLeaf> {
    let operator = random.below(world.facts.operators.len() as u64 + 1);
    Some(EdgeLeaf {
        operator_id: OperatorId(u32::try_from(operator).ok()?),
        payer: world.keys[random.place(world.keys.len())].address(),
        units: 0,
        payer_units: 0,
        nano: Nano::ZERO,
        operator_nano: Nano::ZERO,
        total_nano: Nano::ZERO,
    })
}

fn edge_unserved(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let edge = new_edge(world, random)?;
    let nano = world.facts.steered_nano(edge.payer).ok()?;
    insert_edge(draft, EdgeLeaf { units: 5, payer_units: 5, nano, ..edge })
}

fn edge_of_nothing(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let edge = new_edge(world, random)?;
    let known = draft.edges.iter().filter_map(|bytes| EdgeLeaf::decode(bytes));
    let payer_units =
        known.filter(|known| known.payer == edge.payer).map(|known| known.payer_units);
    insert_edge(draft, EdgeLeaf { payer_units: payer_units.max().unwrap_or(0), ..edge })
}

fn nano_moved(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let (from, to) = two_at_random(&draft.edges, random)?;
    let (mut giver, mut taker) =
        (EdgeLeaf::decode(&draft.edges[from])?, EdgeLeaf::decode(&draft.edges[to])?);
    let moved = 1 + random.below(giver.nano.0.max(1));
    giver.nano = Nano(giver.nano.0.checked_sub(moved)?);
    taker.nano = Nano(taker.nano.0 + moved);
    draft.edges[from] = giver.encode();
    draft.edges[to] = taker.encode();
    Some(())
}

fn units_doubled(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.edges, random)?;
    let mut edge = EdgeLeaf::decode(&draft.edges[at])?;
    edge.units *= 2;
    edge.payer_units *= 2;
    draft.edges[at] = edge.encode();
    Some(())
}

fn other_pool_share(world: &World, draft: &mut Draft, _: &mut Random) -> Option<()> {
    let mut other = world.clone();
    other.facts.rule.pool_bps = Bps::new(world.facts.rule.pool_bps.bps().checked_sub(500)?)?;
    draft.rebuild_edges(&other);
    Some(())
}

fn work_off(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let off = 1 + random.below(3);
    let work = draft.work_nano.0;
    draft.work_nano = Nano(if random.once_in(2) { work + off } else { work.checked_sub(off)? });
    Some(())
}

fn work_off_followed(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    work_off(world, draft, random)?;
    draft.rebuild_entries(world);
    Some(())
}

fn entry_hash(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.entries, random)?;
    draft.entries[at].0.0[random.place(24)] ^= 1;
    Some(())
}

fn entry_sum(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.entries, random)?;
    draft.entries[at].0.0[24 + random.place(8)] ^= 1;
    Some(())
}

fn entries_exchanged(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let (one, other) = two_at_random(&draft.entries, random)?;
    draft.entries.swap(one, other);
    Some(())
}

/// The word of an operator that is right but for what is changed.
fn remade(world: &World, draft: &Draft, at: usize, change: impl FnOnce(&mut Entry)) -> Word {
    let mut entry = Entry {
        operator_id: OperatorId(u32::try_from(at).unwrap()),
        payout: world.facts.operators[at].payout,
        cumulative_nano: draft.entries[at].sum(),
    };
    change(&mut entry);
    Word::leaf(&entry)
}

fn entry_moved(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let (from, to) = two_at_random(&draft.entries, random)?;
    let left = draft.entries[from].sum().0.checked_sub(1)?;
    draft.entries[from] = remade(world, draft, from, |entry| entry.cumulative_nano = Nano(left));
    draft.entries[to] = remade(world, draft, to, |entry| entry.cumulative_nano.0 += 1);
    Some(())
}

fn entry_payout(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.entries, random)?;
    draft.entries[at] = remade(world, draft, at, |entry| entry.payout = Address::ZERO);
    Some(())
}

fn entry_foreign_id(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.entries, random)?;
    draft.entries[at] = remade(world, draft, at, |entry| entry.operator_id.0 ^= 1);
    Some(())
}

fn entry_zero(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.entries, random)?;
    draft.entries[at] = Word::ZERO;
    Some(())
}

fn entry_beyond(_: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let id = u32::try_from(draft.entries.len()).ok()?;
    let cumulative_nano = Nano(random.below(2));
    let entry = Entry { operator_id: OperatorId(id), payout: Address::ZERO, cumulative_nano };
    draft.entries.push(Word::leaf(&entry));
    Some(())
}

fn entry_forgets(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.entries, random)?;
    let before = world.kept.old_entry(OperatorId(u32::try_from(at).ok()?)).word.sum();
    let left = draft.entries[at].sum().checked_sub(before)?;
    draft.entries[at] = remade(world, draft, at, |entry| entry.cumulative_nano = left);
    Some(())
}

fn entry_without_cap(world: &World, draft: &mut Draft, random: &mut Random) -> Option<()> {
    let at = at_random(&draft.entries, random)?;
    let id = OperatorId(u32::try_from(at).ok()?);
    let own = draft.edges.iter().filter_map(|bytes| EdgeLeaf::decode(bytes));
    let work = own.filter(|edge| edge.operator_id == id).map(|edge| edge.operator_nano).max()?;
    let before = world.kept.old_entry(id).word.sum();
    draft.entries[at] = remade(world, draft, at, |entry| {
        entry.cumulative_nano = Nano(before.0 + work.0);
    });
    Some(())
}
