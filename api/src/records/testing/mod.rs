//! Every test of records runs on both databases: on SQLite always, on PostgreSQL where one can be had.

mod postgres;

use super::{Location, Records};

/// An empty database.
pub(crate) struct Database {
    location: Location,
    folder: Option<tempfile::TempDir>,
}

impl Database {
    /// A file of SQLite in a folder of its own.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { location: Location::File(folder.path().join("records.db")), folder: Some(folder) }
    }

    /// The file of SQLite.
    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder.as_ref().map(|folder| folder.path().join("records.db")).unwrap()
    }

    /// Opens it; needs a runtime.
    pub(crate) fn records(&self) -> Records {
        Records::new(self.location.clone()).unwrap()
    }
}

/// Runs a test on an empty database of each kind.
pub(crate) async fn on_both(test: &str, run: impl AsyncFn(&Database)) {
    run(&Database::sqlite()).await;
    if let Some(location) = postgres::database(test).await {
        run(&Database { location, folder: None }).await;
    }
}
