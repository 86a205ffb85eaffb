//! One server: how it is asked, and how much of its answer is read.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde::de::DeserializeOwned;

use super::{ClientError, http};
use crate::Problem;

/// The largest answer that is read. A page of a thousand receipts has a tenth of it.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// A server and how to ask it.
#[derive(Clone, Debug)]
pub(super) struct Server {
    http: Client,
    base: String,
}

impl Server {
    /// The server at `base`, which may take `patience` for a request.
    pub(super) fn new(base: &str, patience: Duration) -> Result<Self, ClientError> {
        if !(base.starts_with("http://") || base.starts_with("https://")) {
            return Err(ClientError::Url { given: base.to_owned() });
        }
        let http = http().timeout(patience).build().map_err(ClientError::Setup)?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned() })
    }

    /// Where it is.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// A request for what is at `path`.
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base))
    }

    /// A request that sends something to `path`.
    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base))
    }
}

/// Sends a request and reads JSON.
pub(super) async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ClientError> {
    let (url, body) = bytes(request).await?;
    serde_json::from_slice(&body).map_err(|source| ClientError::Answer { url, source })
}

/// Sends a request and reads what comes back; gives the URL as well.
pub(super) async fn bytes(request: RequestBuilder) -> Result<(String, Vec<u8>), ClientError> {
    let (client, request) = request.build_split();
    let request = request.map_err(ClientError::Setup)?;
    let url = request.url().to_string();
    let failed = |source| ClientError::Request { url: url.clone(), source };
    let response = client.execute(request).await.map_err(failed)?;
    let status = response.status();
    let body = bounded(&url, response).await?;
    if status.is_success() {
        return Ok((url, body));
    }
    Err(match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => ClientError::Problem { url, problem },
        Err(_) => ClientError::Status { url, status: status.as_u16() },
    })
}

async fn bounded(url: &str, mut response: Response) -> Result<Vec<u8>, ClientError> {
    let failed = |source| ClientError::Request { url: url.to_owned(), source };
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        if body.len().saturating_add(piece.len()) > MAX_ANSWER_BYTES {
            let limit_bytes = MAX_ANSWER_BYTES;
            return Err(ClientError::TooLarge { url: url.to_owned(), limit_bytes });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::ProblemKind;

    /// A server that answers once, with these bytes and then a million zeros as often as said.
    fn serve(head: String, megabytes: usize) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(head.as_bytes());
            for _ in 0..megabytes {
                // The client hangs up when it has enough.
                if socket.write_all(&vec![b'0'; 1 << 20]).is_err() {
                    return;
                }
            }
        });
        Server::new(&base, Duration::from_secs(10)).unwrap()
    }

    #[tokio::test]
    async fn an_answer_that_does_not_end_is_cut_off() {
        let server = serve("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned(), 1000);
        let error = bytes(server.get("/")).await.unwrap_err();
        assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_problem_is_told_apart_from_other_refusals() {
        let problem = Problem::new(ProblemKind::NotYet, "epoch 3 is open");
        let body = problem.response().into_body();
        let head = |body: &str| {
            let length = body.len();
            format!(
                "HTTP/1.1 409 Conflict\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
        };
        let error = json::<u8>(serve(head(&body), 0).get("/x")).await.unwrap_err();
        assert_eq!(error.problem(), Some(&problem));
        let error = json::<u8>(serve(head("<html>"), 0).get("/x")).await.unwrap_err();
        assert!(matches!(error, ClientError::Status { status: 409, .. }), "{error}");
    }

    #[test]
    fn only_web_addresses_are_servers() {
        assert!(Server::new("127.0.0.1:7070", Duration::ZERO).is_err());
        assert!(Server::new("ws://127.0.0.1:7070", Duration::ZERO).is_err());
    }
}
