//! Right signatures whose parts are where numbers end: r near 0, n and p, s in 1, 2 … n − 1, digests near 0 and n.

use super::signed::{end, signed};
use super::{agrees, one_by_one};
use crate::Claim;
use crate::engine::Engine;
use crate::field::{Field, Native};
use crate::tests::fields::K256;

/// Every claim of such parts, with the key that recovery gives: so all that has a key is right.
fn claims() -> Vec<Claim> {
    let mut claims = Vec::new();
    for (nth_r, nth_s) in (0..20).flat_map(|r| (0..20).map(move |s| (r, s))) {
        for v in [27, 28] {
            let mut signature = [v; 65];
            signature[..32].copy_from_slice(&end(nth_r));
            signature[32..64].copy_from_slice(&end(nth_s));
            let digest = end(nth_r + 7 * nth_s);
            let claim = Claim { digest, signature, key: None };
            claims.push(Claim { key: claim.recover(), ..claim });
        }
    }
    claims
}

fn pass<F: Field>(engine: &Engine<F>, claims: &[Claim]) {
    for size in [5, 64, claims.len()] {
        for claims in claims.chunks(size) {
            let keys: Vec<_> = claims.iter().map(|claim| claim.key).collect();
            assert_eq!(engine.recover(claims).unwrap(), keys);
        }
    }
}

#[test]
fn right_signatures_at_the_ends_of_numbers_pass_over_both_fields() {
    let right: Vec<_> = claims().into_iter().filter(|claim| claim.key.is_some()).collect();
    let all = |at: usize, low: u8| right.iter().any(|claim| claim.signature[at] == low);
    assert!(right.len() > 50, "only {} are somebody's", right.len());
    assert!(all(63, 1) && all(63, 2) && all(63, 0x40) && all(63, 0x3f), "s = 1, 2, n − 1, n − 2");
    pass(&Engine::<Native>::new([1; 32]), &right);
    pass(&Engine::<K256>::new([1; 32]), &right);
}

#[test]
fn parts_at_the_ends_of_numbers_by_another_key_mean_what_they_mean_to_recovery() {
    let engine = Engine::<Native>::new([1; 32]);
    let stranger = signed(1, 1)[0].key;
    let all: Vec<_> = claims().into_iter().map(|claim| Claim { key: stranger, ..claim }).collect();
    all.chunks(50).for_each(|claims| agrees(&engine, claims));
    let out_of_range = |claim: &&Claim| [[0; 32], [0xff; 32]].contains(&first(claim));
    assert!(
        one_by_one(&all.iter().filter(out_of_range).copied().collect::<Vec<_>>())
            .iter()
            .all(Option::is_none)
    );
}

fn first(claim: &Claim) -> [u8; 32] {
    core::array::from_fn(|i| claim.signature[i])
}
