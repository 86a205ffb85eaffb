//! Latencies between cloud regions.
//!
//! Invariant: the table is symmetric. Its source is stated in `regions.csv`.

const TABLE: &str = include_str!("../regions.csv");

/// The regions and the times between them.
#[derive(Debug, Clone)]
pub struct Regions {
    names: Vec<&'static str>,
    round_trip_ms: Vec<Vec<u32>>,
}

impl Regions {
    /// The checked-in table.
    #[must_use]
    pub fn cloud() -> Self {
        let mut lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<&str> = lines.next().unwrap_or_default().split(',').skip(1).collect();
        let row = |line: &str| -> Vec<u32> {
            line.split(',').skip(1).filter_map(|cell| cell.parse().ok()).collect()
        };
        Self { names, round_trip_ms: lines.map(row).collect() }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.names.len()
    }

    /// A region's name.
    #[must_use]
    pub fn name(&self, region: usize) -> &'static str {
        self.names.get(region).copied().unwrap_or("unknown")
    }

    /// The time from one region to another, in microseconds: half a round trip.
    #[must_use]
    pub fn one_way_us(&self, from: usize, to: usize) -> u64 {
        let row = self.round_trip_ms.get(from);
        row.and_then(|row| row.get(to)).map_or(0, |ms| u64::from(*ms) * 500)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_square_and_symmetric() {
        let regions = Regions::cloud();
        assert_eq!(regions.count(), 16);
        assert_eq!(regions.round_trip_ms.len(), 16);
        for a in 0..16 {
            assert_eq!(regions.round_trip_ms[a].len(), 16, "{}", regions.name(a));
            assert_eq!(regions.one_way_us(a, a), 500);
            for b in 0..16 {
                assert_eq!(regions.one_way_us(a, b), regions.one_way_us(b, a));
            }
        }
        assert_eq!(regions.one_way_us(6, 7), 5_500);
    }
}
