//! What the API keeps beside the log, in SQL: tokens, and what later rooms add.
//!
//! One interface for both databases: SQLite in the data folder, or PostgreSQL by URL for several API servers. The same
//! migrations and statements serve both, which is why columns are only TEXT and BIGINT and parameters are `$1`. A table
//! gets a migration in `api/migrations/`, a line in [`migrations`], and a file here with its statements and their tests
//! on both databases ([`testing`]).

pub(crate) mod audit;
pub(crate) mod destinations;
mod error;
pub(crate) mod inbox;
mod location;
mod migrations;
pub(crate) mod projections;
pub(crate) mod silences;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod tokens;

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, ConnectOptions, Executor, Transaction};
use tokio::sync::OnceCell;

pub use error::RecordsError;
pub use location::Location;

/// What the functions of this room answer.
pub type Result<T> = std::result::Result<T, RecordsError>;

/// How long a statement waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// SQLite: readers beside the one writer.
const READERS: u32 = 4;
/// PostgreSQL: connections of this process.
const CONNECTIONS: u32 = 10;
/// What every connection to SQLite begins with. A committed record outlives a loss of power.
const SQLITE_BEGINNING: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON";

/// The records. Clones share their connections.
#[derive(Clone)]
pub struct Records(Arc<Shared>);

struct Shared {
    location: Location,
    /// SQLite takes one writer at a time: they queue here and not at its file lock.
    writer: AnyPool,
    readers: AnyPool,
    migrated: OnceCell<()>,
}

impl Records {
    /// Records at this place. Nothing is opened yet: a database that is away delays nobody's start, and
    /// [`Records::ready`] tells of it. Needs a Tokio runtime.
    ///
    /// # Errors
    /// The place cannot be understood, or the file of SQLite cannot be made.
    pub fn new(location: Location) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let options: AnyConnectOptions = location.url()?.parse().map_err(|_| location.unreadable())?;
        let options = options.disable_statement_logging();
        let pool = |connections| {
            let mut pool = AnyPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE);
            if location.is_sqlite() {
                pool = pool.after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(SQLITE_BEGINNING).await.map(drop) })
                });
            }
            pool.connect_lazy_with(options.clone())
        };
        let (writer, readers) = if location.is_sqlite() {
            location.make_file()?;
            (pool(1), pool(READERS))
        } else {
            let shared = pool(CONNECTIONS);
            (shared.clone(), shared)
        };
        Ok(Self(Arc::new(Shared { location, writer, readers, migrated: OnceCell::new() })))
    }

    /// Makes sure that the database can be reached and has the tables of this version.
    ///
    /// # Errors
    /// It cannot be reached, or was written by a newer version.
    pub async fn ready(&self) -> Result<()> {
        self.0.migrated.get_or_try_init(|| migrations::run(&self.0.writer)).await.map(drop)
    }

    /// Where they are, for people; without any password.
    pub fn place(&self) -> String {
        self.0.location.to_string()
    }

    /// For statements that only read.
    pub(crate) async fn readers(&self) -> Result<&AnyPool> {
        self.ready().await?;
        Ok(&self.0.readers)
    }

    /// Begins a transaction that writes; it is rolled back unless it is committed.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>> {
        self.ready().await?;
        // A transaction of SQLite that begins by reading may find at its first write that another has overtaken it.
        let begin = if self.0.location.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" };
        Ok(self.0.writer.begin_with(begin).await?)
    }

    /// Closes the connections; what is under way is finished first.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::testing::on_both;

    #[tokio::test]
    async fn tables_are_made_once_and_found_again() {
        on_both("tables_are_made_once_and_found_again", async |database| {
            for _ in 0..2 {
                let records = database.records();
                records.ready().await.unwrap();
                let mut writing = records.begin().await.unwrap();
                let none: Option<(String,)> = sqlx::query_as("SELECT id FROM tokens WHERE id = $1")
                    .bind("x")
                    .fetch_optional(&mut *writing)
                    .await
                    .unwrap();
                assert_eq!(none, None);
                writing.commit().await.unwrap();
                records.close().await;
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_transaction_that_is_dropped_has_changed_nothing() {
        on_both("a_transaction_that_is_dropped_has_changed_nothing", async |database| {
            let records = database.records();
            let insert = "INSERT INTO tokens (id, hash, name, role, made_at, made_by, expires_at)
                VALUES ('a', 'b', 'c', 'root', 1, 'd', 2)";
            let mut writing = records.begin().await.unwrap();
            sqlx::query(insert).execute(&mut *writing).await.unwrap();
            drop(writing);
            let readers = records.readers().await.unwrap();
            let count: (i64,) =
                sqlx::query_as("SELECT COUNT(*) FROM tokens").fetch_one(readers).await.unwrap();
            assert_eq!(count, (0,));
        })
        .await;
    }

    #[tokio::test]
    async fn a_database_of_a_newer_version_is_refused() {
        on_both("a_database_of_a_newer_version_is_refused", async |database| {
            let records = database.records();
            let mut writing = records.begin().await.unwrap();
            let newer = "UPDATE _sqlx_migrations SET version = 999999 WHERE version = 1";
            sqlx::query(newer).execute(&mut *writing).await.unwrap();
            writing.commit().await.unwrap();
            records.close().await;
            let error = database.records().ready().await.unwrap_err().to_string();
            assert!(error.contains("newer version"), "{error}");
        })
        .await;
    }
}
