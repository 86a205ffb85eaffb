//! The contracts of a deployment in their order, with the addresses that they will have.
//!
//! Invariant: a contract's address follows from its creator and the creator's nonce, so contracts that name each other for good
//! (pool, registry, distributor) can: the later ones' addresses are known before they are there. Source: EIP-161, `CREATE`.

use alloy::primitives::Bytes;
use alloy::sol_types::SolConstructor;
use tatum_primitives::{Address, U256};

use super::{Begun, Parameters, creation};
use crate::{Deployment, Windows};

/// A contract that is to be deployed.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its name.
    pub name: &'static str,
    /// What is done, as errors say it.
    pub action: &'static str,
    /// Where it will be.
    pub address: Address,
    /// The place of its transaction among those of the account.
    pub nonce: u64,
    pub(super) creation: Bytes,
}

/// All of them, in their order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The contracts.
    pub contracts: Vec<Planned>,
    at: Places,
}

/// Where each will be.
#[derive(Clone, Copy, Debug)]
struct Places {
    token: Address,
    timelock: Address,
    stake_pool: Address,
    operator_registry: Address,
    forced_receipts: Address,
    assents: Address,
    disproofs: Address,
    demands: Address,
    distributor: Address,
    overage: Address,
    channel_hub: Address,
    delegation_factory: Address,
    sponsor_factory: Address,
}

/// Gives out the account's nonces, and the addresses that come with them.
struct Nonces {
    account: Address,
    next: u64,
}

impl Nonces {
    fn next(&mut self) -> Address {
        let address = self.account.create(self.next);
        self.next = self.next.saturating_add(1);
        address
    }

    fn next_if(&mut self, needed: bool, otherwise: Address) -> Address {
        if needed { self.next() } else { otherwise }
    }
}

impl Places {
    fn of(begun: &Begun) -> Self {
        let mut nonces = Nonces { account: begun.account, next: begun.first_nonce };
        let given = begun.parameters.token;
        Self {
            token: nonces.next_if(given == Address::ZERO, given),
            timelock: nonces.next_if(begun.parameters.timelock_delay != 0, Address::ZERO),
            stake_pool: nonces.next(),
            operator_registry: nonces.next(),
            forced_receipts: nonces.next(),
            assents: nonces.next(),
            disproofs: nonces.next(),
            demands: nonces.next(),
            distributor: nonces.next(),
            overage: nonces.next(),
            channel_hub: nonces.next(),
            delegation_factory: nonces.next(),
            sponsor_factory: nonces.next(),
        }
    }
}

impl Plan {
    /// What `begun` comes to.
    pub fn of(begun: &Begun) -> Self {
        let at = Places::of(begun);
        let from = &begun.parameters;
        let all = [
            (at.token, "DataToken", "deploying the token", token(begun)),
            (at.timelock, "TimelockController", "deploying the timelock", timelock(from)),
            (at.stake_pool, "StakePool", "deploying the stake pool", stake_pool(from, &at)),
            (
                at.operator_registry,
                "OperatorRegistry",
                "deploying the operator registry",
                registry(from, &at),
            ),
            (at.forced_receipts, "ForcedReceipts", "deploying forced receipts", forced(from, &at)),
            (at.assents, "Assents", "deploying assents", assents(from, &at)),
            (at.disproofs, "Disproofs", "deploying disproofs", disproofs(&at)),
            (at.demands, "Demands", "deploying demands", demands(from, &at)),
            (at.distributor, "Distributor", "deploying the distributor", distributor(from, &at)),
            (at.overage, "Overage", "deploying the contract of overage", overage(&at)),
            (at.channel_hub, "ChannelHub", "deploying the channel hub", channel_hub(&at)),
            (
                at.delegation_factory,
                "DelegationFactory",
                "deploying the factory of delegation pools",
                delegation_factory(&at),
            ),
            (
                at.sponsor_factory,
                "SponsorFactory",
                "deploying the factory of sponsors' vaults",
                sponsor_factory(&at),
            ),
        ];
        let mut nonce = begun.first_nonce;
        let mut contracts = Vec::with_capacity(all.len());
        for (address, name, action, creation) in all {
            // A token that is there and a timelock that nobody wants take no turn.
            if begun.account.create(nonce) == address {
                contracts.push(Planned { name, action, address, nonce, creation });
                nonce = nonce.saturating_add(1);
            }
        }
        Self { contracts, at }
    }

