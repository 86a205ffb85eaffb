//! Lines to standard output, written by a thread of their own.
//!
//! Invariant: a reader of our output that stands still or goes away stops nothing but the printing: the command goes on to
//! its orderly end. At most [`WAITING`] lines wait. What is said to be written was taken by whoever reads our output.

use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{self, Permit};
use tokio::sync::oneshot;

const WAITING: usize = 256;
/// What is left may be written so long after the last line.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A line, and what it is a line of.
pub(crate) type Line<T> = (Vec<u8>, T);

/// Where lines go.
#[derive(Debug)]
pub(crate) struct Lines<T> {
    queue: mpsc::Sender<Line<T>>,
    written: Arc<Mutex<Vec<T>>>,
    ended: oneshot::Receiver<std::io::Result<()>>,
}

impl<T: Send + 'static> Lines<T> {
    /// Starts the thread.
    pub(crate) fn start() -> Self {
        let (queue, lines) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel();
        let written = Arc::default();
        let told = Arc::clone(&written);
        std::thread::spawn(move || {
            // Nobody may be left who wants to know.
            let _ = end.send(write_all(lines, std::io::stdout().lock(), &told));
        });
        Self { queue, written, ended }
    }

    /// Room for a line; none once nothing can be written any more.
    pub(crate) async fn room(&self) -> Option<Permit<'_, Line<T>>> {
        self.queue.reserve().await.ok()
    }

    /// What was written since this was last asked.
    pub(crate) fn written(&self) -> Vec<T> {
        std::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits a moment for what is left, and tells what of it was written. A reader that went away is no error.
    pub(crate) async fn finish(self) -> (Vec<T>, std::io::Result<()>) {
        let Self { queue, written, ended } = self;
        drop(queue);
        let end = match tokio::time::timeout(LAST_WORDS, ended).await {
            Ok(Ok(Err(error))) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        };
        (std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner)), end)
    }
}

/// Writes lines together while more are waiting.
fn write_all<T>(
    mut lines: mpsc::Receiver<Line<T>>,
    mut to: impl Write,
    written: &Mutex<Vec<T>>,
) -> std::io::Result<()> {
    while let Some((mut together, of)) = lines.blocking_recv() {
        let mut all = vec![of];
        while let Ok((next, of)) = lines.try_recv() {
            together.extend(next);
            all.push(of);
        }
        to.write_all(&together)?;
        to.flush()?;
        written.lock().unwrap_or_else(PoisonError::into_inner).extend(all);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_in_order_until_the_last() {
        let mut to = Vec::new();
        let written = Mutex::default();
        write_all(three_lines(), &mut to, &written).unwrap();
        assert_eq!(to, b"one\ntwo\nthree\n");
        assert_eq!(written.into_inner().unwrap(), [0, 1, 2]);
    }

    #[test]
    fn what_nobody_took_is_not_written() {
        let written = Mutex::default();
        // There is room for less than three lines.
        let mut to = [0_u8; 7];
        assert!(write_all(three_lines(), to.as_mut_slice(), &written).is_err());
        assert_eq!(written.into_inner().unwrap(), Vec::<usize>::new());
    }

    fn three_lines() -> mpsc::Receiver<Line<usize>> {
        let (queue, lines) = mpsc::channel(8);
        for (number, line) in ["one\n", "two\n", "three\n"].into_iter().enumerate() {
            queue.try_send((line.as_bytes().to_vec(), number)).unwrap();
        }
        lines
    }
}
