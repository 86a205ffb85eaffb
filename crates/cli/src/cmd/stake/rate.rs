//! Traffic as people type it, such as "100/s" of "1KB".
//!
//! Invariant: whole numbers only; what a rate comes to in an epoch is rounded up.

use alloy::primitives::U256;

use crate::sizes::parse_bytes;

const UNITS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];
/// More than any stream has.
const MOST: u64 = 1_000_000_000;

/// What a stake is to pay for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Traffic {
    /// How many messages there are, such as 100/s, 5/min, 1000/h or 20/d
    #[arg(long, value_name = "N/TIME", value_parser = parse_rate)]
    rate: Rate,
    /// How large a message's payload is, such as 1KB
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    size: u64,
    /// Relays at which each message counts: a publisher gives it to 4, a subscriber has it of 1
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    copies: u64,
}

impl Traffic {
    /// What it comes to in an epoch.
    pub(super) fn bytes_in(&self, epoch_ms: u64) -> U256 {
        self.rate.bytes_in(epoch_ms, self.size, self.copies)
    }
}

/// So many messages in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    messages: u64,
    seconds: u64,
}

impl Rate {
    /// Bytes that messages of `size` bytes, each counted `copies` times, come to in `epoch_ms`.
    fn bytes_in(self, epoch_ms: u64, size: u64, copies: u64) -> U256 {
        let factors = [epoch_ms, size, copies];
        let product = factors.iter().map(|factor| U256::from(*factor));
        let of_messages = product.fold(U256::from(self.messages), U256::saturating_mul);
        of_messages.div_ceil(U256::from(self.seconds.saturating_mul(1_000).max(1)))
    }
}

/// Parses "100/s", "5/min", "1000/h" or "20/d".
fn parse_rate(text: &str) -> Result<Rate, String> {
    let wrong = || "a rate looks like 100/s, 5/min, 1000/h or 20/d".to_owned();
    let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
    if !number.chars().all(|c| c.is_ascii_digit()) {
        return Err(wrong());
    }
    let messages: u64 = number.parse().map_err(|_| wrong())?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    if !(1..=MOST).contains(&messages) {
        return Err(format!("a rate is of 1 to {MOST} messages"));
    }
    Ok(Rate { messages, seconds: *seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_comes_to_bytes_of_an_epoch_rounded_up() {
        let day_ms = 86_400_000;
        let of = |text: &str| parse_rate(text).unwrap();
        assert_eq!(of("100/s").bytes_in(day_ms, 1_000, 4), U256::from(34_560_000_000_u64));
        assert_eq!(of("1000/h").bytes_in(day_ms, 10, 1), U256::from(240_000));
        assert_eq!(of("1/d").bytes_in(1_000, 1, 1), U256::from(1));
        assert_eq!(of("5/min").bytes_in(0, 1, 1), U256::ZERO);
        // The largest of everything is a number still.
        assert!(of("1000000000/s").bytes_in(u64::MAX, u64::MAX, 64) > U256::from(u128::MAX));
    }

    #[test]
    fn what_is_no_rate_is_said_so() {
        for wrong in [
            "",
            "100",
            "/s",
            "0/s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "1/w",
            "1/s/s",
            "2000000000/s",
            "1e3/s",
        ] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
