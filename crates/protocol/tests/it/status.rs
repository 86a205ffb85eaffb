//! What the services say of themselves.

use tatum_overlay::node::{Counters, PayerSummary, PeerSummary, StreamSummary};
use tatum_primitives::{Address, B256, Epoch, Nano, NodeId, OperatorId, Role, StreamId, StreamKey};
use tatum_protocol::status::{
    AggregatorReadiness, AuditorReadiness, Health, JudgedOperator, NodeReceipts, NodeStatus,
    ReceiptCounts, TrackerConnection, TrackerStatus, TrackerSummary,
};
use tatum_protocol::{Graph, Published, ToldRoundTrip, Vertex};

const NODE: NodeId = NodeId(B256::repeat_byte(1));
const OTHER: NodeId = NodeId(B256::repeat_byte(2));
const STREAM: StreamKey = StreamKey(B256::repeat_byte(3));

#[test]
fn a_node_keeps_its_status() {
    let payer = PayerSummary {
        payer: Address::repeat_byte(5),
        stream: STREAM,
        role: Role::Subscriber,
        unreceipted_bytes: 3,
        stopped: false,
    };
    let peer = PeerSummary {
        node: OTHER,
        relay: false,
        operator_id: None,
        points: -4,
        streams: 1,
        payers: vec![payer],
    };
    let connection = TrackerConnection {
        url: "ws://192.0.2.1:7080/v1/tracker".to_owned(),
        tracker: Some(OTHER),
        connected: true,
        clock_ahead_ms: Some(-40),
        key_used_elsewhere: 2,
    };
    let status = NodeStatus {
        node: NODE,
        operator_id: Some(OperatorId(3)),
        ask_nano_per_gib: Some(Nano(30_000_000)),
        tracker_connected: true,
        trackers: vec![connection],
        messages: Counters { messages: 7, ..Counters::default() },
        dropped_packets: 0,
        refused_datagrams: 1,
        streams: vec![StreamSummary {
            stream: STREAM,
            assigned: 4,
            messages: 7,
            bytes: 70,
            delay_ms: 41,
        }],
        peers: vec![peer],
        receipts: NodeReceipts {
            taken: ReceiptCounts {
                accepted: 5,
                rejected: [("no_stake".to_owned(), 1)].into(),
                ..ReceiptCounts::default()
            },
            kept: 5,
            waiting_for_aggregator: 2,
            rejected_by_aggregator: 0,
            handed_in: 3,
            rejections: 0,
            hand_in_failures: 0,
        },
    };
    let json = serde_json::to_string(&status).unwrap();
    let read: NodeStatus = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
    insta::assert_json_snapshot!(status);
}

#[test]
fn a_tracker_keeps_its_answers() {
    let summary = TrackerSummary {
        relays: 5,
        clients: 2,
        permission_lists: 1,
        leases: 3,
        streams: 1,
        judged_operators: 1,
        surveyed_epoch: Some(Epoch(7)),
    };
    let judged = vec![JudgedOperator {
        operator_id: OperatorId(3),
        epoch: Epoch(6),
        stream: STREAM,
        completeness_ppm: 979_592,
    }];
    let vertex = |node, relay| Vertex { node, relay, operator_id: relay.then_some(OperatorId(3)) };
    let graph = Graph {
        stream: STREAM,
        nodes: vec![vertex(NODE, true), vertex(OTHER, false)],
        links: [(NODE, OTHER)].into(),
        round_trips: vec![ToldRoundTrip { by: NODE, to: OTHER, round_trip_us: 1_500 }],
    };
    let published = Published { stream: StreamId::new("0xab/c").unwrap(), version: 4, told: 2 };
    insta::assert_json_snapshot!((
        TrackerStatus { tracker: OTHER, summary, judged },
        graph,
        published
    ));
}

#[test]
fn health_and_readiness_keep_their_form() {
    let aggregator = AggregatorReadiness { ready: false, database: true, chain: false };
    let auditor = AuditorReadiness { ready: true, chain: true, auditing: true };
    let node = Health { tracker: Some(true), ..Health::ok() };
    let text = serde_json::to_string(&(Health::ok(), node, aggregator, auditor)).unwrap();
    insta::assert_snapshot!(text);
}
