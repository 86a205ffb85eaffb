//! What an account may want done, and the transactions and messages that it signs for it.
//!
//! Invariant: nobody but the account's own wallet signs. What is answered is ready to sign and changes nothing by itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tatum_primitives::{Address, B256, Epoch, NodeId, OperatorId, U256};
use utoipa::ToSchema;

use super::AsOf;
use crate::schema::{
    AddressText, AmountText, BytesText, DecimalText, HexText, Number, OperatorNumber,
    SignatureText, WordText,
};

/// Who wants what done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// Whose wallet will sign.
    #[schema(value_type = AddressText)]
    pub account: Address,
    /// What it wants.
    #[serde(flatten)]
    pub action: Action,
}

/// What an account may want done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Add to the stake.
    Stake {
        /// So much.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        amount_wei: U256,
        /// How the pool gets it.
        #[serde(default)]
        by: StakeBy,
        /// The signed permit, once there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        permit: Option<Permit>,
    },
    /// Ask for some of the stake back.
    Unstake {
        /// So much.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        amount_wei: U256,
    },
    /// Ask for all of the stake back.
    UnstakeAll,
    /// Take out what was asked for and has waited long enough.
    WithdrawStake,
    /// Let a key sign receipts for the account.
    AuthorizeSessionKey {
        /// The key's address.
        #[schema(value_type = AddressText)]
        key: Address,
        /// The key's own signature that it agrees: `tatum session prove` prints it.
        #[schema(value_type = SignatureText)]
        proof: tatum_receipt::Signature,
    },
    /// Take that back.
    RevokeSessionKey {
        /// The key's address.
        #[schema(value_type = AddressText)]
        key: Address,
    },
    /// Become an operator.
    RegisterOperator {
        /// Where its tokens go.
        #[schema(value_type = AddressText)]
        payout: Address,
        /// What it bonds.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        bond_wei: u128,
        /// What its nodes carry in an epoch; nothing declares all that the bond backs.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tatum_primitives::decimal::optional"
        )]
        #[schema(value_type = Option<BytesText>)]
        capacity_bytes: Option<u64>,
        /// A name for people.
        #[serde(default)]
        #[schema(max_length = 256)]
        metadata: String,
    },
    /// Name a node as the operator's.
    AddNode {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// The node's key.
        #[schema(value_type = WordText)]
        node: NodeId,
    },
    /// Take a node off the operator.
    RemoveNode {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// The node's key.
        #[schema(value_type = WordText)]
        node: NodeId,
    },
    /// Declare what the operator's nodes carry in an epoch.
    DeclareCapacity {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// The capacity.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = BytesText)]
        capacity_bytes: u64,
    },
    /// Add to the operator's bond.
    AddBond {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// So much.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        amount_wei: u128,
    },
    /// Name where the operator is paid.
    SetPayout {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// The address.
        #[schema(value_type = AddressText)]
        payout: Address,
    },
    /// Give the operator another name for people.
    RenameOperator {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// The name; an empty one takes it away.
        #[schema(max_length = 256)]
        metadata: String,
    },
    /// Offer the operator to an account, which has to accept it; the newest offer counts.
    OfferOperator {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// The account; the zero address takes an offer back.
        #[schema(value_type = AddressText)]
        candidate: Address,
    },
    /// Take over an operator that is offered to the account.
    AcceptOperator {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
    },
    /// Ask to leave; there is no way back under the same id.
    Leave {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
    },
    /// Take the bond out of an operator that has left for long enough.
    WithdrawBond {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
    },
    /// Claim what operators have earned. Anybody may, for anybody: it goes to the operator's payout address.
    Claim {
        /// The operators, each a transaction.
        #[schema(value_type = Vec<OperatorNumber>, min_items = 1, max_items = 50)]
        operators: Vec<OperatorId>,
    },
    /// Open a payment channel with an operator.
    OpenChannel {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// What can be spent in it.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        deposit_wei: u128,
        /// How long the operator has to answer when the payer leaves.
        #[schema(minimum = 0, maximum = 65_535)]
        window_minutes: u16,
    },
    /// Add to the account's payment channel.
    TopUpChannel {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// So much.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        deposit_wei: u128,
    },
    /// Leave the account's payment channel.
    ExitChannel {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
    },
    /// Pay out a channel whose payer has left it. Anybody may.
    SettleChannel {
        /// The payer.
        #[schema(value_type = AddressText)]
        payer: Address,
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
    },
    /// Hand the operator, its bond and its payout address over to a pool of delegators, which the account runs; there is no way back.
    CreateDelegationPool {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// What the account keeps of every income, in parts of ten thousand.
        #[schema(minimum = 0, maximum = 5_000)]
        cut_bps: u16,
    },
    /// Lower the cut of the account's pool at once, or announce a rise, which counts after a whole unbonding.
    SetDelegationCut {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// The cut, in parts of ten thousand.
        #[schema(minimum = 0, maximum = 5_000)]
        cut_bps: u16,
    },
    /// Delegate to an operator that has a pool of delegators.
    Delegate {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// So much.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        amount_wei: u128,
    },
    /// Ask for some of the account's delegation back.
    RequestDelegation {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// So much, at the price of the moment.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        amount_wei: u128,
    },
    /// Ask for all of it back.
    RequestDelegationAll {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
    },
    /// Take out what the account asked for in an epoch and has waited long enough.
    RedeemDelegation {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
        /// The epoch in which it was asked for.
        #[schema(value_type = Number)]
        requested: Epoch,
    },
    /// Take in what came to an operator's pool, and move money between the pool and its bond. Anybody may.
    CollectDelegation {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
    },
    /// Make the sponsors' vault for somebody's streams, until an epoch. Anybody may.
    CreateSponsorVault {
        /// Whose streams.
        #[schema(value_type = AddressText)]
        stream_owner: Address,
        /// Which of them: a stream's key, or the hash of a set of keys.
        #[schema(value_type = WordText)]
        streams: B256,
        /// The first epoch in which nothing is sponsored or staked any more.
        #[schema(value_type = Number)]
        end_epoch: Epoch,
    },
    /// Sponsor streams by their vault.
    Sponsor {
        /// The vault.
        #[schema(value_type = AddressText)]
        vault: Address,
        /// So much.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        amount_wei: u128,
        /// How the vault gets it.
        #[serde(default)]
        by: StakeBy,
        /// The signed permit, once there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        permit: Option<Permit>,
    },
    /// Stake what lies in a vault. Anybody may.
    StakeSponsored {
        /// The vault.
        #[schema(value_type = AddressText)]
        vault: Address,
    },
    /// Ask for some of what the account has of a vault back.
    RequestSponsored {
        /// The vault.
        #[schema(value_type = AddressText)]
        vault: Address,
        /// So much, at the price of the moment.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        amount_wei: u128,
    },
    /// Ask for all of it back.
    RequestSponsoredAll {
        /// The vault.
        #[schema(value_type = AddressText)]
        vault: Address,
    },
    /// Take out what the account asked a vault for in an epoch and has waited long enough.
    RedeemSponsored {
        /// The vault.
        #[schema(value_type = AddressText)]
        vault: Address,
        /// The epoch in which it was asked for.
        #[schema(value_type = Number)]
        requested: Epoch,
    },
    /// Have the stake pool give a vault back what is due, 50 exits at once. Anybody may.
    CollectSponsored {
        /// The vault.
        #[schema(value_type = AddressText)]
        vault: Address,
    },
    /// Ask for the whole stake of a vault back, from its end on. Anybody may.
    EndSponsored {
        /// The vault.
        #[schema(value_type = AddressText)]
        vault: Address,
    },
    /// Let a key sign receipts that a vault pays for. The streams' owner only.
    AuthorizeSponsoredKey {
        /// The vault.
        #[schema(value_type = AddressText)]
        vault: Address,
        /// The key's address.
        #[schema(value_type = AddressText)]
        key: Address,
        /// The key's own signature that it agrees: `tatum session prove --payer VAULT` prints it.
        #[schema(value_type = SignatureText)]
        proof: tatum_receipt::Signature,
    },
    /// Take that back. The streams' owner only.
    RevokeSponsoredKey {
        /// The vault.
        #[schema(value_type = AddressText)]
        vault: Address,
        /// The key's address.
        #[schema(value_type = AddressText)]
        key: Address,
    },
    /// Bill a payer that signed for more than its quota in an epoch that is final. Anybody may, once; a tenth of what is charged is the
    /// account's.
    FileOverage {
        /// The epoch.
        #[schema(value_type = Number)]
        epoch: Epoch,
        /// The payer.
        #[schema(value_type = AddressText)]
        payer: Address,
    },
}

