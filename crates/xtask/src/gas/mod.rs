//! Gas of whole transactions on a real chain (anvil): what the receipts of the calls that people pay for say.
//!
//! Measured as its peers were: the second claim of an account, every slot non-zero before, a proof of depth 17, optimizer
//! 200 runs. Staking uses a finite approval, which costs 2 800 more than an infinite one. Judging is measured at 16 million
//! lines, with everything that the day's rules charge for calldata. See `docs/contracts/gas.md`.

mod channels;
mod claims;
mod deep;
mod settlement;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::json;
use tatum_chain::bindings::{DataToken, Distributor, ISettlement, OperatorRegistry, StakePool};
use tatum_primitives::{Address, B256, U256, WEI_PER_DATA as DATA, keccak256};
use tatum_receipt::SessionKey;
use tatum_test_utils::{Devnet, DevnetParameters};

use alloy::network::EthereumWallet;
use alloy::primitives::TxHash;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionReceipt;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolEvent;

const EPOCH_S: u64 = 86_400;
const WINDOW_S: u64 = 600;
const GRACE_S: u64 = 600;
const FORCE_S: u64 = 600;
/// Enough that the wait after an epoch's end is over.
const BEFORE_PROPOSALS_S: u64 = GRACE_S + FORCE_S + 1;
const STAKERS: u64 = 100;
/// Operators that really register; they assent.
const REGISTERED: u32 = 11;
/// The first operator's node.
const NODE: B256 = B256::repeat_byte(0x4e);

/// Arguments of `xtask gas`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Gas used, by name, in the order of measurement.
type Figures = serde_json::Map<String, serde_json::Value>;

