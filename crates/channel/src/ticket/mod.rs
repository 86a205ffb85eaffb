//! Lottery tickets, a prototype: `owed` of a lane paid by chance, for operators to whom redeeming small amounts costs more than it brings.
//!
//! One ticket in `N` wins `N` times its price. The operator commits to a number from 0 to `N − 1` as `P = number·H + blinding·G`;
//! the payer, who cannot see it, guesses one, and signs a receipt that owes the win, complete but for the logarithm of
//! `P − guess·H`. If the guess is right that is the blinding, and the operator has an ordinary receipt, which `ChannelHub` redeems
//! like any other; if not, it is a sum that has a part in `H`, whose logarithm nobody knows. So no contract knows of tickets,
//! nobody is asked for a reveal that could be withheld, and a win needs nobody.
//!
//! Invariant: whatever the operator commits to and however the payer guesses, one that draws evenly wins or loses one in `N`; a
//! payer's largest `owed` is what it was shown as won, and one win more.
//!
//! # Requirements
//! Seeds are random and never used twice; the operator takes a draw for one ticket only. The channel's deposit covers the next win.
//! # Provided
//! Expected pay of a ticket is its price, to the wei; its variance is `price²·(N − 1)` (`tests/tickets.rs`).
//! # Not provided
//! Bytes for the wire, and nodes that speak it. The cryptography was reviewed by nobody else.

mod adaptor;
mod error;

use std::sync::LazyLock;

use k256::{ProjectivePoint, Scalar};
use tatum_primitives::{Address, B256, U256, keccak256};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};

pub use adaptor::Presignature;
pub use error::TicketError;

/// At most one ticket in so many wins: a lane that ends unpaid by bad luck is the operator's loss.
pub const MOST_ONE_IN: u32 = 65_536;

/// The second base of commitments.
static H: LazyLock<ProjectivePoint> = LazyLock::new(|| adaptor::nobodys("tatum ticket base"));

/// What both agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    price_wei: u128,
    one_in: u32,
}

impl Terms {
    /// Tickets of `price_wei`, of which one in `one_in` wins.
    pub const fn new(price_wei: u128, one_in: u32) -> Result<Self, TicketError> {
        if one_in < 2 || one_in > MOST_ONE_IN {
            return Err(TicketError::Odds { got: one_in, most: MOST_ONE_IN });
        }
        if price_wei == 0 || price_wei > crate::MOST_DEPOSIT_WEI {
            return Err(TicketError::Price);
        }
        Ok(Self { price_wei, one_in })
    }

    /// What a win brings: as many times the price as there are tickets for one.
    pub const fn win_wei(&self) -> u128 {
        // 88 and 17 bits.
        self.price_wei.saturating_mul(self.one_in as u128)
    }

    /// How many tickets so much service is worth, of those that were begun none.
    pub fn tickets_down(&self, owed_wei: u128) -> u64 {
        u64::try_from(owed_wei.checked_div(self.price_wei).unwrap_or(0)).unwrap_or(u64::MAX)
    }

    /// The variance of what `tickets` bring, in wei²: `tickets · price² · (one_in − 1)`. Nothing if it does not fit.
    pub fn variance(&self, tickets: u64) -> Option<U256> {
        let price = U256::from(self.price_wei);
        let others = U256::from(self.one_in.saturating_sub(1));
        price.checked_mul(price)?.checked_mul(others)?.checked_mul(U256::from(tickets))
    }
}

/// The operator's number, before anybody guessed. It is for one ticket.
#[derive(Debug)]
pub struct Draw {
    number: u32,
    blinding: Scalar,
}

/// What an operator shows of its number: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment(ProjectivePoint);

impl Draw {
    /// The number that a random seed, never used before, comes to.
    pub fn new(terms: Terms, seed: [u8; 32]) -> Self {
        let number = even(terms, &[b"tatum ticket number", &seed]);
        Self { number, blinding: adaptor::hash(&[b"tatum ticket blinding", &seed]) }
    }

    /// The number, which whoever drew it keeps to itself until the ticket is there.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// What the payer is shown.
    #[allow(clippy::arithmetic_side_effects)] // Points.
    pub fn commitment(&self) -> Commitment {
        let blinded = ProjectivePoint::GENERATOR * self.blinding;
        Commitment(*H * Scalar::from(self.number) + blinded)
    }
}

/// A chance to be owed more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// What is owed if it wins.
    pub receipt: DeliveryReceipt,
    /// The payer's guess.
    pub guess: u32,
    /// What it is a guess at.
    pub commitment: Commitment,
    /// Signs the receipt for whoever holds the number that was guessed.
    pub presignature: Presignature,
}

/// A payer's tickets in one lane.
#[derive(Clone, Debug)]
pub struct Payer {
    terms: Terms,
    /// What was won, as far as it was shown.
    won_wei: u128,
    issued: u64,
    last: Option<Ticket>,
}

impl Payer {
    /// In a lane that owes `owed_wei` from before.
    pub const fn new(terms: Terms, owed_wei: u128) -> Self {
        Self { terms, won_wei: owed_wei, issued: 0, last: None }
    }

    /// How many tickets were given.
    pub const fn issued(&self) -> u64 {
        self.issued
    }

