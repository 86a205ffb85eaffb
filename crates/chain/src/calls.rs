//! Calls for wallets that are not ours: what an action comes to, tried before anybody signs it.
//!
//! Invariant: nothing here signs or sends. They are made by the bindings that this crate sends by itself, so a
//! contract that changes changes both. An allowance is for just as much as the call after it takes.

use alloy::primitives::Bytes;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolValue;
use tatum_primitives::{Address, U256};
use tatum_protocol::web::{Action, Permit, StakeBy};

use crate::bindings::StakePool::stakeWithPermitCall;
use crate::call::refusal;
use crate::permit::in_parts;
use crate::{Call, Chain, ChainError, Claim, OverageClaim, Result};

mod delegating;
mod operating;
mod sponsoring;

/// What some actions show the contracts, read before from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Proven {
    /// What is claimed.
    pub claims: Vec<Claim>,
    /// The overage that is filed.
    pub overage: Option<OverageClaim>,
}

/// What would become of a call now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It would succeed, if so much gas is allowed.
    Passes {
        /// Enough in the next epoch too.
        gas: u64,
    },
    /// It would be refused.
    Refused {
        /// Why, in words.
        reason: String,
    },
}

impl Chain {
    /// The calls that do what `action` says, in their order; none if a permit has to be signed first. Claims and bills need what is
    /// `proven`.
    pub async fn calls(
        &self,
        account: Address,
        action: &Action,
        proven: Proven,
    ) -> Result<Vec<Call>> {
        let at = self.deployment();
        Ok(match action {
            Action::Stake { amount_wei, by: StakeBy::Approve, .. } => {
                let stake = call("stake", at.stake_pool, self.pool.stake(*amount_wei).calldata());
                self.after_approval(account, at.stake_pool, *amount_wei, stake).await?
            }
            Action::Stake { amount_wei, by: StakeBy::TransferAndCall, .. } => {
                vec![self.handed_over("stake", at.stake_pool, *amount_wei, Bytes::new())]
            }
            Action::Stake { amount_wei, by: StakeBy::Permit, permit } => {
                permit.iter().map(|permit| self.permitted_stake(*amount_wei, permit)).collect()
            }
            Action::RegisterOperator { payout, bond_wei, capacity_bytes, metadata } => {
                // As the contract has it: all that the bond backs.
                let capacity = capacity_bytes.unwrap_or(u64::MAX);
                let sent = self.registry.register(*payout, *bond_wei, capacity, metadata.clone());
                let register = call("register the operator", at.operator_registry, sent.calldata());
                self.after_approval(account, at.operator_registry, U256::from(*bond_wei), register)
                    .await?
            }
            Action::AddBond { operator, amount_wei } => {
                let sent = self.registry.addBond(operator.0, *amount_wei);
                let add = call("add to the bond", at.operator_registry, sent.calldata());
                self.after_approval(account, at.operator_registry, U256::from(*amount_wei), add)
                    .await?
            }
            Action::Claim { .. } => {
                let claiming = proven.claims.into_iter().map(|claim| self.carrying_claim(claim));
                claiming.map(|call| Call { label: "claim", ..call }).collect()
            }
            Action::FileOverage { .. } => {
                proven.overage.map(|claim| self.filing(claim)).into_iter().collect()
            }
            Action::AddNode { .. }
            | Action::RemoveNode { .. }
            | Action::DeclareCapacity { .. }
            | Action::RenameOperator { .. }
            | Action::Leave { .. }
            | Action::CreateDelegationPool { .. }
            | Action::SetDelegationCut { .. } => self.operating(account, action).await?,
            Action::Delegate { .. }
            | Action::RequestDelegation { .. }
            | Action::RequestDelegationAll { .. }
            | Action::RedeemDelegation { .. }
            | Action::CollectDelegation { .. } => self.delegating(account, action).await?,
            Action::CreateSponsorVault { .. } => self.sponsoring(account, action).await?,
            of_vault if of_vault.vault().is_some() => self.sponsoring(account, of_vault).await?,
            single => self.single(single).into_iter().collect(),
        })
    }

