//! Payment channels through the real binary: opened, redeemed from files and from a node's folder, left, answered, settled, closed.

mod prototypes;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tatum_chain::Chain;
use tatum_database::NodeStore;
use tatum_primitives::{
    B256, Epoch, NodeId, OperatorId, ReaderId, StreamKey, U256, WEI_PER_DATA as DATA, keccak256,
};
use tatum_receipt::{Contents, DeliveryReceipt, SessionKey, SignedReceipt, Verifier};
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, DevnetParameters, Process, free_port};
use tokio::time::{Duration, Instant, sleep};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };

fn data(amount: u128) -> U256 {
    U256::from(amount * DATA)
}

/// An operator, a payer, and somebody with gas alone.
struct World {
    devnet: Devnet,
    folder: tempfile::TempDir,
    operator: SessionKey,
    payer: SessionKey,
    anybody: SessionKey,
    chain: Chain,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
        let (operator, payer) = (Devnet::account("operator"), Devnet::account("payer"));
        let anybody = Devnet::account("anybody");
        devnet.fund(operator.address(), data(5_000)).await?;
        devnet.fund(payer.address(), data(1_000)).await?;
        devnet.fund(anybody.address(), data(10)).await?;
        let chain = devnet.connect(&payer).await?;
        let world = Self { devnet, folder, operator, payer, anybody, chain };
        world.run(&world.operator, &["operator", "register", "--yes"]).await?;
        Ok(world)
    }

    async fn run(&self, account: &SessionKey, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut command = tatum::command(&self.devnet, arguments)?;
        command.env("TATUM_PRIVATE_KEY", tatum::hex(account));
        command.env("TATUM_STATE", self.folder.path().join("state"));
        tatum::json(command).await
    }

    async fn refused(&self, account: &SessionKey, arguments: &[&str]) -> String {
        format!("{:#}", self.run(account, arguments).await.unwrap_err())
    }

    async fn balance(&self, account: &SessionKey) -> anyhow::Result<U256> {
        Ok(self.chain.balance_wei(account.address()).await?)
    }

    /// What the payer signs in the channel that is open, or will be next.
    async fn signed(
        &self,
        key: &SessionKey,
        reader: u32,
        owed: u128,
    ) -> anyhow::Result<SignedReceipt> {
        let channel = self.chain.channel(self.payer.address(), OperatorId(0)).await?.id();
        let receipt = DeliveryReceipt {
            payer: self.payer.address(),
            operator_id: OperatorId(0),
            node: NodeId(B256::repeat_byte(7)),
            stream_key: StreamKey(keccak256("stream")),
            reader: ReaderId(reader),
            epoch: Epoch(0),
            sequence: 1,
            messages: 10,
            bytes: 1_000,
            bytes_on_time: 900,
            channel,
            owed: owed * DATA,
            ..DeliveryReceipt::default()
        };
        let verifier = Verifier::new(self.devnet.deployment().domain());
        Ok(SignedReceipt::sign(receipt, key, &verifier))
    }

    /// A file as `tatum` shows receipts.
    fn file(&self, name: &str, receipts: &[SignedReceipt]) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, serde_json::to_vec(receipts)?)?;
        Ok(path)
    }

    async fn redeem(&self, account: &SessionKey, file: &Path) -> anyhow::Result<Value> {
        self.run(account, &["channel", "redeem", "--receipts", text(file)]).await
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const OPEN: [&str; 7] = ["channel", "open", "--operator", "0", "--window-minutes", "60", "--yes"];

#[tokio::test]
async fn a_channel_pays_by_receipts_and_nothing_happens_unasked_or_in_vain() -> anyhow::Result<()> {
    let world = World::start().await?;
    let payer = &world.payer;
    // Before anything is approved or sent.
    let told = world.refused(payer, &["channel", "open", "--operator", "0", "100"]).await;
    assert!(told.contains("--yes") && told.contains("100 DATA") && told.contains("1440 minutes"));
    let told = world.refused(payer, &[&OPEN[..], &["1001"]].concat()).await;
    assert!(told.contains("holds 1000 DATA, 1001 DATA are needed"), "{told}");
    let short = ["channel", "open", "--operator", "0", "--window-minutes", "59", "--yes", "1"];
    let told = world.refused(payer, &short).await;
    assert!(told.contains("a window of 59 minutes; allowed are 60 to 43200"), "{told}");
    let told = world.refused(payer, &["channel", "open", "--operator", "9", "--yes", "1"]).await;
    assert!(told.contains("there is no operator 9"), "{told}");
    assert_eq!(world.balance(payer).await?, data(1_000));

    let opened = world.run(payer, &[&OPEN[..], &["100"]].concat()).await?;
    assert_eq!(
        (&opened["state"], &opened["left_wei"]),
        (&"open".into(), &data(100).to_string().into())
    );
    let told = world.refused(payer, &[&OPEN[..], &["100"]].concat()).await;
    assert!(told.contains("the channel is open"), "{told}");
    assert_eq!(world.balance(payer).await?, data(900), "it was not opened twice");

    // Two lanes, an older receipt of one, one that somebody else signed and one of another channel.
    let (first, newer) = (world.signed(payer, 0, 5).await?, world.signed(payer, 0, 20).await?);
    let (other, forged) =
        (world.signed(payer, 1, 7).await?, world.signed(&world.anybody, 2, 50).await?);
    let mut elsewhere = world.signed(payer, 3, 9).await?;
    elsewhere.receipt.channel = B256::repeat_byte(1);
    let file =
        world.file("some.json", &[newer.clone(), first, other, forged.clone(), elsewhere])?;
    let anybody = &world.anybody;
    let done = world.redeem(anybody, &file).await?;
    assert_eq!((&done["lanes"], &done["redeemed"]), (&4.into(), &2.into()));
    assert_eq!(done["redeemed_wei"], data(27).to_string());
    let mut codes: Vec<&str> =
        done["refused"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["other_channel", "wrong_signer"]);
    assert_eq!(world.balance(&world.operator).await?, data(27), "the bond was all it had");
    let forged = world.file("forged.json", &[forged])?;
    let told = world.redeem(anybody, &forged).await.unwrap_err();
    assert!(format!("{told:#}").contains("none of the receipts redeems anything"), "{told:#}");
    // What is redeemed already costs nothing more, and is no failure of whoever does it every hour.
    let again = world.file("again.json", &[newer])?;
    let done = world.redeem(anybody, &again).await?;
    assert_eq!(done["transactions"], serde_json::json!([]));

    let topped = ["channel", "top-up", "--operator", "0", "--yes", "--payer"];
    let address = payer.address().to_string();
    let done = world.run(anybody, &[&topped[..], &[&address, "10"]].concat()).await?;
    assert_eq!(done["deposited_wei"], data(110).to_string());
    let done = world.run(payer, &["channel", "top-up", "--operator", "0", "--yes", "1"]).await?;
    assert_eq!(done["left_wei"], data(111 - 27).to_string());
    let listed = world.run(anybody, &["channel", "list", "--operator", "0", "--open"]).await?;
    assert_eq!(listed[0]["payer"].as_str().map(str::to_lowercase), Some(address.to_lowercase()));
    assert_eq!(listed.as_array().unwrap().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_payer_that_leaves_is_answered_from_the_nodes_folder_and_gets_the_rest()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let (payer, operator) = (&world.payer, &world.operator);
    world.run(payer, &[&OPEN[..], &["100"]].concat()).await?;
    // A node's folder with what it was given, in two epochs of one lane.
    let node = world.folder.path().join("relay");
    std::fs::create_dir_all(&node)?;
    let store = NodeStore::open_file(&node.join("node.db")).await?;
    for (epoch, owed) in [(0, 30), (1, 40)] {
        let mut signed = world.signed(payer, 0, owed).await?;
        signed.receipt.epoch = Epoch(epoch);
        let verifier = Verifier::new(world.devnet.deployment().domain());
        let signed = SignedReceipt::sign(signed.receipt, payer, &verifier);
        store.keep_own(&signed, &Contents::default()).await?;
    }
    let from_folder = |command| ["channel", command, "--data", text(&node)];
    let told = world.refused(operator, &from_folder("answer")).await;
    assert!(told.contains("nobody is leaving a channel"), "{told}");
    let address = payer.address().to_string();
    let settle = ["channel", "settle", "--operator", "0", "--payer", &address];
    let told = world.refused(operator, &settle).await;
    assert!(told.contains("nobody is leaving the channel"), "{told}");

    let exit = ["channel", "exit", "--operator", "0"];
    let told = world.refused(payer, &exit).await;
    assert!(told.contains("--yes") && told.contains("60 minutes"), "{told}");
    let left = world.run(payer, &[&exit[..], &["--yes"]].concat()).await?;
    assert_eq!(left["state"], "exiting");
    let told = world.refused(payer, &["channel", "exit", "--operator", "0", "--yes"]).await;
    assert!(told.contains("is being left already"), "{told}");
    let told = world.refused(payer, &["channel", "top-up", "--operator", "0", "--yes", "1"]).await;
    assert!(told.contains("the payer leaves the channel"), "{told}");
    let told = world.refused(operator, &settle).await;
    assert!(told.contains("receipts count until"), "{told}");

    // The operator was away for most of the window; the node's store is open meanwhile.
    world.devnet.anvil().advance(3_000).await?;
    let done = world.run(operator, &from_folder("answer")).await?;
    assert_eq!(done["redeemed_wei"], data(40).to_string());
    world.devnet.anvil().advance(700).await?;
    let status =
        world.run(operator, &["channel", "status", "--operator", "0", "--payer", &address]).await?;
    assert_eq!(status["state"], "exit_over");
    let late = world.file("late.json", &[world.signed(payer, 0, 60).await?])?;
    let told = format!("{:#}", world.redeem(operator, &late).await.unwrap_err());
    assert!(told.contains("none of the receipts redeems anything"), "{told}");
    let settled = world.run(&world.anybody, &settle).await?;
    assert_eq!(
        (&settled["returned_wei"], &settled["state"]),
        (&data(60).to_string().into(), &"not_open".into())
    );
    assert_eq!(world.balance(payer).await?, data(960));
    assert_eq!(world.balance(operator).await?, data(40));
    assert_eq!(settled["generation"], 1);
    Ok(())
}

#[tokio::test]
async fn both_end_a_channel_at_once_and_an_old_receipt_is_worth_nothing_in_the_next()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let (payer, operator) = (&world.payer, &world.operator);
    world.run(payer, &[&OPEN[..], &["100"]].concat()).await?;
    let old = world.file("old.json", &[world.signed(payer, 0, 90).await?])?;
    let paid = world.file("paid.json", &[world.signed(payer, 1, 5).await?])?;
    world.redeem(operator, &paid).await?;
    let address = payer.address().to_string();
    let agree = |total| ["channel", "agree", "--operator", "0", "--total", total];
    let told = world.refused(payer, &agree("4")).await;
    assert!(told.contains("cannot get 4 DATA in all: 5 DATA was paid"), "{told}");
    let agreed = world.run(payer, &agree("12.5")).await?;
    let word = agreed["signature"].as_str().unwrap();
    let close = |total: &'static str, word: &str| -> Vec<String> {
        let words = ["channel", "close", "--operator", "0", "--payer", &address, "--yes"];
        let last = ["--total", total, "--payer-signature", word];
        words.iter().chain(&last).map(ToString::to_string).collect()
    };
    let run = async |account: &SessionKey, words: Vec<String>| {
        world.run(account, &words.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    let told = format!("{:#}", run(operator, close("13", word)).await.unwrap_err());
    assert!(told.contains("has to agree to 13 DATA"), "{told}");
    let told = format!("{:#}", run(&world.anybody, close("12.5", word)).await.unwrap_err());
    assert!(told.contains("the operator's owner"), "{told}");
    let closed = run(operator, close("12.5", word)).await?;
    assert_eq!(closed["returned_wei"], (data(175) / U256::from(2)).to_string());
    assert_eq!(world.balance(operator).await?, data(25) / U256::from(2));

    world.run(payer, &[&OPEN[..], &["100"]].concat()).await?;
    let told = format!("{:#}", world.redeem(operator, &old).await.unwrap_err());
    assert!(told.contains("none of the receipts redeems anything"), "{told}");
    let told = format!("{:#}", run(operator, close("12.5", word)).await.unwrap_err());
    assert!(told.contains("has to agree"), "{told}");

    // Who is paid elsewhere from now on says so to the hub.
    let heir = world.anybody.address().to_string();
    world.run(operator, &["operator", "payout", "--operator", "0", &heir, "--yes"]).await?;
    let told = world.run(operator, &["channel", "update-payee", "--operator", "0"]).await?;
    assert_eq!(told["payee"].as_str().map(str::to_lowercase), Some(heir.to_lowercase()));
    let told = world.refused(payer, &["channel", "withdraw-credit"]).await;
    assert!(told.contains("nothing is kept for"), "{told}");
    Ok(())
}

impl World {
    /// A node's folder with what it was given in one lane.
    async fn node(&self, owed: u128) -> anyhow::Result<PathBuf> {
        let node = self.folder.path().join("relay");
        std::fs::create_dir_all(&node)?;
        let store = NodeStore::open_file(&node.join("node.db")).await?;
        store.keep_own(&self.signed(&self.payer, 0, owed).await?, &Contents::default()).await?;
        store.close().await;
        Ok(node)
    }

    fn watchtower(&self, name: &str, node: &Path, more: &[&str]) -> anyhow::Result<Process> {
        let words = ["watchtower", "run", "--poll-ms", "200", "--data", text(node)];
        let mut command = tatum::command(&self.devnet, &[&words[..], more].concat())?;
        let account = Devnet::account(name);
        command.env("TATUM_PRIVATE_KEY", tatum::hex(&account));
        command.env("TATUM_STATE", self.folder.path().join(name));
        Process::spawn(name, command, self.folder.path())
    }

    async fn until_paid(&self, wei: U256) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.balance(&self.operator).await? < wei {
            anyhow::ensure!(Instant::now() < deadline, "the operator is not paid in time");
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn watchtowers_answer_an_exit_in_time_killed_and_two_at_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.run(&world.payer, &[&OPEN[..], &["100"]].concat()).await?;
    let node = world.node(40).await?;
    for name in ["tower one", "tower two"] {
        world.devnet.fund(Devnet::account(name).address(), data(1)).await?;
    }
    let listen = format!("127.0.0.1:{}", free_port()?);
    let first = world.watchtower("tower one", &node, &["--listen", &listen])?;
    let ready = format!("http://{listen}/ready");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success()) {
        anyhow::ensure!(Instant::now() < deadline, "the watchtower does not look");
        sleep(Duration::from_millis(100)).await;
    }
    // Nobody is leaving, and nothing was said of redeeming before.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.balance(&world.operator).await?, U256::ZERO);
    first.kill().await?;

    let _towers =
        [world.watchtower("tower one", &node, &[])?, world.watchtower("tower two", &node, &[])?];
    world.run(&world.payer, &["channel", "exit", "--operator", "0", "--yes"]).await?;
    let (left_at, _) = world.chain.head().await?;
    world.until_paid(data(40)).await?;
    let (paid_at, _) = world.chain.head().await?;
    println!("answered {} blocks after the exit was seen mined", paid_at - left_at);
    // A newer receipt within the window wins as well.
    world.node(60).await?;
    world.until_paid(data(60)).await?;
    world.devnet.anvil().advance(3_700).await?;
    let address = world.payer.address().to_string();
    let settle = ["channel", "settle", "--operator", "0", "--payer", &address];
    let settled = world.run(&world.anybody, &settle).await?;
    assert_eq!(settled["returned_wei"], data(40).to_string());
    assert_eq!(world.balance(&world.operator).await?, data(60), "nothing is paid twice");
    Ok(())
}

impl World {
    /// Whether a watchtower has written down that it redeems.
    fn has_sent(&self, name: &str) -> bool {
        let files = std::fs::read_dir(self.folder.path().join(name)).into_iter().flatten();
        files.flatten().any(|file| {
            std::fs::read(file.path()).is_ok_and(|text| text.windows(9).any(|w| w == b"redeeming"))
        })
    }

    /// Transactions that an account has on chain.
    async fn sent(&self, account: &SessionKey) -> anyhow::Result<Value> {
        let body = serde_json::json!({
            "jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionCount",
            "params": [account.address(), "latest"],
        });
        let request = reqwest::Client::new().post(self.devnet.anvil().rpc_url()).json(&body);
        let answer: Value = request.send().await?.json().await?;
        Ok(answer["result"].clone())
    }
}

#[tokio::test]
async fn a_watchtower_killed_while_it_answers_sends_nothing_twice_and_a_reorganisation_is_answered()
-> anyhow::Result<()> {
    let world = World::start().await?;
    world.run(&world.payer, &[&OPEN[..], &["100"]].concat()).await?;
    let node = world.node(40).await?;
    let account = Devnet::account("tower");
    world.devnet.fund(account.address(), data(1)).await?;
    world.run(&world.payer, &["channel", "exit", "--operator", "0", "--yes"]).await?;
    // So deep that the reorganisation below leaves it.
    world.devnet.anvil().mine(10).await?;
    world.devnet.anvil().set_mining(false).await?;
    let tower = world.watchtower("tower", &node, &[])?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while !world.has_sent("tower") {
        anyhow::ensure!(Instant::now() < deadline, "the watchtower does not answer");
        sleep(Duration::from_millis(50)).await;
    }
    tower.kill().await?;
    assert_eq!(world.balance(&world.operator).await?, U256::ZERO);
    let _tower = world.watchtower("tower", &node, &[])?;
    // It has started and waits for what the first one sent.
    sleep(Duration::from_secs(2)).await;
    world.devnet.anvil().set_mining(true).await?;
    world.until_paid(data(40)).await?;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.sent(&account).await?, "0x1");

    world.devnet.anvil().set_mining(false).await?;
    world.devnet.anvil().reorganise(8).await?;
    assert_eq!(world.balance(&world.operator).await?, U256::ZERO, "the answer is gone");
    world.devnet.anvil().set_mining(true).await?;
    world.until_paid(data(40)).await?;
    Ok(())
}

#[tokio::test]
async fn a_watchtower_redeems_when_it_pays_and_says_when_it_cannot() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.run(&world.payer, &[&OPEN[..], &["100"]].concat()).await?;
    let node = world.node(40).await?;
    let once = ["watchtower", "run", "--once", "--data", text(&node)];
    let look = async |more: &[&str]| world.run(&world.anybody, &[&once[..], more].concat()).await;
    let nothing = ["watchtower", "run", "--once"];
    let told = world.refused(&world.anybody, &nothing).await;
    assert!(told.contains("nothing to watch over"), "{told}");
    assert_eq!(look(&[]).await?["redeemed_wei"], "0");
    assert_eq!(look(&["--redeem-at", "41"]).await?["redeemed_wei"], "0");
    assert_eq!(look(&["--redeem-at", "40", "--lane-least", "41"]).await?["redeemed_wei"], "0");
    let seen = look(&["--redeem-at", "40"]).await?;
    assert_eq!(seen["redeemed_wei"], data(40).to_string());
    assert_eq!(look(&["--redeem-at", "1"]).await?["redeemed_wei"], "0");

    world.node(50).await?;
    world.run(&world.payer, &["channel", "exit", "--operator", "0", "--yes"]).await?;
    // Without gas nothing can be answered, and that is told by the exit code.
    let penniless = Devnet::account("penniless");
    let mut command = tatum::command(&world.devnet, &once)?;
    command.env("TATUM_PRIVATE_KEY", tatum::hex(&penniless));
    command.env("TATUM_STATE", world.folder.path().join("penniless"));
    let output = command.output().await?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("ALARM"), "{told}");
    // A file that is damaged is told by it as well, and costs nothing that is elsewhere.
    let damaged = world.folder.path().join("damaged.json");
    std::fs::write(&damaged, b"{ no receipts")?;
    let words = [&once[..], &["--receipts", text(&damaged)]].concat();
    let mut command = tatum::command(&world.devnet, &words)?;
    command.env("TATUM_PRIVATE_KEY", tatum::hex(&world.anybody));
    command.env("TATUM_STATE", world.folder.path().join("state"));
    let output = command.arg("--json").output().await?;
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!((&seen["exits"], &seen["answered"]), (&1.into(), &1.into()));
    assert_eq!(seen["unread"], 1);
    assert_eq!(world.balance(&world.operator).await?, data(50));
    assert_eq!(look(&[]).await?["exits"], 0, "nothing is due any more");
    Ok(())
}
