//! What the contracts are made from: creation code and constructors, of `abi/creation/`, which `cargo xtask abi` remakes.
//!
//! Invariant: a constructor's arguments are typed by its own ABI, so one that changes does not compile here.
#![allow(missing_docs, clippy::use_self, clippy::too_many_arguments, unreachable_pub)]

/// Each in a module of its own: several of them name the same Solidity type.
macro_rules! creations {
    ($($module:ident: $contract:ident, $file:literal;)*) => {$(
        pub(super) mod $module {
            alloy::sol!($contract, $file);
        }
    )*};
}

creations! {
    data_token: DataToken, "../../abi/creation/DataToken.json";
    timelock: TimelockController, "../../abi/creation/TimelockController.json";
    stake_pool: StakePool, "../../abi/creation/StakePool.json";
    operator_registry: OperatorRegistry, "../../abi/creation/OperatorRegistry.json";
    forced_receipts: ForcedReceipts, "../../abi/creation/ForcedReceipts.json";
    assents: Assents, "../../abi/creation/Assents.json";
    disproofs: Disproofs, "../../abi/creation/Disproofs.json";
    demands: Demands, "../../abi/creation/Demands.json";
    distributor: Distributor, "../../abi/creation/Distributor.json";
    overage: Overage, "../../abi/creation/Overage.json";
    channel_hub: ChannelHub, "../../abi/creation/ChannelHub.json";
    delegation_factory: DelegationFactory, "../../abi/creation/DelegationFactory.json";
    sponsor_factory: SponsorFactory, "../../abi/creation/SponsorFactory.json";
}
