//! What the network's refusals are to whoever asked the bridge.

use tatum_node::NodeError;
use tatum_protocol::{Problem, ProblemKind};

/// The problem that an error of a client is answered with.
pub(super) fn problem(error: &NodeError) -> Problem {
    let kind = match error {
        NodeError::TooLarge { .. } => ProblemKind::TooLarge,
        NodeError::NotPermitted { .. } => ProblemKind::Forbidden,
        // No relay, or none any more: another time one may.
        NodeError::Timeout { .. } | NodeError::Stopped => ProblemKind::Busy,
        NodeError::Endpoint(_)
        | NodeError::Store(_)
        | NodeError::Listen { .. }
        | NodeError::DataDirectory { .. }
        | NodeError::Regions { .. }
        | NodeError::Key(_)
        | NodeError::Url { .. }
        | NodeError::Trackers(_)
        | NodeError::Input(_)
        | NodeError::GroupKeys { .. } => {
            tracing::error!(error = %in_full(error), "a client of the network failed");
            return Problem::new(
                ProblemKind::Internal,
                "the bridge's client of the network failed",
            );
        }
    };
    Problem::new(kind, error.to_string())
}

/// An error with its causes.
fn in_full(error: &NodeError) -> String {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
