//! Which epochs are meant: `7`, `0..20` (both ends are in it), `5..` (to the newest that is final).

use std::str::FromStr;

use tatum_primitives::Epoch;

/// The most epochs in one range: an audit of each fetches its dataset.
const MOST: u64 = 100_000;

/// One epoch, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epochs {
    /// This one.
    One(Epoch),
    /// From one to another, both of them too; without an end, to the newest that is final.
    Range {
        /// The first.
        first: Epoch,
        /// The last.
        last: Option<Epoch>,
    },
}

impl FromStr for Epochs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            || "an epoch is a number; several are 0..20, or 5.. up to the newest".to_owned();
        let number = |text: &str| text.parse().map(Epoch).map_err(|_| wrong());
        let Some((first, last)) = text.split_once("..") else {
            return number(text).map(Self::One);
        };
        let first = number(first)?;
        let last = if last.is_empty() { None } else { Some(number(last)?) };
        match last {
            Some(last) if last < first => Err(format!("epoch {last} is before epoch {first}")),
            Some(last) if last.0 - first.0 >= MOST => Err(format!("at most {MOST} epochs at once")),
            _ => Ok(Self::Range { first, last }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_its_ends() {
        let range = |first, last| Epochs::Range { first: Epoch(first), last };
        assert_eq!("7".parse(), Ok(Epochs::One(Epoch(7))));
        assert_eq!("0..20".parse(), Ok(range(0, Some(Epoch(20)))));
        assert_eq!("3..3".parse(), Ok(range(3, Some(Epoch(3)))));
        assert_eq!("5..".parse(), Ok(range(5, None)));
        for wrong in ["", "..", "..5", "5..4", "a..b", "1..2..3", "-1", "0..18446744073709551615"] {
            assert!(wrong.parse::<Epochs>().is_err(), "{wrong}");
        }
    }
}
