//! Agreement to what costs money or cannot be undone.
//!
//! Invariant: nothing that asks here is sent unless somebody agreed: `--yes`, or a yes at the terminal. Without both, as in
//! a script, the command says what it would do and fails.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};

use crate::output::Output;

/// `--yes` and `--dry-run`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct ConfirmArgs {
    /// Do it without asking; a script has to say so
    #[arg(long)]
    yes: bool,
    /// Check, say what would be done, and send nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

impl ConfirmArgs {
    /// Whether to go on with `what`, a phrase like "stake 5 DATA from 0x…".
    pub(crate) fn agreed(self, what: &str, output: Output) -> anyhow::Result<bool> {
        if self.dry_run {
            let value = serde_json::json!({ "dry_run": true, "would": what });
            output.result(&value, &[("would", what.to_owned()), ("sent", "nothing".to_owned())]);
            return Ok(false);
        }
        if self.yes {
            output.progress(format!("going to {what} …"));
            return Ok(true);
        }
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            bail!(
                "this would {what}; nothing was sent. Say --yes to do it, or --dry-run to check only"
            );
        }
        eprint!("Going to {what}. Go on? [y/N] ");
        std::io::stderr().flush().context("asking")?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).context("reading the answer")?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            bail!("not agreed; nothing was sent");
        }
        Ok(true)
    }
}
