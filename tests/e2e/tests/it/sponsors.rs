//! A sponsors' vault through the real binary: made, paid into by each way, its keys named, asked for and redeemed, ended; and what is wrong
//! about a command, in words. Epochs are moved by hand.

use serde_json::Value;
use tatum_primitives::{Address, U256, WEI_PER_DATA as DATA};
use tatum_receipt::SessionKey;
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, DevnetParameters};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };
const END: u64 = 12;

/// A chain with a vault for the owner's streams, and two sponsors with 1 000 DATA each.
struct Vaulted {
    devnet: Devnet,
    folder: tempfile::TempDir,
    vault: String,
}

pub(crate) fn data(amount: u128) -> U256 {
    U256::from(amount * DATA)
}

pub(crate) fn wei(value: &Value) -> U256 {
    value.as_str().unwrap_or_else(|| panic!("no amount: {value}")).parse().unwrap()
}

fn owner() -> SessionKey {
    Devnet::account("owner")
}

fn sponsor(number: u8) -> SessionKey {
    Devnet::account(&format!("sponsor {number}"))
}

fn stream() -> String {
    format!("{}/weather", owner().address())
}

impl Vaulted {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
        for account in [sponsor(1), sponsor(2)] {
            devnet.fund(account.address(), data(1_000)).await?;
        }
        devnet.fund(owner().address(), U256::ZERO).await?;
        let mut vaulted = Self { devnet, folder, vault: String::new() };
        let (stream, until) = (stream(), END.to_string());
        let words = ["sponsor", "create", "--stream", &stream, "--until", &until, "--yes"];
        let made = vaulted.run(&sponsor(1), &words).await?;
        vaulted.vault = made["vault"].as_str().unwrap_or_default().to_owned();
        Ok(vaulted)
    }

    /// A command of `tatum sponsor` with the vault, by `key`.
    async fn of(&self, key: &SessionKey, words: &[&str]) -> anyhow::Result<Value> {
        let (verb, more) = words.split_first().expect("a verb");
        let words = [&["sponsor", verb, "--vault", &self.vault], more].concat();
        self.run(key, &words).await
    }

    async fn run(&self, key: &SessionKey, words: &[&str]) -> anyhow::Result<Value> {
        let mut command = tatum::command(&self.devnet, words)?;
        command
            .env("TATUM_STATE", self.folder.path().join("state"))
            .env("TATUM_PRIVATE_KEY", tatum::hex(key));
        tatum::json(command).await
    }

    async fn refuses(&self, key: &SessionKey, words: &[&str], because: &str) {
        let told = format!("{:#}", self.of(key, words).await.unwrap_err());
        assert!(told.contains(because), "{words:?} is not told {because:?}: {told}");
    }

    /// The vault, and what an account has of it.
    async fn shown(&self, account: Address) -> anyhow::Result<Value> {
        let words = ["sponsor", "status", "--vault", &self.vault, "--account"];
        let account = account.to_string();
        tatum::json(tatum::command(&self.devnet, &[&words[..], &[&account]].concat())?).await
    }

    async fn epochs_pass(&self, epochs: u64) -> anyhow::Result<()> {
        self.devnet.anvil().advance(epochs * PARAMETERS.epoch_length_s).await
    }
}

