//! Demands to see what lies under a proposal's words.

use std::time::Duration;

use tatum_aggregator::audit::{self, DatasetSource};
use tatum_chain::{Chain, Proposal};
use tatum_primitives::U256;
use tatum_test_utils::Devnet;

use crate::world::{EPOCH_S, Service, World};

/// Asks for everything that can be asked for now by somebody who has nothing of the proposal. How much that was.
async fn ask(world: &World, demander: &Chain, proposal: &Proposal) -> usize {
    let nothing = Some(DatasetSource::Folder(world.folder.path().join("nothing")));
    let audited = audit::proposal(demander, proposal, false, nothing).await.unwrap();
    let mut asked = 0;
    for question in audited.judged.questions {
        if audited.demands.iter().all(|demand| demand.asked != question.asked) {
            demander.demand(proposal, &question.asked, question.path, None).await.unwrap();
            asked += 1;
        }
    }
    asked
}

async fn until_answered(chain: &Chain, proposal: &Proposal) {
    let answered = async {
        while chain.standing(proposal.counter).await.unwrap().open_demands > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.unwrap();
}

#[tokio::test]
async fn demanded_data_is_shown_line_by_line_also_after_a_restart() {
    let world = World::start_with(3600, 0).await;
    let service = Service::start(&world, "data", "proposer").await;
    world.hand_in(&service.url, &world.traffic(1)).await;
    world.advance(EPOCH_S + 60).await;
    world.until(&service.url, 0, |epoch| epoch["state"] == "proposed").await;
    world.advance(3600).await;
    world.until(&service.url, 1, |epoch| epoch["state"] == "proposed").await;

    let demander = world.stranger("demander").await;
    let proposal = world.open(1).await.remove(0);
    // The words above the three receipts.
    assert_eq!(ask(&world, &demander, &proposal).await, 1);
    until_answered(&demander, &proposal).await;
    // Those above the edges are asked for while nobody is there to answer.
    service.stop().await;
    assert_eq!(ask(&world, &demander, &proposal).await, 1);
    assert_eq!(demander.standing(proposal.counter).await.unwrap().open_demands, 1);
    let service = Service::start(&world, "data", "proposer").await;
    until_answered(&demander, &proposal).await;
    // Then all lines of both lists, and the entries.
    for expected in [3, 3, 1] {
        assert_eq!(ask(&world, &demander, &proposal).await, expected);
        until_answered(&demander, &proposal).await;
    }
    // Everything was shown, and nothing is wrong.
    assert_eq!(ask(&world, &demander, &proposal).await, 0);
    let demands = demander.demands(&proposal).await.unwrap();
    assert!(demands.iter().all(|demand| demand.shown.is_some()));
    let metrics = world.http.get(format!("{}/metrics", service.url)).send().await.unwrap();
    assert!(metrics.text().await.unwrap().contains("tatum_demands_answered_total "));

    // A right proposal loses nothing by it.
    let settled = world.until_final(&service.url, 1).await;
    assert_eq!(settled["state"], "finalized");
    let held_wei = demander.balance_wei(Devnet::account("proposer").address()).await.unwrap();
    assert!(held_wei > U256::ZERO);
    service.stop().await;
}
