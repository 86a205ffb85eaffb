//! What payers and operators do with payment channels: open, top up, redeem, agree on an end, exit, settle.
//!
//! Invariant: whatever the contract would refuse is found out before any allowance is given or transaction sent.

use alloy::primitives::{Bytes, FixedBytes, TxHash};
use alloy::sol_types::{SolEvent, SolValue};
use tatum_channel::{Channel, close_digest};
use tatum_primitives::{Address, B256, Data, OperatorId, U256};
use tatum_receipt::{SIGNED_RECEIPT_BYTES, SessionKey, Signature, SignedReceipt};

use crate::bindings::ChannelHub::{ChannelClosed, Redeemed as RedeemedEvent};
use crate::{Chain, ChainError, Result};

/// A signed receipt and zeros, to whole words.
const REDEEM_BYTES: usize = 288;

/// An end that both agree to: what the operator gets in all, and who signed for it already.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// What the operator gets of the deposit, with what it was paid before.
    pub total_wei: u128,
    /// The payer's signature; not needed if the payer sends the transaction.
    pub by_payer: Option<Signature>,
    /// The signature of the operator's payee or owner; not needed if that one sends the transaction.
    pub by_operator: Option<Signature>,
}

/// What a redeeming came to.
#[derive(Clone, Copy, Debug)]
pub struct Redeemed {
    /// The transaction.
    pub transaction: TxHash,
    /// How many of its receipts were paid.
    pub receipts: usize,
    /// What it cost.
    pub gas_used: u64,
}

impl Chain {
    /// Makes sure that our account can open a channel with so much in it.
    pub async fn check_open(
        &self,
        operator: OperatorId,
        window_minutes: u16,
        deposit_wei: U256,
    ) -> Result<()> {
        let action = "opening the channel";
        // Whether there is such an operator: the registry reverts if not.
        self.operator_owner(operator).await?;
        let mut channel = self.channel(self.account()?, operator).await?;
        channel.open(narrowed(deposit_wei), window_minutes).map_err(|e| refused(action, &e))?;
        self.check_holds(deposit_wei).await
    }

    /// Opens our account's channel with an operator.
    pub async fn open_channel(
        &self,
        operator: OperatorId,
        window_minutes: u16,
        deposit_wei: U256,
    ) -> Result<TxHash> {
        self.check_open(operator, window_minutes, deposit_wei).await?;
        let terms = (operator.0, window_minutes).abi_encode();
        self.hand_to_hub("opening the channel", deposit_wei, terms).await
    }

    /// Makes sure that a payer's channel can take so much more.
    pub async fn check_top_up(
        &self,
        payer: Address,
        operator: OperatorId,
        amount_wei: U256,
    ) -> Result<()> {
        let mut channel = self.channel(payer, operator).await?;
        let topped = channel.top_up(narrowed(amount_wei));
        topped.map_err(|e| refused("topping up the channel", &e))?;
        self.check_holds(amount_wei).await
    }

    /// Adds to a channel: to our own in one transaction, to another payer's after an approval of just as much.
    pub async fn top_up_channel(
        &self,
        payer: Address,
        operator: OperatorId,
        amount_wei: U256,
    ) -> Result<TxHash> {
        let action = "topping up the channel";
        self.check_top_up(payer, operator, amount_wei).await?;
        if payer == self.account()? {
            return self.hand_to_hub(action, amount_wei, operator.0.abi_encode()).await;
        }
        self.approve(self.deployment().channel_hub, amount_wei).await?;
        let call = self.channel_hub.topUp(payer, operator.0, amount_wei);
        self.send(action, call).await.map(|r| r.transaction_hash)
    }

    /// Tokens with a word to the hub, in one transaction (ERC-677), so that no allowance is left behind.
    async fn hand_to_hub(
        &self,
        action: &'static str,
        amount_wei: U256,
        word: Vec<u8>,
    ) -> Result<TxHash> {
        let hub = self.deployment().channel_hub;
        let call = self.token.transferAndCall(hub, amount_wei, word.into());
        self.send(action, call).await.map(|r| r.transaction_hash)
    }

    /// Redeems receipts in one transaction. Those that redeem nothing are passed over if there are several.
    pub async fn redeem_receipts(&self, receipts: &[SignedReceipt]) -> Result<Redeemed> {
        let action = "redeeming";
        let receipt = if let [only] = receipts {
            self.send(action, self.channel_hub.redeem(words(only))).await?
        } else {
            let bytes: Vec<u8> = receipts.iter().flat_map(SignedReceipt::encode).collect();
            self.send(action, self.channel_hub.redeemMany(bytes.into())).await?
        };
        let paid =
            |log: &&alloy::rpc::types::Log| log.topic0() == Some(&RedeemedEvent::SIGNATURE_HASH);
        Ok(Redeemed {
            transaction: receipt.transaction_hash,
            receipts: receipt.inner.logs().iter().filter(paid).count(),
            gas_used: receipt.gas_used,
        })
    }

    /// Begins our account's exit from its channel.
    pub async fn exit_channel(&self, operator: OperatorId) -> Result<TxHash> {
        let action = "leaving the channel";
        let mut channel = self.channel(self.account()?, operator).await?;
        channel.exit(self.head().await?.1).map_err(|e| refused(action, &e))?;
        self.send(action, self.channel_hub.exit(operator.0)).await.map(|r| r.transaction_hash)
    }

