//! Writes the right lists: each line once, in order, with its totals.
//!
//! Invariant: the lines are a function of the receipts and the facts. Memory is one line for each (payer, operator), not one
//! for each receipt.

use alloy_primitives::Address;
use tatum_primitives::{Nano, OperatorId};
use tatum_rewards::{Error, edge_down};

use crate::EdgeLeaf;

/// Units between a payer and an operator, and all of the payer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// Who pays.
    pub payer: Address,
    /// Who is paid.
    pub operator_id: OperatorId,
    /// Between the two.
    pub units: u128,
    /// All of the payer's.
    pub payer_units: u128,
}

impl Units {
    /// Where their edge stands among an epoch's edges.
    pub const fn place(&self) -> (OperatorId, Address) {
        (self.operator_id, self.payer)
    }
}

/// Running totals over receipts in order of their keys.
#[derive(Clone, Debug, Default)]
pub struct ReceiptTotals {
    edges: Vec<Units>,
    /// Where the edges of the payer at hand begin.
    payer_from: usize,
}

impl ReceiptTotals {
    /// Adds the next receipt: the units so far of its edge and of its payer.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`]; not for fewer than 2^64 receipts.
    pub fn push(
        &mut self,
        payer: Address,
        operator_id: OperatorId,
        units: u64,
    ) -> Result<(u128, u128), Error> {
        let last = self.edges.last().filter(|last| last.payer == payer).copied();
        let add = |total: u128| total.checked_add(units.into()).ok_or(Error::Overflow("units"));
        let payer_units = add(last.map_or(0, |last| last.payer_units))?;
        let same = last.filter(|last| last.operator_id == operator_id);
        let edge_units = add(same.map_or(0, |last| last.units))?;
        if same.is_some() {
            self.edges.pop();
        } else if last.is_none() {
            self.close_payer();
        }
        self.edges.push(Units { payer, operator_id, units: edge_units, payer_units });
        Ok((edge_units, payer_units))
    }

    /// Gives every edge of the payer at hand the payer's last total.
    fn close_payer(&mut self) {
        let total = self.edges.last().map_or(0, |last| last.payer_units);
        let own = self.edges.iter_mut().skip(self.payer_from);
        own.for_each(|edge| edge.payer_units = total);
        self.payer_from = self.edges.len();
    }

    /// The units so far of the last receipt's edge and of its payer.
    pub fn last(&self) -> (u128, u128) {
        self.edges.last().map_or((0, 0), |last| (last.units, last.payer_units))
    }

    /// Hands out the edges of payers that are over, so that memory is one payer's edges.
    pub fn take_over(&mut self) -> Vec<Units> {
        let own = self.edges.split_off(self.payer_from);
        self.payer_from = 0;
        std::mem::replace(&mut self.edges, own)
    }

    /// Goes on from here without the edges so far: for lines alone.
    pub fn without_edges(&self) -> Self {
        Self { edges: self.edges.last().copied().into_iter().collect(), payer_from: 0 }
    }

    /// Units by payer and operator, but for those that were handed out.
    pub fn finish(mut self) -> Vec<Units> {
        self.close_payer();
        self.edges
    }
}

/// Running totals over edges in order of operator and payer.
#[derive(Clone, Copy, Debug, Default)]
pub struct EdgeTotals {
    operator: Option<OperatorId>,
    operator_nano: Nano,
    total_nano: Nano,
}

impl EdgeTotals {
    /// The next line, of these units and what the payer steers.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`]; not for fees that 64 bits hold.
    pub fn push(&mut self, of: Units, steered_nano: Nano) -> Result<EdgeLeaf, Error> {
        let Units { payer, operator_id, units, payer_units } = of;
        let nano = edge_down(steered_nano, units, payer_units)?;
        let same = self.operator.replace(operator_id) == Some(operator_id);
        let before = if same { self.operator_nano } else { Nano::ZERO };
        let overflow = Error::Overflow("a sum of edges");
        self.operator_nano = before.checked_add(nano).ok_or(overflow.clone())?;
        self.total_nano = self.total_nano.checked_add(nano).ok_or(overflow)?;
        let (operator_nano, total_nano) = (self.operator_nano, self.total_nano);
        Ok(EdgeLeaf { operator_id, payer, units, payer_units, nano, operator_nano, total_nano })
    }
}

/// The edges of an epoch in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// The lines.
    pub edges: Vec<EdgeLeaf>,
    /// The sum of all.
    pub work_nano: Nano,
}

impl Book {
    /// The edges of these units, in any order; `steered` says what a payer steers.
    ///
    /// # Errors
    ///
    /// As for [`EdgeTotals::push`], and what `steered` returns.
    pub fn of<E: From<Error>>(
        mut units: Vec<Units>,
        steered: impl Fn(Address) -> Result<Nano, E>,
    ) -> Result<Self, E> {
        units.sort_unstable_by_key(Units::place);
        Self::from_lines(Self::lines(units.into_iter().map(Ok), steered))
    }

