//! Prints how many times faster than libsecp256k1's recovery batches are, both measured in this process.
//!
//! `cargo run --release -p tatum-batch --example multiples`

use std::time::Duration;

use crrl::field::GFsecp256k1;
use k256::FieldElement;
use rustix::time::{ClockId, clock_gettime};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey, SECP256K1, SecretKey};
use tatum_batch::{Claim, Verifier};

/// Batches that are measured.
const SIZES: [usize; 7] = [2, 8, 16, 64, 256, 1024, 8192];
/// Signatures each size is measured with, at least.
const LEAST: usize = 1024;
/// Runs of which the best counts: whatever else runs on the machine only takes time away.
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("libsecp256k1 recovery: {:.2} µs", 1e6 / recoveries_per_s()?);
    let roots = (
        root_us(|x: GFsecp256k1| x.sqrt().0, GFsecp256k1::from_u64(2)),
        root_us(|x: FieldElement| x.sqrt().into_option().unwrap_or(x), FieldElement::from_u64(2)),
    );
    println!("square root: {:.2} µs by crrl, {:.2} µs by k256", roots.0, roots.1);
    println!(
        "| signatures | 1 key | 100 keys | all keys distinct | distinct, met before | all wrong |"
    );
    println!("|---|---|---|---|---|---|");
    for size in SIZES {
        // Those of one kind together, with recovery measured anew beside them.
        let one = multiple(size, 1, Kind::Right)?;
        let hundred = multiple(size, size.min(100), Kind::Right)?;
        let distinct = multiple(size, LEAST.max(size), Kind::Right)?;
        let known = multiple(size, size, Kind::Right)?;
        let wrong = multiple(size, size.min(100), Kind::Wrong)?;
        println!("| {size} | {one:.1} | {hundred:.1} | {distinct:.1} | {known:.1} | {wrong:.2} |");
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Right,
    Wrong,
}

/// Signatures a second in batches of `size` by `keys` keys, as a multiple of recoveries a second.
fn multiple(size: usize, keys: usize, kind: Kind) -> Result<f64, Box<dyn std::error::Error>> {
    let claims = claims(LEAST.max(size), keys, kind)?;
    let mut multiples = Vec::new();
    for _ in 0..RUNS {
        let verifier = Verifier::new([7; 32]);
        let recoveries = recoveries_per_s()?;
        // Keys that come again have tables by the second time.
        if keys < LEAST {
            for _ in 0..3 {
                verifier.recover(&claims[..size.max(keys)])?;
            }
        }
        let before = thread_time();
        for batch in claims.chunks_exact(size) {
            std::hint::black_box(verifier.recover(batch)?);
        }
        let took = thread_time() - before;
        let rate = (claims.len() / size * size) as f64 / took.as_secs_f64();
        multiples.push(rate / recoveries);
    }
    // The middle one: both sides of a quotient are disturbed.
    multiples.sort_by(f64::total_cmp);
    Ok(multiples[RUNS / 2])
}

fn root_us<F: Copy>(root: impl Fn(F) -> F, mut x: F) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let before = thread_time();
        for _ in 0..64 {
            x = std::hint::black_box(root(std::hint::black_box(x)));
        }
        best = best.min(thread_time() - before);
    }
    best.as_secs_f64() * 1e6 / 64.0
}

fn recoveries_per_s() -> Result<f64, Box<dyn std::error::Error>> {
    let claims = claims(256, 1, Kind::Right)?;
    let mut best = Duration::MAX;
    for _ in 0..4 {
        let before = thread_time();
        for Claim { digest, signature, .. } in &claims {
            let [compact @ .., v] = signature;
            let id = RecoveryId::try_from(i32::from(*v) - 27)?;
            let signature = RecoverableSignature::from_compact(compact, id)?;
            let message = Message::from_digest(*digest);
            std::hint::black_box(SECP256K1.recover_ecdsa(message, &signature)?);
        }
        best = best.min(thread_time() - before);
    }
    Ok(claims.len() as f64 / best.as_secs_f64())
}

fn claims(count: usize, keys: usize, kind: Kind) -> Result<Vec<Claim>, Box<dyn std::error::Error>> {
    let mut secrets = Vec::new();
    for nth in 0..keys {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&(nth as u64).to_le_bytes());
        let secret = SecretKey::from_byte_array(bytes)?;
        secrets.push((secret, PublicKey::from_secret_key(SECP256K1, &secret)));
    }
    let claim = |nth: usize| {
        let (secret, key) = &secrets[nth % keys];
        let mut digest = [3; 32];
        digest[..8].copy_from_slice(&(nth as u64).to_le_bytes());
        let signed = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest), secret);
        let (id, compact) = signed.serialize_compact();
        let mut signature = [27 + u8::try_from(i32::from(id)).unwrap_or_default(); 65];
        signature[..64].copy_from_slice(&compact);
        digest[31] ^= u8::from(kind == Kind::Wrong);
        Claim { digest, signature, key: Some(*key) }
    };
    Ok((0..count).map(claim).collect())
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
