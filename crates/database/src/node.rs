//! A node's or client's own store: the newest receipt of each key, what was acknowledged, and the outbox to the
//! aggregator.
//!
//! Invariant: a kept receipt is on disk when [`NodeStore::keep`] returns, a stored rank never falls, and a receipt
//! leaves the outbox only by an answer of the aggregator to it or to a newer one. Losing power between any two
//! statements loses no receipt; at worst one is handed in twice, which changes nothing.

use std::path::Path;

use sqlx::AnyConnection;
use sqlx::Row;
use sqlx::any::AnyRow;
use tatum_channel::lane_id;
use tatum_primitives::{Address, B256, Epoch, ReaderId, Role, StreamKey};
use tatum_protocol::receipts::Answer;
use tatum_receipt::{
    Acknowledgement, CheckedReceipt, Contents, KEY_BYTES, ReceiptKey, SignedReceipt, Step,
    StoredReceipt, Witnessed, step,
};

use crate::database::{MigrationText, begin_write, sqlite_url};
use crate::receipts::{beside_bytes, contents, epoch_start, key_bytes, stored, witnessed};
use crate::row::{chunks, corrupt, unsigned, with_rows};
use crate::{Backend, Database, DatabaseError};

const MIGRATIONS: &[MigrationText] = &[
    (
        20261122164500,
        "create node receipts",
        include_str!("../../../migrations/node/20261122164500_create_node_receipts.sql"),
    ),
    (
        20261122225900,
        "create stream permissions",
        include_str!("../../../migrations/node/20261122225900_create_stream_permissions.sql"),
    ),
    (
        20261129100000,
        "create channel lanes",
        include_str!("../../../migrations/node/20261129100000_create_channel_lanes.sql"),
    ),
    (
        20261129190000,
        "create positions",
        include_str!("../../../migrations/node/20261129190000_create_positions.sql"),
    ),
    (
        20261130010000,
        "add contents",
        include_str!("../../../migrations/node/20261130010000_add_contents.sql"),
    ),
];

/// Below every rank.
const NO_RANK: &[u8] = &[];

/// A kept receipt and the node's word for it, if it came.
#[derive(Clone, Debug)]
pub struct KeptReceipt {
    /// The highest receipt of its key.
    pub stored: StoredReceipt,
    /// What lies beside it.
    pub contents: Contents,
    /// The acknowledgement of exactly this receipt.
    pub acknowledgement: Option<Acknowledgement>,
}

/// How many receipts are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeReceiptCounts {
    /// All that are kept.
    pub kept: u64,
    /// Those that wait to be handed in.
    pub waiting: u64,
    /// Those whose newest was rejected by the aggregator.
    pub rejected: u64,
}

/// The store of one process.
#[derive(Clone, Debug)]
pub struct NodeStore {
    pub(crate) database: Database,
}

impl NodeStore {
    /// Opens the SQLite file at `path`, made if absent.
    pub async fn open_file(path: &Path) -> Result<Self, DatabaseError> {
        let database = Database::open_with(&sqlite_url(path)?, MIGRATIONS).await?;
        Ok(Self { database })
    }

    /// Keeps a receipt that was offered to us, if it ranks highest of its key; says what became of it. Whatever that is, one
    /// that pays as much is on disk then.
    pub async fn keep(
        &self,
        offered: &CheckedReceipt,
        contents: &Contents,
    ) -> Result<(StoredReceipt, Step), DatabaseError> {
        let step = self.keep_highest(offered.signed(), contents).await?;
        Ok((StoredReceipt::written(offered.signed()), step))
    }

    /// Keeps a receipt that we signed ourselves, and what lies beside it.
    pub async fn keep_own(
        &self,
        signed: &SignedReceipt,
        contents: &Contents,
    ) -> Result<Step, DatabaseError> {
        self.keep_highest(signed, contents).await
    }

