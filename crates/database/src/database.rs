//! Opening a database: which backend, how it syncs, and its migrations.
//!
//! Invariant: an SQLite commit is on disk when it returns (write-ahead log, `synchronous = FULL`), as PostgreSQL's
//! default `synchronous_commit` is. Source: <https://www.sqlite.org/pragma.html#pragma_synchronous>.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection, Executor, SqlSafeStr};

use crate::error::advice;
use crate::{Backend, DatabaseError};

/// Connections that read at the same time.
const READERS: u32 = 4;

/// Statements run on each new SQLite connection. The log is copied into the file every 32 MiB: each copying waits for the disk twice.
const SQLITE_SETUP: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8192; \
                            PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY;";

/// Pages that SQLite's writer keeps, in KiB.
const WRITER_CACHE_KIB: u32 = 65_536;
/// Pages that a reader keeps: it forgets them all whenever something was written, and that takes the longer the more there may be.
const READER_CACHE_KIB: u32 = 4096;

/// A version, a description and its SQL.
pub(crate) type MigrationText = (i64, &'static str, &'static str);

const MIGRATIONS: &[MigrationText] = &[
    (
        20261122160000,
        "create epochs",
        include_str!("../../../migrations/20261122160000_create_epochs.sql"),
    ),
    (
        20261122160100,
        "create receipts",
        include_str!("../../../migrations/20261122160100_create_receipts.sql"),
    ),
    (
        20261122160200,
        "create rejected receipts",
        include_str!("../../../migrations/20261122160200_create_rejected_receipts.sql"),
    ),
    (
        20261122210000,
        "create leases",
        include_str!("../../../migrations/20261122210000_create_leases.sql"),
    ),
    (
        20261128220000,
        "drop utilisation",
        include_str!("../../../migrations/20261128220000_drop_utilisation.sql"),
    ),
    (
        20261129010000,
        "create probes",
        include_str!("../../../migrations/20261129010000_create_probes.sql"),
    ),
    (
        20261130010000,
        "create delivery evidence",
        include_str!("../../../migrations/20261130010000_create_delivery_evidence.sql"),
    ),
    (
        20261130010100,
        "add contents",
        include_str!("../../../migrations/20261130010100_add_contents.sql"),
    ),
];

/// An open database with the current schema. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Database {
    backend: Backend,
    place: Arc<str>,
    writer: AnyPool,
    reader: AnyPool,
}

impl Database {
    /// Opens `sqlite://PATH` (made if absent) or `postgres://…` and runs the aggregator's migrations.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        Self::open_with(url, MIGRATIONS).await
    }

    /// Opens the SQLite file at `path`, made if absent.
    pub async fn open_file(path: &Path) -> Result<Self, DatabaseError> {
        Self::open(&sqlite_url(path)?).await
    }

    /// Opens a database with the schema that `migrations` make.
    pub(crate) async fn open_with(
        url: &str,
        migrations: &[MigrationText],
    ) -> Result<Self, DatabaseError> {
        sqlx::any::install_default_drivers();
        let place = place_of(url);
        let (backend, url) = backend_of(url)?;
        try_once(backend, &url).await.map_err(|source| {
            let advice = advice(&source);
            DatabaseError::Open { place: place.clone(), advice, source }
        })?;
        let writers = if backend == Backend::Sqlite { 1 } else { READERS };
        let writer = pool(backend, &url, writers, WRITER_CACHE_KIB).await?;
        migrator(migrations).run(&writer).await.map_err(|error| {
            let place = place.clone();
            DatabaseError::Migrate { place, source: Box::new(error) }
        })?;
        let reader = match backend {
            Backend::Sqlite => pool(backend, &url, READERS, READER_CACHE_KIB).await?,
            Backend::Postgres => writer.clone(),
        };
        Ok(Self { backend, place: place.into(), writer, reader })
    }

    /// Where it is: its file, or its server without the password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Which program keeps the data.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Whether something can be written: finds out by writing `now_ms` on its own page, and having it on disk.
    pub async fn try_write(&self, now_ms: u64) -> Result<(), DatabaseError> {
        const SQL: &str = "INSERT INTO probes (id, at_ms) VALUES (0, $1) \
             ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms";
        sqlx::query(SQL).bind(crate::row::bigint(now_ms)?).execute(&self.writer).await?;
        Ok(())
    }

    /// Closes every connection once its work is done.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    pub(crate) fn reader(&self) -> &AnyPool {
        &self.reader
    }

    pub(crate) fn writer(&self) -> &AnyPool {
        &self.writer
    }
}

/// The statement that begins a writing transaction. SQLite must take its lock at once: a reader that later wants to
/// write can be refused, whatever it waits.
pub(crate) fn begin_write(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "BEGIN IMMEDIATE",
        Backend::Postgres => "BEGIN",
    }
}

