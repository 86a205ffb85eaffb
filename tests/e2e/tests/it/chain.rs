//! The chain adapter against the deployed contracts.

use std::time::Duration;

use tatum_chain::{ChainError, follow};
use tatum_primitives::{B256, Epoch, NodeId, OperatorId, U256, WEI_PER_DATA as DATA};
use tatum_receipt::checks::ChainFacts;
use tatum_test_utils::{Devnet, DevnetParameters};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };

fn data(amount: u128) -> U256 {
    U256::from(amount * DATA)
}

#[tokio::test]
async fn stakes_operators_and_epochs_are_read_as_they_were_written() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let (payer, session, operator) =
        (Devnet::account("payer"), Devnet::account("session"), Devnet::account("operator"));
    for account in [&payer, &operator] {
        devnet.fund(account.address(), data(10_000)).await?;
    }
    let (payer_chain, operator_chain) =
        (devnet.connect(&payer).await?, devnet.connect(&operator).await?);

    payer_chain.stake(data(1_000)).await?;
    payer_chain.authorize_session_key(&session).await?;
    let node = NodeId(B256::repeat_byte(0x42));
    let bond = payer_chain.minimum_bond_wei().await?.to::<u128>();
    let id =
        operator_chain.register_operator(operator.address(), bond, u64::MAX, "acme".into()).await?;
    operator_chain.add_node(id, node).await?;
    assert_eq!(id, OperatorId(0));

    assert!(matches!(payer_chain.epoch_inputs(Epoch(0)).await, Err(ChainError::NotClosed { .. })));
    devnet.anvil().advance(PARAMETERS.epoch_length_s).await?;
    payer_chain.close_epochs().await?;
    let inputs = payer_chain.epoch_inputs(Epoch(0)).await?;
    assert_eq!(inputs.payers.len(), 1);
    assert_eq!(inputs.payers[0].fee_wei, inputs.pot_wei, "one payer pays the whole pot");
    assert!(inputs.pot_wei > U256::ZERO);
    assert_eq!(inputs.funded_through_wei, inputs.pot_wei);
    assert!(inputs.operators.is_empty(), "an operator has worked from the next epoch on");
    assert_eq!(inputs.payers[0].quota_bytes, U256::ZERO, "a stake counts from the next epoch");

    // A pool that nobody closed for long catches up in one go; each of the missed epochs still has its inputs.
    devnet.anvil().advance(40 * PARAMETERS.epoch_length_s).await?;
    payer_chain.close_epochs().await?;
    let (first, last) = (Epoch(1), Epoch(payer_chain.closed_epochs().await? - 1));
    let missed = payer_chain.epoch_inputs(first).await?;
    assert_eq!(missed.block_number, payer_chain.epoch_inputs(last).await?.block_number);
    assert!(missed.payers[0].fee_wei < inputs.payers[0].fee_wei);
    let worked = &missed.operators[0];
    assert_eq!((worked.bond_wei, missed.total_bond_wei), (bond, U256::from(bond)));
    assert_eq!(worked.capacity_bytes, 5_000 * 107_374_182, "all that the bond backs");
    assert_eq!(missed.total_capacity_bytes, U256::from(worked.capacity_bytes));
    assert_eq!((missed.pool_bps.bps(), missed.pool_limit_bps.bps()), (1_000, 5_000));
    assert_eq!(missed.nodes, [(node, id)]);
    assert_eq!(missed.session_keys, [(payer.address(), session.address())]);

    let (view, _follower) = follow(payer_chain.clone(), 0, Duration::from_millis(200)).await?;
    let running = last.next();
    assert_eq!(view.operator_of_node(node, running), Some(id));
    assert!(view.is_bonded(id, running));
    assert!(view.is_authorized(payer.address(), session.address(), running));
    assert!(!view.is_authorized(payer.address(), operator.address(), running));
    assert!(view.quota_bytes(payer.address(), running).is_some());
    assert!(payer_chain.is_authorized(payer.address(), session.address(), running).await?);

    payer_chain.revoke_session_key(session.address()).await?;
    tokio::time::timeout(Duration::from_secs(20), async {
        while view.is_authorized(payer.address(), session.address(), Epoch(running.0 + 9)) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await?;
    assert!(view.is_authorized(payer.address(), session.address(), running));
    Ok(())
}

#[tokio::test]
async fn operators_are_listed_by_id_with_their_names_and_their_nodes() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let operator = Devnet::account("operator");
    devnet.fund(operator.address(), data(20_000)).await?;
    let chain = devnet.connect(&operator).await?;
    assert!(chain.operators(None, 10).await?.is_empty());
    let bond = chain.minimum_bond_wei().await?.to::<u128>();
    for name in ["acme", "", "third"] {
        chain.register_operator(operator.address(), bond, u64::MAX, name.into()).await?;
    }
    let ids = async |after, limit| {
        let page = chain.operators(after, limit).await?;
        anyhow::Ok(page.into_iter().map(|operator| operator.id.0).collect::<Vec<_>>())
    };
    assert_eq!(ids(None, 2).await?, [0, 1]);
    assert_eq!(ids(Some(OperatorId(1)), 2).await?, [2]);
    assert_eq!(ids(Some(OperatorId(2)), 2).await?, [0; 0]);
    assert_eq!(ids(Some(OperatorId(u32::MAX)), u32::MAX).await?, [0; 0]);

    let nodes = [0x42, 0x43, 0x44].map(|byte| NodeId(B256::repeat_byte(byte)));
    for node in nodes {
        chain.add_node(OperatorId(0), node).await?;
    }
    chain.add_node(OperatorId(1), nodes[0]).await?;
    chain.remove_node(OperatorId(0), nodes[0]).await?;
    chain.remove_node(OperatorId(0), nodes[2]).await?;
    chain.add_node(OperatorId(0), nodes[2]).await?;
    assert_eq!(chain.nodes_of(OperatorId(0)).await?, nodes[1..]);
    assert_eq!(chain.nodes_of(OperatorId(1)).await?, nodes[..1]);
    assert!(chain.nodes_of(OperatorId(2)).await?.is_empty());

    chain.set_metadata(OperatorId(0), "acme relays".into()).await?;
    let profiles = chain.operator_profiles().await?;
    let names: Vec<_> = profiles.values().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["acme relays", "", "third"]);
    let counts: Vec<_> = profiles.values().map(|profile| profile.nodes.len()).collect();
    assert_eq!(counts, [2, 1, 0]);
    assert_eq!(chain.operator_profile(OperatorId(0)).await?, profiles[&OperatorId(0)]);
    Ok(())
}

