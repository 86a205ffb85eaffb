//! Amounts of DATA as people type and read them: decimals with up to 18 places.

use alloy::primitives::U256;
use alloy::primitives::utils::parse_ether;
use tatum_primitives::Data;

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
}
