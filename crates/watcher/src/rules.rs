//! The rules, each over the leaves that it reads: true if they show a lie. Openings are checked elsewhere.
//!
//! Invariant: the twins of the contract's predicates; arithmetic is exact, so a total that its type cannot hold is a lie and
//! no error.

mod edges;
mod entries;
mod receipts;

pub(crate) use edges::{bad_edge, bad_edge_step, bad_edge_units, missing_edge};
pub(crate) use entries::bad_entry;
pub(crate) use receipts::{assented, bad_receipt, bad_receipt_step, extra, ignored};

/// The bytes of a gap's neighbours; none at the ends of the list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    pub(crate) left: Option<&'a [u8]>,
    pub(crate) right: Option<&'a [u8]>,
}

impl Around<'_> {
    /// Whether the key `x` belongs here, by the first bytes of both: `left ≤ x < right`.
    fn holds(&self, x: &[u8]) -> bool {
        let to_left = |leaf: &[u8]| leaf.get(..x.len()).is_some_and(|key| key <= x);
        let to_right = |leaf: &[u8]| leaf.get(..x.len()).is_some_and(|key| x < key);
        self.left.is_none_or(to_left) && self.right.is_none_or(to_right)
    }
}