    /// All of these lines.
    ///
    /// # Errors
    ///
    /// The first that stands in place of a line.
    pub fn from_lines<E>(lines: impl Iterator<Item = Result<EdgeLeaf, E>>) -> Result<Self, E> {
        let edges = lines.collect::<Result<Vec<EdgeLeaf>, E>>()?;
        let work_nano = edges.last().map_or(Nano::ZERO, |last| last.total_nano);
        Ok(Self { edges, work_nano })
    }

    /// The lines of [`Book::of`], one by one, of units that stand in order of [`Units::place`].
    ///
    /// # Errors
    ///
    /// As for [`Book::of`], in place of a line.
    pub fn lines<E: From<Error>>(
        sorted: impl Iterator<Item = Result<Units, E>>,
        steered: impl Fn(Address) -> Result<Nano, E>,
    ) -> impl Iterator<Item = Result<EdgeLeaf, E>> {
        let mut totals = EdgeTotals::default();
        sorted.map(move |of| {
            let of = of?;
            Ok(totals.push(of, steered(of.payer)?)?)
        })
    }

    /// What receipts steer to each of so many operators, by id.
    pub fn works(&self, operators: usize) -> Vec<Nano> {
        let mut works = vec![Nano::ZERO; operators];
        for edge in &self.edges {
            let id = usize::try_from(edge.operator_id.0).unwrap_or(usize::MAX);
            if let Some(work) = works.get_mut(id) {
                *work = edge.operator_nano;
            }
        }
        works
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYERS: [Address; 2] = [Address::repeat_byte(1), Address::repeat_byte(2)];

    fn units(receipts: &[(usize, u32, u64)]) -> Vec<Units> {
        let mut totals = ReceiptTotals::default();
        for (payer, operator, units) in receipts {
            totals.push(PAYERS[*payer], OperatorId(*operator), *units).unwrap();
        }
        totals.finish()
    }

    #[test]
    fn totals_begin_anew_with_each_edge_and_each_payer() {
        let mut totals = ReceiptTotals::default();
        let receipts = [(0, 1, 5), (0, 1, 7), (0, 2, 1), (1, 2, 4)];
        let got = receipts.map(|(payer, operator, units)| {
            totals.push(PAYERS[payer], OperatorId(operator), units).unwrap()
        });
        assert_eq!(got, [(5, 5), (12, 12), (1, 13), (4, 4)]);
        let shares: Vec<_> =
            units(&receipts).iter().map(|edge| (edge.units, edge.payer_units)).collect();
        assert_eq!(shares, [(12, 13), (1, 13), (4, 4)]);
    }

    #[test]
    fn edges_of_payers_that_are_over_are_handed_out_once_and_whole() {
        let receipts = [(0, 1, 5), (0, 1, 7), (0, 2, 1), (1, 2, 4), (1, 3, 6)];
        let mut totals = ReceiptTotals::default();
        let mut got = Vec::new();
        for (payer, operator, units) in receipts {
            totals.push(PAYERS[payer], OperatorId(operator), units).unwrap();
            got.extend(totals.take_over());
        }
        got.extend(totals.finish());
        assert_eq!(got, units(&receipts));
    }

    #[test]
    fn edges_are_in_order_of_operator_and_payer_and_repeat_both_sums() {
        let units = units(&[(0, 1, 3), (0, 2, 1), (1, 1, 4)]);
        let book = Book::of(units, |_| Ok::<_, Error>(Nano(100))).unwrap();
        let lines: Vec<_> =
            book.edges.iter().map(|edge| (edge.operator_id.0, edge.payer)).collect();
        assert_eq!(lines, [(1, PAYERS[0]), (1, PAYERS[1]), (2, PAYERS[0])]);
        let sums = book.edges.iter().map(|e| (e.nano.0, e.operator_nano.0, e.total_nano.0));
        assert_eq!(sums.collect::<Vec<_>>(), [(75, 75, 75), (100, 175, 175), (25, 25, 200)]);
        assert_eq!(book.work_nano, Nano(200));
        assert_eq!(book.works(4), [0, 175, 25, 0].map(Nano));
    }

    #[test]
    fn a_payer_with_the_largest_stake_and_two_to_the_24_receipts_stops_no_roll_up() {
        let mut totals = ReceiptTotals::default();
        for number in 0..1u32 << 24 {
            totals.push(PAYERS[0], OperatorId(number >> 23), 1 << 40).unwrap();
        }
        let book = Book::of(totals.finish(), |_| Ok::<_, Error>(Nano(u64::MAX))).unwrap();
        assert_eq!(book.edges[0].payer_units, 1 << 64);
        assert_eq!(book.works(2), [Nano(u64::MAX / 2); 2]);
        assert_eq!(book.work_nano, Nano(u64::MAX - 1));
    }
}
