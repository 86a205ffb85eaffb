//! MQTT beside the other doors of a bridge, by a client of either version that is not ours.

use std::fmt::Debug;

use anyhow::{Context, bail};
use rumqttc::v5::mqttbytes::v5 as packets;
use rumqttc::{SubscribeReasonCode, v5};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// A client of version 3.1.1.
struct Old {
    client: rumqttc::AsyncClient,
    events: rumqttc::EventLoop,
}

/// A client of version 5.
struct New {
    client: v5::AsyncClient,
    events: v5::EventLoop,
}

impl Old {
    async fn of(bridge: &Bridge, name: &str, token: &str) -> anyhow::Result<Self> {
        Self::with(bridge, name, token, |_| {}).await
    }

    async fn with(
        bridge: &Bridge,
        name: &str,
        token: &str,
        set: impl FnOnce(&mut rumqttc::MqttOptions),
    ) -> anyhow::Result<Self> {
        let mut options = rumqttc::MqttOptions::new(name, "127.0.0.1", bridge.mqtt);
        options.set_credentials("anybody", token).set_max_packet_size(1 << 20, 1 << 20);
        set(&mut options);
        let (client, events) = rumqttc::AsyncClient::new(options, 64);
        let mut new = Self { client, events };
        new.until("CONNACK", |packet| matches!(packet, rumqttc::Packet::ConnAck(_)).then_some(()))
            .await?;
        Ok(new)
    }

    async fn until<T>(
        &mut self,
        what: &str,
        wanted: impl Fn(rumqttc::Packet) -> Option<T>,
    ) -> anyhow::Result<T> {
        loop {
            let event = timeout(PATIENCE, self.events.poll()).await;
            match event.with_context(|| format!("waiting for {what}"))?? {
                rumqttc::Event::Incoming(packet) => {
                    if let Some(found) = wanted(packet) {
                        return Ok(found);
                    }
                }
                rumqttc::Event::Outgoing(_) => {}
            }
        }
    }

    async fn subscribe(&mut self, topic: &str) -> anyhow::Result<SubscribeReasonCode> {
        self.client.subscribe(topic, rumqttc::QoS::AtMostOnce).await?;
        self.until("SUBACK", |packet| match packet {
            rumqttc::Packet::SubAck(answer) => answer.return_codes.first().copied(),
            _ => None,
        })
        .await
    }

    async fn publish(&mut self, topic: &str, payload: &str) -> anyhow::Result<()> {
        self.client.publish(topic, rumqttc::QoS::AtLeastOnce, false, payload).await?;
        let is_answer = |packet| matches!(packet, rumqttc::Packet::PubAck(_)).then_some(());
        self.until("PUBACK", is_answer).await
    }

    async fn message(&mut self) -> anyhow::Result<String> {
        let payload = self.until("a message", |packet| match packet {
            rumqttc::Packet::Publish(message) => Some(message.payload),
            _ => None,
        });
        Ok(String::from_utf8(payload.await?.to_vec())?)
    }

    /// Why the connection ends.
    async fn end(&mut self) -> anyhow::Result<String> {
        match self.until::<()>("the end", |_| None).await {
            Ok(()) => bail!("it goes on"),
            Err(error) => Ok(format!("{error:?}")),
        }
    }
}

impl New {
    async fn of(bridge: &Bridge, name: &str, token: &str) -> anyhow::Result<Self> {
        Self::with(bridge, name, token, |_| {}).await
    }

    async fn with(
        bridge: &Bridge,
        name: &str,
        token: &str,
        set: impl FnOnce(&mut v5::MqttOptions),
    ) -> anyhow::Result<Self> {
        let mut options = v5::MqttOptions::new(name, "127.0.0.1", bridge.mqtt);
        options.set_credentials("anybody", token);
        set(&mut options);
        let (client, events) = v5::AsyncClient::new(options, 64);
        let mut new = Self { client, events };
        new.until("CONNACK", |packet| matches!(packet, packets::Packet::ConnAck(_)).then_some(()))
            .await?;
        Ok(new)
    }

