//! The figures of simulated networks in `docs/network.md`.
//!
//! Invariant: the page has only what this command wrote: everything follows from the seed, so anybody gets the same table.

use tatum_simulator::network::{Scenario, run as play};

use super::Table;

const PAGE: &str = "docs/network.md";
const MARK: &str = "<!-- cargo xtask figures -->";
const HEAD: &str = "\
| `tatum simulate network` | mean direct link | mean | 99 % | per pair, mean / 99 % | hops, mean / most | duplicates | delivered |
|---|---|---|---|---|---|---|---|";

pub(super) fn tables() -> Vec<Table> {
    let rows: Vec<String> =
        scenarios().iter().map(|(keys, scenario)| row(keys, scenario)).collect();
    vec![Table { page: PAGE, mark: MARK.into(), text: format!("{HEAD}\n{}", rows.join("\n")) }]
}

/// By the keys with which the command plays the same.
fn scenarios() -> Vec<(&'static str, Scenario)> {
    let usual = Scenario { messages: 32, ..Scenario::default() };
    let relays = Scenario { messages: 32, ..Scenario::of_relays() };
    let hostile = Scenario {
        nodes: 256,
        malicious_permille: 200,
        settle_ms: 20_000,
        ..Scenario::of_relays()
    };
    vec![
        ("--messages 32", usual),
        ("--subscribers 25 --relays-per-stream 20000 --messages 32", relays),
        ("--nodes 256 --subscribers 25 --relays-per-stream 20000 --malicious 20", hostile),
    ]
}

fn row(keys: &str, scenario: &Scenario) -> String {
    let report = play(scenario).report;
    let (got, due) = (report.delivered, report.expected);
    let delivered = if got == due { "all".to_owned() } else { format!("{got} of {due}") };
    format!(
        "| `{keys}` | {:.1} ms | {:.1} ms | {:.1} ms | {:.2} / {:.2} | {:.1} / {} | {:.2} | {delivered} |",
        report.mean_link_ms,
        report.mean_ms,
        report.p99_ms,
        report.mean_stretch,
        report.p99_stretch,
        report.mean_hops,
        report.max_hops,
        report.duplicates_per_message,
    )
}

#[cfg(test)]
mod tests {
    use tatum_test_utils::repository;

    use super::*;

    #[test]
    fn the_page_has_the_figures_of_its_scenarios() {
        let page = std::fs::read_to_string(repository().join(PAGE)).unwrap();
        // One is played here; all rows were written by the same command.
        for (keys, scenario) in scenarios().iter().take(1) {
            let row = row(keys, scenario);
            assert!(page.contains(&row), "run cargo xtask figures: {row}");
        }
        for (keys, _) in scenarios() {
            assert!(page.contains(keys), "run cargo xtask figures: {keys}");
        }
    }
}
