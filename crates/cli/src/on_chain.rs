//! Whether what somebody publishes is what became final on chain.

use std::fmt;

use serde::Serialize;
use tatum_merkle::Word;

/// How a published root compares with the chain's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnChain {
    /// It is the one that became final.
    Same,
    /// Another one became final.
    Other,
    /// None became final yet.
    NotFinal,
    /// One became final, and none is published.
    NotPublished,
}

impl OnChain {
    /// Compares the root that is published with the one that became final.
    pub(crate) fn of(published: Option<Word>, on_chain: Option<Word>) -> Self {
        match (published, on_chain) {
            (_, None) => Self::NotFinal,
            (None, Some(_)) => Self::NotPublished,
            (Some(published), Some(on_chain)) if published == on_chain => Self::Same,
            (Some(_), Some(_)) => Self::Other,
        }
    }
}

impl fmt::Display for OnChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Same => "same",
            Self::Other => "OTHER",
            Self::NotFinal => "not final",
            Self::NotPublished => "final, not published here",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_compared_with_what_became_final() {
        let (one, other) = (Word([1; 32].into()), Word([2; 32].into()));
        assert_eq!(OnChain::of(Some(one), Some(one)), OnChain::Same);
        assert_eq!(OnChain::of(Some(one), Some(other)), OnChain::Other);
        assert_eq!(OnChain::of(Some(one), None), OnChain::NotFinal);
        assert_eq!(OnChain::of(None, Some(one)), OnChain::NotPublished);
        assert_eq!(serde_json::to_value(OnChain::NotFinal).unwrap(), "not_final");
    }
}
