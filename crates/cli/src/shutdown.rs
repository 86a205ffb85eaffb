//! Ends commands on SIGINT and SIGTERM.
//!
//! Invariant: a signal ends the process at once until something has begun to wait for it, and in order from then on. So a
//! start that hangs can be ended too, also as process 1 of a container, where the system does not do it for us.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// Whether somebody ends in order when a signal comes.
static AWAITED: AtomicBool = AtomicBool::new(false);

/// Resolves at the first SIGINT or SIGTERM.
pub(crate) async fn requested() {
    AWAITED.store(true, Ordering::Relaxed);
    signalled().await;
    tracing::info!("shutting down");
}

/// Resolves at a signal that nobody waits for.
pub(crate) async fn unawaited() {
    loop {
        signalled().await;
        if !AWAITED.load(Ordering::Relaxed) {
            return;
        }
    }
}

async fn signalled() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::warn!("cannot listen for signals; only SIGKILL will end this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
