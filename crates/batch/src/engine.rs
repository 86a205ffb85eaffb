//! A batch from its claims to its answers: what is out of range is named at once, the rest is summed, and what a sum refuses is
//! halved.
//!
//! Invariant: an answer is either libsecp256k1's own, or that of a sum, of which one in 64 is asked of libsecp256k1 again. The work
//! is bounded by [`ADDITIONS`], whatever is sent: at most about two thirds more than recovery of everything.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use secp256k1::PublicKey;
use sha2::{Digest, Sha256};

use crate::equation::{Equation, KNOWN_KEY_WIDTH, Key, Member, NEW_KEY_WIDTH};
use crate::factors::Stream;
use crate::field::Field;
use crate::keys::{Keys, point_of};
use crate::point::Affine;
use crate::table::Tables;
use crate::{Claim, Disagreement, scalar};

/// Fewer are quicker one by one.
const LEAST: usize = 4;
/// More are split: what fits a core's cache.
const MOST: usize = 8192;
/// Additions to a signature that sums may take, or one sum; what is undecided then goes to libsecp256k1. With reading, which takes
/// as long as about 45 where roots come one by one, this is a third of recovery where caches are one's own, and up to two thirds on a busy machine.
const ADDITIONS: usize = 60;
/// One in so many of what sums accept is asked of libsecp256k1 again.
const GUARDED: usize = 64;

/// The sums over one field, with what they keep from batch to batch.
#[derive(Debug)]
pub(crate) struct Engine<F> {
    secret: [u8; 32],
    equation: Equation<F>,
    tables: Mutex<Tables<F>>,
}

/// What a batch is made of.
#[derive(Debug)]
struct Batch<F> {
    members: Vec<Member<F>>,
    /// Which claim each member is.
    claims: Vec<usize>,
    keys: Vec<Key<F>>,
    seed: [u8; 32],
}

/// What sums may still take.
#[derive(Debug)]
struct Budget {
    left: usize,
    first: bool,
}

impl Budget {
    /// The first sum is for free: most batches need no other.
    fn take(&mut self, additions: usize) -> bool {
        let left = self.left.checked_sub(additions);
        let granted = self.first || left.is_some();
        self.first = false;
        self.left = left.unwrap_or_default();
        granted
    }
}

/// What the sums found out, as ranges of members.
#[derive(Debug, Default)]
struct Verdict {
    accepted: Vec<Range<usize>>,
    /// At least one in each is wrong.
    refused: Vec<Range<usize>>,
    /// What no sum was made for.
    undecided: Vec<Range<usize>>,
}

