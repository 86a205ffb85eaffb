//! The service pays the gas of who has none: a payer stakes by its permit, an operator is claimed for, and the purse is all that pays.

use std::time::Duration;

use anyhow::Context;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tatum_primitives::{Address, B256, Nano, OperatorId, U256, eip712_digest, keccak256};
use tatum_receipt::{SessionKey, Signature};
use tatum_test_utils::Devnet;
use tatum_test_utils::testnet as tatum;
use tokio::time::{Instant, sleep};

use super::{DATA, PARAMETERS, Served, data};
use crate::closed_epoch::Closed;

/// What the tests' relay may spend: a dear hour, and room in it for a dozen transactions of one address.
pub(super) const BOUNDS: [&str; 4] =
    ["--relay-coin-per-hour", "1", "--relay-coin-per-address-hour", "0.1"];
const FAR: u64 = 4_000_000_000;

/// The account that pays.
pub(super) fn purse() -> SessionKey {
    Devnet::account("purse")
}

/// A payer that has DATA and none of the chain's coin.
pub(super) struct Payer {
    key: SessionKey,
}

impl Payer {
    pub(super) fn new(name: &str) -> Self {
        Self { key: Devnet::account(name) }
    }

    pub(super) fn address(&self) -> Address {
        self.key.address()
    }

    /// The request that carries its permit for so much DATA.
    pub(super) fn asks(&self, served: &Served, amount: u128, nonce: u64) -> Value {
        self.asks_until(served, amount, nonce, FAR)
    }

    pub(super) fn asks_until(
        &self,
        served: &Served,
        amount: u128,
        nonce: u64,
        until_s: u64,
    ) -> Value {
        let wei = U256::from(amount * DATA);
        let deployment = served.devnet.deployment();
        let domain = [
            keccak256(
                "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
            ),
            keccak256("Streamr"),
            keccak256("1"),
            word(deployment.chain_id),
            deployment.token.into_word(),
        ];
        let kind =
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
        let permit = [
            keccak256(kind),
            self.address().into_word(),
            deployment.stake_pool.into_word(),
            B256::from(wei),
            word(nonce),
            word(until_s),
        ];
        let digest = eip712_digest(keccak256(domain.concat()), keccak256(permit.concat()));
        json!({
            "action": "stake_with_permit", "payer": self.address(), "amount_wei": data(amount),
            "permit": { "deadline_s": until_s, "signature": Signature::sign(&self.key, digest) },
        })
    }
}

fn word(number: u64) -> B256 {
    B256::from(U256::from(number))
}

impl Served {
    /// With a relay whose purse is filled, and a key that is in the environment.
    pub(super) async fn paying(bounds: &[&str]) -> anyhow::Result<Self> {
        let logs = tempfile::tempdir()?;
        let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
        Self::paying_beside(devnet, "http://127.0.0.1:9", bounds).await
    }

    pub(super) async fn paying_beside(
        devnet: Devnet,
        aggregator: &str,
        bounds: &[&str],
    ) -> anyhow::Result<Self> {
        devnet.anvil().fund(purse().address()).await?;
        let secret = tatum::hex(&purse());
        Self::set_up(devnet, aggregator, bounds, &[("TATUM_RELAY_PRIVATE_KEY", &secret)]).await
    }

    /// Gives each payer DATA, and nothing else.
    pub(super) async fn hand_out(&self, payers: &[Payer], amount: u128) -> anyhow::Result<()> {
        let treasury = Devnet::account("treasury");
        let all = U256::from(amount * DATA) * U256::from(payers.len());
        self.devnet.fund(treasury.address(), all).await?;
        let treasury = self.devnet.connect(&treasury).await?;
        let handing_out = async {
            for payer in payers {
                treasury.transfer(payer.address(), U256::from(amount * DATA)).await?;
                assert!(treasury.gas_balance_wei(payer.address()).await?.is_zero());
            }
            Ok(())
        };
        self.devnet.anvil().hurry(handing_out).await
    }