/// The URL of the SQLite file at `path`.
pub(crate) fn sqlite_url(path: &Path) -> Result<String, DatabaseError> {
    let text = path.to_str().ok_or_else(|| DatabaseError::Url {
        url: path.display().to_string(),
        reason: "the path is not UTF-8".to_owned(),
    })?;
    let escaped = text.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    Ok(format!("sqlite://{escaped}"))
}

fn backend_of(url: &str) -> Result<(Backend, String), DatabaseError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok((Backend::Postgres, url.to_owned()));
    }
    if url.starts_with("sqlite:") {
        let join = if url.contains('?') { '&' } else { '?' };
        let mode = if url.contains("mode=") { String::new() } else { format!("{join}mode=rwc") };
        return Ok((Backend::Sqlite, format!("{url}{mode}")));
    }
    let scheme = url.split(':').next().unwrap_or_default().to_owned();
    let reason = "known are sqlite://PATH and postgres://USER@HOST/NAME".to_owned();
    Err(DatabaseError::Url { url: format!("{scheme}:…"), reason })
}

/// Opens a connection as the pool does and closes it. A pool goes on trying for long what fails at once here.
async fn try_once(backend: Backend, url: &str) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect(url).await?;
    if backend == Backend::Sqlite {
        connection.execute(SQLITE_SETUP).await?;
    }
    connection.close().await
}

/// Where `url` points, without a password.
fn place_of(url: &str) -> String {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.trim_start_matches("//");
        let path = path.split('?').next().unwrap_or_default();
        return path.replace("%23", "#").replace("%3F", "?").replace("%25", "%");
    }
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let rest = rest.split('?').next().unwrap_or_default();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

async fn pool(
    backend: Backend,
    url: &str,
    connections: u32,
    cache_kib: u32,
) -> Result<AnyPool, DatabaseError> {
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if backend == Backend::Sqlite {
                    connection.execute(SQLITE_SETUP).await?;
                    let cache = format!("PRAGMA cache_size = -{cache_kib}");
                    connection.execute(AssertSqlSafe(cache)).await?;
                }
                Ok(())
            })
        })
        // SQLite ends a transaction by itself when the disk is full; the driver then takes the connection to be in one for
        // ever. Whoever comes next gets a new one.
        .before_acquire(|connection, _| {
            let is_stuck = connection.is_in_transaction();
            Box::pin(async move { Ok(!is_stuck) })
        });
    Ok(options.connect(url).await?)
}

fn migrator(texts: &[MigrationText]) -> Migrator {
    let migration = |&(version, description, sql): &MigrationText| {
        let description = Cow::Borrowed(description);
        Migration::new(version, description, MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(texts.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_file_is_run() {
        let mut files: Vec<String> = std::fs::read_dir("../../migrations")
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|(version, words, _)| format!("{version}_{}.sql", words.replace(' ', "_")))
            .collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn urls_name_their_backend_and_errors_hide_passwords() {
        assert_eq!(backend_of("sqlite://a.db").unwrap().1, "sqlite://a.db?mode=rwc");
        assert_eq!(backend_of("postgres://u:p@h/d").unwrap().0, Backend::Postgres);
        let error = backend_of("mysql://root:secret@h/d").unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn a_place_is_a_path_or_a_server_without_its_password() {
        assert_eq!(place_of(&sqlite_url(Path::new("/a/odd ?#%.db")).unwrap()), "/a/odd ?#%.db");
        assert_eq!(place_of("postgres://u:secret@h:5432/d?x=y"), "postgres://h:5432/d");
    }

    #[tokio::test]
    async fn what_cannot_be_opened_says_so_at_once_with_its_place_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let damaged = folder.path().join("damaged.db");
        std::fs::write(&damaged, "this is no database".repeat(500)).unwrap();
        let nowhere = folder.path().join("nowhere/x.db");
        let started = std::time::Instant::now();
        for (path, advice) in [(damaged, "damaged"), (nowhere, "no such file or folder")] {
            let error = Database::open_file(&path).await.unwrap_err().to_string();
            let (path, advises) = (path.to_str().unwrap(), error.contains(advice));
            assert!(error.contains(path) && advises, "{error}");
        }
        let error = Database::open("postgres://u:secret@127.0.0.1:1/d").await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("127.0.0.1:1/d") && text.contains("is it running"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        assert!(started.elapsed().as_secs() < 10, "it was tried for {:?}", started.elapsed());
    }

    #[tokio::test]
    async fn sqlite_commits_are_synced() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open_file(&folder.path().join("odd ?#% name.db")).await.unwrap();
        for pool in [database.reader(), database.writer()] {
            let mode: (String,) =
                sqlx::query_as("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
            let sync: (i64,) = sqlx::query_as("PRAGMA synchronous").fetch_one(pool).await.unwrap();
            assert_eq!((mode.0.as_str(), sync.0), ("wal", 2));
        }
        assert!(folder.path().join("odd ?#% name.db").exists());
    }
}