    /// A ticket for service that is worth `due` tickets in all, against a commitment. The lane and the counters are those of `receipt`;
    /// `seed` is random and of this ticket alone.
    ///
    /// Asked again for the last commitment it gives the same ticket, so that who lost gets no other guess.
    pub fn issue(
        &mut self,
        (key, verifier): (&SessionKey, &Verifier),
        receipt: DeliveryReceipt,
        due: u64,
        (commitment, seed): (Commitment, [u8; 32]),
    ) -> Result<Ticket, TicketError> {
        if let Some(last) = self.last.as_ref().filter(|last| last.commitment == commitment) {
            return Ok(last.clone());
        }
        if self.issued >= due {
            return Err(TicketError::NotDue { issued: self.issued, due });
        }
        let owed = self.won_wei.checked_add(self.terms.win_wei()).ok_or(TicketError::Price)?;
        let receipt = DeliveryReceipt { owed, ..receipt };
        let digest = digest(&receipt, verifier);
        let guess = even(self.terms, &[b"tatum ticket guess", &seed]);
        let presignature = Presignature::make(key, digest, target(commitment, guess));
        let presignature = presignature.ok_or(TicketError::Commitment)?;
        let ticket = Ticket { receipt, guess, commitment, presignature };
        self.issued = self.issued.saturating_add(1);
        self.last = Some(ticket.clone());
        Ok(ticket)
    }

    /// Takes notice of a win that the operator shows; tickets owe one more from now on. One that is shown twice counts once.
    pub fn won(
        &mut self,
        signed: &SignedReceipt,
        key: &SessionKey,
        verifier: &Verifier,
    ) -> Result<(), TicketError> {
        let next_wei = self.won_wei.saturating_add(self.terms.win_wei());
        let is_ours = verifier.signer(signed).is_ok_and(|signer| signer == key.address());
        let last = self.last.as_ref().map(|last| crate::lane_id(&last.receipt));
        if !is_ours || last != Some(crate::lane_id(&signed.receipt)) {
            return Err(TicketError::Signer);
        }
        if signed.receipt.owed > next_wei {
            return Err(TicketError::Owed { got: signed.receipt.owed, expected: next_wei });
        }
        self.won_wei = self.won_wei.max(signed.receipt.owed);
        Ok(())
    }
}

/// What an operator expects of a ticket.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// What was agreed to.
    pub terms: Terms,
    /// The receipt that the ticket has to be of, but for what is owed.
    pub receipt: &'a DeliveryReceipt,
    /// What is owed in the lane by now: what was won and shown to the payer.
    pub owed_wei: u128,
    /// Whose signature it has to be: of the payer's, or of a session key of its.
    pub signer: PublicKey,
}

/// A signer's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(ProjectivePoint);

impl PublicKey {
    /// The key of a signer that the caller has.
    pub fn of(key: &SessionKey) -> Option<Self> {
        adaptor::public(key).map(Self)
    }

    /// What its bytes stand for, if they are a key.
    pub fn read(bytes: &[u8; 33]) -> Option<Self> {
        adaptor::point(bytes).map(Self)
    }

    /// Its bytes, compressed.
    pub fn bytes(&self) -> [u8; 33] {
        adaptor::bytes(&self.0)
    }

    /// Whose it is: it is the address that may sign for a payer or not.
    pub fn address(&self) -> Address {
        adaptor::address(&self.0)
    }
}

impl Draw {
    /// Opens the ticket that was bought for this number: a receipt as any other if it wins. A ticket is checked whether it wins or
    /// not, so that nobody pays with air.
    pub fn open(
        self,
        ticket: &Ticket,
        expected: Expected<'_>,
        verifier: &Verifier,
    ) -> Result<Option<SignedReceipt>, TicketError> {
        let Expected { terms, receipt, owed_wei, signer } = expected;
        if ticket.commitment != self.commitment() {
            return Err(TicketError::Commitment);
        }
        if ticket.guess >= terms.one_in {
            return Err(TicketError::Guess { got: ticket.guess, one_in: terms.one_in });
        }
        let owed = owed_wei.checked_add(terms.win_wei()).ok_or(TicketError::Price)?;
        if ticket.receipt.owed != owed {
            return Err(TicketError::Owed { got: ticket.receipt.owed, expected: owed });
        }
        if ticket.receipt != (DeliveryReceipt { owed, ..receipt.clone() }) {
            return Err(TicketError::Receipt);
        }
        let digest = digest(&ticket.receipt, verifier);
        let target = target(ticket.commitment, ticket.guess);
        if !ticket.presignature.holds(&signer.0, digest, target) {
            return Err(TicketError::Signer);
        }
        if ticket.guess != self.number {
            return Ok(None);
        }
        let signature = ticket.presignature.complete(&self.blinding).ok_or(TicketError::Signer)?;
        let signed = SignedReceipt { receipt: ticket.receipt.clone(), signature };
        // As the contract will.
        match verifier.signer(&signed) {
            Ok(found) if found == signer.address() => Ok(Some(signed)),
            _ => Err(TicketError::Signer),
        }
    }
}

/// The point whose logarithm completes a ticket: `P − guess·H`.
#[allow(clippy::arithmetic_side_effects)] // Points.
fn target(commitment: Commitment, guess: u32) -> ProjectivePoint {
    commitment.0 - *H * Scalar::from(guess)
}

fn digest(receipt: &DeliveryReceipt, verifier: &Verifier) -> B256 {
    verifier.digest(receipt)
}

/// A number below `one_in`, even but for one part in 2^111.
fn even(terms: Terms, parts: &[&[u8]]) -> u32 {
    let hash = U256::from_be_bytes(keccak256(parts.concat()).0);
    let number = hash.checked_rem(U256::from(terms.one_in)).unwrap_or_default();
    u32::try_from(number).unwrap_or_default()
}
