//! What goes wrong with records, by what the caller does next.

/// Why records could not be read or written. Texts hold no record and no password.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The database is away or busy; trying again may help.
    #[error("the records cannot be reached: {0}")]
    Unavailable(String),
    /// The database cannot be used until somebody changes something.
    #[error("{0}")]
    Unusable(String),
}

impl From<sqlx::Error> for RecordsError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(error) => Self::Unavailable(error.to_string()),
            sqlx::Error::PoolTimedOut => Self::Unavailable("no connection became free in time".to_owned()),
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable("the connections are closed".to_owned())
            },
            sqlx::Error::Database(error) if passes(error.code().as_deref()) => {
                Self::Unavailable(error.message().to_owned())
            },
            other => Self::Unusable(format!("the records cannot be used: {other}")),
        }
    }
}

/// Whether another try may succeed: SQLite's busy and locked; PostgreSQL's classes for connections, lacking resources,
/// an operator's intervention, and transactions that were rolled back for the sake of others.
fn passes(code: Option<&str>) -> bool {
    let Some(code) = code else { return false };
    let sqlite = code.parse::<u32>().is_ok_and(|code| matches!(code & 0xFF, 5 | 6)) && code.len() < 5;
    let postgres = code.len() == 5 && ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class));
    sqlite || postgres
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn busy_and_away_pass_and_all_else_does_not() {
        for code in ["5", "6", "261", "517", "40001", "40P01", "57P01", "08006", "53300"] {
            assert!(passes(Some(code)), "{code}");
        }
        for code in ["1", "11", "19", "2067", "23505", "42P01"] {
            assert!(!passes(Some(code)), "{code}");
        }
        assert!(!passes(None));
    }
}
