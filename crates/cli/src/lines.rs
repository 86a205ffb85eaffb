//! Lines to standard output, written by a thread of their own.
//!
//! Invariant: a reader of our output that stands still or goes away stops nothing but the printing: the command goes on to
//! its orderly end. At most [`WAITING`] lines wait.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use tokio::sync::mpsc::{self, Permit};
use tokio::sync::oneshot;

const WAITING: usize = 256;
/// What is left may be written so long after the last line.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Debug)]
pub(crate) struct Lines {
    queue: mpsc::Sender<Vec<u8>>,
    ended: oneshot::Receiver<std::io::Result<()>>,
}

impl Lines {
    /// Starts the thread.
    pub(crate) fn start() -> Self {
        let (queue, lines) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel();
        std::thread::spawn(move || {
            // Nobody may be left who wants to know.
            let _ = end.send(write_all(lines, std::io::stdout().lock()));
        });
        Self { queue, ended }
    }

    /// Room for a line; none once nothing can be written any more.
    pub(crate) async fn room(&self) -> Option<Permit<'_, Vec<u8>>> {
        self.queue.reserve().await.ok()
    }

    /// Waits a moment for what is left. A reader that went away is no error.
    pub(crate) async fn finish(self) -> std::io::Result<()> {
        drop(self.queue);
        match tokio::time::timeout(LAST_WORDS, self.ended).await {
            Ok(Ok(Err(error))) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

/// Writes lines together while more are waiting.
fn write_all(mut lines: mpsc::Receiver<Vec<u8>>, mut to: impl Write) -> std::io::Result<()> {
    while let Some(line) = lines.blocking_recv() {
        let mut together = line;
        while let Ok(next) = lines.try_recv() {
            together.extend(next);
        }
        to.write_all(&together)?;
        to.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_in_order_until_the_last() {
        let (queue, lines) = mpsc::channel(8);
        for line in ["one\n", "two\n", "three\n"] {
            queue.try_send(line.as_bytes().to_vec()).unwrap();
        }
        drop(queue);
        let mut written = Vec::new();
        write_all(lines, &mut written).unwrap();
        assert_eq!(written, b"one\ntwo\nthree\n");
    }
}
