//! The message by which a holder lets the stake pool take DATA (EIP-2612), for a wallet to sign.
//!
//! Invariant: the domain that the wallet shows is the one that the token checks: its separator is worked out here and
//! compared with the token's own.

use alloy::primitives::keccak256;
use alloy::sol_types::SolValue;
use serde_json::{Value, json};
use tatum_primitives::{Address, B256, U256};

use crate::{Chain, ChainError, Result};

/// The version that tokens of the field name, DATA among them.
const VERSION: &str = "1";

impl Chain {
    /// The permit for `amount_wei` from `owner`, good until `deadline_s`, as `eth_signTypedData_v4` takes it.
    pub async fn stake_permit(
        &self,
        owner: Address,
        amount_wei: U256,
        deadline_s: u64,
    ) -> Result<Value> {
        let read = |e| ChainError::from_call("reading the token's permits", e);
        let name = self.token.name().call().await.map_err(read)?;
        let separator = self.token.DOMAIN_SEPARATOR().call().await.map_err(read)?;
        let nonce = self.token.nonces(owner).call().await.map_err(read)?;
        let deployment = self.deployment();
        if separator != domain_separator(&name, deployment.chain_id, deployment.token) {
            let reason =
                "the token signs permits in a way that is not known here; stake by approval"
                    .to_owned();
            return Err(ChainError::Refused { action: "preparing a permit", reason });
        }
        let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
        Ok(json!({
            "types": {
                "EIP712Domain": [
                    field("name", "string"), field("version", "string"),
                    field("chainId", "uint256"), field("verifyingContract", "address"),
                ],
                "Permit": [
                    field("owner", "address"), field("spender", "address"), field("value", "uint256"),
                    field("nonce", "uint256"), field("deadline", "uint256"),
                ],
            },
            "primaryType": "Permit",
            "domain": {
                "name": name,
                "version": VERSION,
                "chainId": deployment.chain_id,
                "verifyingContract": deployment.token,
            },
            "message": {
                "owner": owner,
                "spender": deployment.stake_pool,
                "value": amount_wei.to_string(),
                "nonce": nonce.to_string(),
                "deadline": deadline_s,
            },
        }))
    }
}

fn domain_separator(name: &str, chain_id: u64, token: Address) -> B256 {
    let kind = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
    );
    let words = (kind, keccak256(name), keccak256(VERSION), U256::from(chain_id), token);
    keccak256(words.abi_encode())
}