impl<F: Field> Engine<F> {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret, equation: Equation::new(), tables: Mutex::default() }
    }

    pub(crate) fn recover(&self, claims: &[Claim]) -> Result<Vec<Option<PublicKey>>, Disagreement> {
        let mut answers = Vec::with_capacity(claims.len());
        for claims in claims.chunks(MOST) {
            answers.extend(self.recover_batch(claims)?);
        }
        Ok(answers)
    }

    fn recover_batch(&self, claims: &[Claim]) -> Result<Vec<Option<PublicKey>>, Disagreement> {
        if claims.iter().filter(|claim| claim.key.is_some()).count() < LEAST {
            return Ok(claims.iter().map(Claim::recover).collect());
        }
        let (batch, mut answers) = self.read(claims);
        let verdict = self.judge(&batch);
        for accepted in &verdict.accepted {
            for claim in &batch.claims[accepted.clone()] {
                answers[*claim] = claims[*claim].key;
            }
        }
        guard(claims, &batch, &verdict)?;
        for range in verdict.undecided {
            for claim in &batch.claims[range] {
                answers[*claim] = claims[*claim].recover();
            }
        }
        for range in verdict.refused {
            let refused = &batch.claims[range];
            for claim in refused {
                answers[*claim] = claims[*claim].recover();
            }
            confirm_refusal(claims, refused, &answers)?;
        }
        Ok(answers)
    }

    /// Reads what sums can decide; the answers to the rest are right already.
    fn read(&self, claims: &[Claim]) -> (Batch<F>, Vec<Option<PublicKey>>) {
        let mut answers = vec![None; claims.len()];
        let mut hash = Sha256::new().chain_update(self.secret);
        let mut keys = Keys::default();
        let mut batch =
            Batch { members: Vec::new(), claims: Vec::new(), keys: Vec::new(), seed: [0; 32] };
        let mut read = Vec::with_capacity(claims.len());
        for (nth, claim) in claims.iter().enumerate() {
            let Some(key) = claim.key else {
                answers[nth] = claim.recover();
                continue;
            };
            let key = keys.number(key);
            hash.update(claim.digest);
            hash.update(claim.signature);
            hash.update(key.to_le_bytes());
            if let Some(parts) = Parts::read(claim) {
                read.push((nth, key, parts));
            }
        }
        let mut inverses = Vec::with_capacity(read.len());
        let numbers: Vec<_> = read.iter().map(|(_, _, parts)| (parts.x, parts.odd)).collect();
        for ((nth, key, parts), nonce) in read.into_iter().zip(Affine::lift_all(&numbers)) {
            let Some(nonce) = nonce else { continue };
            let Parts { r, s, z, .. } = parts;
            batch.members.push(Member { nonce, r, z, inverse: scalar::Scalar::ZERO, key });
            batch.claims.push(nth);
            inverses.push(s);
        }
        keys.order.iter().for_each(|key| hash.update(key));
        batch.seed = hash.finalize().into();
        scalar::invert_all(&mut inverses);
        for (member, inverse) in batch.members.iter_mut().zip(inverses) {
            member.inverse = inverse;
        }
        batch.keys = self.keys(&keys.order, batch.members.len());
        (batch, answers)
    }

    /// The batch's keys as points, with their tables; without new ones where nearly every of so many signatures is another's. A
    /// sum takes a table once, however many signatures it is for: so a large one is for keys that come a second time.
    fn keys(&self, keys: &[[u8; 64]], members: usize) -> Vec<Key<F>> {
        let mut points: Vec<_> = {
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            let key = |key| Key { point: point_of(key), table: tables.find(key) };
            keys.iter().map(key).collect()
        };
        let missing = points.iter().filter(|key| key.table.is_none()).count();
        let pay = self.equation.tables_pay(members, missing);
        let width = |key: &Key<F>| match key.table.as_ref().map(|table| table.width()) {
            Some(KNOWN_KEY_WIDTH) => None,
            Some(_) => Some(KNOWN_KEY_WIDTH),
            None => pay.then_some(NEW_KEY_WIDTH),
        };
        let widths: Vec<_> = points.iter().map(width).collect();
        for width in [NEW_KEY_WIDTH, KNOWN_KEY_WIDTH] {
            let wanted: Vec<_> =
                (0..keys.len()).filter(|nth| widths[*nth] == Some(width)).collect();
            let bare: Vec<_> = wanted.iter().map(|nth| points[*nth].point).collect();
            // Others may build the same meanwhile: that is cheaper than to wait.
            let built = self.equation.tables(width, &bare);
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            for (nth, table) in wanted.into_iter().zip(built.into_iter().map(Arc::new)) {
                tables.keep(keys[nth], Arc::clone(&table));
                points[nth].table = Some(table);
            }
        }
        points
    }

    /// Sums all, then halves of what fails, the largest first, as long as that is worth it.
    fn judge(&self, batch: &Batch<F>) -> Verdict {
        let mut verdict = Verdict::default();
        let mut open = vec![Piece { range: 0..batch.members.len(), wrong: false }];
        let mut budget = Budget { left: ADDITIONS * batch.members.len(), first: true };
        while let Some(Piece { range, wrong }) = take_largest(&mut open) {
            let middle = range.start + range.len() / 2;
            // Of what is known to be wrong, the left half is summed; of the rest, all.
            let summed = range.start..if wrong { middle } else { range.end };
            let additions = self.equation.additions(&batch.members[summed.clone()], &batch.keys);
            if summed.len() < LEAST || !budget.take(additions) {
                let left = if wrong { &mut verdict.refused } else { &mut verdict.undecided };
                left.push(range);
                continue;
            }
            let holds = self.holds(batch, summed.clone());
            if holds {
                verdict.accepted.push(summed);
            } else {
                open.push(Piece { range: summed, wrong: true });
            }
            if wrong {
                // If the left half is right, what is wrong is in the right half.
                open.push(Piece { range: middle..range.end, wrong: holds });
            }
        }
        verdict
    }

    fn holds(&self, batch: &Batch<F>, range: Range<usize>) -> bool {
        // Each sum has factors of its own: what one told does not help with the next.
        let purpose: Vec<u8> =
            [range.start, range.end].into_iter().flat_map(usize::to_le_bytes).collect();
        let mut stream = Stream::new(&batch.seed, &purpose);
        self.equation.holds(&batch.members[range], &batch.keys, &mut stream)
    }

    #[cfg(test)]
    pub(crate) fn cached(&self) -> usize {
        self.tables.lock().unwrap().len()
    }
}

