//! Prototypes on a real chain: tickets whose wins are ordinary receipts, and a hub that pays an operator whom its payer has no channel with.

use std::slice::from_ref;

use tatum_channel::ticket::{Draw, Expected, Payer, PublicKey, Terms};

use super::*;

/// One in four, of a DATA each.
const ONE_IN: u32 = 4;
const NODE: NodeId = NodeId(B256::repeat_byte(7));

#[tokio::test]
async fn one_winning_ticket_redeems_alone_and_the_next_one_beside_it() -> anyhow::Result<()> {
    let world = World::start().await?;
    let payer = &world.payer;
    world.run(payer, &[&OPEN[..], &["100"]].concat()).await?;
    let verifier = Verifier::new(world.devnet.deployment().domain());
    let terms = Terms::new(DATA, ONE_IN)?;
    let signer = PublicKey::of(payer).unwrap();
    let (mut tickets, mut owed_wei, mut wins) = (Payer::new(terms, 0), 0, 0);
    for n in 1..=200u64 {
        let draw = Draw::new(terms, keccak256(format!("draw {n}")).0);
        let receipt = world.signed(payer, 0, 0).await?.receipt;
        let offer = (draw.commitment(), keccak256(format!("guess {n}")).0);
        let ticket = tickets.issue((payer, &verifier), receipt.clone(), n, offer)?;
        let expected = Expected { terms, receipt: &receipt, owed_wei, signer };
        let Some(won) = draw.open(&ticket, expected, &verifier)? else { continue };
        // By somebody who knows of no tickets.
        let before = world.balance(&world.operator).await?;
        let paid = world.redeem(&world.anybody, &world.file("won", from_ref(&won))?).await?;
        assert_eq!(paid["redeemed_wei"], (u128::from(ONE_IN) * DATA).to_string(), "{paid}");
        assert_eq!(world.balance(&world.operator).await? - before, data(ONE_IN.into()));
        tickets.won(&won, payer, &verifier)?;
        (owed_wei, wins) = (won.receipt.owed, wins + 1);
        if wins == 2 {
            assert_eq!(owed_wei, 8 * DATA);
            return Ok(());
        }
    }
    panic!("{wins} wins of 200 tickets, at one in {ONE_IN}")
}

#[tokio::test]
async fn a_hub_pays_an_operator_whom_its_payer_has_no_channel_with() -> anyhow::Result<()> {
    let world = World::start().await?;
    let hub = Devnet::account("hub");
    world.devnet.fund(hub.address(), data(6_000)).await?;
    world.run(&hub, &["operator", "register", "--yes"]).await?;
    world.devnet.connect(&world.operator).await?.add_node(OperatorId(0), NODE).await?;
    let to_hub = ["channel", "open", "--operator", "1", "--window-minutes", "60", "--yes", "50"];
    world.run(&world.payer, &to_hub).await?;
    world.run(&hub, &[&OPEN[..], &["30"]].concat()).await?;

    let channel = world.chain.channel(world.payer.address(), OperatorId(1)).await?.id();
    let verifier = Verifier::new(world.devnet.deployment().domain());
    let mut receipt = world.signed(&world.payer, 0, 10).await?.receipt;
    (receipt.operator_id, receipt.channel) = (OperatorId(1), channel);
    let sign =
        |receipt: &DeliveryReceipt| SignedReceipt::sign(receipt.clone(), &world.payer, &verifier);
    let mut elsewhere = receipt.clone();
    (elsewhere.node, elsewhere.owed) = (NodeId(B256::repeat_byte(8)), DATA);
    let file = world.file("from-payers", &[sign(&receipt), sign(&elsewhere)])?;
    let (state, out) = (world.folder.path().join("hub.json"), world.folder.path().join("out"));
    let route = |file: &Path| {
        let words = ["channel", "route", "--hub-operator", "1", "--to", "0", "--fee-bps", "1000"];
        let files = ["--receipts", text(file), "--state", text(&state), "--out", text(&out)];
        [&words[..], &files[..]].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let arguments = route(&file);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let routed = world.run(&hub, &arguments).await?;
    assert_eq!(
        (&routed["released"], &routed["released_wei"]),
        (&1.into(), &(9 * DATA).to_string().into())
    );
    let reason = routed["refused"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("none of the operators"), "{routed}");

    // The operator redeems what it got, the hub what it took.
    let paid = world.redeem(&world.operator, &out).await?;
    assert_eq!(paid["redeemed_wei"], (9 * DATA).to_string());
    let paid = world.redeem(&hub, &file).await?;
    assert_eq!(paid["redeemed_wei"], (11 * DATA).to_string(), "both: {paid}");
    // The same again gives nothing, and what was given is still there to be handed over.
    let told = world.refused(&hub, &arguments).await;
    assert!(told.contains("nothing was released"), "{told}");
    // The version, how many lines lie beside the receipt, and the receipt.
    assert_eq!(std::fs::read(&out)?.len(), 1 + 1 + 278);

    // More than the hub's own deposit covers is not released.
    receipt.owed = 40 * DATA;
    let file = world.file("more", &[sign(&receipt)])?;
    let arguments = route(&file);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = world.refused(&hub, &arguments).await;
    assert!(told.contains("whose deposit covers 30 DATA"), "{told}");
    Ok(())
}
