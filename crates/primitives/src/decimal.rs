//! Integers as decimal text, because JSON numbers stop being exact at 2^53 in most readers.
//!
//! Invariant: a value has one spelling, so that a text read and written again is the same text. For
//! `#[serde(with = "tatum_primitives::decimal")]`.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Writes a number.
///
/// # Errors
/// If the serializer does.
pub fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Reads a number in its one spelling.
///
/// # Errors
/// If the text is another spelling, or no such number.
pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Display + FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(from)?;
    let value: T = text.parse().map_err(D::Error::custom)?;
    if value.to_string() == text {
        Ok(value)
    } else {
        Err(D::Error::custom(format!("{text:?} is not how {value} is written")))
    }
}

/// Numbers that may be unknown, as decimal text or null.
pub mod optional {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes a number, if there is one.
    ///
    /// # Errors
    /// If the serializer does.
    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    /// Reads a number in its one spelling, or none.
    ///
    /// # Errors
    /// If the text is another spelling, or no such number.
    pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: Display + FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        #[derive(Deserialize)]
        #[serde(bound(deserialize = "T: Display + FromStr<Err: Display>"))]
        struct Known<T>(#[serde(deserialize_with = "super::deserialize")] T);

        Ok(Option::<Known<T>>::deserialize(from)?.map(|known| known.0))
    }
}

/// Amounts in nano, as their number of nano.
pub mod nano {
    use serde::{Deserializer, Serializer};

    use crate::Nano;

    /// Writes an amount.
    ///
    /// # Errors
    /// If the serializer does.
    pub fn serialize<S: Serializer>(amount: &Nano, to: S) -> Result<S::Ok, S::Error> {
        super::serialize(&amount.0, to)
    }

    /// Reads an amount in its one spelling.
    ///
    /// # Errors
    /// If the text is another spelling, or no amount.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Nano, D::Error> {
        super::deserialize(from).map(Nano)
    }
}

/// Amounts in nano that may be unknown, as their number of nano or null.
pub mod optional_nano {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Nano;

    #[derive(Serialize, Deserialize)]
    struct Known(#[serde(with = "super::nano")] Nano);

    /// Writes an amount, if there is one.
    ///
    /// # Errors
    /// If the serializer does.
    pub fn serialize<S: Serializer>(amount: &Option<Nano>, to: S) -> Result<S::Ok, S::Error> {
        amount.map(Known).serialize(to)
    }

    /// Reads an amount in its one spelling, or none.
    ///
    /// # Errors
    /// If the text is another spelling, or no amount.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Nano>, D::Error> {
        Ok(Option::<Known>::deserialize(from)?.map(|known| known.0))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    struct Number(#[serde(with = "super")] u64);

    #[derive(Serialize, Deserialize)]
    struct Earned(#[serde(with = "super::optional_nano")] Option<crate::Nano>);

    #[test]
    fn an_unknown_amount_is_null_and_not_zero() {
        for (earned, text) in [(None, "null"), (Some(crate::Nano(7)), "\"7\"")] {
            assert_eq!(serde_json::to_string(&Earned(earned)).unwrap(), text);
            assert_eq!(serde_json::from_str::<Earned>(text).unwrap().0, earned);
        }
    }

    #[test]
    fn a_number_has_one_spelling() {
        let text = serde_json::to_string(&Number(u64::MAX)).unwrap();
        assert_eq!(text, "\"18446744073709551615\"");
        assert_eq!(serde_json::from_str::<Number>(&text).unwrap().0, u64::MAX);
        for other in ["7", "\"07\"", "\"+7\"", "\"-7\"", "\"\"", "\"18446744073709551616\""] {
            assert!(serde_json::from_str::<Number>(other).is_err(), "{other}");
        }
    }
}
