//! The budget under whoever wants to drain it.

use super::*;

const ALLOWED: Allowed = Allowed { wei_per_hour: 1_000_000, wei_per_address_hour: 50_000 };
const WEI: u128 = 7_000;

fn payer(number: u32) -> Payee {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Payee::Payer(Address::from(bytes))
}

fn client(number: u32) -> IpAddr {
    IpAddr::from(number.to_be_bytes())
}

/// Ten thousand requests in a row, two a millisecond; tells how much was taken.
fn taken(charges: &mut Charges, whose: impl Fn(u32) -> (Payee, IpAddr)) -> u128 {
    let mut taken_wei = 0;
    for number in 0..10_000 {
        let now_ms = u64::from(number / 2);
        if let Ok(id) = charges.charge(now_ms, ALLOWED, whose(number), WEI) {
            taken_wei += WEI;
            // As it goes: some are known soon, and cost what they may at most.
            if number % 3 == 0 {
                charges.settle(now_ms, id, WEI);
            }
        }
    }
    taken_wei
}

#[test]
fn ten_thousand_requests_of_one_address_take_its_part_and_no_more() {
    for whose in [
        |_| (payer(1), client(1)),
        // It moves about, or it pays for others.
        |number| (payer(1), client(number)),
        |number| (payer(number), client(1)),
    ] {
        let mut charges = Charges::default();
        assert_eq!(taken(&mut charges, whose), 49_000);
        let other = charges.charge(5_000, ALLOWED, (payer(20_000), client(20_000)), WEI);
        assert!(other.is_ok(), "others have theirs");
    }
}

#[test]
fn ten_thousand_requests_of_a_thousand_addresses_take_the_hours_budget_and_no_more() {
    let mut charges = Charges::default();
    let whose = |number: u32| (payer(number % 1_000), client(number % 1_000));
    let taken_wei = taken(&mut charges, whose);
    assert!(taken_wei <= ALLOWED.wei_per_hour, "{taken_wei}");
    assert!(taken_wei + WEI > ALLOWED.wei_per_hour, "and all of it: {taken_wei}");
    assert_eq!(charges.spent_wei(5_000), taken_wei);
}

#[test]
fn no_window_of_an_hour_has_more_than_the_budget_however_requests_are_spread() {
    let (mut charges, mut taken) = (Charges::default(), Vec::new());
    // A fixed generator: bursts, pauses, several accounts, costs from a hundredth to all of the part.
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut now_ms = 0;
    for _ in 0..10_000 {
        now_ms += if draw(50) == 0 { draw(HOUR_MS) } else { draw(20_000) };
        let (number, wei) = (u32::try_from(draw(40)).unwrap(), u128::from(500 + draw(49_500)));
        if let Ok(id) = charges.charge(now_ms, ALLOWED, (payer(number), client(number)), wei) {
            charges.settle(now_ms, id, wei);
            taken.push((now_ms, number, wei));
        }
    }
    assert!(taken.len() > 1_000, "{}", taken.len());
    for (end, (until_ms, number, _)) in taken.iter().enumerate() {
        let hour = taken[..=end].iter().filter(|(at_ms, ..)| at_ms + HOUR_MS > *until_ms);
        let sum = |of: Option<u32>| -> u128 {
            hour.clone().filter(|(_, n, _)| of.is_none_or(|of| of == *n)).map(|(.., wei)| wei).sum()
        };
        assert!(sum(None) <= ALLOWED.wei_per_hour);
        assert!(sum(Some(*number)) <= ALLOWED.wei_per_address_hour);
    }
}

#[test]
fn what_a_transaction_did_not_cost_can_be_spent_again_and_no_more_than_was_charged() {
    let mut charges = Charges::default();
    let whose = (payer(1), client(1));
    let id = charges.charge(0, ALLOWED, whose, 50_000).unwrap();
    let full = TooMuch { spent: Spent::OfThePayee, wait_ms: HOUR_MS };
    assert_eq!(charges.charge(1, ALLOWED, whose, 1), Err(full), "open: nobody knows when");
    charges.settle(1, id, 30_000);
    assert_eq!(charges.open_wei(), 0);
    assert!(charges.check(1, ALLOWED, whose, 20_000).is_ok());
    assert!(charges.check(1, ALLOWED, whose, 20_001).is_err());
    let dear = charges.charge(1, ALLOWED, whose, 20_000).unwrap();
    charges.settle(1, dear, u128::MAX);
    assert_eq!(charges.spent_wei(1), 50_000, "a charge never grows");
}

#[test]
fn who_has_spent_its_part_is_told_when_it_has_enough_again() {
    let mut charges = Charges::default();
    let whose = (payer(1), client(1));
    for at_ms in [0, 1_000, 2_000] {
        let id = charges.charge(at_ms, ALLOWED, whose, 15_000).unwrap();
        charges.settle(at_ms, id, 15_000);
    }
    let told = |charges: &mut Charges, wei| charges.check(3_000, ALLOWED, whose, wei).unwrap_err();
    assert_eq!(told(&mut charges, 10_000).wait_ms, HOUR_MS - 3_000);
    assert_eq!(told(&mut charges, 30_000).wait_ms, HOUR_MS - 2_000, "two have to be over");
    assert_eq!(told(&mut charges, 50_001).wait_ms, HOUR_MS, "that never fits");
    assert!(charges.check(HOUR_MS - 1, ALLOWED, whose, 10_000).is_err());
    assert!(charges.check(HOUR_MS, ALLOWED, whose, 10_000).is_ok());
}

#[test]
fn what_is_open_counts_until_it_is_known_and_a_clock_never_goes_back() {
    let mut charges = Charges::default();
    let whose = (payer(1), client(1));
    let open = charges.charge(10, ALLOWED, whose, 40_000).unwrap();
    assert!(charges.check(9 * HOUR_MS, ALLOWED, whose, 40_000).is_err());
    // A later process knows nothing of what an earlier one followed.
    let mut later: Charges =
        serde_json::from_slice(&serde_json::to_vec(&charges).unwrap()).unwrap();
    assert_eq!((&later, later.clock_ms()), (&charges, 9 * HOUR_MS));
    assert!(later.check(0, ALLOWED, whose, 40_000).is_err(), "and its clock does not begin anew");
    later.settle_all_but(0, &[open]);
    assert_eq!(later.open_wei(), 40_000);
    later.settle_all_but(0, &[]);
    assert_eq!(later.open_wei(), 0);
    assert!(later.check(10 * HOUR_MS - 1, ALLOWED, whose, 40_000).is_err(), "an hour from then");
    assert!(later.check(10 * HOUR_MS, ALLOWED, whose, 40_000).is_ok());
}

#[test]
fn what_is_kept_is_bounded_however_little_each_costs() {
    let (mut charges, much) =
        (Charges::default(), Allowed { wei_per_hour: u128::MAX, wei_per_address_hour: u128::MAX });
    let taken = (0..10_000).filter(|number| {
        let id = charges.charge(u64::from(*number), much, (payer(*number), client(1)), 1);
        id.map(|id| charges.settle(u64::from(*number), id, 1)).is_ok()
    });
    assert_eq!(taken.count(), MOST_CHARGES);
    let refused = charges.check(10_000, much, (payer(1), client(1)), 1).unwrap_err();
    assert_eq!(refused.wait_ms, HOUR_MS - 10_000);
}
