//! What a command prints: a table for people, JSON for machines, always the same values.

use std::fmt::Display;

use serde::Serialize;

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the user asked for JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints `value` as JSON, or the rows as an aligned table.
    pub(crate) fn result(self, value: &impl Serialize, rows: &[(&str, String)]) {
        if self.json {
            print_json(value);
        } else {
            print_rows(rows);
        }
    }

    /// Tells what is being done while the user waits.
    pub(crate) fn progress(self, what: impl Display) {
        if !self.json {
            eprintln!("{what}");
        }
    }

    /// Prints an error with its causes.
    pub(crate) fn error(self, error: &anyhow::Error) {
        if self.json {
            print_json(&serde_json::json!({ "error": format!("{error:#}") }));
        } else {
            eprintln!("error: {error:#}");
        }
    }
}

fn print_json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("error: cannot print the result as JSON: {error}"),
    }
}

fn print_rows(rows: &[(&str, String)]) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in rows {
        println!("{name:width$}  {value}");
    }
}
