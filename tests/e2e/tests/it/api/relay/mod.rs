//! The service pays the gas of who has none: who asks for it, and what the tests ask of the service.

mod attacks;
mod paying;

use std::time::Duration;

use anyhow::Context;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tatum_primitives::{Address, B256, U256, eip712_digest, keccak256};
use tatum_receipt::{SessionKey, Signature};
use tatum_test_utils::Devnet;
use tatum_test_utils::testnet as tatum;
use tokio::time::{Instant, sleep};

use super::{DATA, PARAMETERS, Served, data};

/// What the tests' relay may spend: a dear hour, and room in it for a dozen transactions of one address.
const BOUNDS: [&str; 4] = ["--relay-coin-per-hour", "1", "--relay-coin-per-address-hour", "0.1"];
const FAR: u64 = 4_000_000_000;

/// The account that pays.
fn purse() -> SessionKey {
    Devnet::account("purse")
}

/// A payer that has DATA and none of the chain's coin.
struct Payer {
    key: SessionKey,
}

impl Payer {
    fn new(name: &str) -> Self {
        Self { key: Devnet::account(name) }
    }

    fn address(&self) -> Address {
        self.key.address()
    }

    /// The request that carries its permit for so much DATA.
    fn asks(&self, served: &Served, amount: u128, nonce: u64) -> Value {
        self.asks_until(served, amount, nonce, FAR)
    }

    fn asks_until(&self, served: &Served, amount: u128, nonce: u64, until_s: u64) -> Value {
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
    async fn paying(bounds: &[&str]) -> anyhow::Result<Self> {
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
    async fn hand_out(&self, payers: &[Payer], amount: u128) -> anyhow::Result<()> {
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
    async fn booked(&self) -> anyhow::Result<()> {
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

    /// What `tatum doctor` finds of the relay.
    async fn looked_at(&self) -> anyhow::Result<Value> {
        let mut command = tatum::command(&self.devnet, &["doctor", "--json", "--api"])?;
        // It ends with another code where something else stands in the way, as the tracker that is not there.
        let output = command.arg(&self.base).output().await?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let mut findings = report["findings"].as_array().into_iter().flatten();
        let found = findings.find(|finding| finding["check"] == "gas relay").cloned();
        found.with_context(|| format!("no word of the relay in {report}"))
    }

    /// What the relay answers.
    async fn pay_for(&self, asked: &Value) -> anyhow::Result<(StatusCode, Value)> {
        self.post("/v1/relay", asked).await
    }

    /// What a transaction is by now.
    async fn state_of(&self, sent: &Value) -> anyhow::Result<Value> {
        let hash = sent["hash"].as_str().with_context(|| format!("nothing was sent: {sent}"))?;
        Ok(self.get(&format!("/v1/transactions/{hash}")).await?["state"].clone())
    }

    /// What a transaction is once it waits no more.
    async fn over(&self, sent: &Value) -> anyhow::Result<Value> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let state = self.state_of(sent).await?;
            if state != "pending" || Instant::now() > deadline {
                return Ok(state);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Until a transaction is what is expected, whatever a pool forgets meanwhile.
    async fn becomes(&self, sent: &Value, expected: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.state_of(sent).await? != expected {
            anyhow::ensure!(Instant::now() < deadline, "it never was {expected}");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// What is left of the relay's hour, in wei.
    async fn left_wei(&self) -> anyhow::Result<u128> {
        let text = self.get("/v1/relay").await?["relay"]["left_wei"].clone();
        Ok(text.as_str().context("there is no relay")?.parse()?)
    }

    async fn purse_wei(&self) -> anyhow::Result<U256> {
        self.devnet
            .connect(&purse())
            .await?
            .gas_balance_wei(purse().address())
            .await
            .map_err(Into::into)
    }

    /// A figure of the page of metrics.
    async fn figure(&self, name: &str) -> anyhow::Result<u64> {
        let page = self.http.get(format!("{}/metrics", self.base)).send().await?.text().await?;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no {name} in {page}"))?.parse()?)
    }

    async fn staked_wei(&self, payer: &Payer) -> anyhow::Result<Value> {
        Ok(self.account(payer.address()).await?["stake"]["stake_wei"].clone())
    }
}

/// The key is in no log, in no form that it was given in, nor are its words.
fn assert_no_secret(served: &Served) -> anyhow::Result<()> {
    let (log, secret) = (served.log()?, tatum::hex(&purse()));
    let digits = secret.trim_start_matches("0x");
    assert!(log.contains("pays for"), "{log}");
    assert!(!log.to_lowercase().contains(&digits.to_lowercase()), "the secret is in the log");
    Ok(())
}