/// What a stake costs depends on the epoch: the second of an epoch changes what the first wrote, in the next epoch all is new.
#[tokio::test]
async fn what_is_mined_in_the_next_epoch_has_the_gas_for_it() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let payer = Devnet::account("payer");
    devnet.fund(payer.address(), data(1_000)).await?;
    let chain = devnet.connect(&payer).await?;
    chain.stake(data(100)).await?;
    let anvil = devnet.anvil();
    anvil.set_mining(false).await?;
    let again = chain.clone();
    let staking = tokio::spawn(async move { again.stake(data(1)).await });
    let until_waiting = async || {
        while !anvil.has_waiting(payer.address()).await? {
            anyhow::ensure!(!staking.is_finished(), "nothing was sent");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    // The approval, and then the stake itself.
    until_waiting().await?;
    anvil.mine(1).await?;
    until_waiting().await?;
    anvil.advance(PARAMETERS.epoch_length_s).await?;
    staking.await??;
    Ok(())
}

#[tokio::test]
async fn refusals_say_why() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let poor = Devnet::account("poor");
    devnet.fund(poor.address(), data(1)).await?;
    let chain = devnet.connect(&poor).await?;
    let error = chain.stake(data(4)).await.unwrap_err();
    assert!(matches!(error, ChainError::TooLittleData { .. }), "{error}");
    let error = chain.add_node(OperatorId(7), NodeId(B256::repeat_byte(1))).await.unwrap_err();
    assert!(matches!(&error, ChainError::Refused { .. }), "{error}");
    // A refused transaction takes no place in the account's order: the next one goes through.
    tokio::time::timeout(Duration::from_secs(30), chain.transfer(poor.address(), data(1)))
        .await??;
    let mut elsewhere = devnet.deployment().clone();
    elsewhere.chain_id = 1;
    let endpoints = devnet.rpc_url().parse()?;
    let error = tatum_chain::Chain::connect(&endpoints, elsewhere).await.unwrap_err();
    assert!(matches!(error, ChainError::WrongChain { got: 31_337, expected: 1 }), "{error}");
    Ok(())
}

/// Nodes go by this machine's clock: a chain that is an epoch off knows no quotas of theirs.
#[tokio::test]
async fn a_chain_that_is_set_up_fast_and_reorganised_keeps_its_time() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let chain = devnet.connect(&Devnet::account("anybody")).await?;
    let ahead_s = async || {
        // Until a block of this clock is there.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let (_, time_s) = chain.head().await?;
        let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        anyhow::Ok(i64::try_from(time_s)? - i64::try_from(now_s)?)
    };
    let at_first_s = ahead_s().await?;
    devnet.anvil().advance(100).await?;
    for _ in 0..8 {
        devnet.anvil().reorganise(4).await?;
    }
    let at_last_s = ahead_s().await?;
    println!("{at_first_s} s and {at_last_s} s ahead");
    assert!(at_first_s.abs() <= 3, "a devnet begins {at_first_s} s ahead of its nodes");
    assert!((at_last_s - 100).abs() <= 3, "put 100 s forward, the chain is {at_last_s} s ahead");
    Ok(())
}
