//! Texts on a WebSocket, the same from both ends.
//!
//! Invariant: nobody waits for ever: who does not read in time is given up.

use std::fmt::Display;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// What a frame is to us, in whichever library.
pub(crate) enum Heard {
    Text(String),
    /// A ping or its answer.
    Sign,
    /// A farewell, or what means nothing here.
    Other(&'static str),
}

/// A library's frame.
pub(crate) trait Frame {
    fn text(text: String) -> Self;
    fn heard(self) -> Heard;
}

macro_rules! frame {
    ($message:ty) => {
        impl Frame for $message {
            fn text(text: String) -> Self {
                Self::Text(text.into())
            }

            fn heard(self) -> Heard {
                match self {
                    Self::Text(text) => Heard::Text(text.to_string()),
                    Self::Ping(_) | Self::Pong(_) => Heard::Sign,
                    Self::Close(_) => Heard::Other("the connection was closed"),
                    // The two libraries have more kinds of frames than they share.
                    _ => Heard::Other("binary frames mean nothing here"),
                }
            }
        }
    };
}

frame!(axum::extract::ws::Message);
frame!(tokio_tungstenite::tungstenite::Message);

/// The next text; `None` if the other end has nothing more to say.
pub(crate) async fn listen<T, F, E>(
    socket: &mut (impl Stream<Item = Result<F, E>> + Unpin),
) -> Result<Option<T>, String>
where
    T: DeserializeOwned,
    F: Frame,
    E: Display,
{
    loop {
        match socket.next().await {
            Some(Ok(frame)) => match frame.heard() {
                Heard::Text(text) => return read(&text).map(Some),
                Heard::Sign => {}
                Heard::Other(_) => return Ok(None),
            },
            Some(Err(error)) => return Err(error.to_string()),
            None => return Ok(None),
        }
    }
}

/// What a text says.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Says something to an end that reads it in time.
pub(crate) async fn say<F, E>(
    socket: &mut (impl Sink<F, Error = E> + Unpin),
    text: &impl Serialize,
    patience: Duration,
) -> Result<(), String>
where
    F: Frame,
    E: Display,
{
    let json = serde_json::to_string(text).map_err(|error| error.to_string())?;
    write(socket, F::text(json), patience).await
}

/// Writes a frame to an end that reads it in time.
pub(crate) async fn write<F, E: Display>(
    socket: &mut (impl Sink<F, Error = E> + Unpin),
    frame: F,
    patience: Duration,
) -> Result<(), String> {
    let written = timeout(patience, socket.send(frame)).await;
    written.map_err(|_| "the other end does not read")?.map_err(|error| error.to_string())
}
