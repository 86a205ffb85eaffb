//! Logarithm and exponential of floats by the four operations alone, so that every machine gives the same bits.
//!
//! Invariant: only `+ − × ÷`, square roots and bit patterns, which IEEE 754 fixes to the last bit; the standard library's
//! `ln` and `exp` are the platform's and may differ by one. Agents think with these; no amount of a ledger comes from here.

const LN_2: f64 = std::f64::consts::LN_2;

/// The natural logarithm; of nothing or less it is the logarithm of the smallest positive number.
#[must_use]
pub fn ln(x: f64) -> f64 {
    let bits = x.max(f64::MIN_POSITIVE).to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0) - 1_023;
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1_023 << 52));
    // From 1 … 2 to 0.7 … 1.4, where the series in (m − 1)/(m + 1) converges fastest.
    let (mantissa, exponent) =
        if mantissa > 1.414 { (mantissa / 2.0, exponent + 1) } else { (mantissa, exponent) };
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / odd;
    }
    2.0 * s * sum + f64::from(exponent) * LN_2
}

/// The exponential of −700 … 700; beyond them that of the nearer end.
#[must_use]
pub fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let twos = (x / LN_2).round();
    let rest = x - twos * LN_2;
    let mut sum = 1.0;
    for divisor in (1..=16).rev() {
        sum = 1.0 + sum * rest / f64::from(divisor);
    }
    sum * power_of_two(twos)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an exponent between −1 010 and 1 010, which `exp` clamps to"
)]
fn power_of_two(exponent: f64) -> f64 {
    f64::from_bits(((exponent + 1_023.0) as u64) << 52)
}

/// The standard deviation of the logarithms.
#[must_use]
pub fn std_of_ln(values: &[f64]) -> f64 {
    let Some(count) = u32::try_from(values.len()).ok().filter(|count| *count > 0) else {
        return 0.0;
    };
    let logs: Vec<f64> = values.iter().map(|value| ln(*value)).collect();
    let mean = logs.iter().sum::<f64>() / f64::from(count);
    let square = logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>();
    (square / f64::from(count)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_logarithm_and_the_exponential() {
        for x in [1e-9, 0.3, 0.999, 1.0, 1.41, 1.42, 2.0, 354_334_794.0, 1e30] {
            assert!((ln(x) - f64::ln(x)).abs() < 1e-13 * (1.0 + f64::ln(x).abs()), "{x}");
        }
        for x in [-60.0, -1.0, 0.0, 1e-6, 0.5, 1.0, 3.3, 60.0] {
            assert!((exp(x) / f64::exp(x) - 1.0).abs() < 1e-13, "{x}");
        }
    }

    #[test]
    fn their_bits_are_the_same_everywhere() {
        assert_eq!(ln(10.0).to_bits(), 0x4002_6bb1_bbb5_5515);
        assert_eq!(exp(1.0).to_bits(), 0x4005_bf0a_8b14_576a);
    }

    #[test]
    fn what_doubles_and_halves_by_turns_deviates_by_half_a_doubling() {
        assert!((std_of_ln(&[1.0, 2.0, 1.0, 2.0]) - LN_2 / 2.0).abs() < 1e-12);
        assert_eq!(std_of_ln(&[]), 0.0);
    }
}
