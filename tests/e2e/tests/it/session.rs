//! A session key that its owner keeps elsewhere, through the real binary: its word is made offline, and the payer hands it in.

use serde_json::Value;
use tatum_primitives::{Epoch, U256};
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, DevnetParameters};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };

#[tokio::test]
async fn a_word_of_the_key_made_offline_authorises_it_for_that_payer_only() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let (payer, thief, session) =
        (Devnet::account("payer"), Devnet::account("thief"), Devnet::account("session"));
    for account in [&payer, &thief] {
        devnet.fund(account.address(), U256::ZERO).await?;
    }
    let mut prove =
        tatum::command(&devnet, &["session", "prove", "--payer", &payer.address().to_string()])?;
    prove
        .env("TATUM_RPC", "http://127.0.0.1:1")
        .env("TATUM_SESSION_KEY", tatum::hex(&session))
        .env_remove("TATUM_PRIVATE_KEY");
    let proven: Value = tatum::json(prove).await?;
    let key = session.address().to_string();
    assert_eq!(proven["key"].as_str(), Some(key.to_lowercase().as_str()));
    let proof = proven["proof"].as_str().unwrap_or_default();

    let authorize = async |account| {
        let words = ["session", "authorize", "--key", &key, "--proof", proof];
        let mut command = tatum::command(&devnet, &words)?;
        command.env("TATUM_PRIVATE_KEY", tatum::hex(account));
        tatum::json::<Value>(command).await
    };
    let told = format!("{:#}", authorize(&thief).await.unwrap_err());
    assert!(told.contains("the session key did not agree"), "{told}");
    let done = authorize(&payer).await?;
    assert_eq!(done["session_key"], proven["key"]);
    let chain = devnet.connect(&payer).await?;
    assert!(chain.is_authorized(payer.address(), session.address(), Epoch(1)).await?);
    assert!(!chain.is_authorized(thief.address(), session.address(), Epoch(1)).await?);
    Ok(())
}
