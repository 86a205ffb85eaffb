//! A JSON-RPC provider with a provider's habits, in front of a real node: it does not answer, refuses, limits, lags.
//!
//! Invariant: what it lets through is the real node's answer. Rules can be changed while it runs.

mod recent;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tatum_chain::hex;
use tatum_primitives::{B256, keccak256};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What happens to calls of one method.
#[derive(Clone, Debug)]
pub enum Habit {
    /// They are never answered.
    Silence,
    /// They get an error of JSON-RPC.
    Error(i64, &'static str),
    /// They get an HTTP status, and are asked to come back after this many seconds.
    Busy(u16, u64),
    /// They are told that there is nothing.
    Nothing,
    /// They are passed on and not answered.
    Unanswered,
    /// They are transactions, answered as if they were taken, and lost.
    Lost,
}

/// How the provider behaves.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// By method: what happens, and to how many calls.
    pub habits: BTreeMap<&'static str, (Habit, usize)>,
    /// What happens to every call.
    pub everything: Option<Habit>,
    /// Of how many blocks below the newest it has the state; of all, unless given.
    pub state_blocks: Option<u64>,
    /// The most blocks of one `eth_getLogs`.
    pub log_range: Option<u64>,
    /// The most calls in a second.
    pub rate: Option<usize>,
    /// How long it thinks about each call.
    pub latency: Duration,
    /// Of a hundred transactions so many are lost.
    pub lost_percent: u64,
    /// What decides which.
    pub seed: u64,
}

impl Rules {
    /// The next `calls` calls of `method` meet `habit`.
    pub fn with(mut self, method: &'static str, habit: Habit, calls: usize) -> Self {
        self.habits.insert(method, (habit, calls));
        self
    }
}

#[derive(Debug, Default)]
struct Desk {
    rules: Rules,
    recent: VecDeque<Instant>,
    asked: BTreeMap<String, usize>,
    refused: usize,
    under_way: usize,
    most_under_way: usize,
    lost: usize,
}

#[derive(Clone)]
struct Shared {
    upstream: String,
    http: reqwest::Client,
    desk: Arc<Mutex<Desk>>,
}

