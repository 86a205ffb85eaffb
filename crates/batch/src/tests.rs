//! Batches against recovery, one by one, over two fields.

mod edges;
mod faults;
mod fields;
mod forgery;
mod signed;

use proptest::prelude::*;

use self::fields::K256;
use self::signed::{Flaw, flawed, signed};
use crate::engine::Engine;
use crate::field::{Field, Native};
use crate::table::CACHED;
use crate::{Claim, Verifier};

/// What the claims mean, by libsecp256k1 alone.
fn one_by_one(claims: &[Claim]) -> Vec<Option<secp256k1::PublicKey>> {
    claims.iter().map(Claim::recover).collect()
}

fn agrees<F: Field>(engine: &Engine<F>, claims: &[Claim]) {
    assert_eq!(engine.recover(claims).unwrap(), one_by_one(claims));
}

#[test]
fn right_signatures_of_every_batch_size_pass_over_both_fields() {
    let native = Engine::<Native>::new([1; 32]);
    let other = Engine::<K256>::new([1; 32]);
    for size in (0..20).chain([63, 64, 65, 300, 700, 1500]) {
        for keys in [1, 7, size.max(1)] {
            let claims = signed(size, keys);
            let expected: Vec<_> = claims.iter().map(|claim| claim.key).collect();
            assert_eq!(native.recover(&claims).unwrap(), expected, "{size} by {keys}");
            assert_eq!(other.recover(&claims).unwrap(), expected, "{size} by {keys}");
        }
    }
}

#[test]
fn keys_without_tables_and_keys_with_them_give_the_same() {
    let engine = Engine::<Native>::new([1; 32]);
    // Too many new keys for tables, then few, then both kinds.
    for (size, keys) in [(1200, 1200), (40, 10), (1200, 1200), (1200, 1199)] {
        let mut claims = signed(size, keys);
        assert!(engine.recover(&claims).unwrap().iter().all(Option::is_some));
        claims[size / 2].digest[0] ^= 1;
        agrees(&engine, &claims);
    }
}

#[test]
fn each_flaw_in_each_place_is_found() {
    let native = Engine::<Native>::new([1; 32]);
    let other = Engine::<K256>::new([2; 32]);
    let claims = signed(9, 3);
    for flaw in Flaw::ALL {
        for place in [0, 4, 8] {
            let mut claims = claims.clone();
            claims[place] = flawed(&claims[place], flaw, place);
            agrees(&native, &claims);
            agrees(&other, &claims);
        }
    }
}

#[test]
fn a_batch_of_nothing_but_wrong_ones_is_named_entirely() {
    let engine = Engine::<Native>::new([1; 32]);
    for size in [4, 16, 64, 500] {
        let wrong = |(nth, claim): (usize, &Claim)| flawed(claim, Flaw::Digest, nth);
        let claims: Vec<_> = signed(size, 3).iter().enumerate().map(wrong).collect();
        let keys = engine.recover(&claims).unwrap();
        assert!(keys.iter().zip(&claims).all(|(key, claim)| *key != claim.key));
        agrees(&engine, &claims);
    }
}

#[test]
fn claims_without_a_key_are_recovered_beside_the_others() {
    let engine = Engine::<Native>::new([1; 32]);
    let mut claims = signed(40, 4);
    for nth in [0, 3, 17, 39] {
        claims[nth].key = None;
    }
    agrees(&engine, &claims);
    claims.iter_mut().for_each(|claim| claim.key = None);
    agrees(&engine, &claims);
}

#[test]
fn the_same_signature_may_come_many_times() {
    let engine = Engine::<Native>::new([1; 32]);
    let claims = signed(1, 1).repeat(800);
    agrees(&engine, &claims);
    let mut mixed = signed(5, 2).repeat(20);
    mixed[71] = flawed(&mixed[71], Flaw::V, 71);
    agrees(&engine, &mixed);
}

#[test]
fn a_mirrored_signature_is_as_good_as_for_recovery() {
    // (r, n − s) with the other v has the opposite nonce: the two meet as opposite points.
    let engine = Engine::<Native>::new([1; 32]);
    let claims = signed(12, 2);
    let mirrored = claims.iter().enumerate().map(|(nth, claim)| flawed(claim, Flaw::Mirrored, nth));
    let both: Vec<_> = claims.iter().copied().chain(mirrored).collect();
    let keys = engine.recover(&both).unwrap();
    assert!(keys.iter().zip(&both).all(|(key, claim)| *key == claim.key));
    agrees(&engine, &both);
}

#[test]
fn tables_of_keys_are_bounded() {
    let engine = Engine::<Native>::new([1; 32]);
    for claims in signed(CACHED * 2, CACHED * 2).chunks(64) {
        engine.recover(claims).unwrap();
        assert!(engine.cached() <= CACHED);
    }
    assert!(engine.cached() >= CACHED / 2);
}

#[test]
fn threads_may_share_a_verifier() {
    let verifier = Verifier::new([1; 32]);
    let claims = signed(64, 8);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert!(verifier.recover(&claims).unwrap().iter().all(Option::is_some));
                }
            });
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_mixture_means_what_recovery_means(
        size in prop_oneof![4_usize..40, 200_usize..600],
        keys in 1_usize..50,
        flaws in prop::collection::vec((any::<prop::sample::Index>(), 0..Flaw::ALL.len()), 0..12),
    ) {
        let mut claims = signed(size, keys);
        for (index, flaw) in flaws {
            let place = index.index(size);
            claims[place] = flawed(&claims[place], Flaw::ALL[flaw], place);
        }
        let native = Engine::<Native>::new([3; 32]).recover(&claims).unwrap();
        prop_assert_eq!(&native, &one_by_one(&claims));
        let other = Engine::<K256>::new([3; 32]).recover(&claims).unwrap();
        prop_assert_eq!(&native, &other);
        // The secret and what was met before change nothing.
        let engine = Engine::<Native>::new([4; 32]);
        prop_assert_eq!(&engine.recover(&claims).unwrap(), &native);
        prop_assert_eq!(&engine.recover(&claims).unwrap(), &native);
    }

    #[test]
    fn bytes_of_any_kind_mean_what_they_mean_to_recovery(
        signatures in prop::collection::vec((any::<[u8; 32]>(), any::<[u8; 32]>(), any::<[u8; 32]>(), 26_u8..30), 4..20),
    ) {
        let engine = Engine::<Native>::new([3; 32]);
        let mut claims = signed(signatures.len(), 3);
        for (claim, (digest, r, s, v)) in claims.iter_mut().zip(signatures) {
            claim.digest = digest;
            claim.signature[..32].copy_from_slice(&r);
            claim.signature[32..64].copy_from_slice(&s);
            claim.signature[64] = v;
        }
        prop_assert_eq!(engine.recover(&claims).unwrap(), one_by_one(&claims));
    }
}

proptest! {
    // Large ones take their time.
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn batches_of_one_to_two_thousand_mean_what_recovery_means(
        size in 1_usize..=2000,
        keys in 1_usize..=2000,
        flaws in prop::collection::vec((any::<prop::sample::Index>(), 0..Flaw::ALL.len()), 0..4),
    ) {
        let mut claims = signed(size, keys);
        for (index, flaw) in flaws {
            let place = index.index(size);
            claims[place] = flawed(&claims[place], Flaw::ALL[flaw], place);
        }
        let engine = Engine::<Native>::new([3; 32]);
        prop_assert_eq!(engine.recover(&claims).unwrap(), one_by_one(&claims));
    }
}
