//! Rust types of the contracts, generated at compile time from the checked-in ABIs.
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