/// A running provider.
#[derive(Debug)]
pub struct Provider {
    rpc_url: String,
    desk: Arc<Mutex<Desk>>,
    serving: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Provider {
    /// Starts one in front of the node at `upstream`.
    pub async fn start(upstream: &str, rules: Rules) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let rpc_url = format!("http://{}", listener.local_addr()?);
        let desk = Arc::new(Mutex::new(Desk { rules, ..Desk::default() }));
        let shared = Shared {
            upstream: upstream.to_owned(),
            http: reqwest::Client::new(),
            desk: Arc::clone(&desk),
        };
        let router = Router::new().fallback(answer).with_state(shared);
        let serving = tokio::spawn(async move {
            // It ends with its handle.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { rpc_url, desk, serving })
    }

    /// Where it answers.
    pub fn rpc_url(&self) -> &str {
        &self.rpc_url
    }

    /// Behaves by other rules from now on.
    pub fn behave(&self, rules: Rules) {
        self.desk().rules = rules;
    }

    /// Has the state of so many blocks only, from now on.
    pub fn keep_state_of(&self, blocks: u64) {
        self.desk().rules.state_blocks = Some(blocks);
    }

    /// How often `method` was called so far.
    pub fn asked(&self, method: &str) -> usize {
        self.desk().asked.get(method).copied().unwrap_or_default()
    }

    /// How many calls it did not pass on.
    pub fn refused(&self) -> usize {
        self.desk().refused
    }

    /// How many calls it had before it at one time, at most.
    pub fn most_under_way(&self) -> usize {
        self.desk().most_under_way
    }

    /// How many transactions it lost.
    pub fn lost(&self) -> usize {
        self.desk().lost
    }

    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// What becomes of a call instead of an answer.
    fn habit_for(&mut self, method: &str, params: &Value) -> Option<Habit> {
        *self.asked.entry(method.to_owned()).or_default() += 1;
        let habit = self
            .over_rate()
            .or_else(|| self.rules.everything.clone())
            .or_else(|| self.named(method))
            .or_else(|| self.too_wide(method, params))
            .or_else(|| self.losing(method));
        self.refused += usize::from(habit.is_some());
        self.lost += usize::from(matches!(habit, Some(Habit::Lost)));
        habit
    }

    fn over_rate(&mut self) -> Option<Habit> {
        let most = self.rules.rate?;
        let now = Instant::now();
        self.recent.retain(|at| now.duration_since(*at) < Duration::from_secs(1));
        if self.recent.len() >= most {
            return Some(Habit::Busy(429, 1));
        }
        self.recent.push_back(now);
        None
    }

    fn named(&mut self, method: &str) -> Option<Habit> {
        let (habit, left) = self.rules.habits.get_mut(method)?;
        *left = left.checked_sub(1)?;
        Some(habit.clone())
    }

    /// Each transaction throws the dice (SplitMix64).
    fn losing(&mut self, method: &str) -> Option<Habit> {
        if self.rules.lost_percent == 0 || method != "eth_sendRawTransaction" {
            return None;
        }
        self.rules.seed = self.rules.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut thrown = self.rules.seed;
        thrown = (thrown ^ (thrown >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        thrown = (thrown ^ (thrown >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((thrown ^ (thrown >> 31)) % 100 < self.rules.lost_percent).then_some(Habit::Lost)
    }

    fn too_wide(&self, method: &str, params: &Value) -> Option<Habit> {
        let most = self.rules.log_range.filter(|_| method == "eth_getLogs")?;
        let block = |name| {
            let text = params.get(0)?.get(name)?.as_str()?;
            u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
        };
        let covers =
            block("fromBlock").zip(block("toBlock")).map(|(from, to)| to.saturating_sub(from) + 1);
        let refused = covers.is_none_or(|blocks| blocks > most);
        refused.then_some(Habit::Error(-32602, "the range exceeds the limit"))
    }
}

async fn answer(State(shared): State<Shared>, body: String) -> Response {
    let Ok(call) = serde_json::from_str::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let method = call.get("method").and_then(Value::as_str).unwrap_or_default();
    let params = call.get("params").cloned().unwrap_or_default();
    let mut habit = shared.desk().habit_for(method, &params);
    if habit.is_none() {
        habit = recent::refuses(&shared, method, &params).await;
        shared.desk().refused += usize::from(habit.is_some());
    }
    let id = call.get("id").cloned().unwrap_or_default();
    match habit {
        None => think(&shared, body).await,
        Some(Habit::Silence) => std::future::pending().await,
        Some(Habit::Unanswered) => {
            // Whatever it answers.
            let _ = pass_on(&shared, body).await;
            std::future::pending().await
        }
        Some(Habit::Lost) => {
            json_answer(&json!({ "jsonrpc": "2.0", "id": id, "result": hash_of(&params) }))
        }
        Some(Habit::Nothing) => json_answer(&json!({ "jsonrpc": "2.0", "id": id, "result": null })),
        Some(Habit::Error(code, message)) => {
            let error = json!({ "code": code, "message": message });
            json_answer(&json!({ "jsonrpc": "2.0", "id": id, "error": error }))
        }
        Some(Habit::Busy(status, after_s)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            (status, [("retry-after", after_s.to_string())], "try later").into_response()
        }
    }
}

/// Answers, after a while.
async fn think(shared: &Shared, body: String) -> Response {
    let latency = {
        let mut desk = shared.desk();
        desk.under_way += 1;
        desk.most_under_way = desk.most_under_way.max(desk.under_way);
        desk.rules.latency
    };
    tokio::time::sleep(latency).await;
    let answer = pass_on(shared, body).await;
    shared.desk().under_way -= 1;
    answer.unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}

async fn pass_on(shared: &Shared, body: String) -> anyhow::Result<Response> {
    let request = shared.http.post(&shared.upstream).header("content-type", "application/json");
    let answer =
        request.body(body).send().await?.text().await.context("reading the node's answer")?;
    Ok(([("content-type", "application/json")], answer).into_response())
}

/// What a transaction is called.
fn hash_of(params: &Value) -> Option<B256> {
    let raw = params.get(0)?.as_str()?;
    Some(keccak256(hex::decode(raw).ok()?))
}

fn json_answer(body: &Value) -> Response {
    ([("content-type", "application/json")], body.to_string()).into_response()
}
