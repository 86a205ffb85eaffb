//! The chain adapter behind providers as they are: silent, busy, narrow, lagging, and on chains that are reorganised.

use std::time::Duration;

use tatum_chain::{Chain, ChainError, follow};
use tatum_primitives::{B256, Epoch, NodeId, OperatorId, ReaderId, U256, WEI_PER_DATA as DATA};
use tatum_receipt::checks::ChainFacts;
use tatum_receipt::{DeliveryReceipt, SignedReceipt, Verifier};
use tatum_test_utils::{Devnet, DevnetParameters, Habit, Provider, Rules};
use tokio::time::{Instant, timeout};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };
const PATIENCE: Duration = Duration::from_secs(60);
const CAPACITY_BYTES: u64 = 500 << 30;
const OFTEN: Duration = Duration::from_millis(200);

fn data(amount: u128) -> U256 {
    U256::from(amount * DATA)
}

async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it did not come true in time");
}

#[tokio::test]
async fn a_request_that_is_never_answered_stops_no_loop() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let provider = Provider::start(devnet.rpc_url(), Rules::default()).await?;
    let chain = Chain::connect(&provider.rpc_url().parse()?, devnet.deployment().clone()).await?;
    let (view, _follower) = follow(chain, 0, OFTEN).await?;
    provider.behave(Rules::default().with("eth_getBlockByNumber", Habit::Silence, 1));
    until(|| provider.refused() == 1).await;
    let stopped_at = view.block();
    until(|| view.block() > stopped_at).await;
    Ok(())
}

#[tokio::test]
async fn the_next_endpoint_answers_while_one_does_not_and_no_error_holds_its_token()
-> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let dead = "http://127.0.0.1:1/v3/SECRETAPIKEY0123";
    let both = format!("{dead},{}", devnet.rpc_url()).parse()?;
    let chain = Chain::connect(&both, devnet.deployment().clone()).await?;
    assert_eq!(chain.closed_epochs().await?, 0);
    let error = Chain::connect(&dead.parse()?, devnet.deployment().clone()).await.unwrap_err();
    let words = format!("{:#}", anyhow::Error::new(error));
    assert!(words.contains("127.0.0.1:1") && !words.contains("SECRET"), "{words}");
    Ok(())
}

#[tokio::test]
async fn a_provider_that_limits_ranges_and_rates_is_asked_for_less_and_later() -> anyhow::Result<()>
{
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let payer = Devnet::account("payer");
    devnet.fund(payer.address(), data(100)).await?;
    devnet.connect(&payer).await?.stake(data(50)).await?;
    // Without capacity nothing is sold.
    let operator = Devnet::account("operator");
    devnet.fund(operator.address(), data(20_000)).await?;
    let operator_chain = devnet.connect(&operator).await?;
    let bond = operator_chain.minimum_bond_wei().await?.to::<u128>();
    operator_chain
        .register_operator(operator.address(), bond, CAPACITY_BYTES, "acme".into())
        .await?;
    devnet.anvil().mine(3_000).await?;
    devnet.anvil().advance(PARAMETERS.epoch_length_s).await?;
    let rules = Rules { log_range: Some(500), rate: Some(20), ..Rules::default() };
    let provider = Provider::start(devnet.rpc_url(), rules).await?;
    let folder = tempfile::tempdir()?;
    let chain = devnet.connect_through(provider.rpc_url(), &payer, folder.path()).await?;
    chain.close_epochs().await?;
    let inputs = chain.epoch_inputs(Epoch(0)).await?;
    assert_eq!(inputs.payers.len(), 1);
    let (view, _follower) = follow(chain, 0, OFTEN).await?;
    assert!(view.quota_bytes(payer.address(), Epoch(1)).is_some());
    assert!(provider.refused() > 0, "the rules were never felt");
    Ok(())
}