#[tokio::test]
async fn sponsors_put_in_by_each_way_and_leave_with_their_part() -> anyhow::Result<()> {
    let vaulted = Vaulted::start().await?;
    let (one, two) = (sponsor(1), sponsor(2));
    let chain = vaulted.devnet.connect(&one).await?;

    // Nothing is sent unless it is agreed to, and what is too little to stake waits.
    let would = vaulted.of(&one, &["add", "2", "--dry-run"]).await?;
    assert!(would["would"].as_str().is_some_and(|text| text.contains("2 DATA")), "{would}");
    vaulted.refuses(&one, &["add", "2"], "--yes").await;
    assert_eq!(chain.balance_wei(one.address()).await?, data(1_000));
    let added = vaulted.of(&one, &["add", "2", "--yes"]).await?;
    assert_eq!(wei(&added["sponsor"]["worth_wei"]), data(2));
    assert_eq!((wei(&added["idle_wei"]), wei(&added["staked_wei"])), (data(2), U256::ZERO));
    assert_eq!(added["stake_transaction"], Value::Null);
    vaulted.refuses(&one, &["stake"], "a stake has at least 3 DATA").await;

    // The second sponsor makes it enough, and each way in buys at one price.
    let added = vaulted.of(&two, &["add", "8", "--by", "approve", "--yes"]).await?;
    assert!(added["stake_transaction"].is_string(), "{added}");
    assert_eq!((wei(&added["idle_wei"]), wei(&added["staked_wei"])), (U256::ZERO, data(10)));
    let added = vaulted.of(&two, &["add", "90", "--by", "transfer", "--yes"]).await?;
    assert_eq!((wei(&added["staked_wei"]), added["epoch"].as_u64()), (data(100), Some(0)));
    assert_eq!(wei(&added["shares"]), data(100) * U256::from(1_000_000_000));
    assert_eq!(wei(&added["sponsor"]["balance_wei"]), data(1_000 - 98));
    let left_over = chain.balance_wei(two.address()).await?;
    assert_eq!(left_over, data(1_000 - 98), "what was approved was taken, and no more");

    // The fee of an epoch is borne by both.
    vaulted.epochs_pass(1).await?;
    let shown = vaulted.shown(one.address()).await?;
    assert_eq!(
        (wei(&shown["staked_wei"]), shown["fee_rate_ppb"].as_u64()),
        (data(99), Some(10_000_000))
    );
    let part = data(198) / U256::from(100);
    assert!(wei(&shown["sponsor"]["worth_wei"]).abs_diff(part) < U256::from(10), "{shown}");

    vaulted.leave(&one, &two).await
}

impl Vaulted {
    /// One of the sponsors asks for a part, then for all, and is paid once.
    async fn leave(&self, stays: &SessionKey, leaves: &SessionKey) -> anyhow::Result<()> {
        let worth = wei(&self.shown(leaves.address()).await?["sponsor"]["worth_wei"]);
        self.refuses(leaves, &["redeem"], "for nothing that is still to be redeemed").await;
        self.refuses(leaves, &["remove", "98", "--yes"], "is worth 97.0").await;
        self.refuses(&owner(), &["remove", "1", "--yes"], "holds no shares of the vault").await;
        self.refuses(&owner(), &["remove", "--all", "--yes"], "holds no shares of the vault").await;
        self.refuses(leaves, &["remove", "1"], "nothing was sent").await;
        let asked = self.of(leaves, &["remove", "47.02", "--yes"]).await?;
        let request = &asked["sponsor"]["requests"][0];
        assert_eq!(
            (request["requested"].as_u64(), request["redeemable_from"].as_u64()),
            (Some(1), Some(3))
        );
        assert_eq!(request["redeemable"], false);
        let schedule = self.devnet.connect(leaves).await?.schedule().await?;
        let due_s = schedule.start_ms(tatum_primitives::Epoch(3)) / 1_000;
        assert_eq!(request["redeemable_at_s"].as_u64(), Some(due_s));
        self.refuses(leaves, &["redeem"], "it is redeemed from epoch 3 on; this is epoch 1").await;
        let asked = self.of(leaves, &["remove", "--all", "--yes"]).await?;
        let requests = asked["sponsor"]["requests"].as_array().map(Vec::len);
        assert_eq!((requests, wei(&asked["sponsor"]["shares"])), (Some(1), U256::ZERO), "{asked}");
        // The fee of the running epoch is paid by who leaves.
        let promised = wei(&asked["sponsor"]["requests"][0]["worth_wei"]);
        assert!(promised.abs_diff(worth * U256::from(99) / U256::from(100)) < U256::from(1_000));
        // What stays was too little for a stake, and is on its way back, too.
        assert_eq!(wei(&asked["staked_wei"]), U256::ZERO);
        assert!(wei(&asked["rest_wei"]) > data(1), "{asked}");

        // Nobody makes epochs final here: the pool waits for that, but not for ever.
        self.epochs_pass(2).await?;
        self.refuses(leaves, &["redeem"], "waits for the distribution of epoch 1").await;
        self.epochs_pass(4).await?;
        let ready = self.shown(leaves.address()).await?;
        assert_eq!(ready["sponsor"]["requests"][0]["redeemable"], true, "{ready}");
        let chain = self.devnet.connect(leaves).await?;
        let before = chain.balance_wei(leaves.address()).await?;
        let paid = self.of(leaves, &["redeem"]).await?;
        assert_eq!(wei(&paid["redeemed_wei"]), promised);
        assert_eq!(chain.balance_wei(leaves.address()).await? - before, promised);
        assert_eq!(paid["sponsor"]["requests"], serde_json::json!([]));
        self.refuses(leaves, &["redeem"], "for nothing that is still to be redeemed").await;

        // What came back of who stayed is staked again with the next, and what is idle can leave at once.
        let again = self.of(stays, &["add", "5", "--yes"]).await?;
        assert!(
            wei(&again["staked_wei"]) > data(6) && wei(&again["rest_wei"]).is_zero(),
            "{again}"
        );
        Ok(())
    }
}

