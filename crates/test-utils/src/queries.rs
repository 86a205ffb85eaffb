//! Whether what rules and dashboards ask Prometheus for is there.
//!
//! Invariant: every name in a query is a function, a word of the language, a label or a metric, and the last two have to be on
//! the pages that services really serve; so a name that is spelt wrongly, or was changed, does not pass. Whether the query is one at
//! all, promtool says.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/querying/basics/>.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::Chars;

/// Words before a list of labels.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words that stand for nothing on a page.
const OPERATORS: [&str; 6] = ["and", "or", "unless", "bool", "offset", "atan2"];

type Labels = BTreeMap<String, String>;

/// What was scraped.
#[derive(Debug, Default)]
pub struct Scraped {
    jobs: BTreeSet<String>,
    metrics: BTreeMap<String, Vec<Labels>>,
}

impl Scraped {
    /// Adds the page of a service of `job`.
    pub fn add(&mut self, job: &str, page: &str) {
        self.jobs.insert(job.to_owned());
        // Prometheus' own.
        self.metrics.entry("up".to_owned()).or_default();
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                // A metric without a series yet; a histogram's own name is none.
                if let Some((name, "counter" | "gauge")) = rest.split_once(' ') {
                    self.metrics.entry(name.to_owned()).or_default();
                }
            } else if !line.starts_with('#') {
                for Selector { name, matchers } in read(line).selectors {
                    let labels = matchers.into_iter().map(|m| (m.label, m.value)).collect();
                    self.metrics.entry(name).or_default().push(labels);
                }
            }
        }
    }

    /// What `query` asks for and no page has.
    pub fn unknown(&self, query: &str) -> Vec<String> {
        let read = read(query);
        let mut unknown = Vec::new();
        if read.selectors.is_empty() {
            unknown.push("it names no metric".to_owned());
        }
        for Selector { name, matchers } in &read.selectors {
            if !self.metrics.contains_key(name) {
                unknown.push(format!("{name} is no metric of any service"));
                continue;
            }
            for Matcher { label, value, is_exact } in matchers {
                if !self.has(name, label) {
                    unknown.push(format!("{name} has no label {label}"));
                } else if *is_exact && !self.has_value(name, label, value) {
                    unknown.push(format!("{name} has no {label} {value:?}"));
                }
            }
        }
        for label in &read.grouped {
            if !read.selectors.iter().any(|selector| self.has(&selector.name, label)) {
                unknown.push(format!("nothing in it has the label {label}"));
            }
        }
        unknown
    }

    fn has(&self, name: &str, label: &str) -> bool {
        let own = || self.metrics.get(name).into_iter().flatten();
        // Prometheus adds these two to everything.
        label == "job" || label == "instance" || own().any(|labels| labels.contains_key(label))
    }

    fn has_value(&self, name: &str, label: &str, value: &str) -> bool {
        let mut own = self.metrics.get(name).into_iter().flatten();
        match label {
            "job" => self.jobs.contains(value),
            _ => own.any(|labels| labels.get(label).is_some_and(|found| found == value)),
        }
    }
}

/// What a query names.
#[derive(Debug, Default)]
struct Read {
    selectors: Vec<Selector>,
    grouped: Vec<String>,
}

#[derive(Debug)]
struct Selector {
    name: String,
    matchers: Vec<Matcher>,
}