    /// Who may change what can be changed, or zero.
    pub const fn timelock(&self) -> Address {
        self.at.timelock
    }

    /// What programs will need.
    pub fn deployment(&self, begun: &Begun) -> Deployment {
        let (at, windows) = (&self.at, begun.parameters.windows);
        Deployment {
            chain_id: begun.chain_id,
            token: at.token,
            stake_pool: at.stake_pool,
            operator_registry: at.operator_registry,
            distributor: at.distributor,
            disproofs: at.disproofs,
            demands: at.demands,
            assents: at.assents,
            forced_receipts: at.forced_receipts,
            overage: at.overage,
            channel_hub: at.channel_hub,
            delegation_factory: at.delegation_factory,
            sponsor_factory: at.sponsor_factory,
            windows: Windows {
                grace_s: windows.grace,
                force_s: windows.force,
                settle_s: windows.settle,
                challenge_s: windows.challenge,
                answer_s: windows.answer,
                follow_s: windows.follow,
            },
            deploy_block: begun.deploy_block,
        }
    }
}

fn code(bytecode: &Bytes, arguments: &impl SolConstructor) -> Bytes {
    [bytecode.as_ref(), &arguments.abi_encode()].concat().into()
}

fn token(begun: &Begun) -> Bytes {
    use creation::data_token::DataToken::{BYTECODE, constructorCall};
    let (holder, supply) = (begun.account, begun.parameters.token_supply_wei);
    code(&BYTECODE, &constructorCall { holder, supplyWei: supply })
}

fn timelock(from: &Parameters) -> Bytes {
    use creation::timelock::TimelockController::{BYTECODE, constructorCall};
    // Whoever likes executes what has waited, and nobody is its administrator.
    let arguments = constructorCall {
        minDelay: U256::from(from.timelock_delay),
        proposers: vec![from.timelock_proposer],
        executors: vec![Address::ZERO],
        admin: Address::ZERO,
    };
    code(&BYTECODE, &arguments)
}

fn stake_pool(from: &Parameters, at: &Places) -> Bytes {
    use creation::stake_pool::StakePool::{BYTECODE, Parameters, constructorCall};
    let parameters = Parameters {
        token: at.token,
        distributor: at.distributor,
        overage: at.overage,
        genesis: from.genesis,
        epochLength: from.epoch_length,
        unbondingEpochs: from.unbonding_epochs,
        minimumStakeWei: from.minimum_stake_wei,
        dustFloorWei: from.dust_floor_wei,
        operatorRegistry: at.operator_registry,
        initialQuotaBytesPerData: U256::from(from.quota_bytes_per_data),
        poolBps: from.pool_bps,
        poolLimitBps: from.pool_limit_bps,
    };
    code(&BYTECODE, &constructorCall { parameters })
}

fn registry(from: &Parameters, at: &Places) -> Bytes {
    use creation::operator_registry::OperatorRegistry::{BYTECODE, constructorCall};
    let arguments = constructorCall {
        token_: at.token,
        stakePool_: at.stake_pool,
        minimumBondWei_: from.minimum_bond_wei,
        answerEpochs_: from.answer_epochs,
        owner_: at.timelock,
        slashers: Vec::new(),
    };
    code(&BYTECODE, &arguments)
}

/// The windows in the type that a contract's own constructor has for them.
macro_rules! windows {
    ($from:expr, $module:ident) => {{
        let from = &$from.windows;
        creation::$module::ISettlement::Windows {
            grace: from.grace,
            force: from.force,
            settle: from.settle,
            challenge: from.challenge,
            answer: from.answer,
            follow: from.follow,
        }
    }};
}

fn forced(from: &Parameters, at: &Places) -> Bytes {
    use creation::forced_receipts::ForcedReceipts::{BYTECODE, constructorCall};
    let windows = windows!(from, forced_receipts);
    code(&BYTECODE, &constructorCall { pool: at.stake_pool, windows })
}

fn assents(from: &Parameters, at: &Places) -> Bytes {
    use creation::assents::Assents::{BYTECODE, constructorCall};
    let (pool, registry) = (at.stake_pool, at.operator_registry);
    code(&BYTECODE, &constructorCall { pool, registry, windows: windows!(from, assents) })
}

