//! Why a batch has no answer.

use secp256k1::PublicKey;

use crate::Claim;

/// The sums and libsecp256k1 disagree: one of them reckons wrongly, on this machine, now. Whoever gets this stops, and keeps it
/// as evidence: nothing that either says can be paid on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// A batch passed with a signature that libsecp256k1 gives another key.
    #[error("a batch of signatures passed, but recovery gives {recovered:?} for {claim:?}")]
    AcceptedWrong {
        /// What passed.
        claim: Box<Claim>,
        /// What libsecp256k1 says.
        recovered: Option<PublicKey>,
    },
    /// A batch failed in which libsecp256k1 finds every signature right.
    #[error(
        "a batch of {count} signatures failed, but recovery confirms every one; the first is {first:?}"
    )]
    RefusedRight {
        /// The first that is right.
        first: Box<Claim>,
        /// How many failed together.
        count: usize,
    },
}

impl Disagreement {
    /// Ends the process, with the evidence on standard error. It aborts: where tasks are kept apart, a panic would end one of them
    /// and leave the others paying on what is reckoned wrongly.
    pub fn stop(self) -> ! {
        eprintln!(
            "fatal: {self}. This machine or this build reckons wrongly: keep this message, and do not start again on it"
        );
        std::process::abort()
    }
}
