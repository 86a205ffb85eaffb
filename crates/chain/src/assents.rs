//! Assents: operators sign the list of receipts that an epoch is to be settled by.
//!
//! Invariant: what an operator signs here is what the contract checks: EIP-712 over epoch, round and list. Source: `IAssents`.

use alloy::primitives::{Bytes, TxHash};
use alloy::sol_types::SolValue;
use serde::{Deserialize, Serialize};
use tatum_merkle::ListCommitment;
use tatum_primitives::{Address, B256, Epoch, OperatorId, U256, eip712_digest, keccak256};
use tatum_receipt::{SessionKey, Signature};

use crate::bindings::IAssents;
use crate::client::Delegations;
use crate::{Chain, ChainError, Deployment, Result, reads};

/// A list of signed receipts that operators with more than half of the bond stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assent {
    /// Of several the one with the highest counts.
    pub round: u32,
    /// The list; a leaf is a receipt with its signature.
    pub list: ListCommitment,
}

impl Assent {
    /// What an operator's owner signs.
    pub fn digest(&self, deployment: &Deployment, epoch: Epoch) -> B256 {
        let typehash = keccak256("Assent(uint64 epoch,uint32 round,bytes32 top,uint32 count)");
        let fields = (typehash, epoch.0, self.round, self.list.top, self.list.count);
        eip712_digest(separator(deployment), keccak256(fields.abi_encode()))
    }

    /// Signs as the owner of an operator.
    pub fn sign(&self, deployment: &Deployment, epoch: Epoch, owner: &SessionKey) -> Signature {
        Signature::sign(owner, self.digest(deployment, epoch))
    }
}

/// An operator whose owner's word counts for an assent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assenter {
    /// Which one.
    pub id: OperatorId,
    /// Whose word it is, as things are now: its owner's, or that of its pool's owner.
    pub owner: Address,
    /// Its bond in the epoch.
    pub bond_wei: U256,
}

impl Chain {
    /// Who can assent to a list of `epoch`, in order of id, and the sum of all bonds, of which it takes more than half.
    pub async fn assenters(&self, epoch: Epoch) -> Result<(Vec<Assenter>, U256)> {
        let read = |e| ChainError::from_call("reading who can assent", e);
        let count = self.operators_in(epoch).await?;
        let all = reads::each(0..count, async |id| {
            let bond_wei = self.registry.bondAt(id, epoch.0).call().await.map_err(read)?;
            let id = OperatorId(id);
            // Who has no bond has no word, so nobody is asked whose it would be.
            let owner =
                if bond_wei.is_zero() { Address::ZERO } else { self.who_assents(id).await? };
            Ok(Assenter { id, owner, bond_wei })
        });
        let bonded = all.await?.into_iter().filter(|one| !one.bond_wei.is_zero()).collect();
        Ok((bonded, self.registry.totalBondAt(epoch.0).call().await.map_err(read)?))
    }

    /// Who signs for an operator: its owner, or the owner of its pool of delegators.
    pub async fn who_assents(&self, operator: OperatorId) -> Result<Address> {
        let (owner, is_pool) = self.owner_or_pool(operator).await?;
        if !is_pool {
            return Ok(owner);
        }
        let of_pool = Delegations::new(owner, self.provider.clone()).owner().call().await;
        of_pool.map_err(|e| ChainError::from_call("reading the pool's owner", e))
    }

    /// The assent that counts for a proposal made now.
    pub async fn assent_of(&self, epoch: Epoch) -> Result<Option<Assent>> {
        let found = self.assents.assentOf(epoch.0).call().await;
        let found = found.map_err(|e| ChainError::from_call("reading the assent", e))?;
        let list = ListCommitment { top: found.top, count: found.count };
        Ok((found.round != 0).then_some(Assent { round: found.round, list }))
    }

    /// Posts operators' signatures, which are put in order of id.
    pub async fn assent(
        &self,
        epoch: Epoch,
        assent: Assent,
        mut signatures: Vec<(OperatorId, Signature)>,
    ) -> Result<TxHash> {
        signatures.sort_by_key(|(id, _)| *id);
        let (ids, words) = signatures
            .into_iter()
            .map(|(id, signature)| (id.0, Bytes::from(signature.0.to_vec())))
            .unzip();
        let Assent { round, list } = assent;
        let list = IAssents::Assent { round, count: list.count, top: list.top };
        let call = self.assents.assent(epoch.0, list, ids, words);
        self.send("posting the assent", call).await.map(|r| r.transaction_hash)
    }
}

/// The EIP-712 domain separator of the assents.
fn separator(deployment: &Deployment) -> B256 {
    let typehash = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
    );
    let (name, version) = (keccak256("Tatum"), keccak256("1"));
    let chain_id = U256::from(deployment.chain_id);
    keccak256((typehash, name, version, chain_id, deployment.assents).abi_encode())
}
