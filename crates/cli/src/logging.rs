//! Logs on standard error, as text for people or JSON for machines; `RUST_LOG` filters them.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging; `info` unless `RUST_LOG` says otherwise.
pub(crate) fn start(format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    // A line that finds no room is lost. To say so it would be printed where nothing can be, and that ends the process.
    let logs = logs.log_internal_errors(false);
    match format {
        Format::Text => logs.with_ansi(stderr().is_terminal()).with_target(false).init(),
        Format::Json => logs.json().init(),
    }
}
