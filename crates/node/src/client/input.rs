//! A publisher's input: lines, and how fast they may go.
//!
//! Invariant: memory is bounded by the largest payload, however long a line is, and what cannot be sent takes nothing of
//! its neighbours away.

use std::time::Duration;

use tatum_overlay::message::MAX_CIPHERTEXT_BYTES;
use tatum_overlay::seal::SEAL_OVERHEAD_BYTES;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::time::Instant;

use crate::NodeError;
use crate::clock::later;

/// The largest payload of one message.
pub const MAX_PAYLOAD_BYTES: usize = MAX_CIPHERTEXT_BYTES - SEAL_OVERHEAD_BYTES;
/// A line may be longer than a payload, as its text in base64 is; no longer than this.
const MAX_LINE_BYTES: usize = MAX_PAYLOAD_BYTES * 4;
/// How far a delayed publisher may run ahead of its rate to catch up.
const CATCH_UP: Duration = Duration::from_millis(250);

/// A line, without the `\n` at its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputLine<'a> {
    Whole(&'a [u8]),
    /// Longer than any that is looked at.
    TooLong,
}

/// Reads lines and counts them.
pub(super) struct InputLines<R> {
    input: R,
    line: Vec<u8>,
    /// The number of the last line, from 1.
    pub(super) number: u64,
}

impl<R: AsyncBufRead + Unpin> InputLines<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next line; none at the end of the input. What was read of a line when this is cancelled is lost, so cancel only to
    /// stop.
    pub(super) async fn next(&mut self) -> Result<Option<InputLine<'_>>, NodeError> {
        self.line.clear();
        let (mut is_any, mut is_long) = (false, false);
        loop {
            let read = self.input.fill_buf().await.map_err(NodeError::Input)?;
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = read.get(..end.unwrap_or(read.len())).unwrap_or_default();
            is_any |= !read.is_empty();
            is_long |= self.line.len().saturating_add(part.len()) > MAX_LINE_BYTES;
            if !is_long {
                self.line.extend_from_slice(part);
            }
            let (is_last, taken) =
                (read.is_empty(), end.map_or(read.len(), |end| end.saturating_add(1)));
            self.input.consume(taken);
            if end.is_some() || is_last {
                break;
            }
        }
        if !is_any {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        Ok(Some(if is_long { InputLine::TooLong } else { InputLine::Whole(&self.line) }))
    }
}

/// `payload`, if a message can hold it.
pub(super) fn fits(payload: Vec<u8>) -> Result<Vec<u8>, String> {
    let got = payload.len();
    if got > MAX_PAYLOAD_BYTES {
        return Err(format!("it has {got} bytes; a message holds {MAX_PAYLOAD_BYTES}"));
    }
    Ok(payload)
}

/// Keeps to a rate.
pub(super) struct Pace {
    pause: Option<Duration>,
    next: Instant,
}

impl Pace {
    /// At most `per_second`, if given.
    pub(super) fn new(per_second: Option<f64>) -> Self {
        let pause = per_second.filter(|rate| *rate > 0.0);
        let pause = pause.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
        Self { pause, next: Instant::now() }
    }

    /// Until when to wait before the next one, if that is worth a timer: waits of less than a tick are taken together.
    pub(super) fn next(&mut self) -> Option<Instant> {
        let earliest = Instant::now().checked_sub(CATCH_UP)?;
        self.next = self.next.checked_add(self.pause?)?.max(earliest);
        (self.next > later(Instant::now(), Duration::from_millis(2))).then_some(self.next)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    async fn all(input: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut lines = InputLines::new(BufReader::with_capacity(7, input));
        let mut all = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            all.push(match line {
                InputLine::Whole(line) => Some(line.to_vec()),
                InputLine::TooLong => None,
            });
        }
        assert_eq!(lines.number, all.len() as u64);
        all
    }

    #[tokio::test]
    async fn lines_come_without_their_ends_and_one_that_is_too_long_spoils_no_other() {
        let words = |words: &[&str]| -> Vec<Option<Vec<u8>>> {
            words.iter().map(|word| Some(word.as_bytes().to_vec())).collect()
        };
        assert_eq!(all(b"one\r\ntwo\n\nfour").await, words(&["one\r", "two", "", "four"]));
        assert_eq!(all(b"").await, words(&[]));
        assert_eq!(all(b"one\n").await, words(&["one"]));
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        let input = [b"one\n", &long[..], b"\nthree\n"].concat();
        let read = all(&input).await;
        assert_eq!(read, [words(&["one"]), vec![None], words(&["three"])].concat());
    }
}
