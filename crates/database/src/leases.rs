//! Leases: which of several processes does what only one may do at a time.
//!
//! Invariant: at most one holder at any moment of the database's clock, which alone says what time it is. A holder that
//! stops renewing, however it ended, holds nothing once its time is over.

use sqlx::Row;

use crate::row::{bigint, unsigned};
use crate::{Backend, Database, DatabaseError};

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The holder's name.
    pub holder: String,
    /// How often it changed hands, its first holder included.
    pub terms: u64,
}

impl Database {
    /// Takes the lease `name` for `length_ms` from now, or renews it. False if somebody else holds it.
    pub async fn hold_lease(
        &self,
        name: &str,
        holder: &str,
        length_ms: u64,
    ) -> Result<bool, DatabaseError> {
        const ON_SQLITE: &str = "INSERT INTO leases (name, holder, expires_ms, terms) VALUES \
            ($1, $2, CAST((julianday('now') - 2440587.5) * 86400000.0 AS BIGINT) + $3, 1) \
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_ms = excluded.expires_ms, \
            terms = leases.terms + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END \
            WHERE leases.holder = excluded.holder \
            OR leases.expires_ms <= CAST((julianday('now') - 2440587.5) * 86400000.0 AS BIGINT)";
        const ON_POSTGRES: &str = "INSERT INTO leases (name, holder, expires_ms, terms) VALUES \
            ($1, $2, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) + $3, 1) \
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_ms = excluded.expires_ms, \
            terms = leases.terms + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END \
            WHERE leases.holder = excluded.holder \
            OR leases.expires_ms <= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        let sql = match self.backend() {
            Backend::Sqlite => ON_SQLITE,
            Backend::Postgres => ON_POSTGRES,
        };
        let query = sqlx::query(sql).bind(name.to_owned()).bind(holder.to_owned());
        let done = query.bind(bigint(length_ms)?).execute(self.writer()).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives the lease `name` up, if `holder` has it.
    pub async fn release_lease(&self, name: &str, holder: &str) -> Result<(), DatabaseError> {
        const SQL: &str = "UPDATE leases SET expires_ms = 0 WHERE name = $1 AND holder = $2";
        let query = sqlx::query(SQL).bind(name.to_owned()).bind(holder.to_owned());
        query.execute(self.writer()).await?;
        Ok(())
    }

    /// Who held the lease `name` last.
    pub async fn lease(&self, name: &str) -> Result<Option<Lease>, DatabaseError> {
        let query = sqlx::query("SELECT holder, terms FROM leases WHERE name = $1");
        let row = query.bind(name.to_owned()).fetch_optional(self.reader()).await?;
        let lease = |row| {
            let holder = sqlx::any::AnyRow::try_get(&row, "holder")?;
            Ok(Lease { holder, terms: unsigned(&row, "terms")? })
        };
        row.map(lease).transpose()
    }
}
