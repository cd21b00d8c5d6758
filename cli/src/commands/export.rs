//! `tocsin rules export`

use std::io::{BufRead, Write};

use uuid::Uuid;

use crate::arguments::Remote;
use crate::client::Client;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn export(remote: &Remote, customer: Option<Uuid>) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let filter = customer.map(|customer| format!("?customerId={customer}")).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    for line in client.get_lines(&format!("/v1/rules:export{filter}"))?.lines() {
        let line = line.map_err(|error| {
            Failure::other_side(format!("{}: the export has broken off: {error}", client.server()))
        })?;
        // A reader that closes its end, such as `head`, is not a failure of ours.
        writeln!(out, "{line}").map_err(|error| Failure::no(format!("output: {error}")))?;
    }
    out.flush().map_err(|error| Failure::no(format!("output: {error}")))
}