    async fn keep_highest(
        &self,
        offered: &SignedReceipt,
        contents: &Contents,
    ) -> Result<Step, DatabaseError> {
        let key = key_bytes(&offered.receipt.key());
        let mut transaction =
            self.database.writer().begin_with(begin_write(self.database.backend())).await?;
        let row = sqlx::query("SELECT signed FROM node_receipts WHERE key = $1")
            .bind(key.clone())
            .fetch_optional(&mut *transaction)
            .await?;
        let held = row.as_ref().map(stored).transpose()?.map(StoredReceipt::into_signed);
        let outcome = step(held.as_ref(), offered);
        if outcome == Step::Advance {
            // What a channel pays is handed in too, as evidence of delivery.
            const SQL: &str = "INSERT INTO node_receipts (key, rank, signed, acknowledged_rank, answered_rank, \
                 rejections, beside) VALUES ($1, $2, $3, $4, $4, 0, $5) ON CONFLICT (key) DO UPDATE SET \
                 rank = excluded.rank, signed = excluded.signed, rejections = 0, beside = excluded.beside \
                 WHERE excluded.rank > node_receipts.rank";
            sqlx::query(SQL)
                .bind(key)
                .bind(rank(offered))
                .bind(offered.encode().to_vec())
                .bind(NO_RANK.to_vec())
                .bind(beside_bytes(contents))
                .execute(&mut *transaction)
                .await?;
        }
        let is_in_channel = offered.receipt.channel != B256::ZERO;
        if is_in_channel {
            keep_lane(&mut transaction, offered).await?;
        }
        if is_in_channel || outcome == Step::Advance {
            transaction.commit().await?;
        }
        Ok(outcome)
    }

    /// Of each lane of payment channels the receipt that owes most.
    pub async fn lanes(&self) -> Result<Vec<StoredReceipt>, DatabaseError> {
        const SQL: &str = "SELECT signed FROM channel_lanes ORDER BY lane";
        let rows = sqlx::query(SQL).fetch_all(self.database.reader()).await?;
        rows.iter().map(stored).collect()
    }

    /// Which of its payer's processes this one is: what was kept, or else `drawn`, which is kept from now on.
    pub async fn reader(&self, drawn: ReaderId) -> Result<ReaderId, DatabaseError> {
        sqlx::query("INSERT INTO reader (id, reader) VALUES (0, $1) ON CONFLICT (id) DO NOTHING")
            .bind(i64::from(drawn.0))
            .execute(self.database.writer())
            .await?;
        let row = sqlx::query("SELECT reader FROM reader WHERE id = 0")
            .fetch_one(self.database.reader())
            .await?;
        let reader = u32::try_from(unsigned(&row, "reader")?);
        reader.map(ReaderId).map_err(|error| corrupt("reader", error))
    }

    /// The newest receipt of a key.
    pub async fn newest(&self, key: &ReceiptKey) -> Result<Option<StoredReceipt>, DatabaseError> {
        let row = sqlx::query("SELECT signed FROM node_receipts WHERE key = $1")
            .bind(key_bytes(key))
            .fetch_optional(self.database.reader())
            .await?;
        row.as_ref().map(stored).transpose()
    }

    /// The newest receipts of a payer's reader for one stream and role, in `epoch` and the one after it.
    pub async fn newest_of(
        &self,
        (payer, reader): (Address, ReaderId),
        stream: StreamKey,
        role: Role,
        epoch: Epoch,
    ) -> Result<Vec<StoredReceipt>, DatabaseError> {
        let mut found = Vec::new();
        for epoch in [epoch, epoch.next()] {
            // One payer in one epoch is one range of the key.
            let first = [epoch_start(epoch).as_slice(), payer.as_slice()].concat();
            let last = [first.as_slice(), &[0xff; KEY_BYTES]].concat();
            let rows =
                sqlx::query("SELECT signed FROM node_receipts WHERE key >= $1 AND key <= $2")
                    .bind(first)
                    .bind(last)
                    .fetch_all(self.database.reader())
                    .await?;
            for row in &rows {
                let stored = stored(row)?;
                let receipt = stored.receipt();
                if (receipt.stream_key, receipt.role, receipt.reader) == (stream, role, reader) {
                    found.push(stored);
                }
            }
        }
        Ok(found)
    }

    /// Everything that is kept from epoch `earliest` on.
    pub async fn since(&self, earliest: Epoch) -> Result<Vec<KeptReceipt>, DatabaseError> {
        // What was said of an older one is not read: a restart waits for this.
        const SQL: &str = "SELECT signed, beside, CASE WHEN acknowledged_rank = rank THEN acknowledgement END \
             AS acknowledgement FROM node_receipts WHERE key >= $1 ORDER BY key";
        let rows =
            sqlx::query(SQL).bind(epoch_start(earliest)).fetch_all(self.database.reader()).await?;
        rows.iter().map(kept).collect()
    }

