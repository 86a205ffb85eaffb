//! The chain's JSON-RPC endpoints: one or several providers of one chain, asked in turn.
//!
//! Invariant: every request ends within [`REQUEST_LIMIT`] a try and [`ROUNDS`] tries, whatever a provider does; and no text
//! made here holds more of an endpoint's address than its host, because tokens stand in the path, the query and the user
//! part. Source: JSON-RPC 2.0 over HTTP; RFC 9110 §10.2.3 (`Retry-After`).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::http::Http;
use alloy::transports::http::reqwest::{Client, Url};
use alloy::transports::layers::{RateLimitRetryPolicy, RetryPolicy};
use alloy::transports::utils::guess_local_url;
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use tower::Service;

use crate::{ChainError, Result};

/// How long one request may take: the slowest honest answer (logs of thousands of blocks) takes a few seconds.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);
/// How long a connection may take to come about.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How often all endpoints are tried while they say that they are busy.
const ROUNDS: u32 = 4;
/// The first pause between rounds; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause, whatever a provider asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// No deployment needs more.
const MOST_ENDPOINTS: usize = 8;

/// Where the chain is asked: at the first endpoint that answers.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoints(Vec<Url>);

impl Endpoints {
    /// All of `texts`, in the order in which they are asked.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let urls = texts.into_iter().map(endpoint).collect::<Result<Vec<_>>>()?;
        if urls.is_empty() || urls.len() > MOST_ENDPOINTS {
            return Err(ChainError::EndpointCount { got: urls.len(), most: MOST_ENDPOINTS });
        }
        Ok(Self(urls))
    }

    /// A client that asks them.
    pub(crate) fn client(&self) -> Result<RpcClient> {
        let http = Client::builder().timeout(REQUEST_LIMIT).connect_timeout(CONNECT_LIMIT).build();
        let http = http.map_err(|error| ChainError::Client { reason: error.to_string() })?;
        let asked = |url: &Url| Asked {
            host: host_of(url),
            http: Http::with_client(http.clone(), url.clone()),
        };
        let is_local = self.0.iter().all(|url| guess_local_url(url.as_str()));
        let all = self.0.iter().map(asked).collect();
        Ok(RpcClient::new(InTurn { all, preferred: Arc::default() }, is_local))
    }
}

impl FromStr for Endpoints {
    type Err = ChainError;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text.split(','))
    }
}

impl fmt::Display for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.0.iter().map(host_of).collect();
        f.write_str(&hosts.join(", "))
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoints({self})")
    }
}

fn endpoint(text: &str) -> Result<Url> {
    let url: Url = text.trim().parse().map_err(|_| ChainError::Url { scheme: None })?;
    let speaks_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    if speaks_http { Ok(url) } else { Err(ChainError::Url { scheme: Some(url.scheme().into()) }) }
}

fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[derive(Clone)]
struct Asked {
    host: String,
    http: Http<Client>,
}

impl Asked {
    async fn ask(
        &self,
        request: RequestPacket,
    ) -> std::result::Result<ResponsePacket, TransportError> {
        let answer = self.http.clone().call(request).await;
        let answer = answer.map_err(|error| without_address(error, &self.host))?;
        match answer.as_error() {
            Some(error) if error.is_retry_err() => Err(TransportError::ErrorResp(error.clone())),
            _ => Ok(answer),
        }
    }
}

/// The same error, naming the host and nothing else of the address.
fn without_address(error: TransportError, host: &str) -> TransportError {
    let TransportError::Transport(TransportErrorKind::Custom(source)) = error else { return error };
    let reason = match source.downcast::<alloy::transports::http::reqwest::Error>() {
        Ok(error) => reason_of(&error.without_url()),
        Err(other) => other.to_string(),
    };
    TransportErrorKind::custom_str(&format!("{host}: {reason}"))
}

fn reason_of(error: &alloy::transports::http::reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", REQUEST_LIMIT.as_secs());
    }
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = cause.to_string();
        source = cause.source();
    }
    reason
}

/// Asks the endpoint that answered last, then the others; all of them again, later, while they say that they are busy.
#[derive(Clone)]
struct InTurn {
    all: Arc<[Asked]>,
    preferred: Arc<AtomicUsize>,
}

impl InTurn {
    async fn ask(
        self,
        request: RequestPacket,
    ) -> std::result::Result<ResponsePacket, TransportError> {
        let mut pause = FIRST_PAUSE;
        let mut round = 1_u32;
        loop {
            let failed = match self.ask_each(&request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if round == ROUNDS || !RateLimitRetryPolicy::default().should_retry(&failed) {
                return Err(failed);
            }
            let hint = RateLimitRetryPolicy::default().backoff_hint(&failed);
            let wait = hint.unwrap_or(pause).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            tracing::debug!(error = %failed, wait_ms = wait.as_millis(), "the chain's endpoints are busy; asking later");
            tokio::time::sleep(wait).await;
            pause = pause.saturating_mul(2);
            round = round.saturating_add(1);
        }
    }

    /// The first answer in the order of preference, or the last failure.
    async fn ask_each(
        &self,
        request: &RequestPacket,
    ) -> std::result::Result<ResponsePacket, TransportError> {
        let preferred = self.preferred.load(Ordering::Relaxed);
        let mut failed = TransportErrorKind::custom_str("no endpoint was asked");
        for (place, asked) in
            self.all.iter().enumerate().cycle().skip(preferred).take(self.all.len())
        {
            match asked.ask(request.clone()).await {
                Ok(answer) => {
                    self.preferred.store(place, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

impl Service<RequestPacket> for InTurn {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_by_its_host_only() {
        let endpoints: Endpoints =
            "https://user:word@rpc.example:8443/v3/SECRET?key=SECRET,http://127.0.0.1:8545"
                .parse()
                .unwrap();
        assert_eq!(endpoints.to_string(), "rpc.example:8443, 127.0.0.1:8545");
        assert!(!format!("{endpoints:?}").contains("SECRET"));
    }

    #[test]
    fn what_is_no_http_endpoint_is_refused_in_words_that_do_not_repeat_it() {
        for text in ["ws://rpc.example/SECRET", "SECRET", "", "http://", "file:///SECRET"] {
            let error = text.parse::<Endpoints>().unwrap_err().to_string();
            assert!(error.contains("http"), "{error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
        let many = ["http://127.0.0.1:1"; MOST_ENDPOINTS + 1];
        assert!(Endpoints::new(many).is_err());
    }
}
