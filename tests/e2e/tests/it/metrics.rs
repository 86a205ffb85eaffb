//! Pages of metrics as Prometheus takes them, from the real binary, and the rules and the dashboard in `deploy/` that ask for what
//! is on them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tatum_primitives::U256;
use tatum_receipt::SIGNED_RECEIPT_BYTES;
use tatum_test_utils::queries::Scraped;
use tatum_test_utils::{
    Devnet, DevnetParameters, Process, free_port, metrics, repository, testnet,
};

const PATIENCE: Duration = Duration::from_secs(60);
/// In the order that they need each other.
const ROLES: [&str; 6] = ["aggregator", "tracker", "node", "auditor", "watchtower", "api"];

/// One process of each role, and what it serves.
struct Services {
    pages: Vec<(&'static str, String)>,
    _running: Vec<Process>,
    _devnet: Devnet,
    _folder: tempfile::TempDir,
}

impl Services {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let parameters = DevnetParameters {
            epoch_length_s: 3600,
            challenge_window_s: 60,
            grace_s: 1,
            force_s: 0,
        };
        let devnet = Devnet::start(parameters, folder.path()).await?;
        let mut ports = [0; ROLES.len()];
        for port in &mut ports {
            *port = free_port()?;
        }
        let addresses = ports.map(|port| format!("127.0.0.1:{port}"));
        let [aggregator, tracker, ..] = addresses.each_ref().map(|at| format!("http://{at}"));
        let node = folder.path().join("node").display().to_string();
        let (mut running, mut pages) = (Vec::new(), Vec::new());
        for (role, address) in ROLES.into_iter().zip(&addresses) {
            let more: &[&str] = match role {
                "node" => {
                    &["--tracker", &tracker, "--aggregator", &aggregator, "--status", address]
                }
                "watchtower" => &["--data", &node, "--listen", address],
                "api" => &["--aggregator", &aggregator, "--listen", address],
                _ => &["--listen", address],
            };
            let process = run(&devnet, role, more, folder.path(), address).await?;
            running.push(process);
        }
        hand_in_nonsense(&aggregator).await?;
        for (role, address) in ROLES.into_iter().zip(&addresses) {
            let answer = reqwest::get(format!("http://{address}/metrics")).await?;
            pages.push((role, answer.error_for_status()?.text().await?));
        }
        Ok(Self { pages, _running: running, _devnet: devnet, _folder: folder })
    }
}

/// A process of `role` that answers at `address`.
async fn run(
    devnet: &Devnet,
    role: &str,
    flags: &[&str],
    folder: &Path,
    address: &str,
) -> anyhow::Result<Process> {
    let mut command = testnet::command(devnet, &[role, "run"])?;
    command.args(flags).env("TATUM_STATE", folder.join("state"));
    if !["watchtower", "api"].contains(&role) {
        command.arg("--data").arg(folder.join(role));
    }
    if ["aggregator", "watchtower"].contains(&role) {
        let account = Devnet::account(role);
        devnet.fund(account.address(), U256::ZERO).await?;
        command.env("TATUM_PRIVATE_KEY", testnet::hex(&account));
    }
    command.env("TATUM_NODE_KEY", testnet::hex(&Devnet::account(role)));
    let mut process = Process::spawn(role, command, folder)?;
    process.until_healthy(&format!("http://{address}/health"), PATIENCE).await?;
    Ok(process)
}

/// So that the aggregator has something rejected to count.
async fn hand_in_nonsense(aggregator: &str) -> anyhow::Result<()> {
    let mut body = vec![2, 0];
    body.extend([0; SIGNED_RECEIPT_BYTES]);
    let request = reqwest::Client::new().post(format!("{aggregator}/v1/receipts"));
    let request = request.header("content-type", "application/vnd.tatum.receipts").body(body);
    request.send().await?.error_for_status()?;
    Ok(())
}

#[tokio::test]
async fn every_service_has_the_metrics_that_rules_and_dashboard_ask_for() -> anyhow::Result<()> {
    let services = Services::start().await?;
    let mut scraped = Scraped::default();
    for (role, page) in &services.pages {
        assert_eq!(metrics::flaws(page)?, Vec::<String>::new(), "{role}: {page}");
        scraped.add(&format!("tatum-{role}"), page);
    }
    for (place, queries) in [("rules", rules()?), ("dashboard", panels()?)] {
        assert!(queries.len() > 15, "{place}: only {} queries", queries.len());
        for query in queries {
            assert_eq!(scraped.unknown(&query), Vec::<String>::new(), "{place}: {query}");
        }
    }
    let scrape = deployed("prometheus/prometheus.yml")?;
    for (role, _) in &services.pages {
        assert!(scrape.contains(&format!("job_name: tatum-{role}\n")), "{role} is not scraped");
    }
    Ok(())
}

#[test]
fn prometheus_takes_the_rules_and_the_dashboards_queries() -> anyhow::Result<()> {
    let folder = repository().join("deploy/prometheus");
    let path = |name: &str| folder.join(name).display().to_string();
    assert_eq!(metrics::promtool(&["check", "config", &path("prometheus.yml")], "")?, None);
    assert_eq!(metrics::promtool(&["test", "rules", &path("rules_test.yml")], "")?, None);
    // The tool knows rules, so each panel's query becomes one.
    let panels = panels()?.into_iter().enumerate().map(|(at, query)| {
        json!({ "record": format!("panel:{at}"), "expr": query.replace("$__rate_interval", "5m") })
    });
    let file = json!({ "groups": [{ "name": "dashboard", "rules": panels.collect::<Vec<_>>() }] });
    let written = tempfile::NamedTempFile::new()?;
    std::fs::write(written.path(), file.to_string())?;
    let path = written.path().display().to_string();
    assert_eq!(metrics::promtool(&["check", "rules", &path], "")?, None);
    Ok(())
}

fn deployed(file: &str) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(repository().join("deploy").join(file))?)
}

/// The queries of the rules, each on a line.
fn rules() -> anyhow::Result<Vec<String>> {
    let text = deployed("prometheus/rules.yml")?;
    let lines = || text.lines().map(str::trim);
    let queries: Vec<_> = lines().filter_map(|line| line.strip_prefix("expr: ")).collect();
    let alerts = lines().filter(|line| line.starts_with("- alert: ")).count();
    assert_eq!(queries.len(), alerts, "a query of a rule was not found");
    Ok(queries.into_iter().map(str::to_owned).collect())
}

/// The queries of the dashboard's panels.
fn panels() -> anyhow::Result<Vec<String>> {
    let dashboard: Value = serde_json::from_str(&deployed("grafana/dashboard.json")?)?;
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    Ok(targets.filter_map(|target| target["expr"].as_str()).map(str::to_owned).collect())
}
