//! 64-bit integers as decimal text.
//!
//! Invariant: a value has one spelling, so that a text read and written again is the same text.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(crate) fn serialize<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    let value: u64 = text.parse().map_err(D::Error::custom)?;
    if value.to_string() == text {
        Ok(value)
    } else {
        Err(D::Error::custom(format!("{text:?} is not how {value} is written")))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    struct Number(#[serde(with = "super")] u64);

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