#[tokio::test]
async fn lanes_are_asked_for_side_by_side_and_none_is_judged_if_one_is_not_known()
-> anyhow::Result<()> {
    const LANES: u32 = 200;
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let payer = Devnet::account("payer");
    let verifier = Verifier::new(devnet.deployment().domain());
    let receipt = |reader: u32| {
        let (payer, reader) = (payer.address(), ReaderId(reader));
        let receipt = DeliveryReceipt { payer, reader, owed: 1, ..DeliveryReceipt::default() };
        SignedReceipt::sign(receipt, &Devnet::account("session"), &verifier)
    };
    let receipts: Vec<SignedReceipt> = (0..LANES).map(receipt).collect();
    let latency = Duration::from_millis(50);
    let rules = Rules { latency, ..Rules::default() };
    let provider = Provider::start(devnet.rpc_url(), rules.clone()).await?;
    let chain = Chain::connect(&provider.rpc_url().parse()?, devnet.deployment().clone()).await?;
    let (before, began) = (provider.asked("eth_call"), Instant::now());
    let judged = chain.judge_channel_receipts(&receipts).await?;
    let (took, calls) = (began.elapsed(), provider.asked("eth_call") - before);
    assert!(judged.iter().map(|judged| &judged.signed).eq(&receipts), "the order is another");
    // Each lane, the channel that all are of, and the one key of all.
    assert_eq!(calls, LANES as usize + 2);
    assert!(took < latency * (LANES / 4), "one after the other: {took:?}");
    let most = provider.most_under_way();
    assert!((2..=32).contains(&most), "{most} at once");
    provider.behave(rules.with("eth_call", Habit::Error(-32601, "not here"), 1));
    assert!(chain.judge_channel_receipts(&receipts).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_chain_without_fee_history_takes_transactions_at_its_gas_price() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let payer = Devnet::account("payer");
    devnet.fund(payer.address(), data(100)).await?;
    let missing = Habit::Error(-32601, "the method eth_feeHistory does not exist");
    let rules = Rules::default().with("eth_feeHistory", missing, usize::MAX);
    let provider = Provider::start(devnet.rpc_url(), rules).await?;
    let folder = tempfile::tempdir()?;
    devnet.connect_through(provider.rpc_url(), &payer, folder.path()).await?.stake(data(5)).await?;
    assert!(provider.refused() > 0, "nobody asked for the fee history");
    Ok(())
}

#[tokio::test]
async fn a_receipt_that_is_not_known_yet_is_waited_for_and_a_nonce_that_lags_asked_again()
-> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let operator = Devnet::account("operator");
    devnet.fund(operator.address(), data(20_000)).await?;
    let rules = Rules::default().with("eth_getTransactionReceipt", Habit::Nothing, 12);
    let provider = Provider::start(devnet.rpc_url(), rules).await?;
    let folder = tempfile::tempdir()?;
    let chain = devnet.connect_through(provider.rpc_url(), &operator, folder.path()).await?;
    let bond = chain.minimum_bond_wei().await?.to::<u128>();
    let id =
        chain.register_operator(operator.address(), bond, CAPACITY_BYTES, "acme".into()).await?;
    assert_eq!(id, OperatorId(0));
    assert_eq!(chain.operator_count(Epoch(1)).await?, 1, "it registered twice");
    assert!(provider.refused() >= 12, "no receipt was withheld");
    Ok(())
}

#[tokio::test]
async fn what_a_killed_process_had_sent_is_waited_for_by_the_next() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let payer = Devnet::account("payer");
    devnet.fund(payer.address(), data(100)).await?;
    let folder = tempfile::tempdir()?;
    let chain = devnet.connect_through(devnet.rpc_url(), &payer, folder.path()).await?;
    devnet.anvil().set_mining(false).await?;
    // The process dies after its transaction was handed over: nobody waits for the approval any more.
    let killed = timeout(Duration::from_secs(3), chain.stake(data(5))).await;
    assert!(killed.is_err(), "the stake was not interrupted");
    drop(chain);
    let next = devnet.connect_through(devnet.rpc_url(), &payer, folder.path()).await?;
    let (mined, staked) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            devnet.anvil().set_mining(true).await
        },
        timeout(PATIENCE, next.stake(data(5))),
    );
    mined?;
    staked??;
    assert_eq!(next.stake_status(payer.address()).await?.stake_wei, data(5));
    let left = std::fs::read_dir(folder.path())?
        .flatten()
        .find(|file| file.path().extension().is_some_and(|extension| extension == "json"));
    assert_eq!(std::fs::read_to_string(left.unwrap().path())?, "[]", "the journal is not settled");
    Ok(())
}

