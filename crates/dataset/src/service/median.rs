//! The median by weight.
//!
//! Invariant: the answer is one of the values; those that together weigh less than half of all do not move it out of the range of the
//! others. Proved by `who_weighs_less_than_half_moves_no_median_out_of_the_others_range`.

/// The least value at which half of the weight is reached; none without weight.
#[must_use]
pub fn median_by_weight(mut words: Vec<(u64, u128)>) -> Option<u64> {
    // Weights are amounts in wei, of which there are fewer than 2^96.
    let total = words.iter().fold(0_u128, |sum, (_, weight)| sum.saturating_add(*weight));
    words.sort_unstable();
    let mut below = 0_u128;
    for (value, weight) in words {
        below = below.saturating_add(weight);
        if weight > 0 && below.saturating_mul(2) >= total {
            return Some(value);
        }
    }
    None
}
