//! The bounds and figures of simulated economies in `docs/economics.md`.

use tatum_economy::Rules;
use tatum_economy::report::Report;
use tatum_economy::scenario::{ALL, Play, Scenario};

use super::Table;

const PAGE: &str = "docs/economics.md";
const EPOCHS: u64 = 900;
const RUNS: u64 = 20;
const SEED: u64 = 1;

pub(super) fn tables() -> anyhow::Result<Vec<Table>> {
    ALL.iter()
        .map(|scenario| {
            let text = text(&played(scenario)?);
            Ok(Table { page: PAGE, mark: mark(scenario), text })
        })
        .collect()
}

fn mark(scenario: &Scenario) -> String {
    format!("<!-- cargo xtask figures: {} -->", scenario.name)
}

fn played(scenario: &Scenario) -> anyhow::Result<Report> {
    let play = Play { rules: Rules::default(), epochs: EPOCHS, runs: RUNS, seed: SEED };
    Ok(scenario.play(&play)?)
}

fn text(report: &Report) -> String {
    let mut lines = vec!["| must hold | measured | limit | |\n|---|---|---|---|".to_owned()];
    lines.extend(report.bounds.iter().map(|bound| {
        let answer = if bound.holds { "holds" } else { "**does not hold**" };
        let sign = bound.relation.sign();
        format!("| {} | {} | {sign} {} | {answer} |", bound.name, bound.measured, bound.limit)
    }));
    if !report.figures.is_empty() {
        lines.push("| **figure** | **least of the runs** | **middle** | **most** |".into());
    }
    lines.extend(report.figures.iter().map(|figure| {
        format!("| {} | {} | {} | {} |", figure.name, figure.p0, figure.p50, figure.p100)
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use tatum_test_utils::repository;

    use super::*;

    /// Those that take less than a second; the same command wrote all of them.
    const QUICK: [&str; 5] = ["timing", "empty", "dust", "overage", "sybil"];

    #[test]
    fn the_page_has_the_figures_of_its_scenarios() {
        let page = std::fs::read_to_string(repository().join(PAGE)).unwrap();
        for scenario in &ALL {
            assert!(page.contains(&mark(scenario)), "no {}", mark(scenario));
        }
        for name in QUICK {
            let scenario = Scenario::named(name).unwrap();
            let (mark, text) = (mark(scenario), text(&played(scenario).unwrap()));
            assert!(
                page.contains(&format!("{mark}\n{text}\n\n")),
                "run cargo xtask figures: {name}"
            );
        }
    }
}
