//! Two bridges beside clients of a real network: one publishes, one reads, as other programs of the machine would.

mod mqtt;

use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::{SinkExt, StreamExt};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tatum_test_utils::testnet::{Cast, Network, Payer, RecordedStream, command, hex, json};
use tatum_test_utils::{Devnet, DevnetParameters, Process, free_port};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 3, grace_s: 4, force_s: 0 };
/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(40);
const NDJSON: &str = "application/x-ndjson";
/// A byte more than a message holds.
const TOO_LARGE: usize = 32_753;

/// MQTT connections that a bridge takes.
const CONNECTIONS: usize = 12;

/// A network with one relay, and who publishes and reads.
struct Stage {
    devnet: Devnet,
    network: Network,
    cast: Cast,
    stream: String,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let streams = [RecordedStream::new("readings", Vec::new())?];
        let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
        let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
        let cast = Cast::assemble(&devnet, &streams, &[1], 1).await?;
        let network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
        network.until_epoch(schedule, cast.first_epoch).await;
        network.grant(&devnet, &cast, &streams).await?;
        let [RecordedStream { id, .. }] = &streams;
        // Who has a socket publishes too.
        let key = cast.subscribers[0].session.address().to_string();
        let tracker = network.tracker_url();
        let words = ["stream", "grant", id.as_str(), "--publisher", &key, "--tracker", tracker];
        let mut grant = command(&devnet, &words)?;
        grant.env("TATUM_PRIVATE_KEY", hex(&streams[0].owner()));
        let _: Value = json(grant).await?;
        let stream = id.as_str().replace('/', "%2F");
        Ok(Self { devnet, network, cast, stream, _folder: folder })
    }

    async fn publishing(&self) -> anyhow::Result<Bridge> {
        self.bridge(&self.cast.publishers[0]).await
    }

    async fn reading(&self) -> anyhow::Result<Bridge> {
        self.bridge(&self.cast.subscribers[0]).await
    }

    /// Starts a bridge, again after a kill: with the same folder.
    async fn bridge(&self, payer: &Payer) -> anyhow::Result<Bridge> {
        let name = format!("{}-bridge", payer.name);
        let (host, data) = (format!("127.0.0.1:{}", free_port()?), self.network.data(&name));
        let (address, file) = (payer.account.address().to_string(), format!("{data}/token"));
        let (mqtt, connections) = (free_port()?, CONNECTIONS.to_string());
        let mqtt_host = format!("127.0.0.1:{mqtt}");
        let mut words = vec!["bridge", "run", "--listen", &host, "--payer", &address];
        words.extend(["--mqtt-listen", &mqtt_host, "--mqtt-connections", &connections]);
        words.extend(["--tracker", self.network.tracker_url()]);
        words.extend(["--data", &data, "--token-file", &file]);
        let mut command = command(&self.devnet, &words)?;
        command.env("TATUM_SESSION_KEY", hex(&payer.session));
        let mut process = Process::spawn(&name, command, &self.network.logs())?;
        process.until_healthy(&format!("http://{host}/health"), PATIENCE).await?;
        let token = std::fs::read_to_string(file)?;
        Ok(Bridge { process, host, mqtt, token, stream: self.stream.clone() })
    }
}

struct Bridge {
    process: Process,
    host: String,
    mqtt: u16,
    token: String,
    stream: String,
}

impl Bridge {
    fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        reqwest::Client::new().request(method, format!("http://{}{path}", self.host))
    }

    fn asked(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header(AUTHORIZATION, format!("Bearer {}", self.token))
    }

    /// The stream, as MQTT has it.
    fn topic(&self) -> String {
        self.stream.replace("%2F", "/")
    }

    fn messages(&self) -> String {
        format!("/v1/streams/{}/messages", self.stream)
    }

    /// Publishes, and gives the names of what was accepted.
    async fn publish(&self, kind: &str, body: impl Into<Vec<u8>>) -> anyhow::Result<Vec<String>> {
        let request = self.asked(Method::POST, &self.messages()).header(CONTENT_TYPE, kind);
        let answer = request.body(body.into()).send().await?;
        let status = answer.status();
        let answer: Value = answer.json().await?;
        ensure!(status == 200, "{status}: {answer}");
        let ids: Vec<String> = serde_json::from_value(answer["ids"].clone())?;
        ensure!(answer["accepted"] == ids.len(), "{answer}");
        Ok(ids)
    }

    /// Reads lines; `query` begins with `?` or is empty.
    async fn read(&self, query: &str, accept: &str) -> anyhow::Result<Lines> {
        let path = format!("{}{query}", self.messages());
        let request = self.asked(Method::GET, &path).header("accept", accept);
        let answer = request.send().await?;
        ensure!(answer.status() == 200, "{}", answer.text().await?);
        assert_eq!(answer.headers()[CONTENT_TYPE], accept);
        Ok(Lines { answer, rest: Vec::new() })
    }
}

/// An answer that goes on.
struct Lines {
    answer: Response,
    rest: Vec<u8>,
}

impl Lines {
    async fn line(&mut self) -> anyhow::Result<String> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(String::from_utf8(line)?.trim_end().to_owned());
            }
            let chunk = timeout(PATIENCE, self.answer.chunk()).await.context("nothing comes")??;
            self.rest.extend(chunk.context("the answer has ended")?);
        }
    }

    async fn json(&mut self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.line().await?)?)
    }

    async fn ids(&mut self, count: usize) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let message = self.json().await?;
            ids.push(message["id"].as_str().with_context(|| message.to_string())?.to_owned());
        }
        Ok(ids)
    }

    /// The name and the data of the next server-sent event.
    async fn event(&mut self) -> anyhow::Result<(String, Value)> {
        let (mut id, mut data) = (String::new(), Value::Null);
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("data", value)) => data = serde_json::from_str(value)?,
                _ if line.is_empty() && data != Value::Null => return Ok((id, data)),
                _ => {}
            }
        }
    }
}