    async fn until<T>(
        &mut self,
        what: &str,
        wanted: impl Fn(packets::Packet) -> Option<T>,
    ) -> anyhow::Result<T> {
        loop {
            let event = timeout(PATIENCE, self.events.poll()).await;
            match event.with_context(|| format!("waiting for {what}"))?? {
                v5::Event::Incoming(packet) => {
                    if let Some(found) = wanted(packet) {
                        return Ok(found);
                    }
                }
                v5::Event::Outgoing(_) => {}
            }
        }
    }

    /// What a subscription is answered, in words.
    async fn subscribe(&mut self, topic: &str) -> anyhow::Result<String> {
        self.client.subscribe(topic, v5::mqttbytes::QoS::ExactlyOnce).await?;
        self.until("SUBACK", |packet| match packet {
            packets::Packet::SubAck(answer) => Some(format!("{:?}", answer.return_codes)),
            _ => None,
        })
        .await
    }

    async fn unsubscribe(&mut self, topic: &str) -> anyhow::Result<String> {
        self.client.unsubscribe(topic).await?;
        self.until("UNSUBACK", |packet| match packet {
            packets::Packet::UnsubAck(answer) => Some(format!("{:?}", answer.reasons)),
            _ => None,
        })
        .await
    }

    async fn publish(
        &mut self,
        topic: &str,
        payload: impl Into<Vec<u8>>,
    ) -> anyhow::Result<packets::PubAck> {
        let payload: Vec<u8> = payload.into();
        self.client.publish(topic, v5::mqttbytes::QoS::AtLeastOnce, false, payload).await?;
        self.until("PUBACK", |packet| match packet {
            packets::Packet::PubAck(answer) => Some(answer),
            _ => None,
        })
        .await
    }

    /// The next message and its name.
    async fn message(&mut self) -> anyhow::Result<(String, String)> {
        let message = self.until("a message", |packet| match packet {
            packets::Packet::Publish(message) => Some(message),
            _ => None,
        });
        let message = message.await?;
        let said = message.properties.context("a message has a name")?.user_properties;
        let (_, id) = said.into_iter().find(|(key, _)| key == "id").context("its id")?;
        Ok((String::from_utf8(message.payload.to_vec())?, id))
    }

    /// Why the connection ends.
    async fn end(&mut self) -> anyhow::Result<String> {
        match self.until::<()>("the end", |_| None).await {
            Ok(()) => bail!("it goes on"),
            Err(error) => Ok(format!("{error:?}")),
        }
    }
}

fn why<T>(connected: anyhow::Result<T>) -> String {
    connected.err().map(|error| format!("{error:?}")).unwrap_or_default()
}

#[track_caller]
fn names(said: &impl Debug, expected: &str) {
    let said = format!("{said:?}");
    assert!(said.contains(expected), "{expected} is not in {said}");
}

async fn turns_away_who_has_no_token(bridge: &Bridge) -> anyhow::Result<()> {
    let wrong = bridge.token.replace(|c: char| c != '0', "0");
    for wrong in [wrong.as_str(), &bridge.token[1..]] {
        names(&why(Old::of(bridge, "a", wrong).await), "BadUserNamePassword");
        names(&why(New::of(bridge, "a", wrong).await), "BadUserNamePassword");
    }
    // Who gives no password is told that one is needed.
    names(&why(Old::of(bridge, "a", "").await), "NotAuthorized");
    names(&why(New::of(bridge, "a", "").await), "NotAuthorized");
    let mut old = TcpStream::connect(("127.0.0.1", bridge.mqtt)).await?;
    old.write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01a").await?;
    let mut answer = Vec::new();
    timeout(PATIENCE, old.read_to_end(&mut answer)).await??;
    assert_eq!(answer, [0x20, 2, 0, 5]);
    Ok(())
}

