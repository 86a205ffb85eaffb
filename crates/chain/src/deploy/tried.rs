//! A deployment tried before it is begun: all its transactions, one after the other, in the provider's memory.
//!
//! Invariant: nothing is sent. What a constructor refuses shows here, before the first contract is paid for.
//! Source: `eth_simulateV1` of the execution APIs.

use alloy::network::TransactionBuilder;
use alloy::primitives::TxKind;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::simulate::{SimBlock, SimulatePayload};
use alloy::transports::TransportError;
use tatum_primitives::U256;

use super::{Begun, DeployError, Deployer, Plan};
use crate::ChainError;
use crate::transactions::most_gas;

/// What a trial said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Gas of all that is missing; nothing where the endpoint cannot try several transactions.
    pub gas: Option<u64>,
    /// What that may cost at most, in wei of the chain's coin.
    pub most_wei: Option<U256>,
}

impl Deployer {
    /// Tries what is missing of `begun`, and makes sure that the account can pay for it.
    pub async fn try_out(&self, begun: &Begun) -> Result<Trial, DeployError> {
        if begun.parameters.token != tatum_primitives::Address::ZERO {
            self.check_token(begun.parameters.token).await?;
        }
        let mut missing = Vec::new();
        for planned in Plan::of(begun).contracts {
            if !self.has_code(planned.address).await? {
                missing.push(planned);
            }
        }
        let calls = missing.iter().map(|planned| {
            let request = TransactionRequest::default().with_from(self.account());
            let mut request =
                request.with_input(planned.creation.clone()).with_nonce(planned.nonce);
            request.to = Some(TxKind::Create);
            request
        });
        let block = SimBlock { calls: calls.collect(), ..SimBlock::default() };
        let payload = SimulatePayload { block_state_calls: vec![block], ..Default::default() };
        let blocks = match self.provider.simulate(&payload).await {
            Ok(blocks) => blocks,
            Err(TransportError::ErrorResp(_)) => return Ok(Trial { gas: None, most_wei: None }),
            Err(error) => return Err(ChainError::from(error).into()),
        };
        let results = blocks.into_iter().flat_map(|block| block.calls);
        let mut gas = 0_u64;
        for (planned, result) in missing.iter().zip(results) {
            if !result.status {
                let reason = crate::revert_reasons::words_of(&result.return_data);
                return Err(ChainError::Refused { action: planned.action, reason }.into());
            }
            gas = gas.saturating_add(most_gas(result.gas_used));
        }
        let most_wei = self.check_pays(gas).await?;
        Ok(Trial { gas: Some(gas), most_wei: Some(most_wei) })
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
