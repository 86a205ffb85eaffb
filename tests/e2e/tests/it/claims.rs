//! Claims for many, through the real binary and a real chain: neighbours in one transaction, and by themselves when it pays.

use std::time::Duration;

use tatum_primitives::{Nano, OperatorId, U256};
use tatum_test_utils::{Devnet, Habit, Process, Provider, Rules};
use tokio::time::{sleep, timeout};

use crate::closed_epoch::{Closed, OPERATORS};

const PATIENCE: Duration = Duration::from_secs(60);

impl Closed {
    async fn claimed(&self) -> anyhow::Result<Vec<Nano>> {
        let mut claimed = Vec::new();
        for id in 0..OPERATORS {
            claimed.push(self.chain.claimed_nano(OperatorId(id.into())).await?);
        }
        Ok(claimed)
    }
}

#[tokio::test]
async fn neighbours_are_claimed_for_in_one_transaction_where_that_is_cheaper() -> anyhow::Result<()>
{
    let closed = Closed::start().await?;
    let (code, told) = closed.told(&["operator", "claim", "--all"]).await?;
    assert!(code == Some(1) && told.contains("no distribution is finalized yet"), "{told}");
    closed.close().await?;
    let would = closed.json(&["operator", "claim", "--all", "--dry-run"]).await?;
    let one = &would["transactions"][0];
    assert_eq!(one["operators"], serde_json::json!([0, 1, 2]), "the fourth did nothing: {would}");
    let alone = closed.json(&["operator", "claim", "--operator", "1", "--dry-run"]).await?;
    let gas = |plan: &serde_json::Value| plan["transactions"][0]["gas"].as_u64().unwrap();
    assert!(gas(&would) < 3 * gas(&alone), "{would} {alone}");
    assert_eq!(closed.claimed().await?, [Nano::ZERO; OPERATORS as usize], "nothing was sent");

    let payout = Devnet::account("operator").address();
    let before_wei = closed.chain.balance_wei(payout).await?;
    let done = closed.json(&["operator", "claim", "--all"]).await?;
    assert_eq!(done["transactions"].as_array().unwrap().len(), 1, "{done}");
    let claimed = closed.claimed().await?;
    let sum: U256 = claimed.iter().map(|nano| nano.to_wei()).sum();
    assert_eq!(closed.chain.balance_wei(payout).await? - before_wei, sum);
    assert_eq!(
        done["claimed_now_nano"],
        claimed.iter().map(|nano| nano.0).sum::<u64>().to_string()
    );
    let earned = closed.json(&["operator", "status", "--operator", "2"]).await?;
    assert_eq!(
        (&earned["claimable_nano"], &earned["claimed_nano"]),
        (&"0".into(), &earned["earned_nano"])
    );
    let again = closed.json(&["operator", "claim", "--all"]).await?;
    assert_eq!(
        (&again["claimed_now_nano"], &again["transactions"]),
        (&"0".into(), &serde_json::json!([]))
    );

    closed.close().await?;
    let most = earned["earned_nano"].as_str().unwrap().parse::<u64>()?;
    let least = format!("{}", Nano(most));
    let done = closed.json(&["operator", "claim", "--all", "--at-least", &least]).await?;
    assert!(done["operators"].as_array().unwrap().len() < 3, "who is owed less waits: {done}");
    let one = closed.json(&["operator", "claim", "--operator", "0"]).await?;
    assert!(one["transaction"].is_string() && one["claimed_now_nano"] != "0", "{one}");
    Ok(())
}

#[tokio::test]
async fn what_pays_is_claimed_by_itself_over_faults_and_a_kill() -> anyhow::Result<()> {
    let closed = Closed::start().await?;
    // Its provider fails for a while, so a look or two come to nothing.
    let rules = Rules::default().with("eth_call", Habit::Error(-32_000, "try again"), 25);
    let provider = Provider::start(closed.devnet.rpc_url(), rules).await?;
    let words = ["operator", "autoclaim", "--all", "--at-least", "0.000000001", "--every", "1"];
    let spawn = |name: &str, more: &[&str]| {
        let mut command = closed.command(&[&words[..], more].concat())?;
        command.env("TATUM_RPC", provider.rpc_url());
        Process::spawn(name, command, closed.folder.path())
    };
    let running = spawn("autoclaim", &[])?;
    closed.close().await?;
    let first = until(&closed, Nano::ZERO).await?;
    assert_eq!(first[3], Nano::ZERO, "who did nothing is owed nothing");
    assert!(provider.refused() > 0, "the faults were met");
    running.kill().await?;

    closed.close().await?;
    // A whole coin is worth so much DATA that no claim pays; this one looks and leaves it.
    let dear = ["--once", "--coin-price", "1000000000000"];
    spawn("too-dear", &dear)?.success(PATIENCE).await?;
    assert_eq!(closed.claimed().await?, first);
    let again = spawn("autoclaim-again", &["--coin-price", "0.000000001"])?;
    until(&closed, first[0]).await?;
    again.terminate().await
}

/// Waits until operators 0 to 2 have claimed more than `before`, and tells what all have.
async fn until(closed: &Closed, before: Nano) -> anyhow::Result<Vec<Nano>> {
    let waiting = async {
        loop {
            let claimed = closed.claimed().await?;
            if claimed[..3].iter().all(|nano| *nano > before) {
                return Ok(claimed);
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, waiting).await?
}