/// Members that are not decided yet.
#[derive(Debug)]
struct Piece {
    range: Range<usize>,
    /// Whether one of them is known to be wrong.
    wrong: bool,
}

fn take_largest(open: &mut Vec<Piece>) -> Option<Piece> {
    let (largest, _) = open.iter().enumerate().max_by_key(|(_, piece)| piece.range.len())?;
    Some(open.swap_remove(largest))
}

/// A claim's numbers.
#[derive(Debug)]
struct Parts<F> {
    /// The nonce's x, and whether its y is odd.
    x: F,
    odd: bool,
    r: scalar::Scalar,
    s: scalar::Scalar,
    z: scalar::Scalar,
}

impl<F: Field> Parts<F> {
    /// `None` if recovery gives no key whatever the digest is; it may still be that no point has this x.
    fn read(claim: &Claim) -> Option<Self> {
        let (r, rest) = claim.signature.split_first_chunk::<32>()?;
        let (s, [v]) = rest.split_first_chunk::<32>()? else { return None };
        let odd = match v {
            27 => false,
            28 => true,
            _ => return None,
        };
        Some(Self {
            x: F::from_be_bytes(r)?,
            odd,
            r: scalar::from_signature(r)?,
            s: scalar::from_signature(s)?,
            z: scalar::from_digest(&claim.digest),
        })
    }
}

/// Asks libsecp256k1 about one in 64 of what passed; which ones, only the secret tells.
fn guard<F>(claims: &[Claim], batch: &Batch<F>, verdict: &Verdict) -> Result<(), Disagreement> {
    let first = usize::from(Stream::new(&batch.seed, b"guard").byte()) % GUARDED;
    let accepted = verdict.accepted.iter().flat_map(|range| &batch.claims[range.clone()]);
    for claim in accepted.skip(first).step_by(GUARDED).map(|nth| &claims[*nth]) {
        let recovered = claim.recover();
        if recovered != claim.key {
            return Err(Disagreement::AcceptedWrong { claim: Box::new(*claim), recovered });
        }
    }
    Ok(())
}

/// One of those refused must be wrong.
fn confirm_refusal(
    claims: &[Claim],
    refused: &[usize],
    answers: &[Option<PublicKey>],
) -> Result<(), Disagreement> {
    let Some(first) = refused.first() else { return Ok(()) };
    if refused.iter().any(|nth| answers[*nth] != claims[*nth].key) {
        return Ok(());
    }
    Err(Disagreement::RefusedRight { first: Box::new(claims[*first]), count: refused.len() })
}
