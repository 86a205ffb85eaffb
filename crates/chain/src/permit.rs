//! The message by which a holder lets a contract take DATA (EIP-2612), for a wallet to sign, or signed by our account.
//!
//! Invariant: the domain that the wallet shows is the one that the token checks: its separator is worked out here and
//! compared with the token's own.

use alloy::primitives::keccak256;
use alloy::sol_types::SolValue;
use serde_json::{Value, json};
use tatum_primitives::{Address, B256, U256, eip712_digest};
use tatum_protocol::web::Permit;

use crate::{Chain, ChainError, Result};

/// The version that tokens of the field name, DATA among them.
const VERSION: &str = "1";
const PERMIT: &str =
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
/// For so long a permit that our own account signs can be used: its transaction is sent at once.
const OWN_PERMIT_S: u64 = 30 * 60;

/// What a permit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Whose DATA.
    pub owner: Address,
    /// Who may take it.
    pub spender: Address,
    /// How much.
    pub amount_wei: U256,
    /// Until when, in seconds since 1970.
    pub deadline_s: u64,
}

/// What the token adds to that.
struct Terms {
    name: String,
    separator: B256,
    nonce: U256,
}

impl Chain {
    /// The permit as `eth_signTypedData_v4` takes it.
    pub async fn permit(&self, allowed: Allowed) -> Result<Value> {
        let Terms { name, nonce, .. } = self.permit_terms(allowed.owner).await?;
        let deployment = self.deployment();
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
                "owner": allowed.owner,
                "spender": allowed.spender,
                "value": allowed.amount_wei.to_string(),
                "nonce": nonce.to_string(),
                "deadline": allowed.deadline_s,
            },
        }))
    }

    /// A permit that our account signs, for `spender`; by the chain's clock, not ours.
    pub(crate) async fn own_permit(&self, spender: Address, amount_wei: U256) -> Result<Permit> {
        let (_, now_s) = self.head().await?;
        let deadline_s = now_s.saturating_add(OWN_PERMIT_S);
        let allowed = Allowed { owner: self.account()?, spender, amount_wei, deadline_s };
        let Terms { separator, nonce, .. } = self.permit_terms(allowed.owner).await?;
        let digest = eip712_digest(separator, allowed.hash(nonce));
        let signature = self.sender()?.sign("signing a permit", digest)?;
        Ok(Permit { deadline_s, signature })
    }

    async fn permit_terms(&self, owner: Address) -> Result<Terms> {
        let read = |e| ChainError::from_call("reading the token's permits", e);
        let name = self.token.name().call().await.map_err(read)?;
        let separator = self.token.DOMAIN_SEPARATOR().call().await.map_err(read)?;
        let nonce = self.token.nonces(owner).call().await.map_err(read)?;
        let deployment = self.deployment();
        if separator != domain_separator(&name, deployment.chain_id, deployment.token) {
            let reason =
                "the token signs permits in a way that is not known here; use an approval instead"
                    .to_owned();
            return Err(ChainError::Refused { action: "preparing a permit", reason });
        }
        Ok(Terms { name, separator, nonce })
    }
}

impl Allowed {
    /// EIP-712's hash of the message.
    fn hash(self, nonce: U256) -> B256 {
        let Self { owner, spender, amount_wei, deadline_s } = self;
        let kind = keccak256(PERMIT);
        keccak256((kind, owner, spender, amount_wei, nonce, U256::from(deadline_s)).abi_encode())
    }
}

/// A permit as the contracts take it: until when, and the signature in three parts.
pub(crate) fn in_parts(permit: &Permit) -> (U256, u8, B256, B256) {
    let (rs, v) = permit.signature.0.split_at(64);
    let (r, s) = rs.split_at(32);
    // Some wallets say 0 and 1.
    let v = v.first().map_or(0, |v| if *v < 27 { v.saturating_add(27) } else { *v });
    (U256::from(permit.deadline_s), v, B256::from_slice(r), B256::from_slice(s))
}

fn domain_separator(name: &str, chain_id: u64, token: Address) -> B256 {
    let kind = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
    );
    let words = (kind, keccak256(name), keccak256(VERSION), U256::from(chain_id), token);
    keccak256(words.abi_encode())
}
