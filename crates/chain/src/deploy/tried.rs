//! A deployment tried before it is begun: all its contracts, one after the other, in one call that changes nothing.
//!
//! Invariant: nothing is sent. What a constructor refuses shows here, before the first contract is paid for. For the length of the
//! call a program stands at the account's own address and creates what the account would: same creator, same nonces, so the same
//! addresses and the same `msg.sender`. Source: `eth_call` with state overrides, as geth, reth, nethermind, erigon and anvil have it.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Bytes, bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::state::{AccountOverride, StateOverride};
use alloy::transports::TransportError;
use tatum_primitives::{Address, U256};

use super::{Begun, DeployError, Deployer, Plan, Planned};
use crate::ChainError;
use crate::transactions::most_gas;

/// Reads `length (32 bytes) ‖ code` again and again from its call, creates a contract of each, and returns the gas that took. Where
/// one cannot be created it reverts with what the constructor said. In assembly, with the stack at each label:
///
/// ```text
///       gas push0                                                                 // g p
/// next: calldatasize dup2 lt iszero push1 done jumpi                              // g p
///       dup1 calldataload swap1 push1 32 add dup2 dup2 push0 calldatacopy         // g length p
///       dup2 push0 push0 create iszero push1 fail jumpi add push1 next jump
/// done: pop gas swap1 sub push0 mstore push1 32 push0 return
/// fail: returndatasize push0 push0 returndatacopy returndatasize push0 revert
/// ```
const CREATOR: Bytes = bytes!(
    "5a5f5b3681101560205780359060200181815f37815f5ff015602b57016002565b505a90035f5260205ff35b3d5f5f3e3d5ffd"
);
/// What the call may take; providers allow less by themselves.
const MOST_GAS: u64 = 100_000_000;
/// A transaction, and a byte of it that is not zero.
const TRANSACTION_GAS: u64 = 21_000;
const BYTE_GAS: u64 = 16;

/// What a trial said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Gas of all that is missing; nothing where the endpoint cannot try it.
    pub gas: Option<u64>,
    /// What that may cost at most, in wei of the chain's coin.
    pub most_wei: Option<U256>,
}

impl Deployer {
    /// Tries what is missing of `begun`, and makes sure that the account can pay for it.
    pub async fn try_out(&self, begun: &Begun) -> Result<Trial, DeployError> {
        if begun.parameters.token != Address::ZERO {
            self.check_token(begun.parameters.token).await?;
        }
        let mut missing = Vec::new();
        for planned in Plan::of(begun).contracts {
            if !self.has_code(planned.address).await? {
                missing.push(planned);
            }
        }
        let Some(used) = self.try_all(&missing).await? else {
            return Ok(Trial { gas: None, most_wei: None });
        };
        let carried = missing.iter().map(|planned| {
            let bytes = u64::try_from(planned.creation.len()).unwrap_or(u64::MAX);
            most_gas(bytes.saturating_mul(BYTE_GAS).saturating_add(TRANSACTION_GAS))
        });
        let gas = carried.fold(used.saturating_mul(5) / 4, u64::saturating_add);
        Ok(Trial { gas: Some(gas), most_wei: Some(self.check_pays(gas).await?) })
    }

    /// The gas of creating all of `missing`; nothing if the endpoint cannot tell.
    async fn try_all(&self, missing: &[Planned]) -> Result<Option<u64>, ChainError> {
        match self.call_creator(missing).await? {
            TriedOut::Took { gas } => return Ok(Some(gas)),
            TriedOut::Unknown => return Ok(None),
            TriedOut::Refused { .. } => {}
        }
        // One of them is refused: the first one that is.
        for (at, planned) in missing.iter().enumerate() {
            let first = missing.get(..=at).unwrap_or(missing);
            if let TriedOut::Refused { reason } = self.call_creator(first).await? {
                return Err(ChainError::Refused { action: planned.action, reason });
            }
        }
        Ok(None)
    }

    async fn call_creator(&self, missing: &[Planned]) -> Result<TriedOut, ChainError> {
        let mut input = Vec::new();
        for planned in missing {
            input.extend(U256::from(planned.creation.len()).to_be_bytes::<32>());
            input.extend_from_slice(&planned.creation);
        }
        let account = self.account();
        let request = TransactionRequest::default().with_to(account).with_input(input);
        let program = AccountOverride { code: Some(CREATOR), ..AccountOverride::default() };
        let overrides = StateOverride::from_iter([(account, program)]);
        let call = self.provider.call(request.with_gas_limit(MOST_GAS)).overrides(overrides);
        match call.await {
            Ok(word) => {
                let gas = U256::try_from_be_slice(&word).filter(|_| word.len() == 32);
                Ok(gas.map_or(TriedOut::Unknown, |gas| TriedOut::Took { gas: gas.saturating_to() }))
            }
            Err(TransportError::ErrorResp(answer)) => {
                let said = answer.as_revert_data().filter(|data| !data.is_empty());
                Ok(said.map_or(TriedOut::Unknown, |data| TriedOut::Refused {
                    reason: crate::revert_reasons::words_of(&data),
                }))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn check_pays(&self, gas: u64) -> Result<U256, DeployError> {
        let price = self.provider.get_gas_price().await.map_err(ChainError::from)?;
        let account = self.account();
        let held_wei = self.provider.get_balance(account).await.map_err(ChainError::from)?;
        let needed_wei = U256::from(gas).saturating_mul(U256::from(price));
        if held_wei < needed_wei {
            return Err(DeployError::TooLittleCoin { account, held_wei, needed_wei, gas });
        }
        Ok(needed_wei)
    }
}

/// What became of one call.
enum TriedOut {
    Took {
        gas: u64,
    },
    Refused {
        reason: String,
    },
    /// It ran out of gas, or the endpoint does not do this.
    Unknown,
}
