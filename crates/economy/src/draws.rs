//! Everything random: one seeded generator a run, and what is drawn from it.
//!
//! Invariant: draws are exact functions of the generator's bits, so one seed gives the same economy on every machine.

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// A run's generator.
#[derive(Debug)]
pub struct Draws(StdRng);

impl Draws {
    /// The generator of a run of a seed; runs of one seed are independent.
    #[must_use]
    pub fn of(seed: u64, run: u64) -> Self {
        let mut key = [0; 32];
        for (byte, from) in
            key.iter_mut().zip(seed.to_le_bytes().into_iter().chain(run.to_le_bytes()))
        {
            *byte = from;
        }
        Self(StdRng::from_seed(key))
    }

    /// Another generator, independent of what is drawn here later.
    #[must_use]
    pub fn branch(&mut self) -> Self {
        Self::of(self.bits(), self.bits())
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Of 0 … 1, without 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of `low … high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Of `0 .. end`; zero if there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        // The top bits times the end: off a uniform draw by less than `end / 2^64`.
        let product = u128::from(self.bits()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// One of so many places of a list.
    pub fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap_or(0)
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A bell of mean 0 and deviation 1 that ends at ± 3.46: four uniform draws.
    pub fn bell(&mut self) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit() - 2.0;
        sum * 1.732_050_807_568_877_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_has_mean_zero_and_deviation_one() {
        let mut draws = Draws::of(1, 0);
        let bells: Vec<f64> = (0..20_000).map(|_| draws.bell()).collect();
        let mean = bells.iter().sum::<f64>() / 20_000.0;
        let square = bells.iter().map(|bell| bell * bell).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.02 && (square - 1.0).abs() < 0.03, "{mean} {square}");
    }

    #[test]
    fn seeds_and_runs_differ_and_repeat() {
        let first = |seed, run| Draws::of(seed, run).bits();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(2, 1));
        assert!((0..100).all(|seed| Draws::of(seed, 0).below(3) < 3));
    }
}
