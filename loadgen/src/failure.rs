//! What went wrong, told apart by what the caller does next: use the program differently, or look at the other side.

use std::fmt;

/// The command line, or a file it names, asks for something that cannot be done.
#[derive(Debug)]
pub(crate) struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error for which the caller has to change the command line.
pub(crate) fn usage(text: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Usage(text.into()))
}

/// The exit code for an error: 2 wrong usage, 3 the other side failed.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() { 2 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn usage_is_still_seen_below_a_context() {
        let error = Err::<(), _>(usage("no such workload")).context("reading the command line");
        assert_eq!(exit_code(&error.expect_err("is an error")), 2);
        assert_eq!(exit_code(&anyhow::anyhow!("connection refused")), 3);
    }
}
