//! Tickets: what they bring on the average, how much that varies, and that neither side can turn luck its way.
#![allow(missing_docs)]

use proptest::prelude::*;
use tatum_channel::ticket::{
    Commitment, Draw, Expected, Payer, PublicKey, Terms, Ticket, TicketError,
};
use tatum_channel::{Channel, Pair, SignedBy};
use tatum_primitives::{Address, B256, Domain, OperatorId, U256, keccak256};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};

fn key() -> SessionKey {
    SessionKey::from_bytes(&[7; 32]).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 31_337, stake_pool: Address::repeat_byte(1) })
}

fn seed(name: &str, n: u64) -> [u8; 32] {
    keccak256(format!("{name} {n}")).0
}

fn receipt(channel: B256, messages: u64) -> DeliveryReceipt {
    let payer = key().address();
    DeliveryReceipt { payer, channel, messages, bytes: messages, ..DeliveryReceipt::default() }
}

fn expected(terms: Terms, receipt: &DeliveryReceipt, owed_wei: u128) -> Expected<'_> {
    Expected { terms, receipt, owed_wei, signer: PublicKey::of(&key()).unwrap() }
}

/// Both sides over so many tickets; what was won, by receipts that a channel then redeems.
fn play(terms: Terms, name: &str, tickets: u64) -> (u64, u128) {
    let pair = Pair { hub: Address::ZERO, payer: key().address(), operator_id: OperatorId(0) };
    let mut channel = Channel::new(pair);
    channel.open(1 << 80, 60).unwrap();
    let (mut payer, mut owed_wei, mut wins, mut paid_wei) = (Payer::new(terms, 0), 0, 0, 0);
    for n in 1..=tickets {
        let draw = Draw::new(terms, seed(&format!("{name} draw"), n));
        let due = receipt(channel.id(), n);
        let offer = (draw.commitment(), seed(&format!("{name} guess"), n));
        let ticket = payer.issue((&key(), &verifier()), due.clone(), n, offer).unwrap();
        let opened = draw.open(&ticket, expected(terms, &due, owed_wei), &verifier()).unwrap();
        let Some(signed) = opened else { continue };
        let signer = verifier().signer(&signed).ok();
        let by_payer = SignedBy { signer, may_sign: signer == Some(key().address()) };
        paid_wei += channel.redeem(&signed.receipt, by_payer, 0).unwrap();
        payer.won(&signed, &key(), &verifier()).unwrap();
        (owed_wei, wins) = (signed.receipt.owed, wins + 1);
    }
    assert_eq!(paid_wei, owed_wei);
    (wins, paid_wei)
}

/// With the real signatures: each win is an ordinary receipt that redeems alone, and nothing else redeems.
#[test]
fn a_win_is_a_receipt_that_redeems_alone_and_wins_add_up() {
    let terms = Terms::new(3, 4).unwrap();
    let (wins, paid_wei) = play(terms, "whole", 64);
    assert_eq!(paid_wei, u128::from(wins) * terms.win_wei());
    assert!((4..=32).contains(&wins), "{wins} of 64, at one in four");
}

/// The numbers alone, for they decide: `number == guess`.
fn wins(terms: Terms, name: &str, tickets: u64) -> u64 {
    let draws = (0..tickets).map(|n| Draw::new(terms, seed(&format!("{name} a"), n)).number());
    let guesses = (0..tickets).map(|n| Draw::new(terms, seed(&format!("{name} b"), n)).number());
    draws.zip(guesses).filter(|(draw, guess)| draw == guess).count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Exactly: over all guesses, each number wins once, so a ticket brings its price and varies by price² · (N − 1), whatever the
    /// operator committed to and however it chose.
    #[test]
    fn any_number_wins_one_guess_in_n(price_wei in 1u128..1 << 60, one_in in 2u32..600, number in any::<u32>()) {
        let terms = Terms::new(price_wei, one_in).unwrap();
        let number = number % one_in;
        let win = U256::from(terms.win_wei());
        let brought: Vec<U256> =
            (0..one_in).map(|guess| if guess == number { win } else { U256::ZERO }).collect();
        let (n, price) = (U256::from(one_in), U256::from(price_wei));
        let sum: U256 = brought.iter().copied().sum();
        prop_assert_eq!(sum, n * price, "the mean is the price");
        let squares: U256 = brought.iter().map(|&amount| amount * amount).sum();
        // n·E[X²] − n·E[X]², and so the variance times n.
        prop_assert_eq!(squares - n * price * price, n * terms.variance(1).unwrap());
    }

    /// Over seeds: the count of wins is within six standard deviations of its mean.
    #[test]
    fn seeds_win_as_often_as_the_odds_say(one_in in 2u32..64, name in any::<u64>()) {
        const TICKETS: u64 = 4_000;
        let terms = Terms::new(1, one_in).unwrap();
        let won = wins(terms, &name.to_string(), TICKETS);
        let mean_wei = TICKETS;
        let brought_wei = won * u64::from(one_in);
        let off = U256::from(brought_wei.abs_diff(mean_wei));
        prop_assert!(off * off <= U256::from(36) * terms.variance(TICKETS).unwrap(), "{} wins of one in {}", won, one_in);
    }
}

