//! Puts the units of an epoch's edges in order of operator and payer, however many there are.
//!
//! Invariant: what comes out is what went in, each once, in order, whether it fitted into memory or not. What does not fit lies
//! in files without a name in the system's folder for such (`TMPDIR`), which end with the process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};

use alloy_primitives::Address;
use tatum_primitives::OperatorId;
use tatum_watcher::Units;

use crate::Error;

/// Edges in memory: 256 MiB.
const HELD: usize = 1 << 22;
/// Bytes that are read or written at a time.
const BUFFER: usize = 1 << 18;
/// An edge in a file: payer, operator, its units and the payer's, big-endian.
const EDGE_BYTES: usize = 20 + 4 + 16 + 16;

/// Edges in order; an [`Error::Io`] ends them.
pub(crate) type SortedUnits = Box<dyn Iterator<Item = Result<Units, Error>> + Send>;

/// The units of edges as they come.
#[derive(Debug)]
pub(crate) struct EdgeUnits {
    held: Vec<Units>,
    most: usize,
    /// Each in order.
    runs: Vec<File>,
}

impl Default for EdgeUnits {
    fn default() -> Self {
        Self::holding(HELD)
    }
}

impl EdgeUnits {
    /// None yet, and at most so many in memory.
    const fn holding(most: usize) -> Self {
        Self { held: Vec::new(), most, runs: Vec::new() }
    }

    /// Adds these.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if they have to go to disk and cannot.
    pub(crate) fn push_all(&mut self, units: Vec<Units>) -> Result<(), Error> {
        for one in units {
            if self.held.len() >= self.most {
                self.spill()?;
            }
            self.held.push(one);
        }
        Ok(())
    }

    /// All of them in order.
    ///
    /// # Errors
    ///
    /// As for [`EdgeUnits::push_all`].
    pub(crate) fn sorted(mut self) -> Result<SortedUnits, Error> {
        if self.runs.is_empty() {
            self.held.sort_unstable_by_key(Units::place);
            return Ok(Box::new(self.held.into_iter().map(Ok)));
        }
        self.spill()?;
        Ok(Box::new(Merged::of(self.runs)?))
    }

    /// Moves what is in memory to a file.
    fn spill(&mut self) -> Result<(), Error> {
        self.held.sort_unstable_by_key(Units::place);
        let run = write(&self.held).map_err(Error::io(std::env::temp_dir()))?;
        self.runs.push(run);
        self.held.clear();
        Ok(())
    }
}

fn write(sorted: &[Units]) -> std::io::Result<File> {
    let mut file = BufWriter::with_capacity(BUFFER, tempfile::tempfile()?);
    for one in sorted {
        file.write_all(one.payer.as_slice())?;
        file.write_all(&one.operator_id.0.to_be_bytes())?;
        file.write_all(&one.units.to_be_bytes())?;
        file.write_all(&one.payer_units.to_be_bytes())?;
    }
    let mut file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// The runs as one.
struct Merged {
    runs: Vec<BufReader<File>>,
    /// The next edge of each run that has one, by its place and its run.
    heads: BTreeMap<((OperatorId, Address), usize), Units>,
}

impl Merged {
    fn of(runs: Vec<File>) -> Result<Self, Error> {
        let runs: Vec<_> =
            runs.into_iter().map(|run| BufReader::with_capacity(BUFFER, run)).collect();
        let mut merged = Self { heads: BTreeMap::new(), runs };
        for run in 0..merged.runs.len() {
            merged.refill(run)?;
        }
        Ok(merged)
    }

    /// Reads the next edge of a run, if it has one.
    fn refill(&mut self, run: usize) -> Result<(), Error> {
        let Some(file) = self.runs.get_mut(run) else { return Ok(()) };
        if let Some(units) = read(file).map_err(Error::io(std::env::temp_dir()))? {
            self.heads.insert((units.place(), run), units);
        }
        Ok(())
    }
}

impl Iterator for Merged {
    type Item = Result<Units, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let ((_, run), units) = self.heads.pop_first()?;
        if let Err(error) = self.refill(run) {
            self.heads.clear();
            return Some(Err(error));
        }
        Some(Ok(units))
    }
}

/// The next edge of a file; none at its end.
fn read(file: &mut BufReader<File>) -> std::io::Result<Option<Units>> {
    let mut edge = [0; EDGE_BYTES];
    let (first, rest) = edge.split_at_mut(1);
    if file.read(first)? == 0 {
        return Ok(None);
    }
    file.read_exact(rest)?;
    let mut edge = edge.as_slice();
    let payer = Address::from(take(&mut edge)?);
    let operator_id = OperatorId(u32::from_be_bytes(take(&mut edge)?));
    let units = u128::from_be_bytes(take(&mut edge)?);
    let payer_units = u128::from_be_bytes(take(&mut edge)?);
    Ok(Some(Units { payer, operator_id, units, payer_units }))
}

fn take<const N: usize>(edge: &mut &[u8]) -> std::io::Result<[u8; N]> {
    let mut field = [0; N];
    edge.read_exact(&mut field)?;
    Ok(field)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edges() -> impl Strategy<Value = Vec<Units>> {
        let edge = (any::<[u8; 20]>(), 0..5u32, any::<u128>(), any::<u128>());
        let edges = prop::collection::vec(edge, 0..60);
        edges.prop_map(|edges| {
            let units = |(payer, id, units, payer_units)| Units {
                payer: Address::from(payer),
                operator_id: OperatorId(id),
                units,
                payer_units,
            };
            edges.into_iter().map(units).collect()
        })
    }

    fn sorted(most: usize, edges: &[Units]) -> Vec<Units> {
        let mut units = EdgeUnits::holding(most);
        for some in edges.chunks(7) {
            units.push_all(some.to_vec()).unwrap();
        }
        units.sorted().unwrap().map(Result::unwrap).collect()
    }

    proptest! {
        #[test]
        fn what_goes_to_disk_comes_back_as_what_stays_in_memory(edges in edges(), most in 1..20usize) {
            let mut expected = edges.clone();
            expected.sort_by_key(Units::place);
            prop_assert_eq!(&sorted(HELD, &edges), &expected);
            prop_assert_eq!(&sorted(most, &edges), &expected);
        }
    }

    #[test]
    fn a_run_that_is_cut_short_is_an_error_and_no_end() {
        let edge = |byte: u8| Units {
            payer: Address::repeat_byte(byte),
            operator_id: OperatorId(1),
            units: 1,
            payer_units: 1,
        };
        let run = write(&[edge(1), edge(2)]).unwrap();
        run.set_len(60).unwrap();
        let mut merged = Merged::of(vec![run]).unwrap();
        assert!(merged.next().unwrap().is_err());
        assert!(merged.next().is_none());
    }
}
