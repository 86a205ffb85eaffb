//! Aggregators on different machines, and an operator's owner at home behind a NAT, each in a network namespace of its own.

use std::net::{Ipv6Addr, SocketAddr};

use anyhow::{Context, ensure};
use tatum_primitives::U256;
use tatum_protocol::client::AggregatorClient;
use tatum_test_utils::internet::{Nat, OUTSIDE, OUTSIDE_V6, home, home_v6, with_internet, within};
use tatum_test_utils::testnet::{command, hex};
use tatum_test_utils::{Devnet, DevnetParameters, Process, free_port};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::Duration;

use crate::assents::{folder_of, until};
use crate::closed_epoch::{Closed, PARAMETERS};

const TIMES: DevnetParameters = DevnetParameters { grace_s: 240, force_s: 120, ..PARAMETERS };
/// The machine of the second aggregator, which has no other address.
const SECOND: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);

/// Lets other machines reach the chain, whose node listens to its own alone; returns the port.
async fn provider(rpc_url: &str) -> anyhow::Result<u16> {
    let chain: SocketAddr =
        rpc_url.trim_start_matches("http://").parse().context(rpc_url.to_owned())?;
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut to = TcpStream::connect(chain).await?;
                tokio::io::copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    Ok(port)
}

/// What processes said last.
fn said(closed: &Closed, names: &[&str]) -> String {
    let log = |name: &&str| {
        let log = closed.folder.path().join(format!("{name}.log"));
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let first = text.lines().count().saturating_sub(20);
        let last: Vec<&str> = text.lines().skip(first).collect();
        format!("{name}:\n{}\n", last.join("\n"))
    };
    names.iter().map(log).collect()
}

/// A command of `tatum` on another machine.
fn at(home: &str, rpc_url: &str, mut command: Command) -> Command {
    command.env("TATUM_RPC", rpc_url);
    within(home, command.as_std()).into()
}

/// Receipts that only one of two aggregators was given are in the list of the other; an owner whom nobody can reach from outside stands for it,
/// and audits what comes of it.
#[test]
fn aggregators_on_two_machines_and_an_owner_behind_a_nat_come_to_one_list() -> anyhow::Result<()> {
    let name = "hosts::aggregators_on_two_machines_and_an_owner_behind_a_nat_come_to_one_list";
    with_internet(name, async || {
        let second_home = home_v6(0)?;
        let owners_home = home(1, Nat::Symmetric)?;
        let port = free_port()?;
        let second_url = format!("http://[{SECOND}]:7070");
        let flags = ["--gather-assents", "--peer", &second_url];
        let (listen, url) = (format!("[::]:{port}"), format!("http://{OUTSIDE}:{port}"));
        let closed = Closed::start_at(&listen, &url, TIMES, &flags).await?;
        let provider = provider(closed.devnet.rpc_url()).await?;
        let by_six = format!("http://[{OUTSIDE_V6}]:{provider}");
        let by_four = format!("http://{OUTSIDE}:{provider}");

        let proposer = Devnet::account("second proposer");
        closed
            .devnet
            .fund(proposer.address(), U256::from(50_000_000_000_000_000_000_000_u128))
            .await?;
        let data = closed.folder.path().join("second").display().to_string();
        let peer = format!("http://[{OUTSIDE_V6}]:{port}");
        let words = ["aggregator", "run", "--listen", &format!("[{SECOND}]:7070"), "--data", &data];
        let words = [words.as_slice(), &["--peer", &peer, "--poll-ms", "200"]].concat();
        let mut second = command(&closed.devnet, &words)?;
        second.env("TATUM_PRIVATE_KEY", hex(&proposer));
        let second = at(&second_home, &by_six, second);
        let mut second = Process::spawn("second", second, closed.folder.path())?;
        second.until_healthy(&format!("{second_url}/ready"), Duration::from_secs(60)).await?;

        closed.devnet.anvil().advance(TIMES.grace_s + TIMES.force_s).await?;
        closed.until_final(tatum_primitives::Epoch(0)).await?;
        let epoch = closed.running().await?;
        let traffic = closed.traffic(epoch);
        let (mine, others) = traffic.split_at(traffic.len() / 2);
        closed.hand_in(mine).await?;
        let client = AggregatorClient::new(&second_url)?;
        until("the second aggregator's word", async || {
            let answers = client.hand_in(others).await.ok();
            Ok(answers.filter(|all| all.iter().all(|one| one.reason().is_none())))
        })
        .await?;
        let end_s = closed.chain.schedule().await?.end_ms(epoch) / 1000;
        let (_, now_s) = closed.chain.head().await?;
        // Receipts are taken for half of the grace, and in the second half of that the other aggregator is asked for what it has.
        closed.devnet.anvil().advance(end_s + TIMES.grace_s / 4 + 10 - now_s).await?;
        let first = AggregatorClient::new(&closed.url)?;
        until("the other aggregator's receipts", async || {
            let taken = first.taken(epoch, None).await?.len();
            Ok((taken == traffic.len()).then_some(()))
        })
        .await?;
        closed.devnet.anvil().advance(TIMES.grace_s / 4).await?;

        let mut words = vec!["operator".to_owned(), "assent".to_owned()];
        for operator in 0..3 {
            let folder = folder_of(&closed, operator, &traffic).await?;
            words.extend(["--data".to_owned(), folder.display().to_string()]);
        }
        words.extend(["--every".to_owned(), "1".to_owned()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let owner = at(&owners_home, &by_four, closed.command(&words)?);
        let owner = Process::spawn("owner", owner, closed.folder.path())?;
        let assent = until("an assent", async || Ok(closed.chain.assent_of(epoch).await?)).await;
        let assent = assent.with_context(|| said(&closed, &["owner", "aggregator", "second"]))?;
        assert_eq!(assent.list.count as usize, traffic.len(), "both aggregators' receipts");

        closed.devnet.anvil().advance(TIMES.grace_s / 2 + TIMES.force_s).await?;
        closed.until_final(epoch).await?;
        let told =
            at(&owners_home, &by_four, closed.command(&["audit", "epoch", &epoch.to_string()])?);
        let told = { told }.output().await?;
        ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        // Whoever proposed it, the other goes on from it.
        until("the second aggregator's view", async || {
            let seen = client.epoch(epoch).await.ok();
            Ok(seen.filter(|seen| seen.state == tatum_protocol::EpochState::Finalized))
        })
        .await?;
        owner.terminate().await?;
        second.terminate().await?;
        Ok(())
    })
}
