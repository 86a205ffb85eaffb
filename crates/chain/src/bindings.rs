//! Rust types of the contracts, generated at compile time from the checked-in ABIs.
//!
//! Invariant: contracts that name the same Solidity type have one Rust type each for it, so those are made from this crate's
//! own in `mirror.rs` alone.
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
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    ChannelHub,
    "../../abi/ChannelHub.json"
);
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    DelegationFactory,
    "../../abi/DelegationFactory.json"
);
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    DelegationPool,
    "../../abi/DelegationPool.json"
);
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    SponsorFactory,
    "../../abi/SponsorFactory.json"
);
sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    SponsorVault,
    "../../abi/SponsorVault.json"
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

/// What bills payers that signed for more than their quota.
pub mod overage {
    alloy::sol!(
        #[sol(rpc)]
        #[derive(Debug, PartialEq, Eq)]
        Overage,
        "../../abi/Overage.json"
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