    /// What is one call that needs nothing else.
    fn single(&self, action: &Action) -> Option<Call> {
        let (pool, registry, hub) = (&self.pool, &self.registry, &self.channel_hub);
        let at = self.deployment();
        Some(match action {
            Action::Unstake { amount_wei } => call(
                "ask for the stake back",
                at.stake_pool,
                pool.requestUnstake(*amount_wei).calldata(),
            ),
            Action::UnstakeAll => call(
                "ask for all of the stake back",
                at.stake_pool,
                pool.requestUnstake(U256::MAX).calldata(),
            ),
            Action::WithdrawStake => call("withdraw", at.stake_pool, pool.withdraw().calldata()),
            Action::AuthorizeSessionKey { key, proof } => {
                let sent = pool.authorizeSessionKey(*key, Bytes::from(proof.0.to_vec()));
                call("authorise the session key", at.stake_pool, sent.calldata())
            }
            Action::RevokeSessionKey { key } => call(
                "revoke the session key",
                at.stake_pool,
                pool.revokeSessionKey(*key).calldata(),
            ),
            Action::SetPayout { operator, payout } => {
                let sent = registry.setPayout(operator.0, *payout);
                call("change the payout address", at.operator_registry, sent.calldata())
            }
            Action::OfferOperator { operator, candidate } => {
                let sent = registry.offerOperator(operator.0, *candidate);
                call("offer the operator", at.operator_registry, sent.calldata())
            }
            Action::AcceptOperator { operator } => call(
                "take over the operator",
                at.operator_registry,
                registry.acceptOperator(operator.0).calldata(),
            ),
            Action::WithdrawBond { operator } => call(
                "withdraw the bond",
                at.operator_registry,
                registry.withdrawBond(operator.0).calldata(),
            ),
            Action::OpenChannel { operator, deposit_wei, window_minutes } => {
                let terms = (operator.0, *window_minutes).abi_encode();
                self.to_hub_with("open the channel", *deposit_wei, terms)
            }
            Action::TopUpChannel { operator, deposit_wei } => {
                self.to_hub_with("top up the channel", *deposit_wei, operator.0.abi_encode())
            }
            Action::ExitChannel { operator } => {
                call("leave the channel", at.channel_hub, hub.exit(operator.0).calldata())
            }
            Action::SettleChannel { payer, operator } => call(
                "settle the channel",
                at.channel_hub,
                hub.settle(*payer, operator.0).calldata(),
            ),
            Action::Stake { .. }
            | Action::RegisterOperator { .. }
            | Action::AddBond { .. }
            | Action::Claim { .. }
            | Action::FileOverage { .. }
            | Action::AddNode { .. }
            | Action::RemoveNode { .. }
            | Action::DeclareCapacity { .. }
            | Action::RenameOperator { .. }
            | Action::Leave { .. }
            | Action::CreateDelegationPool { .. }
            | Action::SetDelegationCut { .. }
            | Action::Delegate { .. }
            | Action::RequestDelegation { .. }
            | Action::RequestDelegationAll { .. }
            | Action::RedeemDelegation { .. }
            | Action::CollectDelegation { .. }
            | Action::CreateSponsorVault { .. }
            | Action::Sponsor { .. }
            | Action::StakeSponsored { .. }
            | Action::RequestSponsored { .. }
            | Action::RequestSponsoredAll { .. }
            | Action::RedeemSponsored { .. }
            | Action::CollectSponsored { .. }
            | Action::EndSponsored { .. }
            | Action::AuthorizeSponsoredKey { .. }
            | Action::RevokeSponsoredKey { .. } => return None,
        })
    }

    /// What would become of `call` now, sent by `account`.
    pub async fn tried(&self, account: Address, call: &Call) -> Result<Tried> {
        let request = TransactionRequest::default().from(account).to(call.to);
        let request = request.input(call.data.clone().into());
        match self.provider.estimate_gas(request).await {
            Ok(gas) => Ok(Tried::Passes { gas: crate::transactions::most_gas(gas) }),
            Err(error) => match refusal(&error) {
                Some(reason) => Ok(Tried::Refused { reason }),
                None => Err(error.into()),
            },
        }
    }

    /// DATA that the stake pool may take from `account`.
    pub async fn allowance_wei(&self, account: Address) -> Result<U256> {
        self.allowed_wei(account, self.deployment().stake_pool).await
    }

    /// DATA that `spender` may take from `account`.
    pub(crate) async fn allowed_wei(&self, account: Address, spender: Address) -> Result<U256> {
        let allowed = self.token.allowance(account, spender).call().await;
        allowed.map_err(|e| ChainError::from_call("reading the allowance", e))
    }

    /// `call`, which takes `amount_wei`, and the approval that it needs.
    async fn after_approval(
        &self,
        account: Address,
        spender: Address,
        amount_wei: U256,
        call: Call,
    ) -> Result<Vec<Call>> {
        if self.allowed_wei(account, spender).await? >= amount_wei {
            return Ok(vec![call]);
        }
        let data = self.token.approve(spender, amount_wei).calldata().clone();
        Ok(vec![Call { label: "approve the amount", to: self.deployment().token, data }, call])
    }

    fn permitted_stake(&self, amount_wei: U256, permit: &Permit) -> Call {
        let (deadline, v, r, s) = in_parts(permit);
        let call = stakeWithPermitCall { amountWei: amount_wei, deadline, v, r, s };
        let data = alloy::sol_types::SolCall::abi_encode(&call).into();
        Call { label: "stake", to: self.deployment().stake_pool, data }
    }

    fn filing(&self, claim: OverageClaim) -> Call {
        call("file the overage", self.deployment().overage, self.filing_call(claim).calldata())
    }

    fn handed_over(&self, label: &'static str, to: Address, amount_wei: U256, word: Bytes) -> Call {
        let call = self.token.transferAndCall(to, amount_wei, word);
        Call { label, to: self.deployment().token, data: call.calldata().clone() }
    }

    fn to_hub_with(&self, label: &'static str, amount_wei: u128, word: Vec<u8>) -> Call {
        let hub = self.deployment().channel_hub;
        self.handed_over(label, hub, U256::from(amount_wei), word.into())
    }
}

fn call(label: &'static str, to: Address, data: &Bytes) -> Call {
    Call { label, to, data: data.clone() }
}

/// The claim that a proof allows.
impl From<tatum_protocol::OperatorProof> for Claim {
    fn from(proof: tatum_protocol::OperatorProof) -> Self {
        Self { entry: proof.entry, proof: proof.proof.siblings.iter().map(|word| word.0).collect() }
    }
}