async fn refuses_what_it_cannot_do(bridge: &Bridge) -> anyhow::Result<()> {
    let topic = bridge.topic();
    let mut new = New::of(bridge, "asks", &bridge.token).await?;
    let wildcard = "[WildcardSubscriptionsNotSupported]";
    assert_eq!(new.subscribe("#").await?, wildcard);
    assert_eq!(new.subscribe("+/readings").await?, wildcard);
    let shared = new.subscribe(&format!("$share/all/{topic}")).await?;
    assert_eq!(shared, "[SharedSubscriptionsNotSupported]");
    assert_eq!(new.subscribe("0xabc/readings").await?, "[TopicFilterInvalid]");
    assert_eq!(new.unsubscribe(&topic).await?, "[NoSubscriptionExisted]");
    let answer = new.publish("0xabc/readings", "lost").await?;
    names(&answer, "TopicNameInvalid");
    names(&answer, "an address has 40 hex digits; here are 3");

    new.client.publish(&topic, v5::mqttbytes::QoS::AtMostOnce, false, vec![0; TOO_LARGE]).await?;
    names(&new.end().await?, "PacketTooLarge");
    let mut new = New::of(bridge, "asks", &bridge.token).await?;
    new.client.publish(&topic, v5::mqttbytes::QoS::ExactlyOnce, false, "twice").await?;
    names(&new.end().await?, "QoSNotSupported");
    let mut new = New::of(bridge, "asks", &bridge.token).await?;
    new.client.publish(&topic, v5::mqttbytes::QoS::AtMostOnce, true, "kept").await?;
    names(&new.end().await?, "RetainNotSupported");

    let mut old = Old::of(bridge, "asks", &bridge.token).await?;
    assert_eq!(old.subscribe("+/readings").await?, SubscribeReasonCode::Failure);
    for (qos, bytes) in [
        (rumqttc::QoS::AtMostOnce, TOO_LARGE),
        (rumqttc::QoS::AtMostOnce, 1 << 19),
        (rumqttc::QoS::ExactlyOnce, 1),
    ] {
        let mut old = Old::of(bridge, "asks", &bridge.token).await?;
        old.client.publish(&topic, qos, false, vec![0; bytes]).await?;
        old.end().await.with_context(|| format!("{qos:?}, {bytes} bytes"))?;
    }
    Ok(())
}