    /// Ends a channel whose exit is over; the transaction, and what the payer got back.
    pub async fn settle_channel(
        &self,
        payer: Address,
        operator: OperatorId,
    ) -> Result<(TxHash, U256)> {
        let action = "settling the channel";
        let mut channel = self.channel(payer, operator).await?;
        channel.settle(self.head().await?.1).map_err(|e| refused(action, &e))?;
        self.ended(action, self.channel_hub.settle(payer, operator.0)).await
    }

    /// Signs for an end of the two's channel with `total_wei` for the operator.
    pub fn sign_close(&self, key: &SessionKey, channel: &Channel, total_wei: u128) -> Signature {
        Signature::sign(key, self.close_digest(channel, total_wei))
    }

    fn close_digest(&self, channel: &Channel, total_wei: u128) -> B256 {
        let deployment = self.deployment();
        close_digest(deployment.chain_id, deployment.channel_hub, channel.id(), total_wei)
    }

    /// Ends a channel by an agreement; the transaction, and what the payer got back.
    pub async fn close_channel(
        &self,
        payer: Address,
        operator: OperatorId,
        agreement: &Agreement,
    ) -> Result<(TxHash, U256)> {
        self.check_agreement(payer, operator, agreement).await?;
        let bytes = |signature: Option<Signature>| {
            signature.map_or_else(Bytes::new, |signature| signature.0.to_vec().into())
        };
        let call = self.channel_hub.close(
            payer,
            operator.0,
            U256::from(agreement.total_wei),
            bytes(agreement.by_payer),
            bytes(agreement.by_operator),
        );
        self.ended("closing the channel", call).await
    }

    /// Makes sure that both agreed to an end that the channel can have.
    pub async fn check_agreement(
        &self,
        payer: Address,
        operator: OperatorId,
        agreement: &Agreement,
    ) -> Result<()> {
        let action = "closing the channel";
        let channel = self.channel(payer, operator).await?;
        channel.clone().close(agreement.total_wei).map_err(|e| refused(action, &e))?;
        let digest = self.close_digest(&channel, agreement.total_wei);
        let account = self.account()?;
        let signer = |signature: Option<Signature>| match signature {
            None => account,
            Some(signature) => signature.signer(digest).unwrap_or_default(),
        };
        let (by_payer, by_operator) = (signer(agreement.by_payer), signer(agreement.by_operator));
        let total = Data(U256::from(agreement.total_wei));
        if by_payer != payer {
            let reason =
                format!("the payer {payer} has to agree to {total}; that word is of {by_payer}");
            return Err(ChainError::Refused { action, reason });
        }
        let (payee, owner) =
            (self.channel_payee(operator).await?, self.operator_owner(operator).await?);
        if Some(by_operator) != payee && by_operator != owner {
            let reason = format!(
                "the operator's owner {owner} has to agree to {total}, or its payee; that word is of {by_operator}"
            );
            return Err(ChainError::Refused { action, reason });
        }
        Ok(())
    }

    /// Has the hub pay an operator where the registry says now.
    pub async fn update_channel_payee(&self, operator: OperatorId) -> Result<TxHash> {
        let call = self.channel_hub.updatePayee(operator.0);
        self.send("taking over the payee", call).await.map(|r| r.transaction_hash)
    }

    /// Takes out what the hub keeps for our account, to `recipient`.
    pub async fn withdraw_channel_credit(&self, recipient: Address) -> Result<TxHash> {
        let call = self.channel_hub.withdrawCreditTo(recipient);
        self.send("withdrawing the credit", call).await.map(|r| r.transaction_hash)
    }

    pub(crate) async fn operator_owner(&self, operator: OperatorId) -> Result<Address> {
        let operator = self.registry.operatorAt(operator.0).call().await;
        Ok(operator.map_err(|e| ChainError::from_call("reading the operator", e))?.owner)
    }

    async fn ended<P, D>(
        &self,
        action: &'static str,
        call: alloy::contract::CallBuilder<P, D, alloy::network::Ethereum>,
    ) -> Result<(TxHash, U256)>
    where
        P: alloy::providers::Provider,
        D: alloy::contract::CallDecoder,
    {
        let receipt = self.send(action, call).await?;
        let closed =
            receipt.inner.logs().iter().find_map(|log| ChannelClosed::decode_log(&log.inner).ok());
        let returned_wei = closed.map(|closed| closed.data.returnedWei).unwrap_or_default();
        Ok((receipt.transaction_hash, returned_wei))
    }
}

/// A signed receipt as `redeem` takes it.
fn words(signed: &SignedReceipt) -> [FixedBytes<32>; 9] {
    let mut bytes = [0; REDEEM_BYTES];
    let (receipt, _) = bytes.split_at_mut(SIGNED_RECEIPT_BYTES);
    receipt.copy_from_slice(&signed.encode());
    let (words, _) = bytes.as_chunks::<32>();
    std::array::from_fn(|at| words.get(at).copied().unwrap_or_default().into())
}

/// An amount as channels have it; what does not fit is more than they hold.
fn narrowed(amount_wei: U256) -> u128 {
    amount_wei.saturating_to()
}

fn refused(action: &'static str, error: &tatum_channel::Error) -> ChainError {
    ChainError::Refused { action, reason: error.to_string() }
}
