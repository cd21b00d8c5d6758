//! The tables, version by version. A migration that has been released is never changed: it is known by its checksum.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyPool, SqlSafeStr};

use super::{RecordsError, Result};

/// Number, name and text of every migration, in their order.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "tokens", include_str!("../../migrations/0001_tokens.sql")),
    (2, "audit", include_str!("../../migrations/0002_audit.sql")),
    (3, "inbox", include_str!("../../migrations/0003_inbox.sql")),
    (4, "destinations", include_str!("../../migrations/0004_destinations.sql")),
];

/// Brings the database up to this version.
pub(super) async fn run(pool: &AnyPool) -> Result<()> {
    let migration = |(number, name, text): &(i64, &'static str, &'static str)| {
        Migration::new(*number, Cow::Borrowed(*name), MigrationType::Simple, text.into_sql_str(), false)
    };
    let migrator = Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect());
    migrator.run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
            RecordsError::Unusable("the records were written by a newer version of tocsin".to_owned())
        },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => RecordsError::Unusable(format!("the tables cannot be made: {other}")),
    })
}
