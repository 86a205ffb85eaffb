//! Wrong signatures that would cancel if factors could be foretold.

use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::AffineCoordinates;
use k256::{ProjectivePoint, Scalar, U256};
use secp256k1::PublicKey;

use super::signed::{secret, signed};
use crate::Claim;
use crate::engine::Engine;
use crate::field::Native;

/// A claim whose summand `R − (z/s)·G − (r/s)·P` is `error·G`, for a key whose secret the forger knows.
fn off_by(error: Scalar, nonce: u64) -> Claim {
    let key = secret(1);
    let d = Scalar::from_repr(key.secret_bytes().into()).unwrap();
    let k = Scalar::from(nonce);
    let point = (ProjectivePoint::GENERATOR * k).to_affine();
    let r = <Scalar as Reduce<U256>>::reduce_bytes(&point.x());
    let s = Scalar::from(12_345_u64 + nonce);
    // k − z/s − r·d/s = error.
    let z = (k - error) * s - r * d;
    let mut signature = [27 + u8::from(bool::from(point.y_is_odd())); 65];
    signature[..32].copy_from_slice(&r.to_repr());
    signature[32..64].copy_from_slice(&s.to_repr());
    let key = PublicKey::from_secret_key(secp256k1::SECP256K1, &key);
    Claim { digest: z.to_repr().into(), signature, key: Some(key) }
}

#[test]
fn a_claim_that_is_off_by_nothing_is_right() {
    let claim = off_by(Scalar::ZERO, 77);
    assert_eq!(claim.recover(), claim.key);
}

#[test]
fn two_wrong_ones_built_to_cancel_do_not() {
    let engine = Engine::<Native>::new([1; 32]);
    for size in [8, 64, 600] {
        let mut claims = signed(size, 3);
        let error = Scalar::from(99_u64);
        claims[1] = off_by(error, 77);
        claims[5] = off_by(-error, 78);
        let keys = engine.recover(&claims).unwrap();
        let wrong: Vec<_> = (0..size).filter(|nth| keys[*nth] != claims[*nth].key).collect();
        assert_eq!(wrong, [1, 5]);
    }
}

#[test]
fn nor_do_they_if_they_differ_by_a_unit_only() {
    let engine = Engine::<Native>::new([1; 32]);
    let lambda = "5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72";
    let lambda = Scalar::from_repr(super::signed::number(lambda).into()).unwrap();
    let error = Scalar::from(99_u64);
    let mut claims = signed(16, 3);
    // Their sum is infinity with equal factors: 1 + λ + λ² = 0.
    claims[2] = off_by(error, 77);
    claims[3] = off_by(error * lambda, 78);
    claims[4] = off_by(error * lambda * lambda, 79);
    let keys = engine.recover(&claims).unwrap();
    let wrong: Vec<_> = (0..16).filter(|nth| keys[*nth] != claims[*nth].key).collect();
    assert_eq!(wrong, [2, 3, 4]);
}