#[derive(Debug)]
struct Matcher {
    label: String,
    value: String,
    is_exact: bool,
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn read(query: &str) -> Read {
    let mut read = Read::default();
    let mut tokens = tokens(query).into_iter().peekable();
    while let Some(token) = tokens.next() {
        let Token::Word(name) = token else { continue };
        match tokens.peek() {
            Some(Token::Sign('(')) if GROUPINGS.contains(&name.as_str()) => {
                let inside = tokens.by_ref().take_while(|token| *token != Token::Sign(')'));
                read.grouped.extend(inside.filter_map(|token| match token {
                    Token::Word(label) => Some(label),
                    Token::Text(_) | Token::Sign(_) => None,
                }));
            }
            // A function.
            Some(Token::Sign('(')) => {}
            // An aggregation with its labels before what it aggregates.
            Some(Token::Word(next)) if GROUPINGS.contains(&next.as_str()) => {}
            _ if OPERATORS.contains(&name.as_str()) => {}
            Some(Token::Sign('{')) => {
                let inside = tokens.by_ref().take_while(|token| *token != Token::Sign('}'));
                let matchers = matchers(&inside.collect::<Vec<_>>());
                read.selectors.push(Selector { name, matchers });
            }
            _ => read.selectors.push(Selector { name, matchers: Vec::new() }),
        }
    }
    read
}

/// Each text in braces, with the label and the signs before it.
fn matchers(inside: &[Token]) -> Vec<Matcher> {
    let parts = inside.split_inclusive(|token| matches!(token, Token::Text(_)));
    let matcher = |part: &[Token]| {
        let (Token::Text(value), before) = part.split_last()? else { return None };
        let label = before.iter().find_map(|token| match token {
            Token::Word(label) => Some(label.clone()),
            Token::Text(_) | Token::Sign(_) => None,
        })?;
        let is_exact = !before.contains(&Token::Sign('~')) && !before.contains(&Token::Sign('!'));
        Some(Matcher { label, value: value.clone(), is_exact })
    };
    parts.filter_map(matcher).collect()
}

/// Numbers, durations and what is in square brackets name nothing, and are left out.
fn tokens(query: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = query.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '"' => tokens.push(Token::Text(text(&mut rest))),
            '[' => while rest.next_if(|c| *c != ']').is_some() {},
            '0'..='9' => {
                word(next, &mut rest);
            }
            'a'..='z' | 'A'..='Z' | '_' | ':' => tokens.push(Token::Word(word(next, &mut rest))),
            ' ' | '\n' => {}
            sign => tokens.push(Token::Sign(sign)),
        }
    }
    tokens
}

fn word(first: char, rest: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::from(first);
    while let Some(next) =
        rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.'))
    {
        word.push(next);
    }
    word
}

/// Up to the quote that ends it.
fn text(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(next) = rest.next() {
        match next {
            '"' => break,
            '\\' => text.extend(rest.next()),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP a_total Things.\n# TYPE a_total counter\na_total{of=\"x\"} 1\n\
                        # HELP b Room.\n# TYPE b gauge\n\
                        # TYPE d_seconds histogram\nd_seconds_bucket{le=\"+Inf\"} 1\n";

    fn unknown(query: &str) -> Vec<String> {
        let mut scraped = Scraped::default();
        scraped.add("tatum-node", PAGE);
        scraped.unknown(query)
    }

    #[test]
    fn what_pages_have_is_known() {
        for query in [
            "up{job=~\"tatum-.+\"} == 0",
            "up{job=\"tatum-node\"} == 0",
            "sum by (of) (rate(a_total{of=\"x\",instance=~\"$instance\"}[$__rate_interval])) > 0.5",
            "time() - b > 1e3 and deriv(b[5m] offset 1h) > 0 or sum(b) by (job) < bool 2",
            "a_total / on (instance) group_left (of) b unless b",
            "histogram_quantile(0.99, sum by (le) (rate(d_seconds_bucket[5m])))",
        ] {
            assert_eq!(unknown(query), Vec::<String>::new(), "{query}");
        }
    }

    #[test]
    fn what_no_page_has_is_found_out() {
        for (query, expected) in [
            ("rate(a[5m])", "a is no metric of any service"),
            ("rate(d_seconds[5m])", "d_seconds is no metric of any service"),
            ("a_total{off=\"x\"}", "a_total has no label off"),
            ("a_total{of=\"y\"}", "a_total has no of \"y\""),
            ("up{job=\"tatum-nod\"}", "up has no job \"tatum-nod\""),
            ("sum by (off) (a_total)", "nothing in it has the label off"),
            ("vector(1)", "it names no metric"),
        ] {
            assert_eq!(unknown(query), [expected], "{query}");
        }
    }
}
