//! What listeners are told, and what they missed while they were away.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use super::Served;

/// The next event: its number and what it says.
async fn next(stream: &mut Response, buffer: &mut String) -> anyhow::Result<(u64, Value)> {
    loop {
        if let Some((event, rest)) = buffer.split_once("\n\n") {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim_start().to_owned())
            };
            let told = (field("id:"), field("data:"));
            *buffer = rest.to_owned();
            if let (Some(id), Some(data)) = told {
                return Ok((id.parse()?, serde_json::from_str(&data)?));
            }
            continue;
        }
        let chunk = tokio::time::timeout(Duration::from_secs(20), stream.chunk()).await??;
        let chunk = chunk.ok_or_else(|| anyhow::anyhow!("the stream ended"))?;
        buffer.push_str(&String::from_utf8_lossy(&chunk));
    }
}

async fn listen(served: &Served, last: Option<u64>) -> anyhow::Result<Response> {
    let request = served.http.get(format!("{}/v1/events", served.base));
    let request = match last {
        Some(last) => request.header("last-event-id", last),
        None => request,
    };
    Ok(request.send().await?.error_for_status()?)
}

#[tokio::test]
async fn a_listener_that_comes_back_is_told_what_it_missed() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let (mut stream, mut buffer) = (listen(&served, None).await?, String::new());
    let (first, head) = next(&mut stream, &mut buffer).await?;
    assert_eq!(head["event"], "head");
    let (second, after) = next(&mut stream, &mut buffer).await?;
    assert!(second > first && after["block"].as_u64() > head["block"].as_u64());
    drop(stream);
    // An epoch begins while nobody listens.
    served.devnet.anvil().advance(3_600).await?;
    served.caught_up().await?;
    let (mut stream, mut buffer) = (listen(&served, Some(second)).await?, String::new());
    let mut last = second;
    loop {
        let (number, event) = next(&mut stream, &mut buffer).await?;
        assert!(number > last, "numbers only grow");
        last = number;
        if event["event"] == "epoch_opened" {
            assert_eq!(event["epoch"], 1);
            return Ok(());
        }
    }
}

#[tokio::test]
async fn one_client_does_not_take_every_place() -> anyhow::Result<()> {
    let served = Served::with(&["--listeners-per-client", "2"]).await?;
    let held = [listen(&served, None).await?, listen(&served, None).await?];
    let refused = served.http.get(format!("{}/v1/events", served.base)).send().await?;
    assert_eq!(refused.status().as_u16(), 429);
    let problem: Value = refused.json().await?;
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("this address")));
    // Whoever asks from elsewhere is heard: all of 127/8 is this machine.
    let elsewhere =
        reqwest::Client::builder().local_address(std::net::IpAddr::from([127, 0, 0, 2]));
    let url = format!("{}/v1/events", served.base);
    assert!(elsewhere.build()?.get(url).send().await?.status().is_success());
    drop(held);
    for _ in 0..100 {
        if listen(&served, None).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the places were never free again")
}

#[tokio::test]
async fn there_are_no_more_listeners_than_were_allowed() -> anyhow::Result<()> {
    let served = Served::with(&["--listeners", "1"]).await?;
    let held = listen(&served, None).await?;
    let refused = served.http.get(format!("{}/v1/events", served.base)).send().await?;
    assert_eq!(refused.status().as_u16(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(held);
    for _ in 0..100 {
        if listen(&served, None).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the place was never free again")
}
