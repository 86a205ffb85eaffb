//! Rust types of the contracts, generated at compile time from the checked-in ABIs.
//!
//! Invariant: contracts that name the same Solidity type have one Rust type each for it, so those are made from this crate's
//! own by [`mirror`] alone.
#![allow(missing_docs, clippy::use_self, clippy::too_many_arguments, unreachable_pub)]

use alloy::sol;

sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    DataToken,
    "../../abi/DataToken.json"
);
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    StakePool,
    "../../abi/StakePool.json"
);
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    OperatorRegistry,
    "../../abi/OperatorRegistry.json"
);
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    Distributor,
    "../../abi/Distributor.json"
);
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    Assents,
    "../../abi/Assents.json"
);
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    ForcedReceipts,
    "../../abi/ForcedReceipts.json"
);

/// What shows a proposal wrong.
pub mod disproofs {
    alloy::sol!(
        #[sol(rpc)]
        #[derive(Debug, PartialEq, Eq)]
        Disproofs,
        "../../abi/Disproofs.json"
    );
}

/// What asks for a proposal's data.
pub mod demands {
    alloy::sol!(
        #[sol(rpc)]
        #[derive(Debug, PartialEq, Eq)]
        Demands,
        "../../abi/Demands.json"
    );
}

/// A proposal as each contract that judges one takes it.
macro_rules! mirror {
    ($($types:path),*) => {$(
        const _: () = {
            use $types as types;

            impl From<&crate::Draft> for types::Draft {
                fn from(draft: &crate::Draft) -> Self {
                    Self {
                        epoch: draft.epoch.0,
                        entriesTop: draft.entries_top.0,
                        receiptsTop: draft.receipts.top,
                        receiptsCount: draft.receipts.count,
                        edgesTop: draft.edges.top,
                        edgesCount: draft.edges.count,
                        workNano: draft.work_nano.0,
                        forcedHash: draft.forced_hash,
                        manifestHash: draft.manifest_hash,
                    }
                }
            }

            impl From<&crate::Proposal> for types::Proposal {
                fn from(proposal: &crate::Proposal) -> Self {
                    let assent = proposal.assent.unwrap_or_default();
                    Self {
                        draft: (&proposal.draft).into(),
                        counter: proposal.counter,
                        proposer: proposal.proposer,
                        time: proposal.time_s,
                        oldRoot: proposal.old_root.0,
                        availableNano: proposal.available_nano.0,
                        assentRound: assent.round,
                        assentTop: assent.list.top,
                        assentCount: assent.list.count,
                        uriHash: tatum_primitives::keccak256(&proposal.uri),
                    }
                }
            }
        };
    )*};
}

mirror!(
    crate::bindings::ISettlement,
    crate::bindings::disproofs::ISettlement,
    crate::bindings::demands::ISettlement
);
