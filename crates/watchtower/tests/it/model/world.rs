//! What all runs begin from: the contracts, two operators, three payers with session keys, and providers that lose things.

use std::path::Path;

use anyhow::{Context, ensure};
use tatum_chain::{Chain, PrivateKeySigner};
use tatum_primitives::{Address, OperatorId, U256, WEI_PER_DATA as DATA};
use tatum_receipt::{SessionKey, Verifier};
use tatum_test_utils::{Devnet, DevnetParameters, Provider, Rules};
use tempfile::TempDir;

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };

/// The operator that watchtowers stand for, and one that cheats.
pub(crate) const HONEST: OperatorId = OperatorId(0);
pub(crate) const CHEAT: OperatorId = OperatorId(1);
pub(crate) const OPERATORS: [OperatorId; 2] = [HONEST, CHEAT];
pub(crate) const PAYERS: [&str; 3] = ["payer one", "payer two", "payer three"];
pub(crate) const TOWERS: [&str; 2] = ["tower one", "tower two"];
/// Of a hundred transactions so many are lost.
pub(crate) const LOST_PERCENT: u64 = 30;

pub(crate) struct World {
    pub(crate) devnet: Devnet,
    pub(crate) folder: TempDir,
    pub(crate) verifier: Verifier,
    /// Reads what is.
    pub(crate) reader: Chain,
    /// What everybody but watchtowers sends through, and what each watchtower does.
    pub(crate) parties: Endpoint,
    pub(crate) towers: [Endpoint; 2],
    snapshot: String,
}

/// A provider that loses transactions, and a connection through it.
pub(crate) struct Endpoint {
    pub(crate) provider: Provider,
    chain: Chain,
}

impl Endpoint {
    async fn start(devnet: &Devnet) -> anyhow::Result<Self> {
        let provider = Provider::start(devnet.rpc_url(), Rules::default()).await?;
        let deployment = devnet.deployment().clone();
        let chain = Chain::connect(&provider.rpc_url().parse()?, deployment).await?;
        Ok(Self { provider, chain })
    }

    /// Sends for an account.
    pub(crate) async fn signing(
        &self,
        account: &SessionKey,
        journals: Option<&Path>,
    ) -> anyhow::Result<Chain> {
        let signer = PrivateKeySigner::from_slice(account.to_bytes().as_slice())?;
        Ok(self.chain.clone().signing(signer, journals).await?)
    }
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
        devnet.anvil().set_automine(true).await?;
        for id in OPERATORS {
            register(&devnet, id).await?;
        }
        for name in PAYERS {
            let (payer, session) = (Devnet::account(name), session_of(name));
            devnet.fund(payer.address(), U256::from(1_000 * DATA)).await?;
            let chain = devnet.connect(&payer).await?;
            chain.stake(U256::from(10 * DATA)).await?;
            chain.authorize_session_key(&session).await?;
        }
        for name in TOWERS.into_iter().chain(["anybody"]) {
            devnet.anvil().fund(Devnet::account(name).address()).await?;
        }
        // Session keys and operators count from the next epoch on.
        devnet.anvil().advance(2 * PARAMETERS.epoch_length_s).await?;
        devnet.anvil().set_automine(false).await?;
        let (verifier, reader) =
            (Verifier::new(devnet.deployment().domain()), devnet.connect(&deployer()).await?);
        let towers = [Endpoint::start(&devnet).await?, Endpoint::start(&devnet).await?];
        let parties = Endpoint::start(&devnet).await?;
        let snapshot = devnet.anvil().snapshot().await?;
        Ok(Self { devnet, folder, verifier, reader, parties, towers, snapshot })
    }

    /// As it was in the beginning, but for what chance does next.
    pub(crate) async fn renew(&mut self, seed: u64) -> anyhow::Result<()> {
        self.devnet.anvil().revert(&self.snapshot).await.context("going back")?;
        self.snapshot = self.devnet.anvil().snapshot().await?;
        let rules =
            |salt| Rules { lost_percent: LOST_PERCENT, seed: seed * 8 + salt, ..Rules::default() };
        self.parties.provider.behave(rules(0));
        for (tower, salt) in self.towers.iter().zip(1..) {
            tower.provider.behave(rules(salt));
        }
        Ok(())
    }

    /// Where an operator is paid, which has nothing else.
    pub(crate) fn payee_of(operator: OperatorId) -> Address {
        Devnet::account(&format!("payee {operator}")).address()
    }

    pub(crate) fn owner_of(operator: OperatorId) -> SessionKey {
        Devnet::account(&format!("owner {operator}"))
    }

    /// Whether nothing waits to be mined for anybody.
    pub(crate) async fn is_quiet(&self) -> anyhow::Result<bool> {
        for name in PAYERS.into_iter().chain(TOWERS).chain(["anybody"]) {
            if self.devnet.anvil().has_waiting(Devnet::account(name).address()).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn lost(&self) -> usize {
        let towers: usize = self.towers.iter().map(|tower| tower.provider.lost()).sum();
        towers + self.parties.provider.lost()
    }
}

pub(crate) fn session_of(payer: &str) -> SessionKey {
    Devnet::account(&format!("session of {payer}"))
}

fn deployer() -> SessionKey {
    Devnet::account("deployer")
}

async fn register(devnet: &Devnet, expected: OperatorId) -> anyhow::Result<()> {
    let owner = World::owner_of(expected);
    devnet.fund(owner.address(), U256::from(20_000 * DATA)).await?;
    let chain = devnet.connect(&owner).await?;
    let bond_wei = chain.minimum_bond_wei().await?.to::<u128>();
    let payee = World::payee_of(expected);
    let id = chain.register_operator(payee, bond_wei, 1 << 40, String::new()).await?;
    ensure!(id == expected, "operator {id} instead of {expected}");
    Ok(())
}
