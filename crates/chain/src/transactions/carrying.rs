//! What our account pays for and others asked for: priced before it is sent, and never dearer than that.
//!
//! Invariant: a transaction of this kind costs at most its gas limit times the most that it offers for a unit of gas, which is known
//! before anything is signed. It is never replaced by a dearer one, by this process or a later one, so its hash stays what it was.

use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;

use super::fees::Fees;
use super::{Sender, most_gas};
use crate::call::{Call, refusal};
use crate::journal::Sent;
use crate::{ChainError, Result};

/// A call that was tried, with the most that it may cost.
#[derive(Clone, Debug)]
pub struct Priced {
    call: Call,
    gas: u64,
    fees: Fees,
}

/// A call that was handed over.
#[derive(Clone, Debug)]
pub struct Carried {
    sent: Sent,
}

/// What a mined call cost, in wei of the chain's coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// So much.
    pub wei: u128,
    /// Whether it did what it should; one that was undone costs as well.
    pub succeeded: bool,
}

impl Priced {
    /// The most that it costs, in wei of the chain's coin.
    pub fn most_wei(&self) -> u128 {
        u128::from(self.gas).saturating_mul(self.fees.most())
    }
}

impl Carried {
    /// What it is asked for by.
    pub fn hash(&self) -> tatum_primitives::B256 {
        self.sent.hash
    }

    /// Its number in our account.
    pub fn nonce(&self) -> u64 {
        self.sent.nonce
    }
}

impl Sender {
    /// Tries `call` and prices it; one that would be refused, or takes more gas than `most`, is not priced.
    pub(crate) async fn priced(&self, call: Call, most: u64) -> Result<Priced> {
        let action = call.label;
        let request = self.request_of(&call);
        let refused = |error| match refusal(&error) {
            Some(reason) => ChainError::Refused { action, reason },
            None => error.into(),
        };
        let gas = most_gas(self.provider.estimate_gas(request.clone()).await.map_err(refused)?);
        if gas > most {
            let reason = format!("it may take {gas} gas, and {most} are paid for at most");
            return Err(ChainError::Refused { action, reason });
        }
        // Once more with what it will have: an estimate is a search, this is the call itself.
        self.provider.call(request.gas_limit(gas)).await.map_err(refused)?;
        let fees = Fees::of_market(&self.provider).await?.with_room();
        Ok(Priced { call, gas, fees })
    }

    /// Signs, writes down and hands over; does not wait until it is mined.
    pub(crate) async fn carry(&self, priced: &Priced) -> Result<Carried> {
        let request = self.request_of(&priced.call).gas_limit(priced.gas);
        let mut turn = self.turn.lock().await;
        self.resume().await?;
        let sent =
            self.submit_at(&mut turn, priced.call.label, request, (priced.fees, true)).await?;
        Ok(Carried { sent })
    }

    /// What became of it.
    pub(crate) async fn cost_of(&self, carried: Carried) -> Result<Cost> {
        let receipt = self.settled(carried.sent).await?;
        let wei = u128::from(receipt.gas_used).saturating_mul(receipt.effective_gas_price);
        Ok(Cost { wei, succeeded: receipt.status() })
    }

    fn request_of(&self, call: &Call) -> TransactionRequest {
        let request = TransactionRequest::default().from(self.account()).to(call.to);
        request.input(call.data.clone().into())
    }
}
