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

/// The digest that is signed: the keccak of [`eip712_preimage`].
pub fn eip712_digest(separator: B256, struct_hash: B256) -> B256 {
    keccak256(eip712_preimage(separator, struct_hash))
}

/// `0x1901 ‖ separator ‖ struct hash`.
pub fn eip712_preimage(separator: B256, struct_hash: B256) -> [u8; 66] {
    let mut bytes = [0; 66];
    let (prefix, words) = bytes.split_at_mut(2);
    prefix.copy_from_slice(&[0x19, 0x01]);
    words.copy_from_slice([separator.0, struct_hash.0].as_flattened());
    bytes
}
