//! What one should know before signing: what is given up, and for how long.

use tatum_chain::percent;
use tatum_primitives::Address;
use tatum_protocol::OperatorProof;
use tatum_protocol::web::{Action, DelegationStatus, VaultStatus};

use crate::error::ApiError;
use crate::state::Api;

mod sponsors;

/// What an action is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// What it claims by.
    pub(super) proofs: &'a [OperatorProof],
    /// The pool of delegators.
    pub(super) pool: Option<&'a DelegationStatus>,
    /// The sponsors' vault.
    pub(super) vault: Option<&'a VaultStatus>,
}

/// What `account` should know before it signs for `action`.
pub(super) async fn warnings(
    api: &Api,
    account: Address,
    action: &Action,
    About { proofs, pool, vault }: About<'_>,
) -> Result<Vec<String>, ApiError> {
    let chain = &api.shared.chain;
    let said = match action {
        Action::Stake { .. } => {
            let terms = chain.terms().await?;
            let percent = terms.fee_rate_ppb / 10_000_000;
            format!(
                "A fee of {percent} % of the stake is taken in every epoch. It counts as quota from epoch {} on.",
                terms.epoch.next()
            )
        }
        Action::Unstake { .. } | Action::UnstakeAll => {
            let terms = chain.terms().await?;
            format!(
                "What leaves still pays the fee of the running epoch, buys no quota from epoch {} on, and can be withdrawn {} epochs later at the earliest.",
                terms.epoch.next(),
                terms.unbonding_epochs
            )
        }
        Action::RevokeSessionKey { key } => format!(
            "Whoever holds {key} may finish the epochs that it may still sign for; it can never be authorised again by another account."
        ),
        Action::AddBond { operator, .. } if api.shared.view.pool_owner_of(*operator).is_some() => {
            format!(
                "Operator {operator} has a pool of delegators: what is added to its bond belongs to all who hold shares of the pool, and does not come back. Delegate instead, and it is this account's."
            )
        }
        Action::RegisterOperator { .. } | Action::AddBond { .. } => {
            "The bond answers for what the operator does. It comes back only after the operator has asked to leave and has waited.".to_owned()
        }
        Action::Leave { operator } => format!(
            "There is no way back for operator {operator}: from the next epoch on its bond and capacity count no more, and who wants to run nodes again registers anew."
        ),
        Action::OfferOperator { operator, candidate } => {
            if *candidate == Address::ZERO {
                return Ok(Vec::new());
            }
            format!(
                "Once {candidate} accepts, operator {operator} and its bond are that account's, and this one can do nothing for it any more. Until then, another offer takes the place of this one. What was earned and not claimed goes where the new owner says: claim it first."
            )
        }
        Action::AcceptOperator { operator } => format!(
            "The bond of operator {operator} becomes this account's, and answers for what the operator did before. Its payout address and its nodes stay as they are until this account changes them."
        ),
        Action::ExitChannel { .. } => {
            "The operator may redeem the newest receipts until the channel's window is over; what is left comes back by settling after it.".to_owned()
        }
        Action::CreateDelegationPool { operator, cut_bps } => format!(
            "There is no way back: the bond of operator {operator} becomes shares of the pool, of which this account keeps a twentieth at least while others delegate. It runs the operator as before and keeps {} of every income. What the operator earned and was not claimed is paid to the pool: claim it first.",
            percent(*cut_bps)
        ),
        Action::SetDelegationCut { cut_bps, .. } => {
            let Some(pool) = pool else { return Ok(Vec::new()) };
            new_cut(pool, *cut_bps)
        }
        Action::Delegate { operator, .. } => format!(
            "What is delegated answers for what operator {operator} does: a slash of its bond falls on every share. Asked for back, it stops earning at once and can be redeemed {} epochs later at the earliest.",
            pool.map_or(0, |pool| pool.unbonding_epochs)
        ),
        Action::RequestDelegation { operator, .. } | Action::RequestDelegationAll { operator } => {
            let unbonding = pool.map_or(0, |pool| pool.unbonding_epochs);
            format!(
                "What is asked for stops earning at once, answers for what operator {operator} does until it is redeemed, and can be redeemed {unbonding} epochs later at the earliest. There is no way to take the request back."
            )
        }
        Action::Claim { .. } => {
            let others = proofs.iter().filter(|proof| proof.payout != account);
            let of_others: Vec<_> = others.map(|proof| proof.operator_id.to_string()).collect();
            if of_others.is_empty() {
                return Ok(Vec::new());
            }
            format!(
                "The tokens of operator {} go to its payout address, which is not this account.",
                of_others.join(", ")
            )
        }
        Action::CreateSponsorVault { .. }
        | Action::Sponsor { .. }
        | Action::StakeSponsored { .. }
        | Action::RequestSponsored { .. }
        | Action::RequestSponsoredAll { .. }
        | Action::RedeemSponsored { .. }
        | Action::CollectSponsored { .. }
        | Action::EndSponsored { .. }
        | Action::AuthorizeSponsoredKey { .. }
        | Action::RevokeSponsoredKey { .. } => return Ok(sponsors::warnings(action, vault)),
        Action::WithdrawStake
        | Action::AuthorizeSessionKey { .. }
        | Action::AddNode { .. }
        | Action::RemoveNode { .. }
        | Action::DeclareCapacity { .. }
        | Action::RenameOperator { .. }
        | Action::SetPayout { .. }
        | Action::WithdrawBond { .. }
        | Action::OpenChannel { .. }
        | Action::TopUpChannel { .. }
        | Action::SettleChannel { .. }
        | Action::RedeemDelegation { .. }
        | Action::CollectDelegation { .. }
        | Action::FileOverage { .. } => return Ok(Vec::new()),
    };
    Ok(vec![said])
}

/// What another cut of a pool comes to, and when.
fn new_cut(pool: &DelegationStatus, cut_bps: u16) -> String {
    let (before, after) = (percent(pool.cut_bps), percent(cut_bps));
    if cut_bps > pool.cut_bps {
        let from = pool.epoch.0.saturating_add(pool.unbonding_epochs).saturating_add(1);
        return format!(
            "The cut rises from {before} to {after} in epoch {from}, if it is announced in this one: who does not like it can have left before. It takes the place of any rise that was announced."
        );
    }
    format!(
        "The cut goes from {before} to {after} at once, and a rise that was announced falls away. A later rise is 5 % at most and waits for a whole unbonding."
    )
}
