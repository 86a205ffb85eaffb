//! What a command prints: a table for people, JSON for machines, always the same values.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stderr};

use anyhow::Context;

use serde::Serialize;
use serde_json::Value;

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

    /// Prints `value` as JSON, or a line for each of `lines` below `heads`, and the rows after them.
    pub(crate) fn listing(
        self,
        value: &impl Serialize,
        heads: &[&str],
        lines: &[Vec<String>],
        rows: &[(&str, String)],
    ) {
        if self.json {
            return print_json(value);
        }
        print!("{}", columns(heads, lines));
        if !(lines.is_empty() || rows.is_empty()) {
            println!();
        }
        print_rows(rows);
    }

    /// Tells what is being done while the user waits.
    pub(crate) fn progress(self, what: impl Display) {
        if !self.json {
            tell(what);
        }
    }

    /// Prints an error with its causes.
    pub(crate) fn error(self, error: &anyhow::Error) {
        if self.json {
            print_json(&serde_json::json!({ "error": format!("{error:#}") }));
        } else {
            tell(format_args!("error: {error:#}"));
        }
    }
}

/// Says something beside the result. Where there is no room for it, it is lost: what is being done goes on.
pub(crate) fn tell(what: impl Display) {
    let _ = writeln!(stderr(), "{what}");
}

fn print_json(value: &impl Serialize) {
    let text = serde_json::to_value(value).and_then(|mut value| {
        keep_exact(&mut value);
        serde_json::to_string_pretty(&value)
    });
    match text {
        Ok(text) => println!("{text}"),
        Err(error) => tell(format_args!("error: cannot print the result as JSON: {error}")),
    }
}

/// The largest integer up to which most readers of JSON keep every one apart.
const MOST_EXACT: u64 = (1 << 53) - 1;

/// Turns integers that readers of JSON would round into decimal strings, wherever they stand: a count of messages is a number, and
/// the count that a stranger signed is one too, or a string. What is usually large is a string always, by its own type.
fn keep_exact(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let is_exact = match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => number <= MOST_EXACT,
                (None, Some(number)) => number.unsigned_abs() <= MOST_EXACT,
                (None, None) => true,
            };
            if !is_exact {
                *value = Value::String(number.to_string());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(keep_exact),
        Value::Object(fields) => fields.values_mut().for_each(keep_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Writes to standard output what may be long; `false` once nobody reads it any more, as behind `head`.
pub(crate) fn write_out(text: &[u8]) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).context("writing the result"),
    }
}

/// A name as far as a line has room for it: anybody may name itself with anything.
pub(crate) fn one_line(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(32).collect()
}

/// Lines in columns; what are numbers in every line stands right. Nothing where there are no lines.
fn columns(heads: &[&str], lines: &[Vec<String>]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let cell = |line: &[String], at: usize| line.get(at).cloned().unwrap_or_default();
    let width = |at: usize| {
        let widest = lines.iter().map(|line| cell(line, at).chars().count()).max();
        widest.unwrap_or_default().max(heads[at].chars().count())
    };
    let is_number = |at: usize| {
        lines.iter().all(|line| cell(line, at).starts_with(|c: char| c.is_ascii_digit()))
            && !lines.iter().any(|line| cell(line, at).starts_with("0x"))
    };
    let places: Vec<_> = (0..heads.len()).map(|at| (width(at), is_number(at))).collect();
    let heads = heads.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut text = String::new();
    for line in std::iter::once(&heads).chain(lines) {
        let cells = places.iter().enumerate().map(|(at, (width, is_number))| match is_number {
            true => format!("{:>width$}", cell(line, at)),
            false => format!("{:<width$}", cell(line, at)),
        });
        let joined = cells.collect::<Vec<_>>().join("  ");
        text.push_str(joined.trim_end());
        text.push('\n');
    }
    text
}

fn print_rows(rows: &[(&str, String)]) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in rows {
        println!("{name:width$}  {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_integer_is_printed_that_a_reader_of_json_would_round() {
        let mut value = serde_json::json!({
            "exact": MOST_EXACT, "not": [MOST_EXACT + 1, u64::MAX], "below": i64::MIN, "part": 0.5,
        });
        keep_exact(&mut value);
        let expected = serde_json::json!({
            "exact": MOST_EXACT, "not": ["9007199254740992", "18446744073709551615"],
            "below": "-9223372036854775808", "part": 0.5,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_name_cannot_draw_on_the_terminal() {
        assert_eq!(one_line("ac\u{1b}[2Jme\n"), "ac[2Jme");
        assert_eq!(one_line(&"x".repeat(100)).len(), 32);
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them_and_numbers_stand_right() {
        let line = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let lines = [line(["0", "acme", "12.5 DATA"]), line(["10", "", "100 DATA"])];
        let expected = "id  name       bond\n 0  acme  12.5 DATA\n10         100 DATA\n";
        assert_eq!(columns(&["id", "name", "bond"], &lines), expected);
        assert_eq!(columns(&["id"], &[]), "");
    }
}