impl Action {
    /// Which sponsors' vault it is about, if there has to be one already.
    pub const fn vault(&self) -> Option<Address> {
        match self {
            Self::Sponsor { vault, .. }
            | Self::StakeSponsored { vault }
            | Self::RequestSponsored { vault, .. }
            | Self::RequestSponsoredAll { vault }
            | Self::RedeemSponsored { vault, .. }
            | Self::CollectSponsored { vault }
            | Self::EndSponsored { vault }
            | Self::AuthorizeSponsoredKey { vault, .. }
            | Self::RevokeSponsoredKey { vault, .. } => Some(*vault),
            _ => None,
        }
    }
}

/// How the pool gets a stake, or a vault what is sponsored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StakeBy {
    /// The wallet signs a permit (EIP-2612), then sends one transaction.
    #[default]
    Permit,
    /// The wallet approves the amount in one transaction and stakes in another.
    Approve,
    /// The wallet hands the tokens over in one transaction (ERC-677).
    TransferAndCall,
}

/// A permit that the wallet signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Permit {
    /// Until when it can be used, in seconds since 1970: as in the message that was signed.
    pub deadline_s: u64,
    /// The wallet's signature.
    #[schema(value_type = SignatureText)]
    pub signature: tatum_receipt::Signature,
}

/// What a wallet signs so that an action is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Prepared {
    /// When this was read.
    pub as_of: AsOf,
    /// The chain that it is for.
    pub chain_id: u64,
    /// Whose wallet signs.
    #[schema(value_type = AddressText)]
    pub account: Address,
    /// What one should know before signing.
    pub warnings: Vec<String>,
    /// What to sign, in this order.
    pub steps: Vec<Step>,
}

/// One thing to sign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Step {
    /// A transaction.
    Send {
        /// What it does, for people.
        label: String,
        /// The contract.
        #[schema(value_type = AddressText)]
        to: Address,
        /// The call.
        #[schema(value_type = HexText)]
        data: String,
        /// What it sends of the chain's own coin.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = DecimalText)]
        value_wei: U256,
        /// How much gas to allow; nothing if it cannot be known before the steps ahead of it are done.
        #[serde(with = "tatum_primitives::decimal::optional")]
        #[schema(value_type = Option<DecimalText>)]
        gas: Option<u64>,
        /// What the contract would refuse it with, as of now.
        refused: Option<String>,
    },
    /// A message for `eth_signTypedData_v4`; its signature goes into the same request as `permit`.
    Sign {
        /// What it allows, for people.
        label: String,
        /// The message.
        #[schema(value_type = Object)]
        typed_data: Value,
        /// The field of the request that its signature goes into.
        answer: String,
    },
}
