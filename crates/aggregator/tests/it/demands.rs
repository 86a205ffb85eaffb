//! Demands to see an entry of the pending proposal.

use std::time::Duration;

use tatum_chain::{Chain, ProposedEvent};
use tatum_primitives::{Epoch, Nano, OperatorId, U256};
use tatum_protocol::OperatorProof;
use tatum_protocol::client::AggregatorClient;
use tatum_test_utils::Devnet;

use crate::world::{EPOCH_S, Service, World};

/// What operator `id` is promised by the final distribution of epoch 1.
async fn promise(url: &str, id: OperatorId) -> OperatorProof {
    AggregatorClient::new(url).unwrap().operator_proof(Epoch(1), id).await.unwrap()
}

async fn demand(demander: &Chain, event: &ProposedEvent, proof: OperatorProof) {
    let siblings = proof.proof.siblings.iter().map(|word| word.0).collect();
    demander.demand_entry(event.proposal.clone(), proof.entry, siblings).await.unwrap();
}

async fn until_answered(chain: &Chain, event: &ProposedEvent) {
    let answered = async {
        while !chain.open_demands(event).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.unwrap();
}

/// The answer is counted as soon as its transaction's receipt is there, which may be a moment after others see it.
async fn until_counted(world: &World, url: &str) {
    let counted = async {
        loop {
            let metrics = world.http.get(format!("{url}/metrics")).send().await.unwrap();
            if metrics.text().await.unwrap().contains("tatum_demands_answered_total 1\n") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), counted).await.unwrap();
}

#[tokio::test]
async fn demanded_entries_are_shown_also_after_a_restart() {
    let world = World::start().await;
    let service = Service::start(&world, "data", "proposer").await;
    world.hand_in(&service.url, &world.traffic(1)).await;
    world.advance(EPOCH_S + 60).await;
    world.until_final(&service.url, 1).await;
    let promises =
        [promise(&service.url, OperatorId(0)).await, promise(&service.url, OperatorId(1)).await];
    world.hand_in(&service.url, &world.traffic(2)).await;
    world.advance(EPOCH_S + 60).await;
    world.until(&service.url, 2, |epoch| epoch["state"] == "proposed").await;

    let demander = world.stranger("demander").await;
    let proposer = Devnet::account("proposer").address();
    let bond_wei = demander.proposer_bond_of_wei(proposer).await.unwrap();
    let held_wei = demander.balance_wei(proposer).await.unwrap();
    let event = world.pending(2).await;
    let [first, second] = promises;
    assert!(first.cumulative_nano > Nano::ZERO && second.cumulative_nano > Nano::ZERO);
    demand(&demander, &event, first).await;
    until_answered(&demander, &event).await;
    until_counted(&world, &service.url).await;

    // The second demand is made while nobody is there to answer it.
    service.stop().await;
    demand(&demander, &event, second).await;
    let open = demander.open_demands(&event).await.unwrap();
    assert_eq!(open.iter().map(|demand| demand.operator_id).collect::<Vec<_>>(), [OperatorId(1)]);
    assert_eq!(open[0].demander, demander.account().unwrap());
    let service = Service::start(&world, "data", "proposer").await;
    until_answered(&demander, &event).await;
    assert!(demander.demands(&event).await.unwrap().iter().all(|demand| demand.answered));

    let settled = world.until_final(&service.url, 2).await;
    assert_eq!(settled["root"], event.proposal.root.to_string());
    assert_eq!(demander.proposer_bond_of_wei(proposer).await.unwrap(), bond_wei);
    let trouble_wei = demander.demand_bond_wei().await.unwrap() * U256::from(2);
    assert_eq!(demander.balance_wei(proposer).await.unwrap(), held_wei + trouble_wei);
    service.stop().await;
}