fn disproofs(at: &Places) -> Bytes {
    use creation::disproofs::Disproofs::{BYTECODE, constructorCall};
    let arguments = constructorCall {
        settlement: at.distributor,
        pool: at.stake_pool,
        operators: at.operator_registry,
        forced: at.forced_receipts,
    };
    code(&BYTECODE, &arguments)
}

fn demands(from: &Parameters, at: &Places) -> Bytes {
    use creation::demands::Demands::{BYTECODE, constructorCall};
    let (settlement, operators) = (at.distributor, at.operator_registry);
    code(&BYTECODE, &constructorCall { settlement, operators, windows: windows!(from, demands) })
}

fn distributor(from: &Parameters, at: &Places) -> Bytes {
    use creation::distributor::Distributor::{BYTECODE, constructorCall};
    use creation::distributor::Proposals::Parameters as Arguments;
    let parameters = Arguments {
        token: at.token,
        pool: at.stake_pool,
        operators: at.operator_registry,
        forced: at.forced_receipts,
        assents: at.assents,
        disproofs: at.disproofs,
        demands: at.demands,
        // Both fit: `Parameters::checked` saw to it.
        baseBondWei: from.base_bond_wei.saturating_to(),
        bondPerReceiptWei: from.bond_per_receipt_wei.saturating_to(),
        proposerBps: from.proposer_bps,
        windows: windows!(from, distributor),
        guardian: from.guardian,
        vetoes: from.vetoes,
        guardianUntil: from.guardian_until,
    };
    code(&BYTECODE, &constructorCall { parameters })
}

fn overage(at: &Places) -> Bytes {
    use creation::overage::Overage::{BYTECODE, constructorCall};
    code(&BYTECODE, &constructorCall { settlement: at.distributor, pool: at.stake_pool })
}

fn channel_hub(at: &Places) -> Bytes {
    use creation::channel_hub::ChannelHub::{BYTECODE, constructorCall};
    let (token_, registry, pool) = (at.token, at.operator_registry, at.stake_pool);
    code(&BYTECODE, &constructorCall { token_, registry, pool })
}

fn delegation_factory(at: &Places) -> Bytes {
    use creation::delegation_factory::DelegationFactory::{BYTECODE, constructorCall};
    let (token, registry) = (at.token, at.operator_registry);
    code(&BYTECODE, &constructorCall { token, registry, stakePool: at.stake_pool })
}

fn sponsor_factory(at: &Places) -> Bytes {
    use creation::sponsor_factory::SponsorFactory::{BYTECODE, constructorCall};
    code(&BYTECODE, &constructorCall { token: at.token, pool: at.stake_pool })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;

    fn begun(parameters: Parameters) -> Begun {
        let (account, first_block) = (Address::repeat_byte(1), B256::ZERO);
        Begun { chain_id: 1, first_block, account, first_nonce: 5, deploy_block: 9, parameters }
    }

    #[test]
    fn each_contract_has_the_address_of_its_turn_and_the_deployment_names_all() {
        let timed = Parameters {
            timelock_delay: 1,
            timelock_proposer: Address::repeat_byte(3),
            ..Parameters::well_known("local").unwrap()
        };
        for (parameters, count) in [(Parameters::well_known("local").unwrap(), 12), (timed, 13)] {
            let begun = begun(parameters);
            let plan = Plan::of(&begun);
            assert_eq!(plan.contracts.len(), count);
            for (turn, planned) in (5_u64..).zip(&plan.contracts) {
                assert_eq!((planned.nonce, planned.address), (turn, begun.account.create(turn)));
            }
            let planned: Vec<_> = plan.contracts.iter().map(|planned| planned.address).collect();
            for address in plan.deployment(&begun).contracts() {
                assert!(planned.contains(&address), "{address} is not deployed");
            }
        }
    }

    #[test]
    fn a_token_that_is_there_takes_no_turn() {
        let token = Address::repeat_byte(9);
        let begun = begun(Parameters { token, ..Parameters::well_known("local").unwrap() });
        let plan = Plan::of(&begun);
        assert_eq!(plan.contracts.first().unwrap().name, "StakePool");
        assert_eq!(plan.deployment(&begun).token, token);
    }
}
