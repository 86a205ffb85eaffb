//! Who signed many receipts, in batches.
//!
//! A payer's process signs with the key that it signed with before. So its key is recovered once, and is from then on a guess
//! which a batch confirms or refutes; see [`tatum_batch`].
//!
//! Invariant: the answers are those of [`Verifier::signer`], whatever was guessed. Only the keys of those who may sign are kept, so
//! no stranger can spoil what is known of a payer; at most [`KEPT`] are kept, those used last.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use secp256k1::PublicKey;
use tatum_batch::{Claim, Disagreement};
use tatum_primitives::{Address, B256, ReaderId};

use crate::session_key::address_of;
use crate::{SignatureError, SignedReceipt, Verifier};

/// Keys that are kept: some 150 bytes each.
const KEPT: usize = 1 << 17;

/// Whose signatures are guessed from each other: one process of a payer.
type Process = (Address, ReaderId);

/// Finds the signers of receipts for one deployment; threads may share it.
#[derive(Debug)]
pub struct Signers {
    verifier: Verifier,
    batches: tatum_batch::Verifier,
    known: Mutex<Known>,
}

/// The key that a process signed with last.
#[derive(Clone, Copy, Debug)]
struct Guess {
    key: PublicKey,
    address: Address,
    /// Not after a change, until the new key signs again: who takes turns with keys is not worth guessing.
    steady: bool,
}

/// What is known of a receipt's signer before the batch.
#[derive(Clone, Copy, Debug)]
enum Signer {
    /// Recovered.
    Found(Address),
    /// For the batch to confirm.
    Guessed(Guess),
}

impl Signers {
    /// Signers for the deployment of `verifier`. Where receipts come from others while this runs, the secret is random and of this
    /// process; for files, which cannot answer to it, their hash will do.
    pub fn new(verifier: Verifier, secret: [u8; 32]) -> Self {
        let batches = tatum_batch::Verifier::new(secret);
        Self { verifier, batches, known: Mutex::default() }
    }

    /// The digests of the deployment.
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signer of each receipt, in order; `may_sign` tells whose key is worth keeping. If batches and libsecp256k1 disagree, the
    /// process ends: nothing could be paid on either's word.
    pub(crate) fn of_all(
        &self,
        receipts: &[&SignedReceipt],
        may_sign: impl Fn(&SignedReceipt, Address) -> bool,
    ) -> Vec<Result<Address, SignatureError>> {
        let mut turn = Turn { met: self.known(receipts), may_sign, claims: Vec::new() };
        let digests = self.verifier.digests(receipts);
        let first: Vec<_> = receipts
            .iter()
            .zip(digests)
            .map(|(signed, digest)| turn.look(signed, digest))
            .collect();
        let recovered =
            self.batches.recover(&turn.claims).unwrap_or_else(|error: Disagreement| error.stop());
        let mut recovered = recovered.into_iter();
        let settled = receipts.iter().zip(first).map(|(signed, first)| match first? {
            Signer::Found(address) => Ok(address),
            Signer::Guessed(guess) => {
                let key = recovered.next().flatten().ok_or(SignatureError::NoKey)?;
                Ok(turn.settle(signed, guess, key))
            }
        });
        let settled = settled.collect();
        self.keep(turn.met);
        settled
    }

    /// What is known of the processes of some receipts.
    fn known(&self, receipts: &[&SignedReceipt]) -> HashMap<Process, Guess> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let processes = receipts.iter().map(|signed| process(signed));
        processes.filter_map(|process| Some((process, known.find(&process)?))).collect()
    }

    fn keep(&self, met: HashMap<Process, Guess>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        met.into_iter().for_each(|(process, guess)| known.keep(process, guess));
    }
}

/// One batch on its way.
#[derive(Debug)]
struct Turn<M> {
    met: HashMap<Process, Guess>,
    may_sign: M,
    claims: Vec<Claim>,
}

impl<M: Fn(&SignedReceipt, Address) -> bool> Turn<M> {
    /// Guesses the signer; the first of a process is recovered by itself, so that those that follow can be guessed from it.
    fn look(&mut self, signed: &SignedReceipt, digest: B256) -> Result<Signer, SignatureError> {
        signed.signature.check_form()?;
        let Some(guess) = self.met.get(&process(signed)).filter(|guess| guess.steady).copied()
        else {
            return Ok(Signer::Found(self.learn(signed, signed.signature.key(digest)?)));
        };
        let (signature, key) = (signed.signature.0, Some(guess.key));
        self.claims.push(Claim { digest: digest.0, signature, key });
        Ok(Signer::Guessed(guess))
    }

    fn settle(&mut self, signed: &SignedReceipt, guess: Guess, key: PublicKey) -> Address {
        if guess.key.eq_fast_unstable(&key) { guess.address } else { self.learn(signed, key) }
    }

    /// Keeps the key of a process, if it may sign.
    fn learn(&mut self, signed: &SignedReceipt, key: PublicKey) -> Address {
        let address = address_of(&key);
        if (self.may_sign)(signed, address) {
            let before = self.met.get(&process(signed));
            let steady = before.is_none_or(|guess| guess.address == address);
            self.met.insert(process(signed), Guess { key, address, steady });
        }
        address
    }
}

/// The guesses of two generations: the older one is dropped when the younger is full.
#[derive(Debug, Default)]
struct Known {
    young: HashMap<Process, Guess>,
    old: HashMap<Process, Guess>,
}

impl Known {
    fn find(&self, process: &Process) -> Option<Guess> {
        self.young.get(process).or_else(|| self.old.get(process)).copied()
    }

    fn keep(&mut self, process: Process, guess: Guess) {
        if self.young.len() >= KEPT / 2 && !self.young.contains_key(&process) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(process, guess);
    }
}

fn process(signed: &SignedReceipt) -> Process {
    (signed.receipt.payer, signed.receipt.reader)
}

#[cfg(test)]
mod tests;
