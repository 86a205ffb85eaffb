//! The Merkle sum tree of a distribution: a dense array by operator id.
//!
//! Level `k` holds `ceil(n / 2^k)` words; words that would stand over missing leaves only are never stored, for they are
//! the same in every tree.
//!
//! Invariant: after every call that succeeds, each stored word is the join of the two below it, and a call that fails
//! changes nothing. Source: "Merkle sum tree" in `docs/architecture.md`.

use tatum_primitives::{Nano, OperatorId};

use crate::parallel::{WORTH_A_THREAD, map_in_order};
use crate::range::Places;
use crate::{Entry, Error, Proof, RangeProof, Word};

/// All words of a distribution's tree, and the entries below them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SumTree {
    entries: Vec<Entry>,
    /// Leaves first; the last level is the top alone. Never empty.
    levels: Vec<Vec<Word>>,
}

impl SumTree {
    /// The tree over the entries of operators 0, 1, 2, … in this order.
    ///
    /// # Errors
    ///
    /// [`Error::NotConsecutive`], [`Error::TooManyEntries`] or [`Error::SumOverflow`]: the entries are no distribution.
    pub fn build(entries: Vec<Entry>) -> Result<Self, Error> {
        let depth = depth_of(entries.len())?;
        check_ids(0, &entries)?;
        check_total(&entries)?;
        let mut levels = Vec::with_capacity(depth.saturating_add(1));
        let mut level = map_in_order(&entries, WORTH_A_THREAD, |entry| Ok(Word::leaf(entry)))?;
        for height in 0..depth {
            let above = join_level(&level, Word::empty(height))?;
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Ok(Self { entries, levels })
    }

    /// Number of operators.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there are no operators.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries by operator id.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Levels between the leaves and the top: the length of every proof.
    pub fn depth(&self) -> usize {
        self.levels.len().saturating_sub(1)
    }

    /// The word over all leaves; zero if there are none.
    pub fn top(&self) -> Word {
        self.word(self.depth(), 0)
    }

    /// The top with the depth bound in: what is proposed on chain.
    pub fn root(&self) -> Word {
        // The depth was checked when the tree was built, so this cannot fail.
        Word::root(self.top(), self.depth()).unwrap_or_default()
    }

    /// Everything that the tree promises.
    pub fn total(&self) -> Nano {
        self.top().sum()
    }

    /// The word at `place` of the level that is `height` above the leaves.
    pub fn word(&self, height: usize, place: u64) -> Word {
        let stored = usize::try_from(place).ok().and_then(|at| self.levels.get(height)?.get(at));
        stored.copied().unwrap_or_else(|| Word::empty(height))
    }

    /// The proof of an operator's entry.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchOperator`].
    pub fn proof(&self, id: OperatorId) -> Result<Proof, Error> {
        self.entry(id)?;
        let path = u64::from(id.0);
        let places = std::iter::successors(Some(path), |place| Some(place >> 1));
        let siblings = places.take(self.depth()).enumerate();
        Ok(Proof { siblings: siblings.map(|(height, at)| self.word(height, at ^ 1)).collect() })
    }

    /// An operator's entry.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchOperator`].
    pub fn entry(&self, id: OperatorId) -> Result<&Entry, Error> {
        let entry = usize::try_from(id.0).ok().and_then(|at| self.entries.get(at));
        entry.ok_or(Error::NoSuchOperator { id, operators: self.len() })
    }

    /// Shows every entry with its proof's siblings to `visit`, in order of id, without keeping any; stops at its first error.
    ///
    /// # Errors
    ///
    /// What `visit` returns.
    pub fn try_for_each_proof<E>(
        &self,
        mut visit: impl FnMut(&Entry, &[Word]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut siblings: Vec<Word> =
            (0..self.depth()).map(|height| self.word(height, 1)).collect();
        for (at, entry) in (0u64..).zip(&self.entries) {
            // From one id to the next, the place changes only in levels up to the number of trailing zeros.
            for (height, sibling) in (0u32..=at.trailing_zeros()).zip(&mut siblings) {
                let place = at.checked_shr(height).unwrap_or(0);
                *sibling = self.word(usize::try_from(height).unwrap_or(usize::MAX), place ^ 1);
            }
            visit(entry, &siblings)?;
        }
        Ok(())
    }

    /// The entries of operators `first ..= last` and the proof that pays them in one call.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyRange`] or [`Error::NoSuchOperator`].
    pub fn range(
        &self,
        first: OperatorId,
        last: OperatorId,
    ) -> Result<(&[Entry], RangeProof), Error> {
        if last < first {
            return Err(Error::EmptyRange);
        }
        let missing = Error::NoSuchOperator { id: last, operators: self.len() };
        let (from, to) = (usize::try_from(first.0), usize::try_from(last.0));
        let (Ok(from), Ok(to)) = (from, to) else { return Err(missing) };
        let entries = self.entries.get(from..=to).ok_or(missing)?;
        let mut places = Places::new(first.0, last.0);
        let mut boundary = Vec::new();
        for height in 0..self.depth() {
            let siblings = places.left_sibling().into_iter().chain(places.right_sibling());
            boundary.extend(siblings.map(|place| self.word(height, place)));
            places = places.above();
        }
        Ok((entries, RangeProof { boundary, depth: self.depth() }))
    }

    /// Replaces the entries of some operators and appends those of new ones, at a cost of one hash per word above a change.
    ///
    /// # Errors
    ///
    /// As for [`SumTree::build`], and [`Error::ChangedTwice`]; the tree is then as before.
    pub fn update(&mut self, changes: &[Entry]) -> Result<(), Error> {
        let mut changes = changes.to_vec();
        changes.sort_unstable_by_key(|change| change.operator_id);
        let depth = self.check_changes(&changes)?;
        let mut places = Vec::with_capacity(changes.len());
        for change in changes {
            let place = usize::try_from(change.operator_id.0).unwrap_or(usize::MAX);
            set(&mut self.entries, place, change);
            if let Some(leaves) = self.levels.first_mut() {
                set(leaves, place, Word::leaf(&change));
            }
            places.push(place);
        }
        self.levels.resize_with(depth.saturating_add(1), Vec::new);
        self.rejoin(places)
    }

    /// Makes this the tree of `entries`, the whole next distribution; entries that are as before cost a comparison.
    ///
    /// # Errors
    ///
    /// As for [`SumTree::update`], and [`Error::Shrunk`].
    pub fn advance(&mut self, entries: &[Entry]) -> Result<(), Error> {
        if entries.len() < self.len() {
            return Err(Error::Shrunk { had: self.len(), got: entries.len() });
        }
        check_ids(0, entries)?;
        let (known, new) = entries.split_at(self.len());
        let changed = known.iter().zip(&self.entries).filter(|(next, now)| next != now);
        let changes: Vec<Entry> =
            changed.map(|(next, _)| *next).chain(new.iter().copied()).collect();
        self.update(&changes)
    }

    /// Checks sorted changes before any of them is made, and returns the depth of the tree after them.
    fn check_changes(&self, changes: &[Entry]) -> Result<usize, Error> {
        for pair in changes.windows(2) {
            if let [one, other] = pair
                && one.operator_id == other.operator_id
            {
                return Err(Error::ChangedTwice(one.operator_id));
            }
        }
        let known = changes.partition_point(|c| self.entry(c.operator_id).is_ok());
        let (replaced, appended) = changes.split_at(known);
        check_ids(self.len(), appended)?;
        let sum = |entries: &mut dyn Iterator<Item = &Entry>| {
            entries.map(|entry| u128::from(entry.cumulative_nano.0)).sum::<u128>()
        };
        let before = sum(&mut replaced.iter().filter_map(|c| self.entry(c.operator_id).ok()));
        let after = u128::from(self.total().0).checked_sub(before).ok_or(Error::SumOverflow)?;
        let after = after.checked_add(sum(&mut changes.iter())).ok_or(Error::SumOverflow)?;
        u64::try_from(after).map_err(|_| Error::SumOverflow)?;
        depth_of(self.len().saturating_add(appended.len()))
    }

    /// Joins anew every word above the leaves at `places` (ascending).
    fn rejoin(&mut self, mut places: Vec<usize>) -> Result<(), Error> {
        for height in 0..self.depth() {
            places.iter_mut().for_each(|place| *place >>= 1);
            places.dedup();
            let Some((below, above)) = pair_of_levels(&mut self.levels, height) else { break };
            let missing = Word::empty(height);
            let word = |at: usize| below.get(at).copied().unwrap_or(missing);
            let join = |place: &usize| {
                let left = place.saturating_mul(2);
                Word::join(word(left), word(left | 1))
            };
            for (place, joined) in places.iter().zip(map_in_order(&places, WORTH_A_THREAD, join)?) {
                set(above, *place, joined);
            }
        }
        Ok(())
    }
}

/// The level at `height`, and the one above it to change.
fn pair_of_levels(levels: &mut [Vec<Word>], height: usize) -> Option<(&[Word], &mut Vec<Word>)> {
    match levels.get_mut(height..)? {
        [below, above, ..] => Some((below, above)),
        _ => None,
    }
}

/// Replaces the item at `place`, or appends it right behind the last one.
fn set<T>(items: &mut Vec<T>, place: usize, item: T) {
    match items.get_mut(place) {
        Some(old) => *old = item,
        None => items.push(item),
    }
}

fn join_level(level: &[Word], missing: Word) -> Result<Vec<Word>, Error> {
    let (pairs, odd) = level.as_chunks::<2>();
    let mut above = map_in_order(pairs, WORTH_A_THREAD, |[left, right]| Word::join(*left, *right))?;
    if let [last] = odd {
        above.push(Word::join(*last, missing)?);
    }
    Ok(above)
}

/// `ceil(log2(entries))`, and 0 for none.
fn depth_of(entries: usize) -> Result<usize, Error> {
    let last = u32::try_from(entries.saturating_sub(1));
    let last = last.map_err(|_| Error::TooManyEntries { got: entries })?;
    usize::try_from(u32::BITS.saturating_sub(last.leading_zeros()))
        .map_err(|_| Error::TooManyEntries { got: entries })
}

fn check_ids(first: usize, entries: &[Entry]) -> Result<(), Error> {
    for (id, entry) in (0u32..=u32::MAX).skip(first).zip(entries) {
        let expected = OperatorId(id);
        if entry.operator_id != expected {
            return Err(Error::NotConsecutive { expected, got: entry.operator_id });
        }
    }
    Ok(())
}

fn check_total(entries: &[Entry]) -> Result<Nano, Error> {
    let add = |sum: Nano, entry: &Entry| sum.checked_add(entry.cumulative_nano);
    entries.iter().try_fold(Nano::ZERO, add).ok_or(Error::SumOverflow)
}

#[cfg(test)]
mod tests;
