//! Amounts of DATA as people type and read them: decimals with up to 18 places.

use alloy::primitives::U256;
use alloy::primitives::utils::parse_ether;
use tatum_primitives::{Data, Nano};

/// Parses "12.5" as 12.5 DATA, in wei.
pub(crate) fn parse_data(text: &str) -> Result<U256, String> {
    let allowed = |c: char| c.is_ascii_digit() || c == '.';
    if text.is_empty() || !text.chars().all(allowed) {
        return Err("an amount of DATA looks like 12 or 12.5".to_owned());
    }
    if text.split_once('.').is_some_and(|(_, decimals)| decimals.len() > 18) {
        return Err("DATA has 18 decimals, not more".to_owned());
    }
    parse_ether(text).map_err(|error| error.to_string())
}

/// Parses what a relay asks for a GiB: an amount of whole nano, of which at least one.
pub(crate) fn parse_ask(text: &str) -> Result<Nano, String> {
    let wei = parse_data(text)?;
    let nano = Nano::from_wei_down(wei).map_err(|error| error.to_string())?;
    if nano.to_wei() != wei {
        return Err("an ask has 9 decimals, not more".to_owned());
    }
    if nano == Nano::ZERO {
        return Err("an ask of nothing declines nobody: leave it away".to_owned());
    }
    Ok(nano)
}

/// Parses "0.05" as so much of the chain's coin, in wei.
pub(crate) fn parse_coin(text: &str) -> Result<u128, String> {
    let like = || {
        "an amount of the chain's coin looks like 1 or 0.05, with 18 decimals at most".to_owned()
    };
    let wei = parse_data(text).map_err(|_| like())?;
    u128::try_from(wei).map_err(|_| like())
}

/// Prints wei as DATA without needless zeros.
pub(crate) fn format_data(wei: U256) -> String {
    Data(wei).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_both_ways() {
        assert_eq!(parse_data("12.5"), Ok(U256::from(12_500_000_000_000_000_000u128)));
        assert_eq!(format_data(parse_data("12.5").unwrap()), "12.5 DATA");
        assert_eq!(format_data(parse_data("100").unwrap()), "100 DATA");
        assert_eq!(parse_data("0.000000000000000001"), Ok(U256::from(1)));
        assert!(parse_data("0.0000000000000000001").is_err());
        assert!(parse_data("-1").is_err());
        assert!(parse_data("1e3").is_err());
        assert!(parse_data("").is_err());
    }

    #[test]
    fn amounts_of_coin_are_exact_and_bounded() {
        assert_eq!(parse_coin("0.05"), Ok(50_000_000_000_000_000));
        assert_eq!(parse_coin("0"), Ok(0));
        for text in ["-1", "5e16", "", "0.0000000000000000001", "340282366920938463464"] {
            assert!(parse_coin(text).unwrap_err().contains("0.05"), "{text}");
        }
    }

    #[test]
    fn an_ask_is_of_whole_nano_and_not_nothing() {
        assert_eq!(parse_ask("0.03"), Ok(Nano(30_000_000)));
        assert_eq!(parse_ask("0.000000001"), Ok(Nano(1)));
        assert_eq!(parse_ask("18446744073.709551615"), Ok(Nano(u64::MAX)));
        let refused = [
            ("0", "declines nobody"),
            ("0.0000000001", "9 decimals"),
            ("18446744073.709551616", "64 bits"),
            ("3e7", "12 or 12.5"),
        ];
        for (text, reason) in refused {
            let told = parse_ask(text).unwrap_err();
            assert!(told.contains(reason), "{text}: {told}");
        }
    }
}
