//! Two processes with the key of one node: neither pushes the other out for ever, and both say whose key it is.

use super::*;

async fn pushed_out(client: &reqwest::Client, status: SocketAddr) -> Option<u64> {
    let answer = client.get(format!("http://{status}/status")).send().await.ok()?;
    let status: serde_json::Value = answer.json().await.ok()?;
    status["trackers"][0]["key_used_elsewhere"].as_u64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_with_one_key_make_a_truce_that_grows() {
    let network = Network::start().await;
    let relays = [0, 1].map(|folder| {
        let (mut config, status) = (network.relay_config(0), free_address());
        config.data_dir = network.relay_dir(folder);
        config.http = Some(status);
        (run_relay(config), status)
    });
    let client = reqwest::Client::new();
    // Without a truce they push each other out three times a second.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let mut all = 0;
    for (_, status) in &relays {
        all += pushed_out(&client, *status).await.unwrap();
    }
    assert!((2..=10).contains(&all), "they were pushed out {all} times in 12 s");
    let [(one, _), (other, status)] = relays;
    one.stop().await;
    // Who is left has the place again when its truce is over.
    let connected = async || {
        let answer = client.get(format!("http://{status}/status")).send().await.unwrap();
        let status: serde_json::Value = answer.json().await.unwrap();
        status["tracker_connected"] == true
    };
    let waiting = async {
        while !connected().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it never came back");
    other.stop().await;
}
