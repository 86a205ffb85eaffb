//! Where a subscriber goes on: per publisher's chain the first message that is not dealt with.
//!
//! Invariant: a position never falls, and is on disk when [`NodeStore::keep_positions`] returns. Of each stream the last
//! [`MAX_CHAINS`] chains are kept, so that publishers who restart for ever fill no disk.

use sqlx::Row;
use tatum_primitives::{Address, StreamKey};

use crate::database::begin_write;
use crate::row::{corrupt, unsigned};
use crate::{DatabaseError, NodeStore};

/// Chains of a stream whose positions are kept, as many as a subscriber knows at a time.
const MAX_CHAINS: i64 = 1_024;

/// How far a subscriber is in a publisher's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The stream partition.
    pub stream: StreamKey,
    /// Who publishes.
    pub publisher: Address,
    /// The publisher's chain.
    pub chain: u64,
    /// The first number that is not dealt with.
    pub next: u64,
}

impl NodeStore {
    /// Keeps how far a subscriber is, written at `now_ms`.
    pub async fn keep_positions(
        &self,
        positions: &[Position],
        now_ms: u64,
    ) -> Result<(), DatabaseError> {
        const KEEP: &str = "INSERT INTO positions (stream, publisher, chain, next, written_ms) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (stream, publisher, chain) DO UPDATE SET \
             next = excluded.next, written_ms = excluded.written_ms \
             WHERE excluded.next > positions.next";
        const FORGET: &str = "DELETE FROM positions WHERE stream = $1 AND (publisher, chain) NOT IN (SELECT \
             publisher, chain FROM positions WHERE stream = $1 \
             ORDER BY written_ms DESC, publisher, chain LIMIT $2)";
        let mut transaction =
            self.database.writer().begin_with(begin_write(self.database.backend())).await?;
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        for position in positions {
            // Numbers end below 2^63; what a caller made up is as good as the end.
            let next = i64::try_from(position.next).unwrap_or(i64::MAX);
            sqlx::query(KEEP)
                .bind(position.stream.0.to_vec())
                .bind(position.publisher.to_vec())
                .bind(position.chain.to_be_bytes().to_vec())
                .bind(next)
                .bind(now_ms)
                .execute(&mut *transaction)
                .await?;
        }
        let mut streams: Vec<StreamKey> =
            positions.iter().map(|position| position.stream).collect();
        streams.sort_unstable();
        streams.dedup();
        for stream in streams {
            let forget = sqlx::query(FORGET).bind(stream.0.to_vec()).bind(MAX_CHAINS);
            forget.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// How far a subscriber is in a stream partition.
    pub async fn positions(&self, stream: StreamKey) -> Result<Vec<Position>, DatabaseError> {
        const SQL: &str = "SELECT publisher, chain, next FROM positions WHERE stream = $1 ORDER BY publisher, chain";
        let rows =
            sqlx::query(SQL).bind(stream.0.to_vec()).fetch_all(self.database.reader()).await?;
        let positions = rows.iter().map(|row| {
            let publisher: Vec<u8> = row.try_get("publisher")?;
            let chain: Vec<u8> = row.try_get("chain")?;
            Ok(Position {
                stream,
                publisher: Address::try_from(publisher.as_slice())
                    .map_err(|error| corrupt("publisher", error))?,
                chain: u64::from_be_bytes(
                    chain.as_slice().try_into().map_err(|error| corrupt("chain", error))?,
                ),
                next: unsigned(row, "next")?,
            })
        });
        positions.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::B256;

    fn position(stream: u8, chain: u64, next: u64) -> Position {
        let stream = StreamKey(B256::repeat_byte(stream));
        Position { stream, publisher: Address::repeat_byte(1), chain, next }
    }

    #[tokio::test]
    async fn a_position_is_kept_over_a_restart_and_never_falls() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.db");
        let store = NodeStore::open_file(&file).await.unwrap();
        let (one, other) = (position(1, u64::MAX, 5), position(2, 7, 1));
        store.keep_positions(&[one, other], 1).await.unwrap();
        store.keep_positions(&[position(1, u64::MAX, 3)], 2).await.unwrap();
        store.close().await;
        let again = NodeStore::open_file(&file).await.unwrap();
        assert_eq!(again.positions(one.stream).await.unwrap(), [one]);
        assert_eq!(again.positions(other.stream).await.unwrap(), [other]);
        let end = position(1, u64::MAX, u64::MAX);
        again.keep_positions(&[end], 3).await.unwrap();
        assert_eq!(again.positions(one.stream).await.unwrap()[0].next, i64::MAX as u64);
    }

    #[tokio::test]
    async fn the_longest_silent_chains_are_forgotten_of_their_own_stream_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = NodeStore::open_file(&folder.path().join("node.db")).await.unwrap();
        let (silent, elsewhere) = (position(1, 0, 9), position(2, 0, 9));
        store.keep_positions(&[silent, elsewhere], 1).await.unwrap();
        let many: Vec<Position> =
            (1..=MAX_CHAINS as u64).map(|chain| position(1, chain, 1)).collect();
        store.keep_positions(&many, 2).await.unwrap();
        assert_eq!(store.positions(silent.stream).await.unwrap(), many);
        assert_eq!(store.positions(elsewhere.stream).await.unwrap(), [elsewhere]);
    }
}