    /// Keeps a node's word for a receipt.
    pub async fn record_acknowledged(
        &self,
        signed: &SignedReceipt,
        word: &Acknowledgement,
    ) -> Result<(), DatabaseError> {
        let bytes = [word.digest, word.signature[0], word.signature[1]].concat();
        const SQL: &str = "UPDATE node_receipts SET acknowledgement = $1, acknowledged_rank = $2 \
             WHERE key = $3 AND acknowledged_rank < $2";
        sqlx::query(SQL)
            .bind(bytes)
            .bind(rank(signed))
            .bind(key_bytes(&signed.receipt.key()))
            .execute(self.database.writer())
            .await?;
        Ok(())
    }

    /// Receipts to hand in, those of older epochs first: the first ones, or those that come `after` another.
    pub async fn to_hand_in(
        &self,
        after: Option<&ReceiptKey>,
        limit: u32,
    ) -> Result<Vec<Witnessed>, DatabaseError> {
        const SQL: &str = "SELECT signed, beside FROM node_receipts \
             WHERE key > $1 AND answered_rank < rank ORDER BY key LIMIT $2";
        // Every key comes after the empty one.
        let after = after.map(key_bytes).unwrap_or_default();
        let rows = sqlx::query(SQL)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(self.database.reader())
            .await?;
        rows.iter().map(witnessed).collect()
    }

