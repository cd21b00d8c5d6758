//! What an error of the log means to a client.

use ports::{Error, ErrorKind};

use super::{Code, Problem};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match error.kind {
            ErrorKind::Unavailable => Code::LogUnavailable,
            ErrorKind::Refused => Code::LogRefused,
            ErrorKind::Misconfigured
            | ErrorKind::Fenced
            | ErrorKind::Gone
            | ErrorKind::Corrupt
            | ErrorKind::Full => Code::LogUnusable,
        };
        if code == Code::LogUnusable {
            tracing::error!(kind = ?error.kind, %error, "the log cannot be used");
        }
        let problem = Self::new(code, error.message);
        if code == Code::LogUnavailable { problem.retry_after(1) } else { problem }
    }
}