/// What a refused request is told: a status and a code.
async fn refused(request: RequestBuilder) -> anyhow::Result<(u16, String)> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
    assert_eq!(answer.headers().contains_key(WWW_AUTHENTICATE), status == 401);
    let problem: Value = answer.json().await?;
    Ok((status, problem["code"].as_str().unwrap_or_default().to_owned()))
}

async fn turns_away_whom_it_does_not_know_and_what_it_cannot_read(
    bridge: &Bridge,
) -> anyhow::Result<()> {
    let path = bridge.messages();
    let unauthorized = (401, "unauthorized".to_owned());
    let wrong = format!("Bearer {}", bridge.token.replace(|c: char| c != '0', "0"));
    assert_eq!(refused(bridge.bare(Method::POST, &path)).await?, unauthorized);
    let guessed = bridge.bare(Method::GET, &path).header(AUTHORIZATION, wrong);
    assert_eq!(refused(guessed).await?, unauthorized);

    let forbidden = (403, "forbidden".to_owned());
    let rebound = bridge.asked(Method::POST, &path).header(HOST, "evil.example");
    assert_eq!(refused(rebound).await?, forbidden);
    let page = bridge.asked(Method::POST, &path).header(ORIGIN, "https://evil.example");
    assert_eq!(refused(page).await?, forbidden);

    let too_large = (413, "too_large".to_owned());
    for bytes in [TOO_LARGE, (1 << 20) + 1] {
        let large = bridge.asked(Method::POST, &path).body(vec![b'x'; bytes]);
        assert_eq!(refused(large).await?, too_large, "{bytes}");
    }
    let senseless = (400, "bad_request".to_owned());
    let no_json = bridge.asked(Method::POST, &path).header(CONTENT_TYPE, NDJSON).body("1\n{\n");
    assert_eq!(refused(no_json).await?, senseless);
    let paths = [
        "/v1/streams/0xabc%2Fweather/messages".to_owned(),
        format!("{path}?partition=70000"),
        format!("{path}?from=yesterday"),
        format!("{path}?form=oldest"),
        format!("{path}?after=7"),
    ];
    for path in paths {
        assert_eq!(refused(bridge.asked(Method::GET, &path)).await?, senseless, "{path}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_publish_and_read_by_http_events_and_sockets() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (writer, reader) = (stage.publishing().await?, stage.reading().await?);
    turns_away_whom_it_does_not_know_and_what_it_cannot_read(&writer).await?;

    let mut lines = reader.read("", NDJSON).await?;
    let mut events = reader.read("?from=now", "text/event-stream").await?;
    let mut ids = writer.publish("text/plain", "one").await?;
    ids.extend(writer.publish(NDJSON, "{\"two\": 2}\n3\n\"four\"\n").await?);
    ids.extend(writer.publish("application/octet-stream", [0, 10, 255]).await?);
    assert_eq!(ids.len(), 5);
    let payloads = ["one", "{\"two\": 2}", "3", "\"four\""];
    for (index, id) in ids.iter().enumerate() {
        let (message, (event_id, event)) = (lines.json().await?, events.event().await?);
        assert_eq!((message["id"].as_str(), &event_id), (Some(id.as_str()), id));
        assert_eq!(message, event);
        match payloads.get(index) {
            Some(payload) => assert_eq!(message["payload"], *payload),
            None => assert_eq!(message["payload_base64"], "AAr/"),
        }
    }
    let mut again = reader.read(&format!("?after={}", ids[1]), NDJSON).await?;
    assert_eq!(again.ids(3).await?, ids[2..]);
    let mut last = reader.read("?from=last:2", NDJSON).await?;
    assert_eq!(last.ids(2).await?, ids[3..]);

    let url = format!("ws://{}/v1/streams/{}/socket", reader.host, reader.stream);
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {}", reader.token).parse()?);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    socket.send(Message::text("from a socket")).await?;
    let echoed = timeout(PATIENCE, socket.next()).await?.context("the socket ended")??;
    assert_eq!(echoed, Message::text("from a socket"));
    assert_eq!(lines.json().await?["payload"], "from a socket");
    writer.publish("application/octet-stream", [255]).await?;
    let bytes = timeout(PATIENCE, socket.next()).await?.context("the socket ended")??;
    assert_eq!(bytes, Message::binary(vec![255]));
    socket.send(Message::binary(vec![0; TOO_LARGE])).await?;
    let closed = timeout(PATIENCE, socket.next()).await?.context("the socket ended")??;
    let Message::Close(Some(frame)) = closed else { panic!("{closed:?}") };
    assert_eq!(u16::from(frame.code), 1009, "{frame}");

    // In order: what is still read is cut off.
    writer.process.terminate().await?;
    reader.process.terminate().await?;
    stage.network.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_bridge_that_is_killed() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (writer, reader) = (stage.publishing().await?, stage.reading().await?);
    let mut acknowledged = Vec::new();
    for number in 0..20 {
        acknowledged.extend(writer.publish("text/plain", number.to_string()).await?);
    }
    writer.process.kill().await?;
    // Nobody has read, and only the publisher has the keys.
    let again = stage.publishing().await?;
    let mut lines = reader.read("?from=oldest", NDJSON).await?;
    assert_eq!(lines.ids(20).await?, acknowledged);
    let next = again.publish(NDJSON, json!({ "number": 20 }).to_string()).await?;
    assert_eq!(lines.ids(1).await?, next);
    again.process.terminate().await?;
    reader.process.terminate().await?;
    stage.network.stop().await
}