/// An operator that says it lost and asks again gets the same guess; for another commitment it needs another ticket's worth of service.
#[test]
fn who_asks_again_gets_no_other_guess() {
    let terms = Terms::new(5, 8).unwrap();
    let mut payer = Payer::new(terms, 0);
    let due = receipt(B256::repeat_byte(3), 1);
    let first = Draw::new(terms, seed("draw", 1)).commitment();
    let mut issue = |commitment: Commitment, due_tickets, n| {
        payer.issue((&key(), &verifier()), due.clone(), due_tickets, (commitment, seed("guess", n)))
    };
    let ticket = issue(first, 1, 1).unwrap();
    for n in 2..20 {
        assert_eq!(issue(first, 1, n).unwrap(), ticket, "a new seed gives no new guess");
    }
    let other = Draw::new(terms, seed("draw", 2)).commitment();
    assert_eq!(issue(other, 1, 20), Err(TicketError::NotDue { issued: 1, due: 1 }));
    assert!(issue(other, 2, 20).is_ok());
}

/// Whoever changes a ticket, or sends air that could not have won, is found out whether it wins or not.
#[test]
fn a_ticket_that_could_not_win_is_refused_even_if_it_loses() {
    let terms = Terms::new(5, 8).unwrap();
    let due = receipt(B256::repeat_byte(3), 1);
    for n in 0..24 {
        let draw = || Draw::new(terms, seed("draw", n));
        let mut payer = Payer::new(terms, 10);
        let offer = (draw().commitment(), seed("guess", n));
        let ticket = payer.issue((&key(), &verifier()), due.clone(), 1, offer).unwrap();
        let open = |change: &dyn Fn(&mut Ticket)| {
            let mut changed = ticket.clone();
            change(&mut changed);
            draw().open(&changed, expected(terms, &due, 10), &verifier())
        };
        assert!(open(&|_| ()).is_ok());
        let other = Draw::new(terms, seed("other", n)).commitment();
        assert_eq!(open(&|t| t.commitment = other), Err(TicketError::Commitment));
        assert_eq!(open(&|t| t.guess = 8), Err(TicketError::Guess { got: 8, one_in: 8 }));
        assert_eq!(open(&|t| t.guess = (t.guess + 1) % 8), Err(TicketError::Signer));
        assert_eq!(open(&|t| t.receipt.messages = 2), Err(TicketError::Receipt));
        let less = TicketError::Owed { got: 49, expected: 50 };
        assert_eq!(open(&|t| t.receipt.owed = 49), Err(less));
        let stranger = SessionKey::from_bytes(&[8; 32]).unwrap();
        let mut by_other = Payer::new(terms, 10);
        let theirs = by_other.issue((&stranger, &verifier()), due.clone(), 1, offer).unwrap();
        let air = |t: &mut Ticket| t.presignature = theirs.presignature;
        assert_eq!(open(&air), Err(TicketError::Signer));
    }
}

/// A payer owes what it was shown and one win more, whatever it is shown.
#[test]
fn a_payer_never_signs_for_more_than_one_win_beyond_what_it_was_shown() {
    let terms = Terms::new(5, 2).unwrap();
    let mut payer = Payer::new(terms, 0);
    let due = receipt(B256::repeat_byte(3), 1);
    let draw = Draw::new(terms, seed("draw", 1));
    let offer = (draw.commitment(), seed("guess", 1));
    payer.issue((&key(), &verifier()), due.clone(), 1, offer).unwrap();
    let signed = |owed, key: &SessionKey| {
        SignedReceipt::sign(DeliveryReceipt { owed, ..due.clone() }, key, &verifier())
    };
    let stranger = SessionKey::from_bytes(&[8; 32]).unwrap();
    let won = |payer: &mut Payer, signed: &SignedReceipt| payer.won(signed, &key(), &verifier());
    assert_eq!(won(&mut payer, &signed(10, &stranger)), Err(TicketError::Signer));
    let much = TicketError::Owed { got: 11, expected: 10 };
    assert_eq!(won(&mut payer, &signed(11, &key())), Err(much));
    for _ in 0..3 {
        assert_eq!(won(&mut payer, &signed(10, &key())), Ok(()), "shown twice it counts once");
    }
    let offer = (Draw::new(terms, seed("draw", 2)).commitment(), seed("guess", 2));
    let next = payer.issue((&key(), &verifier()), due.clone(), 2, offer).unwrap();
    assert_eq!(next.receipt.owed, 20);
    let elsewhere = DeliveryReceipt { channel: B256::ZERO, owed: 20, ..due };
    let elsewhere = SignedReceipt::sign(elsewhere, &key(), &verifier());
    assert_eq!(won(&mut payer, &elsewhere), Err(TicketError::Signer));
}

#[test]
fn terms_that_cannot_be_are_refused() {
    for one_in in [0, 1, 65_537] {
        assert_eq!(Terms::new(1, one_in), Err(TicketError::Odds { got: one_in, most: 65_536 }));
    }
    assert_eq!(Terms::new(0, 2), Err(TicketError::Price));
    assert_eq!(Terms::new(u128::MAX, 2), Err(TicketError::Price));
    assert!(Terms::new((1 << 88) - 1, 65_536).is_ok());
}