#[tokio::test]
async fn a_vault_ends_with_its_epoch_and_gives_everything_back() -> anyhow::Result<()> {
    let vaulted = Vaulted::start().await?;
    let one = sponsor(1);
    vaulted.of(&one, &["add", "2", "--yes"]).await?;
    let asked = vaulted.of(&one, &["remove", "1", "--yes"]).await?;
    assert_eq!(asked["sponsor"]["requests"][0]["redeemable"], true, "it was idle: {asked}");
    let paid = vaulted.of(&one, &["redeem", "--requested", "0"]).await?;
    assert!(wei(&paid["redeemed_wei"]).abs_diff(data(1)) < U256::from(10), "{paid}");
    vaulted.of(&one, &["add", "9", "--yes"]).await?;
    vaulted.refuses(&one, &["end"], &format!("goes on until epoch {END}")).await;
    vaulted.epochs_pass(END).await?;
    let ended = vaulted.shown(one.address()).await?;
    assert_eq!((&ended["ended"], ended["end_epoch"].as_u64()), (&true.into(), Some(END)));
    vaulted.refuses(&one, &["add", "5", "--yes"], "ended").await;
    let all = wei(&ended["staked_wei"]);
    let done = vaulted.of(&owner(), &["end"]).await?;
    assert_eq!(wei(&done["staked_wei"]), U256::ZERO);
    assert!(wei(&done["rest_wei"]) > all * U256::from(98) / U256::from(100), "{done}");
    vaulted.refuses(&owner(), &["end"], "nothing staked").await;
    // Whoever asks after that waits for what is on its way already.
    vaulted.of(&one, &["remove", "--all", "--yes"]).await?;
    vaulted.epochs_pass(6).await?;
    vaulted.of(&owner(), &["collect"]).await?;
    let paid = vaulted.of(&one, &["redeem"]).await?;
    assert!(wei(&paid["redeemed_wei"]) > all * U256::from(98) / U256::from(100), "{paid}");
    Ok(())
}

#[tokio::test]
async fn what_is_no_vault_no_stream_and_no_amount_is_told_so() -> anyhow::Result<()> {
    let vaulted = Vaulted::start().await?;
    let one = sponsor(1);
    vaulted.refuses(&one, &["add", "0.05", "--yes"], "give 0.1 DATA at least").await;
    vaulted.refuses(&one, &["add", "1001", "--yes"], "holds 1000 DATA").await;
    let deployment = vaulted.devnet.deployment();
    for none in [deployment.token, deployment.sponsor_factory, one.address(), Address::ZERO] {
        let none = none.to_string();
        for words in [&["add", "5", "--yes"][..], &["stake"], &["redeem"], &["end"]] {
            let words = [&["sponsor", words[0], "--vault", &none], &words[1..]].concat();
            let told = format!("{:#}", vaulted.run(&one, &words).await.unwrap_err());
            assert!(told.contains("is no sponsors' vault"), "{words:?}: {told}");
        }
    }
    let (owner, stream) = (owner().address().to_string(), stream());
    let stranger = one.address().to_string();
    let create = async |words: &[&str]| {
        let words = [&["sponsor", "create", "--yes"], words].concat();
        format!("{:#}", vaulted.run(&one, &words).await.unwrap_err())
    };
    let end = END.to_string();
    let cases: [(&[&str], &str); 7] = [
        (&["--stream", &stream, "--until", &end], "there is one for these streams"),
        (&["--stream", &stream, "--until", "0"], "ends in an epoch from 1 to 1000, not in 0"),
        (&["--stream", &stream, "--until", "1001"], "ends in an epoch from 1 to 1000"),
        (&["--stream", &stream, "--epochs", "1001"], "1..=1000"),
        (&["--stream", "acme/weather", "--until", "5"], "name the streams' owner with --owner"),
        (&["--stream", &stream, "--owner", &stranger, "--until", "5"], "not of"),
        (&["--until", "5"], "--stream"),
    ];
    for (words, because) in cases {
        let told = create(words).await;
        assert!(told.contains(because), "{words:?} is not told {because:?}: {told}");
    }

    // One stream's key is the word itself; the order of several does not matter.
    let other = format!("{stream}#1");
    let two =
        ["sponsor", "create", "--yes", "--epochs", "9", "--stream", &other, "--stream", &stream];
    let made = vaulted.run(&one, &two).await?;
    let word = made["streams"].as_str().unwrap_or_default().to_owned();
    let told = create(&["--owner", &owner, "--streams", &word, "--until", "9"]).await;
    assert!(told.contains("there is one for these streams"), "{told}");
    let listed = vaulted.run(&one, &["sponsor", "list", "--owner", &owner]).await?;
    let vaults: Vec<_> = listed.as_array().into_iter().flatten().map(|of| &of["vault"]).collect();
    assert_eq!(vaults, [&Value::from(vaulted.vault.as_str()), &made["vault"]]);
    let of_nobody = vaulted.run(&one, &["sponsor", "list", "--owner", &stranger]).await?;
    assert_eq!(of_nobody, serde_json::json!([]));
    Ok(())
}

