//! A pool of delegators through the real binary: made, delegated to, paid by real claims, asked for and redeemed.

use serde_json::Value;
use tatum_primitives::{Address, B256, NodeId, OperatorId, U256, WEI_PER_DATA as DATA};
use tatum_receipt::SessionKey;
use tatum_test_utils::Devnet;
use tatum_test_utils::testnet as tatum;

use crate::closed_epoch::Closed;

const EPOCH_S: u64 = 3600;
const POOLED: [&str; 2] = ["--operator", "1"];

impl Closed {
    async fn pooled(&self, key: &SessionKey, words: &[&str]) -> anyhow::Result<Value> {
        let mut command = self.command(&[words, &POOLED].concat())?;
        command.env("TATUM_PRIVATE_KEY", tatum::hex(key));
        tatum::json(command).await
    }

    async fn refused(&self, key: &SessionKey, words: &[&str]) -> String {
        format!("{:#}", self.pooled(key, words).await.unwrap_err())
    }

    /// What an account has of operator 1's pool.
    async fn of_pool(&self, account: Address) -> anyhow::Result<Value> {
        self.json(&["delegate", "status", "--operator", "1", "--account", &account.to_string()])
            .await
    }
}

fn data(amount: u128) -> U256 {
    U256::from(amount * DATA)
}

fn wei(value: &Value) -> U256 {
    value.as_str().unwrap_or_else(|| panic!("no amount: {value}")).parse().unwrap()
}

#[tokio::test]
async fn delegators_are_paid_by_real_claims_and_leave_with_their_part() -> anyhow::Result<()> {
    let closed = Closed::start().await?;
    let (owner, delegator) = (Devnet::account("operator"), Devnet::account("delegator"));
    closed.devnet.fund(delegator.address(), data(1_000)).await?;
    let told = closed.refused(&delegator, &["delegate", "add", "500", "--yes"]).await;
    assert!(told.contains("has no pool of delegators"), "{told}");
    let told = closed.refused(&owner, &["delegate", "create", "--cut", "10"]).await;
    assert!(
        told.contains("--yes") && told.contains("5000 DATA") && told.contains("10 %"),
        "{told}"
    );
    let told = closed.refused(&delegator, &["delegate", "create", "--cut", "10", "--yes"]).await;
    assert!(told.contains("operator 1 is"), "{told}");
    let made = closed.pooled(&owner, &["delegate", "create", "--cut", "10", "--yes"]).await?;
    assert_eq!((wei(&made["active_wei"]), &made["cut_bps"]), (data(5_000), &1_000.into()));
    let pool: Address = made["pool"].as_str().unwrap().parse()?;
    assert_eq!(closed.chain.operator_status(OperatorId(1)).await?.payout, pool);
    let told = closed.refused(&owner, &["delegate", "create", "--cut", "10", "--yes"]).await;
    assert!(told.contains("has its pool already"), "{told}");

    // More than she has, more than the owner's stake carries, and then as much as there is.
    let told = closed.refused(&delegator, &["delegate", "add", "1001", "--yes"]).await;
    assert!(told.contains("holds 1000 DATA"), "{told}");
    let told = closed.refused(&delegator, &["delegate", "add", "95001", "--yes"]).await;
    assert!(told.contains("leaves room for"), "{told}");
    let added = closed.pooled(&delegator, &["delegate", "add", "500", "--yes"]).await?;
    assert_eq!(wei(&added["delegator"]["worth_wei"]), data(500));
    let kept = closed.pooled(&owner, &["delegate", "collect"]).await?;
    assert_eq!(wei(&kept["bond_wei"]), data(5_500));

    // Its owner runs it as before, through the pool.
    let node = NodeId(B256::repeat_byte(0x51)).to_string();
    closed.pooled(&owner, &["operator", "add-node", &node]).await?;
    let told = closed.refused(&delegator, &["operator", "remove-node", &node]).await;
    assert!(told.contains("does not own the pool"), "{told}");
    closed.pooled(&owner, &["operator", "remove-node", &node]).await?;

    closed.earn_and_collect(&owner, &delegator).await?;
    closed.leave_with_what_is_theirs(&delegator).await
}

impl Closed {
    /// A distribution pays the pool; the owner has its cut, the rest comes by and by.
    async fn earn_and_collect(
        &self,
        owner: &SessionKey,
        delegator: &SessionKey,
    ) -> anyhow::Result<()> {
        self.close().await?;
        let claimed = self.pooled(owner, &["operator", "claim"]).await?;
        let earned = wei(&claimed["claimed_now_nano"]) * U256::from(1_000_000_000);
        assert!(earned > U256::ZERO, "{claimed}");
        let came = self.of_pool(delegator.address()).await?;
        assert_eq!(wei(&came["uncollected_wei"]), earned);
        assert_eq!(wei(&came["delegator"]["worth_wei"]), data(500), "nothing comes at once");
        let own = wei(&came["own_shares"]);
        let kept = self.pooled(delegator, &["delegate", "collect"]).await?;
        assert_eq!(wei(&kept["uncollected_wei"]), U256::ZERO);
        let (cut, nano) = (earned / U256::from(10), U256::from(1_000_000_000));
        assert!(wei(&kept["unreleased_wei"]) >= earned - cut - nano, "{kept}");
        assert!(wei(&kept["own_shares"]) > own, "the owner has its cut: {kept}");
        self.devnet.anvil().advance(14 * EPOCH_S).await?;
        let later = self.of_pool(delegator.address()).await?;
        assert_eq!(wei(&later["unreleased_wei"]), U256::ZERO, "{later}");
        // A twelfth or so of nine tenths, for she has 500 of 5 500 and a little.
        let gained = wei(&later["delegator"]["worth_wei"]) - data(500);
        assert!(gained > earned / U256::from(14) && gained < earned / U256::from(11), "{later}");

        let told = self.refused(owner, &["delegate", "cut", "16", "--yes"]).await;
        assert!(told.contains("may by 5 % at once"), "{told}");
        let rises = self.pooled(owner, &["delegate", "cut", "12", "--yes"]).await?;
        assert_eq!((&rises["cut_bps"], &rises["next_cut_bps"]), (&1_000.into(), &1_200.into()));
        Ok(())
    }

    async fn leave_with_what_is_theirs(&self, delegator: &SessionKey) -> anyhow::Result<()> {
        let told = self.refused(delegator, &["delegate", "redeem"]).await;
        assert!(told.contains("has asked for nothing"), "{told}");
        let worth = wei(&self.of_pool(delegator.address()).await?["delegator"]["worth_wei"]);
        let asked = self.pooled(delegator, &["delegate", "request", "--all", "--yes"]).await?;
        let request = &asked["delegator"]["requests"][0];
        assert_eq!((wei(&request["worth_wei"]), &request["redeemable"]), (worth, &false.into()));
        let told = self.refused(delegator, &["delegate", "redeem"]).await;
        assert!(told.contains("it is redeemed from epoch"), "{told}");
        let unbonding = asked["unbonding_epochs"].as_u64().unwrap();
        self.devnet.anvil().advance(unbonding * EPOCH_S).await?;
        let before = self.chain.balance_wei(delegator.address()).await?;
        let paid = self.pooled(delegator, &["delegate", "redeem"]).await?;
        assert_eq!(wei(&paid["redeemed_wei"]), worth);
        assert_eq!(self.chain.balance_wei(delegator.address()).await? - before, worth);
        assert_eq!(paid["delegator"]["requests"], serde_json::json!([]));
        Ok(())
    }
}
