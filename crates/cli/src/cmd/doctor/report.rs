//! What was found, line by line.

use std::process::ExitCode;

use serde::Serialize;

use crate::cmd::DIFFERS;
use crate::output::Output;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and may not be meant.
    Warning,
    /// It stands in the way.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Summary {
    findings: Vec<Finding>,
    warnings: usize,
    problems: usize,
}

/// All findings so far.
#[derive(Debug)]
pub(super) struct Report {
    output: Output,
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(output: Output) -> Self {
        Self { output, findings: Vec::new() }
    }

    pub(super) fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, Verdict::Ok, found.into(), None);
    }

    pub(super) fn warn(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: &'static str,
    ) {
        self.add(check, Verdict::Warning, found.into(), Some(advice));
    }

    pub(super) fn problem(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: &'static str,
    ) {
        self.add(check, Verdict::Problem, found.into(), Some(advice));
    }

    fn add(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        found: String,
        advice: Option<&'static str>,
    ) {
        self.findings.push(Finding { check, verdict, found, advice });
    }

    /// Prints all of it, and says by the exit code whether something stands in the way.
    pub(super) fn end(self) -> ExitCode {
        let count = |verdict| self.findings.iter().filter(|f| f.verdict == verdict).count();
        let (warnings, problems) = (count(Verdict::Warning), count(Verdict::Problem));
        let mut rows: Vec<(&str, String)> =
            self.findings.iter().map(|finding| (finding.check, words(finding))).collect();
        rows.push(("in all", format!("{problems} problems, {warnings} warnings")));
        let output = self.output;
        output.result(&Summary { findings: self.findings, warnings, problems }, &rows);
        if problems > 0 { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS }
    }
}

#[cfg(test)]
impl Report {
    /// All findings, a line each.
    pub(super) fn told(&self) -> String {
        let lines = self.findings.iter();
        let lines = lines.map(|finding| format!("{}: {}", finding.check, words(finding)));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn words(finding: &Finding) -> String {
    let Finding { verdict, found, advice, .. } = finding;
    let sign = match verdict {
        Verdict::Ok => "ok      ",
        Verdict::Warning => "warning ",
        Verdict::Problem => "PROBLEM ",
    };
    let advice = advice.map(|advice| format!(" -> {advice}")).unwrap_or_default();
    format!("{sign}{found}{advice}")
}

/// An error with its causes.
pub(super) fn in_full(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
