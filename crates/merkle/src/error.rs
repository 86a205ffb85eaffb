//! Why a tree cannot be built or a proof does not hold.
//!
//! Invariant: every variant is the caller's to reject; none is worth a retry with the same input.

use alloy_primitives::B256;
use tatum_primitives::OperatorId;

/// Why a tree cannot be built or a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Entries leave out an operator or are out of order.
    #[error("expected the entry of operator {expected}, got operator {got}")]
    NotConsecutive {
        /// The id that belongs at this place.
        expected: OperatorId,
        /// The id that stands there.
        got: OperatorId,
    },
    /// Two changes for one operator.
    #[error("operator {0} is changed twice")]
    ChangedTwice(OperatorId),
    /// A later tree has fewer operators; the registry is append-only.
    #[error("the tree has {had} operators, the next one only {got}")]
    Shrunk {
        /// Operators in the tree.
        had: usize,
        /// Operators in the next one.
        got: usize,
    },
    /// More entries than 32-bit ids can name.
    #[error("{got} entries are more than 32-bit ids can name")]
    TooManyEntries {
        /// Number of entries.
        got: usize,
    },
    /// The amounts add up to more than 64 bits of nano.
    #[error("the amounts add up to more than 64 bits of nano")]
    SumOverflow,
    /// The tree has no such operator.
    #[error("operator {id} is not among the tree's {operators} operators")]
    NoSuchOperator {
        /// The id asked for.
        id: OperatorId,
        /// Operators in the tree.
        operators: usize,
    },
    /// The proof is too short for this id.
    #[error("operator {id} has no place in a tree of depth {depth}")]
    IdOutsideTree {
        /// The last id of the claim.
        id: OperatorId,
        /// The depth that the proof claims.
        depth: usize,
    },
    /// Deeper than 32-bit ids can need.
    #[error("depth {got} is more than 32")]
    TooDeep {
        /// The depth that the proof claims.
        got: usize,
    },
    /// A range without entries proves nothing.
    #[error("the range has no entries")]
    EmptyRange,
    /// The boundary has too few or too many words for this run and depth.
    #[error("the boundary of this range takes {expected} words, got {got}")]
    BoundaryLength {
        /// Words that the run and the depth ask for.
        expected: usize,
        /// Words given.
        got: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to root {got}, not {expected}")]
    RootMismatch {
        /// The root to prove against.
        expected: B256,
        /// The root that the proof leads to.
        got: B256,
    },
    /// The list has no such leaf.
    #[error("leaf {index} is not among the list's {count} leaves")]
    NoSuchLeaf {
        /// The place asked for.
        index: u32,
        /// Leaves in the list.
        count: u32,
    },
    /// The path has too few or too many words for this place and count.
    #[error("the way to the top takes {expected} words, got {got}")]
    PathLength {
        /// Words that the place and the count ask for.
        expected: usize,
        /// Words given.
        got: usize,
    },
    /// The leaf and its path lead to another top.
    #[error("the leaf leads to top {got}, not {expected}")]
    TopMismatch {
        /// The top to prove against.
        expected: B256,
        /// The top that the leaf leads to.
        got: B256,
    },
    /// A neighbour is missing, or one is given beyond the list's end.
    #[error("place {place} of {count} leaves has other neighbours than were opened")]
    GapEnds {
        /// The gap's place.
        place: u32,
        /// Leaves in the list.
        count: u32,
    },
    /// More leaves than 32 bits can count.
    #[error("a list has at most 2^32 - 1 leaves")]
    ListFull,
    /// Parts of a list that are hashed apart meet at a place where no full subtree ends.
    #[error("{next} leaves cannot follow {before} as a part of their own")]
    PartsDoNotMeet {
        /// Leaves before the part.
        before: u32,
        /// Leaves in the part.
        next: u32,
    },
}

impl Error {
    /// A name for machines, the same in `tests/vectors/sum_trees.json` and in API answers.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotConsecutive { .. } => "not_consecutive",
            Self::ChangedTwice(_) => "changed_twice",
            Self::Shrunk { .. } => "shrunk",
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::SumOverflow => "sum_overflow",
            Self::NoSuchOperator { .. } => "no_such_operator",
            Self::IdOutsideTree { .. } => "id_outside_tree",
            Self::TooDeep { .. } => "too_deep",
            Self::EmptyRange => "empty_range",
            Self::BoundaryLength { .. } => "boundary_length",
            Self::RootMismatch { .. } => "root_mismatch",
            Self::NoSuchLeaf { .. } => "no_such_leaf",
            Self::PathLength { .. } => "path_length",
            Self::TopMismatch { .. } => "top_mismatch",
            Self::GapEnds { .. } => "gap_ends",
            Self::ListFull => "list_full",
            Self::PartsDoNotMeet { .. } => "parts_do_not_meet",
        }
    }
}
