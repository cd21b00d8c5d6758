//! Where records are.

use std::fmt;
use std::fmt::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::{RecordsError, Result};

/// Where records are.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of SQLite, which belongs to one process.
    File(PathBuf),
    /// A PostgreSQL, `postgres://user:password@host/database`; several processes may share it.
    Postgres(String),
}

impl Location {
    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The place as the drivers read it.
    pub(super) fn url(&self) -> Result<String> {
        match self {
            Self::File(path) => {
                // A relative path would be read as the name of a host.
                let path = std::path::absolute(path).map_err(|_| self.unreadable())?;
                let path = path.to_str().ok_or_else(|| self.unreadable())?;
                let mut url = "sqlite://".to_owned();
                for byte in path.bytes() {
                    if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
                        url.push(char::from(byte));
                    } else {
                        write!(url, "%{byte:02X}").expect("a string takes every text");
                    }
                }
                Ok(url)
            },
            Self::Postgres(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(url.clone())
            },
            Self::Postgres(_) => Err(self.unreadable()),
        }
    }

    pub(super) fn unreadable(&self) -> RecordsError {
        RecordsError::Unusable(match self {
            Self::File(path) => format!("{}: the path of the records is not UTF-8", path.display()),
            // The text may hold a password, so it is not told.
            Self::Postgres(_) => {
                "the records' database is not postgres://user:password@host:port/database".to_owned()
            },
        })
    }

    /// Makes the file of SQLite, readable by its owner alone. Its log beside it takes over the mode.
    pub(super) fn make_file(&self) -> Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        let opened = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        opened.map(drop).map_err(|error| RecordsError::Unusable(format!("{}: {error}", path.display())))
    }
}

/// Without user, password and parameters.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "SQLite {}", path.display()),
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                write!(f, "PostgreSQL {}", host.split('?').next().unwrap_or_default())
            },
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_hold_anything() {
        let url = Location::File("/a b/ü?#%.db".into()).url().unwrap();
        assert_eq!(url, "sqlite:///a%20b/%C3%BC%3F%23%25.db");
    }

    #[test]
    fn a_password_is_never_shown() {
        let location = Location::Postgres("postgres://user:s3cret@db:5432/tocsin?sslmode=require".into());
        assert_eq!(format!("{location} {location:?}"), "PostgreSQL db:5432/tocsin PostgreSQL db:5432/tocsin");
        let wrong = Location::Postgres("user:s3cret@db".into());
        assert!(!wrong.url().unwrap_err().to_string().contains("s3cret"));
        assert!(!wrong.to_string().contains("s3cret"));
    }
}
