//! Which sponsors' vaults there are: a vault's address follows from whose streams it is for, which, and until when.
//!
//! Invariant: an address is taken for a vault only if the factory's rule gives it for what the address itself says: anybody can write a
//! contract that answers like a vault, and keeps what it is given. Source: EIP-1167, EIP-1014, `SponsorFactory._salt`.

use alloy::primitives::hex;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::{SolEvent, SolValue};
use tatum_primitives::{Address, B256, Epoch, StreamKey, keccak256};
use tatum_protocol::web::VaultSummary;

use crate::bindings::SponsorVault::VaultCreated;
use crate::client::Vault;
use crate::{Chain, ChainError, Result};

/// The code of a clone up to the implementation's address, and after it.
const CLONE_HEAD: [u8; 20] = hex!("3d602d80600a3d3981f3363d3d373d3d3d363d73");
const CLONE_TAIL: [u8; 15] = hex!("5af43d82803e903d91602b57fd5bf3");

/// The word that names a set of streams: one stream's key itself; of several the hash of their keys, each once and in order. None if
/// there is none.
///
/// ```
/// use tatum_chain::streams_word;
/// use tatum_primitives::{StreamId, keccak256};
///
/// let [one, other] = [0, 1].map(|partition| StreamId::new("acme/weather").unwrap().key(partition));
/// assert_eq!(streams_word([one]), Some(one.0));
/// assert_eq!(streams_word([one, other, one]), streams_word([other, one]));
/// let (low, high) = (one.min(other), one.max(other));
/// assert_eq!(streams_word([one, other]), Some(keccak256([low.0.0, high.0.0].concat())));
/// assert_eq!(streams_word([]), None);
/// ```
pub fn streams_word(keys: impl IntoIterator<Item = StreamKey>) -> Option<B256> {
    let mut keys: Vec<StreamKey> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    match keys.as_slice() {
        [] => None,
        [one] => Some(one.0),
        several => Some(keccak256(several.iter().flat_map(|key| key.0.0).collect::<Vec<u8>>())),
    }
}

/// What makes vaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VaultMaker {
    factory: Address,
    implementation: Address,
}

impl VaultMaker {
    /// Where the factory puts the vault for that.
    fn address_of(self, stream_owner: Address, streams: B256, end_epoch: Epoch) -> Address {
        let salt = keccak256((stream_owner, streams, end_epoch.0).abi_encode());
        let code = [&CLONE_HEAD, self.implementation.as_slice(), &CLONE_TAIL].concat();
        self.factory.create2(salt, keccak256(code))
    }

    /// The vault that an event tells of, if it is one: no call of the chain, however many strangers send the like.
    pub(crate) fn created(self, log: &Log) -> Option<VaultSummary> {
        let event = log.log_decode::<VaultCreated>().ok()?.inner;
        let vault = event.address;
        let VaultCreated { streamOwner: stream_owner, streams, endEpoch } = event.data;
        let end_epoch = Epoch(endEpoch);
        let summary = VaultSummary { vault, stream_owner, streams, end_epoch };
        (self.address_of(stream_owner, streams, end_epoch) == vault).then_some(summary)
    }
}

/// What a new vault says of itself, whoever is there.
pub(crate) fn created_filter() -> Filter {
    Filter::new().event_signature(VaultCreated::SIGNATURE_HASH)
}

impl Chain {
    /// Where the vault is, or would be, for somebody's streams until an epoch.
    pub async fn sponsor_vault_for(
        &self,
        stream_owner: Address,
        streams: B256,
        end_epoch: Epoch,
    ) -> Result<VaultSummary> {
        let vault = self.sponsor_factory.vaultOf(stream_owner, streams, end_epoch.0).call().await;
        Ok(VaultSummary { vault: vault.map_err(reading)?, stream_owner, streams, end_epoch })
    }