/// Deploys, measures, prints.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let logs = std::env::temp_dir().join(format!("tatum-gas-{}", std::process::id()));
    std::fs::create_dir_all(&logs).context("making a folder for logs")?;
    let bench = Bench::start(&logs).await?;
    let mut figures = Figures::new();
    bench.staking(&mut figures).await?;
    let tree = bench.claiming(&mut figures).await?;
    bench.channelling(&mut figures).await?;
    bench.settling(&tree, &mut figures).await?;
    drop(bench);
    std::fs::remove_dir_all(&logs).context("removing the logs")?;
    if args.json {
        println!("{}", serde_json::Value::Object(figures));
    } else {
        figures.iter().for_each(|(name, gas)| println!("{name:32} {gas:>9}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// A deployment with one account that does everything.
struct Bench {
    devnet: Devnet,
    owner: SessionKey,
    provider: DynProvider,
    token: DataToken::DataTokenInstance<DynProvider>,
    pool: StakePool::StakePoolInstance<DynProvider>,
    registry: OperatorRegistry::OperatorRegistryInstance<DynProvider>,
    distributor: Distributor::DistributorInstance<DynProvider>,
}

/// Sends a call and gives its receipt; fails if it reverts.
macro_rules! receipt {
    ($call:expr, $what:expr) => {{
        let pending = $call.send().await.context($what)?;
        let receipt = mined(pending.provider(), *pending.tx_hash()).await.context($what)?;
        ensure!(receipt.status(), "{} reverted", $what);
        receipt
    }};
}

/// As `receipt`, but gives the gas.
macro_rules! send {
    ($call:expr, $what:expr) => {
        receipt!($call, $what).gas_used
    };
}

use {receipt, send};

impl Bench {
    async fn start(logs: &std::path::Path) -> anyhow::Result<Self> {
        let parameters = DevnetParameters {
            epoch_length_s: EPOCH_S,
            challenge_window_s: WINDOW_S,
            grace_s: GRACE_S,
            force_s: FORCE_S,
        };
        let devnet = Devnet::start(parameters, logs).await?;
        let owner = Devnet::account("gas");
        devnet.fund(owner.address(), U256::from(100_000_000 * DATA)).await?;
        let provider = provider(&devnet, &owner.to_bytes())?;
        let deployment = devnet.deployment().clone();
        let bench = Self {
            token: DataToken::new(deployment.token, provider.clone()),
            pool: StakePool::new(deployment.stake_pool, provider.clone()),
            registry: OperatorRegistry::new(deployment.operator_registry, provider.clone()),
            distributor: Distributor::new(deployment.distributor, provider.clone()),
            provider,
            owner,
            devnet,
        };
        let plenty = U256::from(50_000_000 * DATA);
        for spender in
            [*bench.pool.address(), *bench.registry.address(), *bench.distributor.address()]
        {
            send!(bench.token.approve(spender, plenty), "approving");
        }
        Ok(bench)
    }

    /// The first stake of an account, further ones, an unstake request, and epochs closed with few and with many stakers.
    async fn staking(&self, figures: &mut Figures) -> anyhow::Result<()> {
        send!(
            self.pool.stakeFor(Address::repeat_byte(7), data(1_000_000)),
            "the pool's first stake"
        );
        self.next_epoch().await?;
        note(figures, "stake_first", send!(self.pool.stake(data(100)), "staking"));
        note(figures, "stake_next", send!(self.pool.stake(data(100)), "staking more"));
        self.next_epoch().await?;
        note(figures, "stake_next_later_epoch", send!(self.pool.stake(data(100)), "staking later"));
        note(figures, "unstake_request", send!(self.pool.requestUnstake(data(50)), "unstaking"));
        let closing = self.next_epoch().await?;
        note(figures, "close_epoch", closing);
        let unstake = self.pool.requestUnstake(data(50));
        note(figures, "unstake_request_later_epoch", send!(unstake, "unstaking later"));
        for index in 0..STAKERS {
            let user = Address::from_word(keccak256(index.to_be_bytes()));
            send!(self.pool.stakeFor(user, data(100)), "staking for many");
        }
        let closing = self.next_epoch().await?;
        note(figures, "close_epoch_100_stakers", closing);
        Ok(())
    }

    /// Proposes a draft; what the chain made of it, and the gas.
    async fn propose(
        &self,
        draft: ISettlement::Draft,
    ) -> anyhow::Result<(ISettlement::Proposal, u64)> {
        let uri = format!("https://example.org/epochs/{}/{}", draft.epoch, B256::repeat_byte(0xab));
        let receipt = receipt!(self.distributor.propose(draft, uri), "proposing");
        let proposed = receipt
            .inner
            .logs()
            .iter()
            .find_map(|log| Distributor::Proposed::decode_log(&log.inner).ok())
            .context("nothing was proposed")?;
        Ok((proposed.data.proposal, receipt.gas_used))
    }

    /// Makes a proposal final; the gas.
    async fn finalize(&self, proposal: ISettlement::Proposal) -> anyhow::Result<u64> {
        self.devnet.anvil().advance(WINDOW_S + 1).await?;
        Ok(send!(self.distributor.finalize(proposal), "finalizing"))
    }

    /// A draft without receipts for the epoch whose turn it is.
    async fn draft(&self, entries_top: B256) -> anyhow::Result<ISettlement::Draft> {
        let epoch = self.distributor.nextEpoch().call().await.context("reading the epoch")?;
        Ok(ISettlement::Draft {
            epoch,
            entriesTop: entries_top,
            receiptsTop: B256::ZERO,
            receiptsCount: 0,
            edgesTop: B256::ZERO,
            edgesCount: 0,
            workNano: 0,
            forcedHash: B256::ZERO,
            manifestHash: keccak256("manifest"),
        })
    }

    /// Goes to the next epoch; the gas of closing the one before.
    async fn next_epoch(&self) -> anyhow::Result<u64> {
        self.devnet.anvil().advance(EPOCH_S).await?;
        Ok(send!(self.pool.closeEpochs(), "closing an epoch"))
    }
}

fn provider(devnet: &Devnet, secret: &B256) -> anyhow::Result<DynProvider> {
    let signer = PrivateKeySigner::from_bytes(secret).context("making a signer")?;
    let url = devnet.rpc_url().parse().context("reading the chain's URL")?;
    Ok(ProviderBuilder::new().wallet(EthereumWallet::from(signer)).connect_http(url).erased())
}

/// The receipt. Anvil mines at once, so asking for it beats waiting for blocks.
async fn mined(provider: &impl Provider, hash: TxHash) -> anyhow::Result<TransactionReceipt> {
    for _ in 0..500 {
        if let Some(receipt) = provider.get_transaction_receipt(hash).await? {
            return Ok(receipt);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("{hash} was not mined")
}

fn note(figures: &mut Figures, name: &str, gas: u64) {
    figures.insert(name.to_owned(), json!(gas));
}

fn data(amount: u128) -> U256 {
    U256::from(amount * DATA)
}
