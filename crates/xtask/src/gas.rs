//! Gas of whole transactions on a real chain (anvil): what the receipts of the calls that people pay for say.
//!
//! Measured as its peers were: the second claim of an account, every slot non-zero before, a proof of depth 17, optimizer
//! 200 runs. Staking uses a finite approval, which costs 2 800 more than an infinite one. See `docs/contracts/gas.md`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::json;
use tatum_chain::bindings::IDistributor::Proposal;
use tatum_chain::bindings::{DataToken, Distributor, OperatorRegistry, StakePool};
use tatum_merkle::{Entry, SumTree};
use tatum_primitives::{Address, B256, Nano, OperatorId, U256, keccak256};
use tatum_test_utils::{Devnet, DevnetParameters};

use alloy::network::EthereumWallet;
use alloy::primitives::TxHash;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionReceipt;
use alloy::signers::local::PrivateKeySigner;

const EPOCH_S: u64 = 86_400;
const WINDOW_S: u64 = 600;
/// Deep enough for proofs of 17 words.
const OPERATORS: u32 = 100_000;
/// In the middle of the tree, at the start of no subtree.
const CLAIMANT: u32 = 54_321;
const RUN_START: u32 = 40_004;
const STAKERS: u64 = 100;
const DATA: u128 = 1_000_000_000_000_000_000;

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
    bench.claiming(&mut figures).await?;
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
    token: DataToken::DataTokenInstance<DynProvider>,
    pool: StakePool::StakePoolInstance<DynProvider>,
    registry: OperatorRegistry::OperatorRegistryInstance<DynProvider>,
    distributor: Distributor::DistributorInstance<DynProvider>,
}

/// Sends a call and gives its receipt; fails if it reverts.
macro_rules! send {
    ($call:expr, $what:expr) => {{
        let pending = $call.send().await.context($what)?;
        let receipt = mined(pending.provider(), *pending.tx_hash()).await.context($what)?;
        ensure!(receipt.status(), "{} reverted", $what);
        receipt.gas_used
    }};
}

impl Bench {
    async fn start(logs: &std::path::Path) -> anyhow::Result<Self> {
        let parameters = DevnetParameters { epoch_length_s: EPOCH_S, challenge_window_s: WINDOW_S };
        let devnet = Devnet::start(parameters, logs).await?;
        let owner = Devnet::account("gas");
        devnet.fund(owner.address(), U256::from(100_000_000 * DATA)).await?;
        let provider = provider(&devnet, &owner.to_bytes())?;
        let deployment = devnet.deployment().clone();
        let bench = Self {
            token: DataToken::new(deployment.token, provider.clone()),
            pool: StakePool::new(deployment.stake_pool, provider.clone()),
            registry: OperatorRegistry::new(deployment.operator_registry, provider.clone()),
            distributor: Distributor::new(deployment.distributor, provider),
            devnet,
        };
        let plenty = U256::from(10_000_000 * DATA);
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

    /// Two distributions over 100 000 operators; everything is measured in the second.
    async fn claiming(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let bond = self.distributor.proposerBondWei().call().await.context("reading the bond")?;
        send!(self.distributor.depositProposerBond(bond), "posting the bond");
        let mut epoch = self.pool.closedEpochs().call().await.context("reading the epoch")? - 1;
        let mut measured = Figures::new();
        for round in 1..=2 {
            let tree = tree(round)?;
            let proposal = proposal(epoch, &tree);
            note(
                &mut measured,
                "propose",
                send!(self.distributor.propose(proposal.clone()), "proposing"),
            );
            self.devnet.anvil().advance(WINDOW_S + 1).await?;
            note(
                &mut measured,
                "finalize",
                send!(self.distributor.finalize(proposal), "finalizing"),
            );
            self.claims(&tree, &mut measured).await?;
            self.next_epoch().await?;
            epoch += 1;
        }
        figures.append(&mut measured);
        Ok(())
    }

    async fn claims(&self, tree: &SumTree, figures: &mut Figures) -> anyhow::Result<()> {
        let id = OperatorId(CLAIMANT);
        let proof = tree.proof(id)?;
        ensure!(tree.depth() == 17, "the tree is {} deep", tree.depth());
        let words = proof.siblings.iter().map(|word| word.0).collect();
        let call = self.distributor.claim(tree.entry(id)?.encode(), words);
        note(figures, "claim", send!(call, "claiming"));
        for (name, start, count) in [
            ("claim_range_per_operator", RUN_START, 256_u32),
            ("claim_range_512_per_operator", RUN_START + 1000, 512),
        ] {
            let (entries, range) = tree.range(OperatorId(start), OperatorId(start + count - 1))?;
            let entries = entries.iter().map(Entry::encode).collect();
            let boundary = range.boundary.iter().map(|word| word.0).collect();
            let call = self.distributor.claimRange(entries, boundary, U256::from(range.depth));
            let gas = send!(call, "claiming a range");
            note(figures, name, gas.div_ceil(u64::from(count)));
        }
        Ok(())
    }

    /// Goes to the next epoch; the gas of closing the one before.
    async fn next_epoch(&self) -> anyhow::Result<u64> {
        self.devnet.anvil().advance(EPOCH_S).await?;
        Ok(send!(self.pool.closeEpochs(), "closing an epoch"))
    }
}

/// All operators' entries after `round` distributions; amounts differ, and the second round is above the first everywhere.
fn tree(round: u64) -> anyhow::Result<SumTree> {
    let entries = (0..OPERATORS).map(|id| {
        let seed = keccak256(id.to_be_bytes());
        let share = u64::from(seed.0[0]) * 100_000 + 10_000_000;
        Entry {
            operator_id: OperatorId(id),
            payout: Address::from_word(seed),
            cumulative_nano: Nano(round * share),
        }
    });
    SumTree::build(entries.collect()).context("building the tree")
}

fn proposal(epoch: u64, tree: &SumTree) -> Proposal {
    Proposal {
        epoch,
        root: tree.root().0,
        receiptsRoot: keccak256("receipts"),
        manifestHash: keccak256("manifest"),
        uri: format!("https://example.org/epochs/{epoch}/{}", B256::repeat_byte(0xab)),
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
