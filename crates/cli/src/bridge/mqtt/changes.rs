//! Changes of what a connection reads.
//!
//! Invariant: they take effect in the order in which they were asked for, and each topic of a request has an answer of its own.

use std::sync::Arc;

use futures_util::future::join_all;
use mqute_codec::protocol::QoS;
use mqute_codec::protocol::v5::ReasonCode;
use tatum_protocol::{Problem, ProblemKind};

use super::packet::Filter;
use super::topic;
use crate::bridge::Bridge;
use crate::bridge::queue::Receiver;
use crate::bridge::readers::Beginning;

/// Topics of one request that are looked at.
const MOST_TOPICS: usize = 64;

/// What comes of a topic, or why nothing does.
type Read = Result<Receiver, (ReasonCode, String)>;

/// A change that can take effect.
#[derive(Debug)]
pub(super) enum Change {
    Subscribed { id: u16, wanted: Vec<(String, QoS, Read)> },
    Unsubscribed { id: u16, topics: Vec<String> },
}

/// Opens what is asked for.
pub(super) async fn subscribed(bridge: Arc<Bridge>, id: u16, filters: Vec<Filter>) -> Change {
    let all = filters.into_iter().enumerate().map(|(index, filter)| {
        let bridge = Arc::clone(&bridge);
        async move {
            let read = match index {
                0..MOST_TOPICS => read(&bridge, &filter).await,
                _ => {
                    let why = format!("a request names {MOST_TOPICS} topics at most");
                    Err((ReasonCode::QuotaExceeded, why))
                }
            };
            (filter.topic, filter.qos, read)
        }
    });
    Change::Subscribed { id, wanted: join_all(all).await }
}

async fn read(bridge: &Bridge, filter: &Filter) -> Read {
    let stream = topic::filtered(&filter.topic)?;
    if filter.is_without_own {
        let why = "what a connection publishes itself cannot be left out";
        return Err((ReasonCode::ImplementationSpecificError, why.to_owned()));
    }
    let from_now = Beginning { history: 0, after: None };
    let read = bridge.readers.read(stream, from_now).await;
    read.map_err(|problem| (code(&problem), problem.detail))
}

/// What a granted QoS is called.
pub(super) const fn code_of(granted: QoS) -> ReasonCode {
    match granted {
        QoS::AtMostOnce => ReasonCode::GrantedQos0,
        QoS::AtLeastOnce | QoS::ExactlyOnce => ReasonCode::GrantedQos1,
    }
}

/// Why a message was not published.
pub(super) const fn unpublished(problem: &Problem) -> ReasonCode {
    match problem.kind {
        ProblemKind::BadRequest => ReasonCode::TopicNameInvalid,
        _ => code(problem),
    }
}

/// What a problem is called here.
const fn code(problem: &Problem) -> ReasonCode {
    match problem.kind {
        ProblemKind::Forbidden | ProblemKind::Unauthorized => ReasonCode::NotAuthorized,
        ProblemKind::Full => ReasonCode::QuotaExceeded,
        kind if kind.may_pass() => ReasonCode::ImplementationSpecificError,
        _ => ReasonCode::UnspecifiedError,
    }
}