#[tokio::test]
async fn a_reorganisation_takes_back_what_it_undid() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let operator = Devnet::account("operator");
    devnet.fund(operator.address(), data(20_000)).await?;
    let chain = devnet.connect(&operator).await?;
    let bond = chain.minimum_bond_wei().await?.to::<u128>();
    let id =
        chain.register_operator(operator.address(), bond, CAPACITY_BYTES, "acme".into()).await?;
    devnet.anvil().mine(10).await?;
    let (view, _follower) = follow(chain.clone(), 0, OFTEN).await?;
    let node = NodeId(B256::repeat_byte(0x42));
    chain.add_node(id, node).await?;
    until(|| view.operator_of(node) == Some(id)).await;
    devnet.anvil().set_mining(false).await?;
    devnet.anvil().reorganise(5).await?;
    // The node was added in a block that is no more.
    until(|| view.operator_of(node).is_none()).await;
    assert!(view.is_bonded(id, Epoch(1)), "what stands was forgotten as well");
    Ok(())
}

#[tokio::test]
async fn a_websocket_endpoint_is_refused_in_words() -> anyhow::Result<()> {
    let error = "ws://127.0.0.1:8545".parse::<tatum_chain::Endpoints>().unwrap_err();
    assert!(
        matches!(error, ChainError::Url { .. }) && error.to_string().contains("ws://"),
        "{error}"
    );
    Ok(())
}

/// Everything about a closed epoch is frozen, and read where nodes still have it: who catches up needs no archive.
#[tokio::test]
async fn epochs_of_long_ago_are_read_from_a_node_that_keeps_no_archive() -> anyhow::Result<()> {
    const KEPT: u64 = 128;
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let (payer, operator) = (Devnet::account("payer"), Devnet::account("operator"));
    devnet.fund(payer.address(), data(1_000)).await?;
    devnet.fund(operator.address(), data(40_000)).await?;
    let payer_chain = devnet.connect(&payer).await?;
    let operator_chain = devnet.connect(&operator).await?;
    payer_chain.stake(data(500)).await?;
    let bond = operator_chain.minimum_bond_wei().await?.to::<u128>();
    let payout = operator.address();
    operator_chain.register_operator(payout, bond, CAPACITY_BYTES, "acme".into()).await?;
    for _ in 0..2 {
        devnet.anvil().advance(PARAMETERS.epoch_length_s).await?;
        payer_chain.close_epochs().await?;
    }
    let read_at_once = payer_chain.epoch_inputs(Epoch(1)).await?;
    assert!(read_at_once.payers[0].fee_wei > U256::ZERO && read_at_once.operators.len() == 1);

    // What is true now is something else, and the block that closed the epoch is long ago.
    payer_chain.stake(data(300)).await?;
    devnet.anvil().advance(PARAMETERS.epoch_length_s).await?;
    payer_chain.close_epochs().await?;
    devnet.anvil().mine(KEPT + 100).await?;
    let provider = Provider::start(devnet.rpc_url(), Rules::default()).await?;
    provider.keep_state_of(KEPT);
    let folder = tempfile::tempdir()?;
    let chain = devnet.connect_through(provider.rpc_url(), &payer, folder.path()).await?;
    assert!(state_is_refused(&provider, read_at_once.block_number).await?);
    assert_eq!(chain.epoch_inputs(Epoch(1)).await?, read_at_once);
    assert!(chain.epoch_inputs(Epoch(2)).await?.payers[0].fee_wei > read_at_once.payers[0].fee_wei);
    Ok(())
}

/// Whether the provider has no state of that block any more.
async fn state_is_refused(provider: &Provider, block: u64) -> anyhow::Result<bool> {
    let params = serde_json::json!([format!("{:#042x}", 1), format!("{block:#x}")]);
    let call = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": params });
    let answer = reqwest::Client::new().post(provider.rpc_url()).json(&call).send().await?;
    Ok(answer.json::<serde_json::Value>().await?.get("error").is_some())
}
