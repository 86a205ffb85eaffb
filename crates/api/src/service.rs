//! The whole service: one process, one listening socket.
//!
//! Invariant: at shutdown requests under way are answered, and event streams end.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tatum_chain::{Chain, follow_with_money};
use tatum_protocol::ProblemKind;
use tatum_protocol::client::{AggregatorClient, NodeClient, TrackerClient};
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config as SwaggerConfig, SwaggerUi};

use crate::asks::{KnownAsks, MOST_RELAYS};
use crate::error::ApiError;
use crate::heads::Heads;
use crate::limits::{Limits, limit};
use crate::listeners::MostListeners;
use crate::metrics::count;
use crate::openapi::description;
use crate::page;
use crate::problems::problem;
use crate::relay::{Relay, RelaySettings};
use crate::routes;
use crate::state::Api;
use crate::streams::{KnownStreams, MOST_TRACKERS};

/// Bytes of a request's body, at most.
const MOST_BODY: usize = 512 * 1024;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What links the answer to the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How the service runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The aggregator whose epochs it tells.
    pub aggregator: String,
    /// Where relays serve their status, which are asked for their asks and what they carry.
    pub relays: Vec<String>,
    /// Where trackers are, which are asked for their streams.
    pub trackers: Vec<String>,
    /// Blocks on top of one before events in it are relied on.
    pub confirmations: u64,
    /// How often the chain is looked at.
    pub poll: Duration,
    /// Requests of one client a second.
    pub requests_per_s: u32,
    /// Event streams at a time.
    pub listeners: usize,
    /// Event streams of one client at a time.
    pub listeners_per_client: usize,
    /// What pays for the gas of others, if anything does.
    pub relay: Option<RelaySettings>,
}

/// Runs the API and the page until `shutdown` resolves.
///
/// # Errors
/// If it cannot listen, or the chain does not answer at the start.
pub async fn run(
    config: Config,
    chain: Chain,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let relay = match config.relay {
        Some(settings) => {
            Some(Relay::start(settings).await.context("starting the relay that pays for gas")?)
        }
        None => None,
    };
    let (relays, trackers) = (relays(&config.relays)?, trackers(&config.trackers)?);
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {}", config.listen))?;
    let address = listener.local_addr().context("reading the listening address")?;
    let aggregator = AggregatorClient::new(&config.aggregator)?;
    let (view, follower) = follow_with_money(chain.clone(), config.confirmations, config.poll)
        .await
        .context("following the chain")?;
    let (heads, watching) = Heads::follow(chain.clone(), view.clone(), config.poll);
    let listeners =
        MostListeners { in_all: config.listeners, of_one_client: config.listeners_per_client };
    let (asks, asking) = KnownAsks::follow(relays);
    let (streams, listing) = KnownStreams::follow(trackers);
    let api = Api::new(chain, view, (heads, asks, streams), aggregator, listeners, relay);
    let router = router(api, Limits::new(config.requests_per_s))?;
    tracing::info!(%address, "the web API and the page are served");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tatum_serve::serve(listener, router, tatum_serve::Limits::default(), async {
        shutdown.await;
        let _ = stop.send(());
    });
    // Event streams have no end of their own: what is still open a moment after the end was asked for is cut off.
    let cut_off = async {
        let _ = stopped.await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    let served = tokio::select! {
        served = serving => served,
        () = cut_off => Ok(()),
    };
    watching.abort();
    asking.abort();
    listing.abort();
    drop(follower);
    served.context("serving")
}

fn relays(urls: &[String]) -> anyhow::Result<Vec<NodeClient>> {
    ensure!(urls.len() <= MOST_RELAYS, "name {MOST_RELAYS} relays at most to be asked");
    let client = |url: &String| {
        NodeClient::new(url).with_context(|| format!("asking the relay at {url} for its ask"))
    };
    urls.iter().map(client).collect()
}

fn trackers(urls: &[String]) -> anyhow::Result<Vec<TrackerClient>> {
    ensure!(urls.len() <= MOST_TRACKERS, "name {MOST_TRACKERS} trackers at most to be asked");
    let client = |url: &String| {
        TrackerClient::new(url).with_context(|| format!("asking the tracker at {url}"))
    };
    urls.iter().map(client).collect()
}

fn router(api: Api, limits: Limits) -> anyhow::Result<Router> {
    let metrics = api.shared.metrics.clone();
    let (router, openapi) =
        OpenApiRouter::with_openapi(description()).merge(routes::router()).split_for_parts();
    let json = openapi.to_pretty_json().context("describing the API")? + "\n";
    let described = async move || ([(header::CONTENT_TYPE, "application/json")], json);
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let router = router
        .with_state(api)
        .route("/openapi.json", get(described))
        .route("/problems/{code}", get(problem))
        .merge(SwaggerUi::new("/docs").config(SwaggerConfig::from("/openapi.json")))
        .method_not_allowed_fallback(async || {
            ApiError::new(ProblemKind::MethodNotAllowed, "the route does not take this method")
        })
        .fallback(get(page::file))
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(from_fn_with_state(limits, limit));
    Ok(patient(router, PATIENCE)
        .layer(from_fn_with_state(metrics, count))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(header::CACHE_CONTROL, "no-cache"))
        .layer(cors())
        .layer(CompressionLayer::new())
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid)))
}

/// Answers with a problem what takes longer than `patience`, as what any other layer refuses.
fn patient(router: Router, patience: Duration) -> Router {
    router
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, patience))
        .layer(from_fn(told_as_problem))
}

/// Anybody's page may ask: there are no cookies, and nothing here is secret.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::IF_NONE_MATCH])
        .expose_headers([header::ETAG, header::RETRY_AFTER, REQUEST_ID])
}

/// What a layer answers in words of its own becomes a problem like any other.
async fn told_as_problem(request: Request, next: axum::middleware::Next) -> Response {
    let response = next.run(request).await;
    let is_ours = response.headers().contains_key(header::CONTENT_TYPE);
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED if !is_ours => {
            let detail = "the route does not take this method";
            ApiError::new(ProblemKind::MethodNotAllowed, detail).into_response()
        }
        StatusCode::REQUEST_TIMEOUT if !is_ours => {
            ApiError::busy("the request took too long; try again shortly").into_response()
        }
        _ => response,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use tatum_protocol::Problem;
    use tower::Service;

    use super::*;

    #[tokio::test]
    async fn what_never_answers_is_answered_with_a_problem() {
        let silent = Router::new().route("/", get(std::future::pending::<()>));
        let mut router = patient(silent, Duration::from_millis(1));
        let answer = router.call(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), ProblemKind::Busy.status());
        let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem.kind, ProblemKind::Busy);
    }
}
