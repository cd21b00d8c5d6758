//! Erasure of one customer: files that hold its rows are written anew without them, and a record says so.
//!
//! Rows are gone for readers of the newest version at once, and from the store when the files that held them are swept. Records
//! that the log of events still holds are not touched.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use engine::Timestamp;
use rules::CustomerId;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::objects::Created;
use crate::retention::GRACE;
use crate::rewrite::Rewritten;
use crate::scan::{Scan, Selection};
use crate::table::{Change, Committed, DataFile, Snapshot, Table};

/// How often the table is gone through again because others changed it meanwhile.
const ROUNDS_MAX: u32 = 100;

/// What an erasure did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// The name of the request.
    pub request: String,
    /// Whose rows.
    pub customer: CustomerId,
    /// How many.
    pub rows: u64,
    /// How many files were written anew.
    pub files: u64,
    /// From this version on they are gone.
    pub version: Option<u64>,
    /// When it was done.
    pub at: Timestamp,
    /// When the replaced files may be removed for good.
    pub swept_after: Timestamp,
}

/// Erases a customer's rows.
///
/// # Errors
/// The store's; a file that is missing or damaged. What was erased before stays so, and a repetition erases the rest.
pub fn erase(table: &Table, customer: CustomerId, request: &str, now: Timestamp) -> Result<Erasure> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if request.is_empty() || request.len() > 100 || !request.bytes().all(fits) {
        let problem = "the name of a request is 1 to 100 letters, digits, `.`, `_` or `-`";
        return Err(Error::Refused(problem.to_owned()));
    }
    let (mut rows, mut files) = (0, 0);
    for _ in 0..ROUNDS_MAX {
        let mut snapshot = table.load()?;
        let holders = holders(table, &snapshot, customer)?;
        if holders.is_empty() {
            let version = snapshot.version();
            let request = request.to_owned();
            let erasure =
                Erasure { request, customer, rows, files, version, at: now, swept_after: now.plus(GRACE) };
            record(table, &erasure)?;
            return Ok(erasure);
        }
        for file in holders {
            if !snapshot.has(&file.path) {
                continue;
            }
            let level = file.level;
            let rewritten =
                Rewritten::write(table, vec![file], level, now, |row| row.customer != Some(customer))?;
            let parameters =
                json!({"request": request, "customer": customer.to_string(), "rows": rewritten.dropped.rows});
            let change =
                Change { operation: "ERASE", parameters, actions: rewritten.actions(now, true), now };
            let still = |snapshot: &Snapshot| rewritten.inputs.iter().all(|file| snapshot.has(&file.path));
            match table.commit(snapshot, change, still)? {
                Committed::Done(now) => {
                    rows += rewritten.dropped.rows;
                    files += 1;
                    snapshot = now;
                },
                Committed::Lost(now) => {
                    rewritten.discard(table);
                    snapshot = now;
                },
            }
        }
    }
    let problem = format!("the table changed {ROUNDS_MAX} times meanwhile");
    Err(Error::Unavailable { path: table.objects().name().to_owned(), problem })
}

/// The files that hold rows of a customer.
fn holders(table: &Table, snapshot: &Snapshot, customer: CustomerId) -> Result<Vec<Arc<DataFile>>> {
    let wanted = Selection::all().of(BTreeSet::from([customer]));
    let mut batch = Vec::new();
    let mut holders = Vec::new();
    for file in snapshot.files() {
        let mut scan = Scan::of_file(table, file, &wanted);
        scan.next(&mut batch)?;
        if !batch.is_empty() {
            holders.push(Arc::clone(file));
        }
    }
    Ok(holders)
}

/// Writes down what was done, with a hash over it, beside the table.
fn record(table: &Table, erasure: &Erasure) -> Result<()> {
    let mut record = serde_json::to_value(erasure).map_err(|error| Error::Refused(error.to_string()))?;
    let hash = Sha256::digest(record.to_string().as_bytes());
    record["sha256"] = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    let path = format!("_erasures/{}-{}.json", erasure.request, erasure.at.0);
    match table.objects().create(&path, Bytes::from(record.to_string()))? {
        Created::Made => Ok(()),
        Created::Taken => Err(Error::Refused(format!("there is a record {path} already"))),
    }
}

#[cfg(test)]
mod tests;