    /// Records what the aggregator answered for each receipt. A rejection that is not final stays in the outbox, unless a channel
    /// pays the receipt: then it is evidence alone, and nothing is lost that was worth a second try.
    pub async fn record_answers(
        &self,
        answered: &[(SignedReceipt, Answer)],
    ) -> Result<(), DatabaseError> {
        let mut transaction =
            self.database.writer().begin_with(begin_write(self.database.backend())).await?;
        let (rejected, taken): (Vec<_>, Vec<_>) =
            answered.iter().partition(|(_, answer)| answer.reason().is_some());
        record_taken(&mut transaction, &taken).await?;
        for (signed, answer) in rejected {
            record_rejected(&mut transaction, signed, answer).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Keeps a stream's permission list, as its owner signed it, if it is newer than the one that is kept.
    ///
    /// `rank` orders the lists of a stream by its bytes. False if a newer one, or this one, was there.
    pub async fn keep_permissions(
        &self,
        stream: &str,
        rank: &[u8],
        signed: &str,
    ) -> Result<bool, DatabaseError> {
        const SQL: &str = "INSERT INTO stream_permissions (stream, rank, signed) VALUES ($1, $2, $3) \
             ON CONFLICT (stream) DO UPDATE SET rank = excluded.rank, signed = excluded.signed \
             WHERE stream_permissions.rank < excluded.rank";
        let done = sqlx::query(SQL)
            .bind(stream.to_owned())
            .bind(rank.to_vec())
            .bind(signed.to_owned())
            .execute(self.database.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Every kept permission list.
    pub async fn permissions(&self) -> Result<Vec<String>, DatabaseError> {
        const SQL: &str = "SELECT signed FROM stream_permissions ORDER BY stream";
        let rows = sqlx::query(SQL).fetch_all(self.database.reader()).await?;
        rows.iter().map(|row| Ok(row.try_get("signed")?)).collect()
    }

    /// Forgets a stream's permission list.
    pub async fn forget_permissions(&self, stream: &str) -> Result<(), DatabaseError> {
        sqlx::query("DELETE FROM stream_permissions WHERE stream = $1")
            .bind(stream.to_owned())
            .execute(self.database.writer())
            .await?;
        Ok(())
    }

    /// How many receipts are in which state.
    pub async fn counts(&self) -> Result<NodeReceiptCounts, DatabaseError> {
        const SQL: &str = "SELECT COUNT(*) AS kept, \
             COUNT(CASE WHEN answered_rank < rank THEN 1 END) AS waiting, \
             COUNT(CASE WHEN rejections > 0 THEN 1 END) AS rejected FROM node_receipts";
        let row = sqlx::query(SQL).fetch_one(self.database.reader()).await?;
        Ok(NodeReceiptCounts {
            kept: unsigned(&row, "kept")?,
            waiting: unsigned(&row, "waiting")?,
            rejected: unsigned(&row, "rejected")?,
        })
    }

    /// Closes the file once its work is done.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// Keeps a receipt of a channel if it owes more than the one that is kept of its lane.
async fn keep_lane(
    connection: &mut AnyConnection,
    offered: &SignedReceipt,
) -> Result<(), DatabaseError> {
    const SQL: &str = "INSERT INTO channel_lanes (lane, owed, signed) VALUES ($1, $2, $3) \
         ON CONFLICT (lane) DO UPDATE SET owed = excluded.owed, signed = excluded.signed \
         WHERE channel_lanes.owed < excluded.owed";
    sqlx::query(SQL)
        .bind(lane_id(&offered.receipt).to_vec())
        .bind(offered.receipt.owed.to_be_bytes().to_vec())
        .bind(offered.encode().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes out of the outbox what the aggregator holds: many at once, or statements would cost more than the receipts.
async fn record_taken(
    connection: &mut AnyConnection,
    taken: &[&(SignedReceipt, Answer)],
) -> Result<(), DatabaseError> {
    const HEAD: &str = "WITH answers (key, rank) AS (VALUES ";
    const TAIL: &str = ") UPDATE node_receipts SET answered_rank = answers.rank, \
         reason = NULL, rejections = 0 FROM answers \
         WHERE node_receipts.key = answers.key AND answered_rank < answers.rank";
    for chunk in chunks(taken) {
        let mut query =
            sqlx::query(with_rows(Backend::of(connection), HEAD, (chunk.len(), 2), TAIL));
        for (signed, _) in chunk {
            query = query.bind(key_bytes(&signed.receipt.key())).bind(rank(signed));
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Keeps the reason of a rejection, and takes the receipt out of the outbox if it is final.
async fn record_rejected(
    connection: &mut AnyConnection,
    signed: &SignedReceipt,
    answer: &Answer,
) -> Result<(), DatabaseError> {
    const FINAL: &str = "UPDATE node_receipts SET answered_rank = $3, reason = $1, rejections = 1 \
         WHERE key = $2 AND answered_rank < $3";
    const AGAIN: &str = "UPDATE node_receipts SET reason = $1, rejections = rejections + 1 \
         WHERE key = $2 AND rank = $3";
    sqlx::query(if answer.settles(&signed.receipt) { FINAL } else { AGAIN })
        .bind(answer.reason())
        .bind(key_bytes(&signed.receipt.key()))
        .bind(rank(signed))
        .execute(connection)
        .await?;
    Ok(())
}

fn rank(signed: &SignedReceipt) -> Vec<u8> {
    signed.receipt.rank().encode().to_vec()
}

fn kept(row: &AnyRow) -> Result<KeptReceipt, DatabaseError> {
    let bytes: Option<Vec<u8>> = row.try_get("acknowledgement")?;
    let word = bytes.map(|bytes| word(&bytes)).transpose()?;
    Ok(KeptReceipt { stored: stored(row)?, contents: contents(row)?, acknowledgement: word })
}

fn word(bytes: &[u8]) -> Result<Acknowledgement, DatabaseError> {
    let wrong = || corrupt("acknowledgement", "not 96 bytes");
    let (parts, rest) = bytes.as_chunks::<32>();
    match (parts, rest) {
        ([digest, r, s], []) => Ok(Acknowledgement {
            digest: B256::from(digest),
            signature: [B256::from(r), B256::from(s)],
        }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::{Domain, NodeId, OperatorId};
    use tatum_receipt::{ContentsLine, DeliveryReceipt, Rejection, SessionKey, Verifier};

    fn receipt(node: u8, sequence: u64, messages: u64) -> SignedReceipt {
        let key = SessionKey::from_bytes(&[1; 32]).unwrap();
        let receipt = DeliveryReceipt {
            payer: key.address(),
            operator_id: OperatorId(1),
            node: NodeId(B256::repeat_byte(node)),
            epoch: Epoch(3),
            sequence,
            messages,
            bytes: messages,
            bytes_on_time: messages,
            ..DeliveryReceipt::default()
        };
        let domain = Domain { chain_id: 1, stake_pool: Address::ZERO };
        SignedReceipt::sign(receipt, &key, &Verifier::new(domain))
    }

    async fn store() -> (tempfile::TempDir, NodeStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = NodeStore::open_file(&folder.path().join("node.db")).await.unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn the_newest_receipt_survives_reopening_and_a_later_one_takes_no_pay_away() {
        let (folder, store) = store().await;
        assert_eq!(
            store.keep_own(&receipt(1, 1, 5), &Contents::default()).await.unwrap(),
            Step::Advance
        );
        assert_eq!(
            store.keep_own(&receipt(1, 3, 9), &Contents::default()).await.unwrap(),
            Step::Advance
        );
        assert_eq!(
            store.keep_own(&receipt(1, 2, 7), &Contents::default()).await.unwrap(),
            Step::Superseded
        );
        assert_eq!(
            store.keep_own(&receipt(1, 3, 9), &Contents::default()).await.unwrap(),
            Step::Duplicate
        );
        assert_eq!(
            store.keep_own(&receipt(1, 4, 8), &Contents::default()).await.unwrap(),
            Step::Superseded
        );
        store.close().await;
        let again = NodeStore::open_file(&folder.path().join("node.db")).await.unwrap();
        let held = again.newest(&receipt(1, 3, 9).receipt.key()).await.unwrap();
        assert_eq!(held.map(StoredReceipt::into_signed), Some(receipt(1, 3, 9)));
        let payer = receipt(1, 3, 9).receipt.payer;
        for (reader, expected) in [(ReaderId(0), 1), (ReaderId(1), 0)] {
            let (stream, role) = (StreamKey::default(), Role::Subscriber);
            let of = again.newest_of((payer, reader), stream, role, Epoch(3));
            assert_eq!(of.await.unwrap().len(), expected);
        }
        assert!(again.since(Epoch(4)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_lies_beside_a_receipt_goes_where_the_receipt_goes() {
        let (folder, store) = store().await;
        let line = ContentsLine {
            publisher: Address::ZERO,
            chain: u64::MAX,
            number: 9,
            id: B256::repeat_byte(1),
            span: 5,
            held: 5,
            due: 4,
            brought: 3,
        };
        let contents = Contents::new(vec![line]).unwrap();
        let mut stated = receipt(1, 1, 5);
        stated.receipt.contents = contents.root();
        store.keep_own(&stated, &contents).await.unwrap();
        store.close().await;
        let again = NodeStore::open_file(&folder.path().join("node.db")).await.unwrap();
        assert_eq!(again.since(Epoch(0)).await.unwrap()[0].contents, contents);
        let waiting = again.to_hand_in(None, 10).await.unwrap();
        assert_eq!(waiting, [Witnessed::new(stated, contents).unwrap()]);
        // A newer one without lines has none.
        again.keep_own(&receipt(1, 2, 6), &Contents::default()).await.unwrap();
        assert!(again.since(Epoch(0)).await.unwrap()[0].contents.is_empty());
    }

    #[tokio::test]
    async fn a_reader_is_drawn_once() {
        let (folder, store) = store().await;
        assert_eq!(store.reader(ReaderId(u32::MAX)).await.unwrap(), ReaderId(u32::MAX));
        store.close().await;
        let again = NodeStore::open_file(&folder.path().join("node.db")).await.unwrap();
        assert_eq!(again.reader(ReaderId(7)).await.unwrap(), ReaderId(u32::MAX));
    }

    #[tokio::test]
    async fn a_receipt_waits_until_it_is_answered() {
        let (_folder, store) = store().await;
        for signed in [receipt(1, 1, 5), receipt(2, 1, 5)] {
            store.keep_own(&signed, &Contents::default()).await.unwrap();
        }
        let waiting = store.to_hand_in(None, 10).await.unwrap();
        assert_eq!(waiting.len(), 2);
        let behind = store.to_hand_in(Some(&waiting[0].signed.receipt.key()), 10).await.unwrap();
        assert_eq!(behind, waiting[1..]);
        // The second is replaced while the first version is on its way.
        store.keep_own(&receipt(2, 2, 6), &Contents::default()).await.unwrap();
        let answers = [receipt(1, 1, 5), receipt(2, 1, 5)].map(|signed| (signed, Answer::Accepted));
        store.record_answers(&answers).await.unwrap();
        assert_eq!(store.to_hand_in(None, 10).await.unwrap(), vec![receipt(2, 2, 6).into()]);
        let (running, earlier) = (Epoch(3), Epoch(2));
        let later = Answer::rejected(Rejection::FutureEpoch { got: running, running: earlier });
        store.record_answers(&[(receipt(2, 2, 6), later)]).await.unwrap();
        assert_eq!(store.to_hand_in(None, 10).await.unwrap().len(), 1);
        let never = Rejection::PastEpoch { got: earlier, earliest_open: running };
        store.record_answers(&[(receipt(2, 2, 6), Answer::rejected(never))]).await.unwrap();
        let counts = store.counts().await.unwrap();
        assert_eq!(counts, NodeReceiptCounts { kept: 2, waiting: 0, rejected: 1 });
    }

    /// As evidence; a refusal is final, for no pot waits for it.
    #[tokio::test]
    async fn a_receipt_of_a_channel_is_handed_in_once_and_its_lane_is_kept() {
        let (_folder, store) = store().await;
        let mut signed = receipt(1, 1, 5);
        (signed.receipt.channel, signed.receipt.owed) = (B256::repeat_byte(3), 7);
        store.keep_own(&signed, &Contents::default()).await.unwrap();
        assert_eq!(store.to_hand_in(None, 10).await.unwrap(), [signed.clone().into()]);
        let open = B256::ZERO;
        let passing = Rejection::OtherChannel { got: signed.receipt.channel, open };
        store.record_answers(&[(signed.clone(), Answer::rejected(passing))]).await.unwrap();
        assert_eq!(store.to_hand_in(None, 10).await.unwrap(), []);
        assert_eq!(store.lanes().await.unwrap().len(), 1);
        (signed.receipt.sequence, signed.receipt.bytes_on_time) = (2, 6);
        store.keep_own(&signed, &Contents::default()).await.unwrap();
        assert_eq!(store.to_hand_in(None, 10).await.unwrap(), [signed.clone().into()]);
        store.record_answers(&[(signed, Answer::Evidence)]).await.unwrap();
        let counts = store.counts().await.unwrap();
        assert_eq!(counts, NodeReceiptCounts { kept: 1, waiting: 0, rejected: 0 });
    }

    #[tokio::test]
    async fn an_acknowledgement_belongs_to_one_receipt() {
        let (_folder, store) = store().await;
        store.keep_own(&receipt(1, 1, 5), &Contents::default()).await.unwrap();
        let word = Acknowledgement {
            digest: B256::repeat_byte(1),
            signature: [B256::repeat_byte(2), B256::repeat_byte(3)],
        };
        store.record_acknowledged(&receipt(1, 1, 5), &word).await.unwrap();
        assert_eq!(store.since(Epoch(0)).await.unwrap()[0].acknowledgement, Some(word));
        store.keep_own(&receipt(1, 2, 6), &Contents::default()).await.unwrap();
        assert_eq!(store.since(Epoch(0)).await.unwrap()[0].acknowledgement, None);
    }

    #[tokio::test]
    async fn permissions_survive_reopening_and_never_go_back() {
        let (folder, store) = store().await;
        assert!(store.keep_permissions("0xab/c", &[0, 2], "two").await.unwrap());
        assert!(!store.keep_permissions("0xab/c", &[0, 1, 9], "one").await.unwrap());
        assert!(!store.keep_permissions("0xab/c", &[0, 2], "again").await.unwrap());
        assert!(store.keep_permissions("0xab/d", &[0, 1], "other").await.unwrap());
        store.close().await;
        let again = NodeStore::open_file(&folder.path().join("node.db")).await.unwrap();
        assert_eq!(again.permissions().await.unwrap(), ["two", "other"]);
        assert!(again.keep_permissions("0xab/c", &[0, 3], "three").await.unwrap());
        again.forget_permissions("0xab/d").await.unwrap();
        assert_eq!(again.permissions().await.unwrap(), ["three"]);
    }

    #[test]
    fn every_migration_file_is_run() {
        let mut files: Vec<String> = std::fs::read_dir("../../migrations/node")
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|(version, words, _)| format!("{version}_{}.sql", words.replace(' ', "_")))
            .collect();
        assert_eq!(files, listed);
    }
}
