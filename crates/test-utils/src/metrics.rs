//! Whether a page of metrics is one that Prometheus and its rules take.
//!
//! Source: <https://prometheus.io/docs/practices/naming/> and what `promtool check metrics` complains of, which is asked too
//! where it is installed.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// All that is wrong with `text`; nothing, if it is in order.
pub fn flaws(text: &str) -> anyhow::Result<Vec<String>> {
    let mut flaws = Vec::new();
    let (mut helped, mut kinds) = (Vec::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            helped.extend(rest.split(' ').next());
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            if kinds.insert(name, kind).is_some() {
                flaws.push(format!("{name} stands there twice"));
            }
        } else {
            let series = line.split(['{', ' ']).next().unwrap_or_default();
            let of =
                |suffix: &str| series.strip_suffix(suffix).filter(|name| kinds.contains_key(name));
            let name = ["_bucket", "_sum", "_count"].into_iter().find_map(of).unwrap_or(series);
            if !kinds.contains_key(name) {
                flaws.push(format!("{series} has no type"));
            }
        }
    }
    for (name, kind) in &kinds {
        if !helped.contains(name) {
            flaws.push(format!("{name} has no help"));
        }
        if (*kind == "counter") != name.ends_with("_total") {
            flaws
                .push(format!("{name} is a {kind}: counters end in _total, and nothing else does"));
        }
        if name.ends_with("_ms") || name.ends_with("_milliseconds") {
            flaws.push(format!("{name} is not in a base unit"));
        }
    }
    flaws.extend(promtool(&["check", "metrics"], text)?);
    Ok(flaws)
}

/// What the tool itself says against what it is given; it says so where there is none.
pub fn promtool(arguments: &[&str], input: &str) -> anyhow::Result<Option<String>> {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut tool) = command.spawn() else {
        eprintln!(
            "promtool is not installed (scripts/setup test), and was not asked: {arguments:?}"
        );
        return Ok(None);
    };
    let mut given = tool.stdin.take().context("promtool takes no input")?;
    // What is given in files leaves this unread.
    if !input.is_empty() {
        given.write_all(input.as_bytes()).context("writing to promtool")?;
    }
    drop(given);
    let output = tool.wait_with_output().context("waiting for promtool")?;
    ensure!(output.status.code().is_some(), "promtool was killed");
    let is_content = output.status.success() && output.stderr.is_empty();
    let said = [output.stdout, output.stderr].concat();
    Ok((!is_content).then(|| String::from_utf8_lossy(&said).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flaws_are_found() {
        let good = "# HELP a_total Things.\n# TYPE a_total counter\na_total{of=\"x\"} 1\n";
        assert_eq!(flaws(good).unwrap(), Vec::<String>::new());
        let bad = [
            "a_total 1\n",
            "# TYPE a_total counter\na_total 1\n",
            "# HELP a Things.\n# TYPE a counter\na 1\n",
            "# HELP a_ms Things.\n# TYPE a_ms gauge\na_ms 1\n",
        ];
        for text in bad {
            assert!(!flaws(text).unwrap().is_empty(), "{text}");
        }
    }
}
