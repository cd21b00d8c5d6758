//! The lock on the data folder: one process at a time, and a message that names the one that has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::{fs, io, process};

use ports::{Error, ErrorKind, Result};

const FILE: &str = "in-use";

/// Holds the folder until it is dropped. The kernel drops it with the process, however that ends, so the file itself
/// may stay.
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder if it is missing, and takes it.
    pub(super) fn take(dir: &Path) -> Result<Self> {
        let shown = dir.display();
        let wrong = |error: io::Error| {
            let kind = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
                _ => ErrorKind::Misconfigured,
            };
            Error::new(kind, format!("the data folder {shown} cannot be used: {error}"))
        };
        make(dir).map_err(wrong)?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(dir.join(FILE))
            .map_err(wrong)?;
        match file.try_lock() {
            Ok(()) => {},
            Err(TryLockError::WouldBlock) => return Err(in_use(dir, &mut file)),
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
        write_pid(&mut file).map_err(wrong)?;
        Ok(Self { _file: file })
    }
}

fn make(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir)?;
    // Or a power failure could take the folder and all that was synced in it.
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", process::id())
}

fn in_use(dir: &Path, file: &mut File) -> Error {
    let mut text = String::new();
    // Only for the message: a holder that has not yet written its number is named as unknown.
    let pid = match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim(),
        _ => "unknown",
    };
    let dir = dir.display();
    Error::new(
        ErrorKind::Misconfigured,
        format!(
            "the data folder {dir} is in use by another tocsin process (pid {pid}): stop that one, or give this one a \
             data folder of its own"
        ),
    )
}
