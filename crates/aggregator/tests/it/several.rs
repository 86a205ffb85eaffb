//! Several aggregator processes on one PostgreSQL, and other set-ups that must come to the same root.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tatum_chain::{Chain, Claim, Fate};
use tatum_primitives::Epoch;
use tatum_protocol::client::AggregatorClient;
use tatum_test_utils::free_port;
use tatum_test_utils::postgres::Postgres;

use crate::crash::Victim;
use crate::world::{EPOCH_S, Service, WINDOW_S, World};

/// One process of several.
struct Member {
    url: String,
    victim: Victim,
}

fn member(world: &World, n: usize, database: &str) -> Member {
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let mut config = world.config(&format!("member {n}"), listen);
    config.database = Some(database.to_owned());
    config.lease_ms = 1_500;
    let path = world.folder.path().join(format!("member-{n}.json"));
    std::fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
    Member { url: format!("http://{listen}"), victim: Victim::start(path.to_str().unwrap()) }
}

/// The place of the process that closes epochs.
async fn leader(world: &World, members: &[Member]) -> usize {
    let looking = async {
        loop {
            for (at, member) in members.iter().enumerate() {
                let Ok(answer) = world.http.get(format!("{}/metrics", member.url)).send().await
                else {
                    continue;
                };
                if answer.text().await.unwrap_or_default().contains("tatum_closes_epochs 1\n") {
                    return at;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), looking).await.unwrap()
}

/// How often each epoch's distribution was proposed, and how often it became final.
async fn history(chain: &Chain) -> BTreeMap<u64, (usize, usize)> {
    let mut counts = BTreeMap::new();
    for epoch in 0..=3 {
        let records = chain.proposals(Epoch(epoch)).await.unwrap();
        let finals = records.iter().filter(|record| record.fate == Fate::Final);
        counts.insert(epoch, (records.len(), finals.count()));
    }
    counts
}

async fn claims_pay_once(world: &World, url: &str, epoch: u64) {
    for operator in &world.operators {
        let aggregator = AggregatorClient::new(url).unwrap();
        let proof = aggregator.operator_proof(Epoch(epoch), operator.id).await.unwrap();
        let account = operator.chain.account().unwrap();
        let before = operator.chain.balance_wei(account).await.unwrap();
        let siblings: Vec<_> = proof.proof.siblings.iter().map(|word| word.0).collect();
        let claim = Claim { entry: proof.entry, proof: siblings };
        operator.chain.claim(claim.clone()).await.unwrap();
        let after = operator.chain.balance_wei(account).await.unwrap();
        assert_eq!(after - before, proof.cumulative_nano.to_wei());
        assert!(operator.chain.claim(claim).await.is_err());
    }
}

#[tokio::test]
async fn when_the_process_that_leads_is_killed_another_goes_on_and_pays_once() {
    let world = World::start().await;
    let postgres = Postgres::start().unwrap();
    let database = postgres.database("tatum").unwrap();
    let mut members: Vec<Member> = (0..3).map(|n| member(&world, n, &database)).collect();
    // Each takes receipts, whoever closes epochs.
    for (receipts, member) in world.traffic(1).chunks(3).zip(&members) {
        world.hand_in(&member.url, receipts).await;
    }
    // Killed at the end of an epoch.
    let at = leader(&world, &members).await;
    world.advance(EPOCH_S + 60).await;
    members.remove(at).victim.end();
    let settled = world.until_final(&members[0].url, 1).await;
    assert_eq!(settled["receipts"], 3, "{settled}");

    // Killed while its proposal waits for its window; its dataset is gone with it.
    for (receipts, member) in world.traffic(2).chunks(5).zip(&members) {
        world.hand_in(&member.url, receipts).await;
    }
    world.advance(EPOCH_S + 60).await;
    world.until(&members[0].url, 2, |epoch| epoch["state"] == "proposed").await;
    let at = leader(&world, &members).await;
    let gone = members.remove(at);
    let (hash, url) = (world.open(2).await[0].draft.manifest_hash, gone.url.clone());
    gone.victim.end();
    assert!(world.http.get(format!("{url}/health")).send().await.is_err());
    let settled = world.until_final(&members[0].url, 2).await;
    assert_eq!(settled["manifest_hash"], hash.to_string());

    // The last one makes the dataset again, shows it, and goes on from it.
    let manifest = format!("{}/v1/epochs/2/manifest", members[0].url);
    let shown = async {
        while !world.http.get(&manifest).send().await.unwrap().status().is_success() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), shown).await.unwrap();
    world.advance(EPOCH_S + 60).await;
    world.until_final(&members[0].url, 3).await;
    let history = history(&world.reader().await).await;
    for epoch in 0..=3 {
        assert_eq!(history[&epoch], (1, 1), "{history:?}");
    }
    claims_pay_once(&world, &members[0].url, 3).await;
    members.remove(0).victim.end();
}

#[tokio::test]
async fn either_database_and_any_number_of_processes_come_to_the_same_root() {
    let world = World::start().await;
    let postgres = Postgres::start().unwrap();
    let (alone, shared) =
        (postgres.database("alone").unwrap(), postgres.database("shared").unwrap());
    let on = async |name: &str, proposer: &str, database: Option<&str>| {
        let database = database.map(str::to_owned);
        Service::start_with(&world, name, proposer, |config| config.database = database).await
    };
    let sqlite = on("sqlite", "proposer", None).await;
    let one = on("one", "rival", Some(&alone)).await;
    let mut three = Vec::new();
    for name in ["a", "b", "c"] {
        three.push(on(name, "rival", Some(&shared)).await);
    }
    let traffic = world.traffic(1);
    world.hand_in(&sqlite.url, &traffic).await;
    // The same receipts in another order, in another form, again and again, and through three doors.
    let reversed: Vec<_> = traffic.iter().rev().cloned().collect();
    for receipts in reversed.chunks(2) {
        world.hand_in(&one.url, receipts).await;
        world.hand_in(&one.url, receipts).await;
    }
    for (receipts, at) in traffic.chunks(2).zip([2, 0, 1].into_iter().cycle()) {
        world.hand_in(&three[at].url, receipts).await;
        world.hand_in(&three[(at + 1) % 3].url, &receipts[..1]).await;
    }
    let urls = [&sqlite.url, &one.url, &three[0].url];
    for epoch in 0..=1 {
        if epoch == 1 {
            world.advance(EPOCH_S + 60).await;
        }
        // Nobody moves the clock on, so each works out its own root before any is final.
        let mut roots = Vec::new();
        for url in urls {
            let seen = world.until(url, epoch, |seen| seen["state"] == "proposed").await;
            assert!(seen["note"].is_null(), "{seen}");
            roots.push((seen["root"].clone(), seen["manifest_hash"].clone()));
        }
        assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
        world.advance(WINDOW_S).await;
        for url in urls {
            world.until(url, epoch, |seen| seen["state"] == "finalized").await;
        }
    }
    let counted = world.until(&sqlite.url, 1, |seen| seen["state"] == "finalized").await;
    assert_eq!(counted["receipts"], 3);
    let history = history(&world.reader().await).await;
    // Two proposers may propose the same at the same time; that is no quarrel.
    assert!((1..=3).contains(&history[&1].0) && history[&1].1 == 1, "{history:?}");
    sqlite.stop().await;
    one.stop().await;
    for service in three {
        service.stop().await;
    }
}
