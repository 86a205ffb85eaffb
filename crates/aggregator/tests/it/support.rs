//! A running intake with a chain that is made up, and receipts to send to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tatum_aggregator::ingest::{self, Checker, Ingest, Limits};
use tatum_aggregator::{Clock, Metrics};
use tatum_database::{Database, Writer, WriterOptions};
use tatum_primitives::{
    Address, B256, Domain, Epoch, EpochSchedule, NodeId, OperatorId, StreamKey,
};
use tatum_protocol::receipts::{self, RECEIPTS};
use tatum_receipt::checks::{OpenChannel, StatedFacts};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, StoredReceipt, Verifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) const DOMAIN: Domain =
    Domain { chain_id: 31337, stake_pool: Address::repeat_byte(0xee) };
pub(crate) const NODE: NodeId = NodeId(B256::repeat_byte(9));
pub(crate) const QUOTA: u64 = 1 << 30;
/// Epochs of an hour, so that none ends during a test; this one runs.
pub(crate) const RUNNING: Epoch = Epoch(5);
/// The channel that whoever owns key 20 has open with operator 7: it has room for three receipts an epoch.
pub(crate) const CHANNEL: B256 = B256::repeat_byte(0xc1);
pub(crate) const BY_CHANNEL: u8 = 20;
const DEPOSIT_WEI: u128 = 35_000_000_000_000_000;
const HOUR_S: u64 = 3600;

pub(crate) fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes(&[byte; 32]).unwrap()
}

/// Operator 7 with one node; whoever owns keys 1 to 20 has a stake, key 100 + n signs for payer n.
pub(crate) fn facts() -> StatedFacts {
    let open =
        OpenChannel { id: CHANNEL, deposited_wei: DEPOSIT_WEI, paid_wei: 0, is_exiting: false };
    let facts = StatedFacts::default().node(NODE, OperatorId(7)).channel(
        key(BY_CHANNEL).address(),
        OperatorId(7),
        open,
    );
    (1..=20).fold(facts, |facts, n| {
        let payer = key(n).address();
        facts.quota(payer, QUOTA).session_key(payer, key(100 + n).address())
    })
}

pub(crate) struct Intake {
    pub(crate) database: Database,
    pub(crate) url: String,
    address: SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(crate) verifier: Verifier,
    _folder: tempfile::TempDir,
}

impl Intake {
    pub(crate) async fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open_file(&folder.path().join("tatum.db")).await.unwrap();
        let (writer, _) = Writer::spawn(database.clone(), WriterOptions::default());
        let clock = Clock::default();
        let genesis_s = clock.now_ms() / 1000 - RUNNING.0 * HOUR_S - HOUR_S / 2;
        let schedule = EpochSchedule { genesis_s, length_s: HOUR_S };
        let verifier = Verifier::new(DOMAIN);
        let grace = Duration::from_secs(60);
        let checker =
            Checker::new(verifier, schedule, grace, clock, facts(), Duration::from_millis(10));
        let ingest = Ingest::new(limits, checker, writer, Arc::new(Metrics::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}/v1/receipts");
        let service = ingest::router(ingest).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { database, url, address, client: reqwest::Client::new(), verifier, _folder: folder }
    }

    /// A valid receipt of payer `payer`, changed by `change` and then signed with its session key.
    pub(crate) fn receipt(
        &self,
        payer: u8,
        sequence: u64,
        change: impl FnOnce(&mut DeliveryReceipt),
    ) -> SignedReceipt {
        let mut receipt = DeliveryReceipt {
            payer: key(payer).address(),
            operator_id: OperatorId(7),
            node: NODE,
            stream_key: StreamKey(B256::repeat_byte(1)),
            epoch: RUNNING,
            sequence,
            messages: sequence * 10,
            bytes: sequence * 1000,
            bytes_on_time: sequence * 900,
            ..Default::default()
        };
        change(&mut receipt);
        SignedReceipt::sign(receipt, &key(100 + payer), &self.verifier)
    }

    pub(crate) async fn post(&self, media_type: &str, body: Vec<u8>) -> (u16, Value) {
        let request = self.client.post(&self.url).header("content-type", media_type).body(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    /// Sends these lines as they are and gives the whole answer.
    pub(crate) async fn raw(&self, lines: &[&str]) -> String {
        let mut socket = tokio::net::TcpStream::connect(self.address).await.unwrap();
        socket.write_all(lines.join("\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Hands in a batch, which is answered.
    pub(crate) async fn hand_in(&self, receipts: &[SignedReceipt]) -> Value {
        self.hand_in_bytes(receipts::encode(receipts)).await
    }

    /// Hands in what may be a batch and is answered as one.
    pub(crate) async fn hand_in_bytes(&self, body: Vec<u8>) -> Value {
        let (status, answers) = self.post(RECEIPTS, body).await;
        assert_eq!(status, 200, "{answers}");
        answers
    }

    /// What is held of the running epoch as evidence of delivery.
    pub(crate) async fn evidence(&self) -> Vec<SignedReceipt> {
        let mut held = Vec::new();
        let mut scan = self.database.scan_evidence(RUNNING);
        while let Some(page) = scan.next().await.unwrap() {
            held.extend(page.into_iter().map(StoredReceipt::into_signed));
        }
        held
    }

    /// What is held of the running epoch and the ones next to it.
    pub(crate) async fn held(&self) -> Vec<SignedReceipt> {
        let mut held = Vec::new();
        for epoch in [RUNNING.previous().unwrap(), RUNNING, RUNNING.next()] {
            let mut scan = self.database.scan_receipts(epoch);
            while let Some(page) = scan.next().await.unwrap() {
                held.extend(page.into_iter().map(StoredReceipt::into_signed));
            }
        }
        held
    }
}