#[tokio::test]
async fn the_streams_owner_alone_names_the_keys() -> anyhow::Result<()> {
    let vaulted = Vaulted::start().await?;
    let (gate, elsewhere) = (Devnet::account("gate"), Devnet::account("gate elsewhere"));
    let authorize = async |key: &SessionKey, words: &[&str]| -> anyhow::Result<Value> {
        let words = [&["sponsor", "authorize", "--vault", &vaulted.vault], words].concat();
        let mut command = tatum::command(&vaulted.devnet, &words)?;
        command
            .env("TATUM_STATE", vaulted.folder.path().join("state"))
            .env("TATUM_PRIVATE_KEY", tatum::hex(key))
            .env("TATUM_SESSION_KEY", tatum::hex(&gate));
        tatum::json(command).await
    };
    let told = format!("{:#}", authorize(&sponsor(1), &["--yes"]).await.unwrap_err());
    assert!(told.contains("pays for streams of"), "{told}");
    let told = format!("{:#}", authorize(&owner(), &[]).await.unwrap_err());
    assert!(told.contains("--yes") && told.contains("sign receipts that the vault"), "{told}");
    let named = authorize(&owner(), &["--yes"]).await?;
    let key = |named: &Value, at: usize| named["keys"][at]["key"].as_str().map(str::to_lowercase);
    let address = |key: &SessionKey| Some(key.address().to_string().to_lowercase());
    assert_eq!((key(&named, 0), &named["keys"][0]["state"]), (address(&gate), &"active".into()));
    let told = format!("{:#}", authorize(&owner(), &["--yes"]).await.unwrap_err());
    assert!(told.contains("a key belongs to one payer"), "{told}");

    // Another's word for the owner is none for the vault.
    let prove = async |payer: &str| -> anyhow::Result<Value> {
        let mut prove = tatum::command(&vaulted.devnet, &["session", "prove", "--payer", payer])?;
        prove.env("TATUM_SESSION_KEY", tatum::hex(&elsewhere));
        tatum::json(prove).await
    };
    let word = elsewhere.address().to_string();
    let wrong = prove(&owner().address().to_string()).await?;
    let right = prove(&vaulted.vault).await?;
    let text = |proven: &Value| proven["proof"].as_str().unwrap_or_default().to_owned();
    let (wrong, right) = (text(&wrong), text(&right));
    let told = authorize(&owner(), &["--key", &word, "--proof", &wrong, "--yes"]).await;
    let told = format!("{:#}", told.unwrap_err());
    assert!(told.contains("did not agree"), "{told}");
    let named = authorize(&owner(), &["--key", &word, "--proof", &right, "--yes"]).await?;
    assert_eq!(named["keys"].as_array().map(Vec::len), Some(2));
    let told = vaulted.of(&sponsor(1), &["revoke", &word]).await.unwrap_err();
    assert!(format!("{told:#}").contains("pays for streams of"), "{told:#}");
    let revoked = vaulted.of(&owner(), &["revoke", &word]).await?;
    let states: Vec<_> =
        revoked["keys"].as_array().into_iter().flatten().map(|of| &of["state"]).collect();
    assert!(states.contains(&&"revoked".into()) && states.contains(&&"active".into()), "{revoked}");
    Ok(())
}
