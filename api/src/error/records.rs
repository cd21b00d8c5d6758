//! What an error of the records means to a client.

use super::{Code, Problem};
use crate::records::RecordsError;

impl From<RecordsError> for Problem {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Unavailable(_) => {
                tracing::warn!(%error, "the records cannot be reached");
                Self::new(Code::RecordsUnavailable, error.to_string()).retry_after(1)
            },
            RecordsError::Unusable(_) => {
                tracing::error!(%error, "the records cannot be used");
                // What is wrong with the database is for those who run it; they find it in the log.
                Self::new(Code::RecordsUnusable, "the records cannot be used; the server's log says why")
            },
        }
    }
}