    /// What the vault at an address is for; refused if that is none of this deployment's.
    pub async fn sponsor_vault(&self, vault: Address) -> Result<VaultSummary> {
        let said = match self.told_by(vault).await {
            Ok(said) => said,
            Err(ChainError::Rpc(error)) if error.as_error_resp().is_none() => {
                return Err(ChainError::Rpc(error));
            }
            // There is no contract, or one that says nothing of the kind.
            Err(_) => return Err(no_vault(vault)),
        };
        let expected =
            self.sponsor_vault_for(said.stream_owner, said.streams, said.end_epoch).await?;
        if expected == said { Ok(said) } else { Err(no_vault(vault)) }
    }

    async fn told_by(&self, vault: Address) -> Result<VaultSummary> {
        let at = self.vault_at(vault);
        Ok(VaultSummary {
            vault,
            stream_owner: at.streamOwner().call().await.map_err(reading)?,
            streams: at.streams().call().await.map_err(reading)?,
            end_epoch: Epoch(at.endEpoch().call().await.map_err(reading)?),
        })
    }

    /// All vaults that were made, oldest first, or those for one owner's streams.
    pub async fn sponsor_vaults(&self, stream_owner: Option<Address>) -> Result<Vec<VaultSummary>> {
        let maker = self.vault_maker().await?;
        let mut filter = created_filter();
        if let Some(owner) = stream_owner {
            filter = filter.topic1(owner.into_word());
        }
        let logs = self.logs_since(&filter, self.deployment().deploy_block).await?;
        Ok(logs.iter().filter_map(|log| maker.created(log)).collect())
    }

    pub(crate) async fn vault_maker(&self) -> Result<VaultMaker> {
        let implementation = self.sponsor_factory.implementation().call().await;
        let factory = self.deployment().sponsor_factory;
        Ok(VaultMaker { factory, implementation: implementation.map_err(reading)? })
    }

    /// The vault at an address, which is one.
    pub(crate) async fn known_vault(&self, vault: Address) -> Result<Vault> {
        self.sponsor_vault(vault).await?;
        Ok(self.vault_at(vault))
    }

    pub(crate) fn vault_at(&self, vault: Address) -> Vault {
        Vault::new(vault, self.provider.clone())
    }
}

fn no_vault(vault: Address) -> ChainError {
    let reason = format!(
        "{vault} is no sponsors' vault of this deployment; `tatum sponsor list` tells those that there are"
    );
    ChainError::Refused { action: "looking for the vault", reason }
}

pub(crate) fn reading(error: alloy::contract::Error) -> ChainError {
    ChainError::from_call("reading the sponsors' vault", error)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::LogData;

    use super::*;

    fn maker() -> VaultMaker {
        let (factory, implementation) = (Address::repeat_byte(0xfa), Address::repeat_byte(0x1e));
        VaultMaker { factory, implementation }
    }

    fn log(address: Address, owner: Address, end: u64) -> Log {
        let event =
            VaultCreated { streamOwner: owner, streams: B256::repeat_byte(3), endEpoch: end };
        let data: LogData = event.encode_log_data();
        Log { inner: alloy::primitives::Log { address, data }, ..Log::default() }
    }

    #[test]
    fn who_says_that_it_is_a_vault_and_is_not_where_that_would_be_is_none() {
        let owner = Address::repeat_byte(7);
        let vault = maker().address_of(owner, B256::repeat_byte(3), Epoch(9));
        let told = maker().created(&log(vault, owner, 9)).unwrap();
        assert_eq!((told.vault, told.stream_owner, told.end_epoch), (vault, owner, Epoch(9)));
        assert_eq!(maker().created(&log(vault, owner, 10)), None);
        assert_eq!(maker().created(&log(vault, Address::repeat_byte(8), 9)), None);
        assert_eq!(maker().created(&log(Address::repeat_byte(9), owner, 9)), None);
        assert_eq!(maker().created(&Log::default()), None);
    }
}
