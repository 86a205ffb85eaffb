//! What sponsors, streams' owners and anybody do with sponsors' vaults, for wallets that are not ours.
//!
//! Invariant: as the command line has it: a vault is one of this deployment's, and a sponsor names the fewest shares that it takes, where
//! the way in has a place for them.

use alloy::primitives::Bytes;
use tatum_primitives::{Address, U256};
use tatum_protocol::web::{Action, Permit, SponsorHolding, StakeBy};

use super::{Call, call};
use crate::permit::in_parts;
use crate::shares::{Held, least_shares};
use crate::sponsors::ASKING_BACK;
use crate::{Chain, Result};

impl Chain {
    /// The calls of an `action` with a vault, in their order; none for any other, or if a permit has to be signed first.
    pub(super) async fn sponsoring(&self, account: Address, action: &Action) -> Result<Vec<Call>> {
        let Some(vault) = action.vault() else {
            let Action::CreateSponsorVault { stream_owner, streams, end_epoch } = action else {
                return Ok(Vec::new());
            };
            let sent = self.sponsor_factory.create(*stream_owner, *streams, end_epoch.0);
            let factory = self.deployment().sponsor_factory;
            return Ok(vec![call("make the vault", factory, sent.calldata())]);
        };
        let at = self.known_vault(vault).await?;
        let one = |label, data: &Bytes| Ok(vec![call(label, vault, data)]);
        match action {
            Action::Sponsor { amount_wei, by, permit, .. } => {
                self.paying_in(account, vault, U256::from(*amount_wei), (*by, *permit)).await
            }
            Action::StakeSponsored { .. } => {
                let due = call(COLLECT, vault, at.bringIn().calldata());
                let due = self.is_rest_due(vault).await?.then_some(due);
                Ok(due
                    .into_iter()
                    .chain([call("stake it", vault, at.stake().calldata())])
                    .collect())
            }
            Action::RequestSponsored { amount_wei, .. } => {
                let SponsorHolding { shares, worth_wei, .. } =
                    self.sponsor_holding(vault, account).await?;
                let held = Held { account, of: "the vault", shares, worth_wei };
                let asked = held.shares_for_down(ASKING_BACK, U256::from(*amount_wei))?;
                one(ASK, at.requestWithdraw(asked).calldata())
            }
            Action::RequestSponsoredAll { .. } => {
                one(ASK, at.requestWithdraw(U256::MAX).calldata())
            }
            Action::RedeemSponsored { requested, .. } => {
                one("redeem what was asked for", at.withdraw(requested.0, account).calldata())
            }
            Action::CollectSponsored { .. } => one(COLLECT, at.bringIn().calldata()),
            Action::EndSponsored { .. } => one("ask for the whole stake", at.end().calldata()),
            Action::AuthorizeSponsoredKey { key, proof, .. } => {
                let sent = at.authorizeSessionKey(*key, Bytes::from(proof.0.to_vec()));
                one("authorise the key", sent.calldata())
            }
            Action::RevokeSponsoredKey { key, .. } => {
                one("revoke the key", at.revokeSessionKey(*key).calldata())
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn paying_in(
        &self,
        account: Address,
        vault: Address,
        amount_wei: U256,
        by: (StakeBy, Option<Permit>),
    ) -> Result<Vec<Call>> {
        let at = self.vault_at(vault);
        let least = least_shares(self.sponsored_shares(vault, amount_wei).await?);
        match by {
            (StakeBy::Permit, None) => Ok(Vec::new()),
            (StakeBy::Permit, Some(permit)) => {
                let (deadline, v, r, s) = in_parts(&permit);
                let sent = at.sponsorWithPermit(amount_wei, least, deadline, v, r, s);
                Ok(vec![call(SPONSOR, vault, sent.calldata())])
            }
            (StakeBy::Approve, _) => {
                let sponsor = call(SPONSOR, vault, at.sponsor(amount_wei, least).calldata());
                self.after_approval(account, vault, amount_wei, sponsor).await
            }
            (StakeBy::TransferAndCall, _) => {
                Ok(vec![self.handed_over(SPONSOR, vault, amount_wei, Bytes::new())])
            }
        }
    }
}

const COLLECT: &str = "bring in what is due";
const ASK: &str = "ask for it back";
const SPONSOR: &str = "sponsor";
