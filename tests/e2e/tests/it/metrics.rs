//! Pages of metrics as Prometheus takes them, from the real binary.

use std::time::Duration;

use tatum_test_utils::{Devnet, DevnetParameters, Process, free_port, metrics, testnet};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn trackers_and_relays_have_metrics_that_prometheus_takes() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let parameters =
        DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };
    let devnet = Devnet::start(parameters, folder.path()).await?;
    let [tracker, status] = [free_port()?, free_port()?].map(|port| format!("127.0.0.1:{port}"));
    let trackers = format!("http://{tracker}");
    let mut running = Vec::new();
    for (role, more, address) in [
        ("tracker", ["--listen", &tracker, "--relays-per-stream", "4"], &tracker),
        ("node", ["--tracker", &trackers, "--status", &status], &status),
    ] {
        let mut command = testnet::command(&devnet, &[role, "run", "--data"])?;
        command.arg(folder.path().join(role)).args(more);
        command.env("TATUM_NODE_KEY", format!("0x{:064x}", running.len() + 1));
        let mut process = Process::spawn(role, command, folder.path())?;
        process.until_healthy(&format!("http://{address}/health"), PATIENCE).await?;
        running.push(process);
    }
    for address in [tracker, status] {
        let text = reqwest::get(format!("http://{address}/metrics")).await?.text().await?;
        assert!(text.contains("_streams 0\n"), "{text}");
        assert_eq!(metrics::flaws(&text)?, Vec::<String>::new());
    }
    Ok(())
}
