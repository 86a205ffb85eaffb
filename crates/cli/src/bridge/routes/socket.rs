//! `GET /v1/streams/{stream}/socket`: a WebSocket both ways.
//!
//! Invariant: each frame that comes in is published, in order, and each message of the stream goes out as a frame: text if it is
//! text, else binary. A frame that could not be published, or that no relay accepts in time, closes the socket with the reason.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use tatum_node::client::{MAX_PAYLOAD_BYTES, Stream};
use tatum_protocol::{Problem, ProblemKind};
use tokio::time::{Duration, timeout};

use super::read::Asked;
use super::{About, Bridge, Refused};
use crate::bridge::accept::{accepted, publish, too_large};
use crate::bridge::message::readable;
use crate::bridge::queue::Receiver;

/// How long the other side may take for a frame.
const FRAME_PATIENCE: Duration = Duration::from_secs(10);
/// Frames whose acceptance is waited for; more are not read meanwhile.
const MOST_AWAITED: usize = 256;
/// A reason in a closing frame has so many bytes at most (RFC 6455).
const MOST_REASON_BYTES: usize = 123;

pub(super) async fn open(
    State(bridge): State<Arc<Bridge>>,
    about: About<Asked>,
    request: Request,
) -> Result<Response, Refused> {
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|error| Refused::bad_request(error.body_text()))?;
    let beginning = about.query.beginning(&parts.headers, about.stream.key())?;
    let items = bridge.readers.read(about.stream.clone(), beginning).await?;
    // One byte more than a message holds: so that what is too large is told by its close code.
    let upgrade = upgrade.max_message_size(MAX_PAYLOAD_BYTES + 1);
    Ok(upgrade.on_upgrade(async move |socket| {
        let (mut out, frames) = socket.split();
        let ended = tokio::select! {
            ended = send_all(&mut out, items) => ended,
            ended = publish_all(frames, &bridge, about.stream) => ended,
        };
        if let Some(close) = ended {
            // Who does not take it has gone.
            let _ = timeout(FRAME_PATIENCE, out.send(Message::Close(Some(close)))).await;
        }
    }))
}

type Out = futures_util::stream::SplitSink<WebSocket, Message>;
type Frames = futures_util::stream::SplitStream<WebSocket>;

/// Sends what comes until it ends; why, if the other side is still there to be told.
async fn send_all(out: &mut Out, mut items: Receiver) -> Option<CloseFrame> {
    while let Some(item) = items.next().await {
        let Some(message) = readable(&item) else { continue };
        let frame = frame(&message.payload);
        timeout(FRAME_PATIENCE, out.send(frame)).await.ok()?.ok()?;
    }
    Some(if items.was_cut_off() {
        close(close_code::POLICY, "it does not read as fast as messages come")
    } else {
        close(close_code::AWAY, "the bridge or its subscription has ended")
    })
}

/// Publishes what comes until the other side goes away; why, if it is still there to be told.
async fn publish_all(mut frames: Frames, bridge: &Bridge, stream: Stream) -> Option<CloseFrame> {
    let mut waiting = FuturesUnordered::new();
    loop {
        let frame = tokio::select! {
            frame = frames.next(), if waiting.len() < MOST_AWAITED => frame,
            Some(told) = waiting.next() => match told {
                Ok(()) => continue,
                Err(problem) => return Some(closing(&problem)),
            },
        };
        let payload = match frame? {
            Ok(Message::Text(text)) => Bytes::from(text),
            Ok(Message::Binary(bytes)) => bytes,
            // Pings are answered below us.
            Ok(Message::Ping(_) | Message::Pong(_)) => continue,
            Ok(Message::Close(_)) => return None,
            Err(_) => return Some(close(close_code::SIZE, &too_large())),
        };
        match publish(bridge, stream.clone(), &payload).await {
            Ok(acceptance) => waiting.push(accepted(acceptance)),
            Err(problem) => return Some(closing(&problem)),
        }
    }
}

fn frame(payload: &[u8]) -> Message {
    match std::str::from_utf8(payload) {
        Ok(text) => Message::Text(text.into()),
        Err(_) => Message::Binary(Bytes::copy_from_slice(payload)),
    }
}

fn closing(problem: &Problem) -> CloseFrame {
    let code = match problem.kind {
        ProblemKind::TooLarge => close_code::SIZE,
        ProblemKind::Forbidden => close_code::POLICY,
        kind if kind.may_pass() => close_code::AGAIN,
        _ => close_code::ERROR,
    };
    close(code, &problem.detail)
}

fn close(code: u16, reason: &str) -> CloseFrame {
    let end = (0..=MOST_REASON_BYTES).rev().find(|end| reason.is_char_boundary(*end));
    let reason = reason.get(..end.unwrap_or_default()).unwrap_or(reason);
    CloseFrame { code, reason: Utf8Bytes::from(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_text_if_the_payload_is() {
        assert_eq!(frame("grün".as_bytes()), Message::Text("grün".into()));
        assert_eq!(frame(&[0, 255]), Message::Binary(Bytes::from_static(&[0, 255])));
    }

    #[test]
    fn a_reason_fits_into_its_frame_and_is_not_torn() {
        assert_eq!(close(1000, "short").reason, "short");
        let long = close(1000, &"ü".repeat(100)).reason;
        assert_eq!(long.as_str(), "ü".repeat(61));
    }
}