    /// Until what the relay sent is mined and booked.
    pub(super) async fn booked(&self) -> anyhow::Result<()> {
        loop {
            let sent = self.figure("tatum_api_relay_requests_total{outcome=\"sent\"}").await?;
            let mut over = 0;
            for became in ["succeeded", "reverted", "unknown"] {
                let name = format!("tatum_api_relay_transactions_total{{became=\"{became}\"}}");
                over += self.figure(&name).await?;
            }
            if over >= sent {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the relay answers.
    pub(super) async fn pay_for(&self, asked: &Value) -> anyhow::Result<(StatusCode, Value)> {
        self.post("/v1/relay", asked).await
    }

    /// Until a transaction is over.
    pub(super) async fn over(&self, sent: &Value) -> anyhow::Result<Value> {
        let hash = sent["hash"].as_str().with_context(|| format!("nothing was sent: {sent}"))?;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let status = self.get(&format!("/v1/transactions/{hash}")).await?;
            let state = status["state"].as_str().unwrap_or_default();
            if state != "pending" || Instant::now() > deadline {
                return Ok(status["state"].clone());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What is left of the relay's hour, in wei.
    pub(super) async fn left_wei(&self) -> anyhow::Result<u128> {
        let text = self.get("/v1/relay").await?["relay"]["left_wei"].clone();
        Ok(text.as_str().context("there is no relay")?.parse()?)
    }

    pub(super) async fn purse_wei(&self) -> anyhow::Result<U256> {
        self.devnet
            .connect(&purse())
            .await?
            .gas_balance_wei(purse().address())
            .await
            .map_err(Into::into)
    }

    /// A figure of the page of metrics.
    pub(super) async fn figure(&self, name: &str) -> anyhow::Result<u64> {
        let page = self.http.get(format!("{}/metrics", self.base)).send().await?.text().await?;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no {name} in {page}"))?.parse()?)
    }

    async fn staked_wei(&self, payer: &Payer) -> anyhow::Result<Value> {
        Ok(self.account(payer.address()).await?["stake"]["stake_wei"].clone())
    }
}

#[tokio::test]
async fn nobodys_gas_is_paid_unless_a_key_is_given() -> anyhow::Result<()> {
    let served = Served::start().await?;
    assert_eq!(served.get("/v1/relay").await?["relay"], Value::Null);
    let payer = Payer::new("payer");
    let (status, problem) = served.pay_for(&payer.asks(&served, 10, 0)).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("relay_off")), "{problem}");
    for code in ["relay_off", "relay_spent", "relay_empty"] {
        let page = served.asked(reqwest::Method::GET, &format!("/problems/{code}")).await?;
        assert_eq!(page.0.as_u16(), 200, "{page:?}");
    }
    // A key without bounds is a mistake that is told at once.
    let mut command = tatum::command(&served.devnet, &["api", "run", "--listen", "127.0.0.1:0"])?;
    command.env("TATUM_RELAY_PRIVATE_KEY", tatum::hex(&purse()));
    let output = command.output().await?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("--relay-coin-per-hour"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_payer_without_the_chains_coin_stakes_by_its_permit() -> anyhow::Result<()> {
    let served = Served::paying(&BOUNDS).await?;
    let payers = [Payer::new("payer one"), Payer::new("payer two")];
    served.hand_out(&payers, 100).await?;
    let [payer, other] = &payers;
    let (before_wei, asked) = (served.purse_wei().await?, payer.asks(&served, 10, 0));
    let (status, sent) = served.pay_for(&asked).await?;
    assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
    // The same at once, a few times, is the same transaction.
    for _ in 0..3 {
        assert_eq!(served.pay_for(&asked).await?, (StatusCode::ACCEPTED, sent.clone()));
    }
    assert_eq!(served.over(&sent).await?, "succeeded");
    assert_eq!(served.pay_for(&asked).await?.1, sent, "and still after it was mined");
    assert_eq!(served.staked_wei(payer).await?, data(10));
    assert_eq!(served.account(payer.address()).await?["allowance_wei"], "0");
    served.booked().await?;
    let paid_wei = before_wei - served.purse_wei().await?;
    let left_wei = served.left_wei().await?;
    assert_eq!(U256::from(DATA - left_wei), paid_wei, "the book says what the purse paid");

    let cases = [
        (other.asks_until(&served, 10, 0, 1), 409, "refused", "was good until 1,"),
        (other.asks(&served, 10, 1), 409, "refused", "stake from the payer's own wallet"),
        (other.asks(&served, 101, 0), 409, "refused", "Nothing was sent"),
        (other.asks(&served, 0, 0), 409, "refused", "paid from 1 DATA on"),
        (
            with(other.asks(&served, 10, 0), "amount_wei", json!(data(11))),
            409,
            "refused",
            "signed for something else",
        ),
        (
            with(other.asks(&served, 10, 0), "payer", json!(payer.address())),
            409,
            "refused",
            "sign another",
        ),
        (with(other.asks(&served, 10, 0), "data", json!("0x00")), 400, "bad_request", "data"),
        (json!({ "action": "unstake", "amount_wei": "1" }), 400, "bad_request", "unstake"),
        (json!({ "action": "claim", "operator": 7 }), 404, "not_found", "no operator 7"),
    ];
    for (asked, expected, code, words) in cases {
        let (status, problem) = served.pay_for(&asked).await?;
        let got = (status.as_u16(), problem["code"].as_str());
        assert_eq!(got, (expected, Some(code)), "{asked}: {problem}");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words), "{asked}: {problem}");
    }
    assert_eq!(served.left_wei().await?, left_wei, "what is refused costs nothing");
    let (_, sent) = served.pay_for(&other.asks(&served, 20, 0)).await?;
    assert_eq!(served.over(&sent).await?, "succeeded", "its permit is still good");
    assert_eq!(served.staked_wei(other).await?, data(20));
    assert_eq!(served.figure("tatum_api_relay_requests_total{outcome=\"sent\"}").await?, 2);
    assert_eq!(served.figure("tatum_api_relay_requests_total{outcome=\"refused\"}").await?, 5);
    assert_eq!(served.figure("tatum_api_relay_transactions_total{became=\"reverted\"}").await?, 0);
    assert!(served.figure("tatum_api_relay_spent_gwei_total").await? > 0);
    assert_no_secret(&served)
}

fn with(mut asked: Value, field: &str, value: Value) -> Value {
    asked[field] = value;
    asked
}

/// The key is in no log, in no form that it was given in, nor are its words.
pub(super) fn assert_no_secret(served: &Served) -> anyhow::Result<()> {
    let (log, secret) = (served.log()?, tatum::hex(&purse()));
    let digits = secret.trim_start_matches("0x");
    assert!(log.contains("pays for"), "{log}");
    assert!(!log.to_lowercase().contains(&digits.to_lowercase()), "the secret is in the log");
    Ok(())
}

#[tokio::test]
async fn an_operator_without_the_chains_coin_is_claimed_for() -> anyhow::Result<()> {
    let closed = Closed::start().await?;
    closed.close().await?;
    let chain = closed.chain.clone();
    let (devnet, aggregator) = closed.apart();
    let little = [&BOUNDS[..], &["--relay-at-least", "0.001"]].concat();
    let served = Served::paying_beside(devnet, &aggregator.url, &little).await?;
    let owner = Devnet::account("operator").address();
    let poor = json!([owner, "0x0"]);
    served.wallet.request("anvil_setBalance", poor).await?;
    served.caught_up().await?;
    let earned = served.get("/v1/operators/0").await?["earned"]["claimable_nano"].clone();
    let earned_nano: u64 = earned.as_str().context("nothing was earned")?.parse()?;
    let before_wei = chain.balance_wei(owner).await?;

    let claim = json!({ "action": "claim", "operator": 0 });
    let (status, sent) = served.pay_for(&claim).await?;
    assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
    assert_eq!(served.pay_for(&claim).await?.1, sent);
    assert_eq!(served.over(&sent).await?, "succeeded");
    assert_eq!(chain.claimed_nano(OperatorId(0)).await?, Nano(earned_nano));
    assert_eq!(chain.balance_wei(owner).await? - before_wei, Nano(earned_nano).to_wei());
    assert!(chain.gas_balance_wei(owner).await?.is_zero(), "it paid nothing");
    // The fourth did nothing, so there is nothing to claim.
    let (status, problem) = served.pay_for(&json!({ "action": "claim", "operator": 3 })).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("not_yet")), "{problem}");
    // After a moment the first has nothing left either.
    sleep(Duration::from_secs(11)).await;
    let (status, problem) = served.pay_for(&claim).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("not_yet")), "{problem}");
    assert_eq!(served.figure("tatum_api_relay_requests_total{outcome=\"sent\"}").await?, 1);
    Ok(())
}
