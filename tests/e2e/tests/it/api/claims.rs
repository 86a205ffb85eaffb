//! A stranger with a wallet claims for an operator, of a network that really delivered: by the API's proofs and no key of ours.

use serde_json::{Value, json};
use tatum_primitives::{Nano, OperatorId};
use tatum_test_utils::testnet::{Cast, Network, RecordedStream};
use tatum_test_utils::{Devnet, DevnetParameters};

use super::Served;

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 3, grace_s: 4, force_s: 0 };
const RATE: u32 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_wallet_claims_what_operators_earned() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let records = (0..1_000).map(|n| format!("{{\"reading\":{n}}}")).collect();
    let streams = [RecordedStream::new("readings", records)?];
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let chain = devnet.connect(&Devnet::account("auditor")).await?;
    let schedule = chain.schedule().await?;
    let cast = Cast::assemble(&devnet, &streams, &[1], 1).await?;
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.deliver(&devnet, &cast, &streams, RATE).await?;
    let last = schedule.epoch_at_ms(network.now_ms());
    network.until_finalized(&devnet, last, |_| {}).await?;

    let payer = cast.subscribers[0].account.address();
    let served = Served::beside(devnet, network.aggregator_url(), &[]).await?;
    let operator = served.get("/v1/operators/0").await?;
    let earned: u64 = operator["earned"]["claimable_nano"].as_str().unwrap_or_default().parse()?;
    assert!(earned > 0, "{operator}");
    let epochs = served.get("/v1/epochs?limit=3").await?;
    assert!(epochs[0]["epoch"].as_u64() >= Some(last.0), "{epochs}");
    let used = served.get(&format!("/v1/epochs/{}/receipts?limit=1", cast.first_epoch)).await?;
    assert!(used["receipts"].is_array(), "{used}");
    assert_eq!(served.account(payer).await?["used"]["payer"], json!(payer));

    let before = chain.operator_status(OperatorId(0)).await?;
    // Named twice, it is claimed for once: a second transaction would cost gas and be refused.
    let claim = json!({ "action": "claim", "operators": [0, 0] });
    let prepared = served.done(claim.clone()).await?;
    assert_eq!(prepared["steps"].as_array().map(Vec::len), Some(1), "{prepared}");
    let warned = prepared["warnings"][0].as_str().unwrap_or_default();
    assert!(warned.contains("payout address, which is not this account"), "{prepared}");
    let after = chain.operator_status(OperatorId(0)).await?;
    let gained = after.payout_balance_wei - before.payout_balance_wei;
    assert!(gained >= Nano(earned).to_wei() && after.claimed_nano.0 >= earned);
    served.caught_up().await?;
    let (status, problem) = served.post("/v1/actions", &served.of_wallet(claim)).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("not_yet")), "{problem}");

    // One who knows a proof is not sent it again.
    let epoch = operator["earned"]["proof"]["epoch"].as_u64().unwrap_or_default();
    let url = format!("{}/v1/epochs/{epoch}/operators/0", served.base);
    let proof = served.http.get(&url).send().await?;
    let tag = proof.headers().get("etag").cloned().ok_or_else(|| anyhow::anyhow!("no ETag"))?;
    assert_eq!(proof.json::<Value>().await?["operator_id"], 0);
    let again = served.http.get(&url).header("if-none-match", tag).send().await?;
    assert_eq!(again.status().as_u16(), 304);
    network.stop().await
}