/// A name is one client's, and who says nothing keeps no place.
async fn bounds_who_is_there(bridge: &Bridge) -> anyhow::Result<()> {
    let mut first = New::of(bridge, "twin", &bridge.token).await?;
    let second = New::of(bridge, "twin", &bridge.token).await?;
    names(&first.end().await?, "SessionTakenOver");
    drop((first, second));

    let end = async |stream: &mut TcpStream| {
        let mut rest = Vec::new();
        // Whether it was closed or torn off does not matter.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await?;
        anyhow::Ok(rest)
    };
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS {
        silent.push(TcpStream::connect(("127.0.0.1", bridge.mqtt)).await?);
    }
    assert!(Old::of(bridge, "late", &bridge.token).await.is_err(), "it finds no place");
    for stream in &mut silent {
        assert!(end(stream).await?.is_empty());
    }
    Old::of(bridge, "late", &bridge.token).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mqtt_clients_of_both_versions_publish_and_read() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (writer, reader) = (stage.publishing().await?, stage.reading().await?);
    turns_away_who_has_no_token(&writer).await?;
    refuses_what_it_cannot_do(&writer).await?;

    let topic = reader.topic();
    let mut lines = reader.read("", NDJSON).await?;
    let mut old = Old::of(&reader, "old-reader", &reader.token).await?;
    let mut new = New::of(&reader, "new-reader", &reader.token).await?;
    let granted = SubscribeReasonCode::Success(rumqttc::QoS::AtMostOnce);
    assert_eq!(old.subscribe(&topic).await?, granted);
    assert_eq!(new.subscribe(&topic).await?, "[Success(AtLeastOnce)]");

    let mut old_writer = Old::of(&writer, "old-writer", &writer.token).await?;
    old_writer.publish(&topic, "one").await?;
    let mut new_writer = New::of(&writer, "new-writer", &writer.token).await?;
    names(&new_writer.publish(&topic, "two").await?, "reason: Success");
    // What was sent before the goodbye is published.
    old_writer.client.publish(&topic, rumqttc::QoS::AtMostOnce, false, "three").await?;
    old_writer.client.disconnect().await?;
    old_writer.end().await?;
    for payload in ["one", "two", "three"] {
        let line = lines.json().await?;
        assert_eq!(line["payload"], payload);
        assert_eq!(old.message().await?, payload);
        let (told, id) = new.message().await?;
        assert_eq!((told.as_str(), line["id"].as_str()), (payload, Some(id.as_str())));
    }

    // What comes while nobody subscribes is not delivered later.
    assert_eq!(new.unsubscribe(&topic).await?, "[Success]");
    writer.publish("text/plain", "by HTTP").await?;
    assert_eq!(lines.json().await?["payload"], "by HTTP");
    assert_eq!(old.message().await?, "by HTTP");
    assert_eq!(new.subscribe(&topic).await?, "[Success(AtLeastOnce)]");
    let will = rumqttc::LastWill::new(&topic, "gone", rumqttc::QoS::AtLeastOnce, false);
    let doomed = Old::with(&writer, "doomed", &writer.token, |options| {
        options.set_last_will(will);
    });
    drop(doomed.await?);
    assert_eq!(lines.json().await?["payload"], "gone");
    assert_eq!(new.message().await?.0, "gone");

    bounds_who_is_there(&writer).await?;
    writer.process.terminate().await?;
    reader.process.terminate().await?;
    names(&new.end().await?, "ServerShuttingDown");
    stage.network.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_by_mqtt_outlives_a_bridge_that_is_killed() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (writer, reader) = (stage.publishing().await?, stage.reading().await?);
    let (topic, mut acknowledged) = (writer.topic(), Vec::new());
    let mut new = New::of(&writer, "meter", &writer.token).await?;
    for number in 0..20 {
        let payload = number.to_string();
        names(&new.publish(&topic, payload.clone()).await?, "reason: Success");
        acknowledged.push(payload);
    }
    writer.process.kill().await?;
    // Nobody has read, and only the publisher has the keys.
    let again = stage.publishing().await?;
    let mut lines = reader.read("?from=oldest", NDJSON).await?;
    for payload in acknowledged {
        assert_eq!(lines.json().await?["payload"], payload);
    }
    let mut old = Old::of(&again, "meter", &again.token).await?;
    old.publish(&topic, "20").await?;
    assert_eq!(lines.json().await?["payload"], "20");
    again.process.terminate().await?;
    reader.process.terminate().await?;
    stage.network.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mqtt_reader_that_acknowledges_nothing_is_cut_off_and_holds_up_nobody()
-> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (writer, reader) = (stage.publishing().await?, stage.reading().await?);
    let mut lines = reader.read("", NDJSON).await?;
    let lazy = |options: &mut v5::MqttOptions| {
        options.set_manual_acks(true);
    };
    let mut new = New::with(&reader, "lazy", &reader.token, lazy).await?;
    assert_eq!(new.subscribe(&reader.topic()).await?, "[Success(AtLeastOnce)]");
    let lazy = tokio::spawn(async move { new.end().await });
    // As many as may be unacknowledged and as many as may wait, and some.
    for count in [4_096, 512] {
        writer.publish(NDJSON, "1\n".repeat(count)).await?;
        lines.ids(count).await?;
    }
    names(&timeout(PATIENCE, lazy).await???, "QuotaExceeded");
    writer.process.terminate().await?;
    reader.process.terminate().await?;
    stage.network.stop().await
}
