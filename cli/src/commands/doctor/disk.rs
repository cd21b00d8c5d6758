//! The data folder and its disk.

use super::Finding;
use crate::config::Config;

/// Less than this is left: state and log grow by more between two looks of a person.
const FREE_BYTES_MIN: u64 = 1 << 30;

pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let data = &config.data;
    if !data.exists() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    match rustix::fs::statvfs(data) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            if free < FREE_BYTES_MIN {
                findings.push(Finding::new(
                    format!("{} MiB are left on the disk of the data folder {}", free >> 20, data.display()),
                    "make room; a full disk stops the worker, what is stored stays consistent",
                ));
            }
        },
        Err(error) => findings.push(Finding::new(
            format!("the data folder {} cannot be looked at: {error}", data.display()),
            "choose another with --data",
        )),
    }
    if let Err(error) = rustix::fs::access(data, rustix::fs::Access::WRITE_OK) {
        findings.push(Finding::new(
            format!("the data folder {} cannot be written: {error}", data.display()),
            "give its right to the user that runs the worker",
        ));
    }
    findings
}
