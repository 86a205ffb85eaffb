//! Calls that our account pays for and others asked for.
//!
//! Invariant: they are made here, of what was asked for, and never of bytes that somebody sent. Whoever sends them gains nothing by it:
//! the stake is the permit's owner's, and a claim goes to the operator's payout address.

use alloy::sol_types::SolCall;
use tatum_primitives::{Address, U256};
use tatum_protocol::web::Permit;

use crate::bindings::StakePool::stakeWithPermitOfCall;
use crate::permit::in_parts;
use crate::{Call, Carried, Chain, Claim, Cost, Priced, Result};

impl Chain {
    /// The call that stakes `amount_wei` of `owner` for it, by its permit, whoever sends it.
    pub fn carrying_permit(&self, owner: Address, amount_wei: U256, permit: &Permit) -> Call {
        let (deadline, v, r, s) = in_parts(permit);
        let call = stakeWithPermitOfCall { owner, amountWei: amount_wei, deadline, v, r, s };
        let data = call.abi_encode().into();
        Call { label: "staking by a permit", to: self.deployment().stake_pool, data }
    }

    /// The call that claims, whoever sends it.
    pub fn carrying_claim(&self, claim: Claim) -> Call {
        let call = self.distributor.claim(claim.entry, claim.proof);
        Call { label: "claiming", to: self.deployment().distributor, data: call.calldata().clone() }
    }

    /// Tries a call as our account would send it, and prices it; one that would be refused, or that takes more than `most_gas`, is not
    /// priced.
    pub async fn priced(&self, call: Call, most_gas: u64) -> Result<Priced> {
        self.sender()?.priced(call, most_gas).await
    }

    /// Sends what was priced; does not wait until it is mined. If this fails, nothing was signed that can still be mined, but for
    /// [`NotTaken`](crate::ChainError::NotTaken), of which an endpoint that gave no answer may know more.
    pub async fn carry(&self, priced: &Priced) -> Result<Carried> {
        Box::pin(self.sender()?.carry(priced)).await
    }

    /// Waits until what was sent is mined, and tells what it cost.
    pub async fn cost_of(&self, carried: Carried) -> Result<Cost> {
        Box::pin(self.sender()?.cost_of(carried)).await
    }
}
