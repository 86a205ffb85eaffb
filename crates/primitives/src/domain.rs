//! The EIP-712 domain of a deployment (name `Tatum`, version `1`, chain id, stake pool), as one separator.
//!
//! Invariant: two deployments, on one chain or on two, never share a separator. Source: EIP-712.

use alloy_primitives::{Address, B256, Keccak256, U256, keccak256};
use serde::{Deserialize, Serialize};

const DOMAIN_TYPE: &[u8] =
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";

/// What every signature of a deployment is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Domain {
    /// The chain's id (EIP-155).
    pub chain_id: u64,
    /// The deployment's `StakePool`, EIP-712's verifying contract.
    pub stake_pool: Address,
}

impl Domain {
    /// EIP-712's `hashStruct(eip712Domain)`. Keep it where many hashes are made.
    pub fn separator(&self) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update(keccak256(DOMAIN_TYPE));
        hasher.update(keccak256("Tatum"));
        hasher.update(keccak256("1"));
        hasher.update(U256::from(self.chain_id).to_be_bytes::<32>());
        hasher.update(self.stake_pool.into_word());
        hasher.finalize()
    }
}

/// The digest that is signed: `keccak256(0x1901 ‖ separator ‖ struct hash)`.
pub fn eip712_digest(separator: B256, struct_hash: B256) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update([0x19, 0x01]);
    hasher.update(separator);
    hasher.update(struct_hash);
    hasher.finalize()
}
