//! Shares in words.
//!
//! Invariant: what is told is exact.

/// A share of ten thousand as people read it, such as "12.5 %".
pub fn percent(bps: u16) -> String {
    let (whole, rest) = (bps / 100, bps % 100);
    let decimals = format!(".{rest:02}");
    format!("{whole}{} %", decimals.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_ten_thousand_are_told_exactly() {
        let texts = [0, 1, 50, 1_000, 1_250, 10_000].map(percent);
        assert_eq!(texts, ["0 %", "0.01 %", "0.5 %", "10 %", "12.5 %", "100 %"]);
    }
}
