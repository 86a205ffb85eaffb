//! Databases to test on and receipts to put into them.

use tatum_database::{Candidate, Database, Outcome, ReceiptScan, Writer, WriterOptions};
use tatum_primitives::{Address, B256, Domain, Epoch, NodeId, OperatorId, StreamKey};
use tatum_receipt::checks::{EpochWindow, MAX_RECEIPT_BYTES, StatedFacts, check};
use tatum_receipt::{
    CheckedReceipt, Contents, DeliveryReceipt, SessionKey, SignedReceipt, StoredReceipt, Verifier,
};
use tatum_test_utils::postgres::Postgres;

/// A fresh database and whatever keeps it alive.
pub(crate) struct Scene {
    pub(crate) database: Database,
    pub(crate) writer: Writer,
    _folder: Option<tempfile::TempDir>,
    _postgres: Option<Postgres>,
}

pub(crate) async fn sqlite() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open_file(&folder.path().join("tatum.db")).await.unwrap();
    let (writer, _) = Writer::spawn(database.clone(), WriterOptions::default());
    Scene { database, writer, _folder: Some(folder), _postgres: None }
}

pub(crate) async fn postgres() -> Scene {
    let postgres = Postgres::start().unwrap();
    let database = Database::open(&postgres.database("tatum").unwrap()).await.unwrap();
    let (writer, _) = Writer::spawn(database.clone(), WriterOptions::default());
    Scene { database, writer, _folder: None, _postgres: Some(postgres) }
}

/// Defines a test of each name that runs the function of that name on both backends.
macro_rules! on_each_backend {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name($crate::support::sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name($crate::support::postgres().await).await; })+
        }
    };
}
pub(crate) use on_each_backend;

/// A receipt of payer `payer` for node `node`, which belongs to operator `255 - node`.
pub(crate) fn receipt(payer: u8, node: u8, epoch: u64, sequence: u64) -> SignedReceipt {
    let receipt = DeliveryReceipt {
        payer: Address::repeat_byte(payer),
        operator_id: OperatorId(u32::from(255 - node)),
        node: NodeId(B256::repeat_byte(node)),
        stream_key: StreamKey(B256::repeat_byte(1)),
        epoch: Epoch(epoch),
        sequence,
        messages: sequence * 10,
        bytes: sequence * 1000,
        bytes_on_time: sequence * 900,
        ..Default::default()
    };
    sign(receipt)
}

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

/// Signs with the one session key, which every payer authorised.
pub(crate) fn sign(receipt: DeliveryReceipt) -> SignedReceipt {
    SignedReceipt::sign(receipt, &key(), &verifier())
}

fn key() -> SessionKey {
    SessionKey::from_bytes(&[7; 32]).unwrap()
}

/// Passes a receipt through the rules, on a chain that has nothing against it.
pub(crate) fn checked(signed: &SignedReceipt) -> CheckedReceipt {
    let DeliveryReceipt { payer, node, operator_id, epoch, .. } = signed.receipt;
    let facts = StatedFacts::default()
        .node(node, operator_id)
        .quota(payer, MAX_RECEIPT_BYTES)
        .session_key(payer, key().address());
    check(signed, &verifier(), EpochWindow::only(epoch), &facts).unwrap()
}

pub(crate) fn candidate(signed: &SignedReceipt) -> Candidate {
    Candidate::Checked(Box::new(checked(signed)), Contents::default())
}

impl Scene {
    pub(crate) async fn submit(&self, receipts: &[SignedReceipt]) -> Vec<Outcome> {
        let candidates = receipts.iter().map(candidate).collect();
        self.writer.submit(candidates).await.unwrap()
    }
}

/// All receipts of an epoch in the order that a scan gives them.
pub(crate) async fn all(database: &Database, epoch: u64) -> Vec<SignedReceipt> {
    read(database.scan_receipts(Epoch(epoch))).await
}

/// Everything that a scan gives.
pub(crate) async fn read(mut scan: ReceiptScan) -> Vec<SignedReceipt> {
    let mut all = Vec::new();
    while let Some(page) = scan.next().await.unwrap() {
        all.extend(page.into_iter().map(StoredReceipt::into_signed));
    }
    all
}
