//! Databases to test on and receipts to put into them.

use tatum_database::{Candidate, Database, Outcome, Writer, WriterOptions};
use tatum_primitives::{Address, B256, Epoch, NodeId, OperatorId, StreamKey};
use tatum_receipt::{DeliveryReceipt, Signature, SignedReceipt};
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
    SignedReceipt { receipt, signature: Signature([7; 65]) }
}

impl Scene {
    pub(crate) async fn submit(&self, receipts: &[SignedReceipt]) -> Vec<Outcome> {
        let candidates = receipts.iter().cloned().map(Candidate::Checked).collect();
        self.writer.submit(candidates).await.unwrap()
    }
}

/// All receipts of an epoch in the order that a scan gives them.
pub(crate) async fn all(database: &Database, epoch: u64) -> Vec<SignedReceipt> {
    let mut scan = database.scan_receipts(Epoch(epoch));
    let mut all = Vec::new();
    while let Some(page) = scan.next().await.unwrap() {
        all.extend(page);
    }
    all
}
