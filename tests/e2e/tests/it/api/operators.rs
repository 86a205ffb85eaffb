//! What an operator is called and whose it is, through the API: its owner renames it and offers it, and whoever it is offered to takes it.

use serde_json::{Value, json};
use tatum_primitives::{Address, OperatorId};
use tatum_test_utils::Devnet;

use super::Served;
use super::delegations::{of, refused};

fn rename(name: &str) -> Value {
    of("rename_operator", json!({ "metadata": name }))
}

fn offer(candidate: Address) -> Value {
    of("offer_operator", json!({ "candidate": candidate.to_string() }))
}

impl Served {
    /// The operator's name, whose it is, and to whom it is offered.
    async fn whose(&self) -> anyhow::Result<(String, Option<Address>, Option<Address>)> {
        let shown = self.operator().await?;
        let address = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let name = shown["name"].as_str().unwrap_or("no name").to_owned();
        Ok((name, address(&shown["operator"]["owner"]), address(&shown["candidate"])))
    }
}

#[tokio::test]
async fn an_owner_renames_an_operator_and_hands_it_over_and_back() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let (wallet, heir) = (served.wallet.address(), Devnet::account("heir"));
    let heirs = served.devnet.connect(&heir).await?;
    served.devnet.fund(heir.address(), 1_u64.try_into()?).await?;
    served.registered().await?;
    assert_eq!(served.whose().await?, ("own".to_owned(), Some(wallet), None));
    served.done(rename("Größe 12")).await?;
    assert_eq!(served.whose().await?.0, "Größe 12");
    served.done(rename("")).await?;
    assert_eq!(served.whose().await?.0, "");

    let offered = served.done(offer(heir.address())).await?;
    let warning = offered["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("can do nothing for it any more"), "{offered}");
    assert_eq!(served.whose().await?.2, Some(heir.address()));
    let back = served.done(offer(Address::ZERO)).await?;
    assert_eq!(back["warnings"], json!([]), "nothing is given away");
    assert_eq!(served.whose().await?.2, None);
    assert!(heirs.accept_operator(OperatorId(0)).await.is_err(), "the offer was taken back");

    // The command line's word is the API's: one offers, the other accepts.
    served.done(offer(heir.address())).await?;
    heirs.accept_operator(OperatorId(0)).await?;
    assert_eq!(served.whose().await?, (String::new(), Some(heir.address()), None));
    assert_eq!(served.account(wallet).await?["operators"], json!([]));
    heirs.set_metadata(OperatorId(0), "the heir's".to_owned()).await?;
    heirs.offer_operator(OperatorId(0), wallet).await?;
    assert_eq!(served.whose().await?.2, Some(wallet));
    let accepted = served.done(of("accept_operator", json!({}))).await?;
    let warning = accepted["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("answers for what the operator did before"), "{accepted}");
    assert_eq!(served.whose().await?, ("the heir's".to_owned(), Some(wallet), None));
    assert_eq!(served.account(wallet).await?["operators"], json!([0]));
    Ok(())
}

#[tokio::test]
async fn who_may_not_rename_offer_or_take_an_operator_is_told_why() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let wallet = served.wallet.address();
    served.pooled().await?;
    for action in [rename("mine"), offer(wallet)] {
        let prepared = served.prepared(action).await?;
        assert!(refused(&prepared).contains("does not own"), "{prepared}");
    }
    let taken = served.prepared(of("accept_operator", json!({}))).await?;
    assert!(refused(&taken).contains("not offered to"), "{taken}");
    let long = served.of_wallet(rename(&"x".repeat(257)));
    let (status, problem) = served.post("/v1/actions", &long).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("bad_request")), "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("256 bytes")), "{problem}");
    Ok(())
}

#[tokio::test]
async fn an_operator_with_a_pool_is_renamed_by_it_and_cannot_be_given_away() -> anyhow::Result<()> {
    let served = Served::start().await?;
    served.registered().await?;
    served.done(of("create_delegation_pool", json!({ "cut_bps": 1_000 }))).await?;
    assert_eq!(served.whose().await?.2, None, "the pool has accepted");
    served.done(rename("pooled")).await?;
    assert_eq!(served.whose().await?.0, "pooled");
    let given = served.prepared(offer(Devnet::account("heir").address())).await?;
    assert!(refused(&given).contains("does not own"), "{given}");
    Ok(())
}
