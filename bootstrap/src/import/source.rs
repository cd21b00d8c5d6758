//! Files that can be imported.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Folders are searched so deep at most.
const DEPTH_MAX: usize = 16;

/// What a file holds, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, one event a line.
    Lines,
    /// The same, compressed by gzip.
    Gzip,
    /// Parquet, one event a row.
    Parquet,
}

impl Format {
    /// By the name of the file.
    ///
    /// # Errors
    /// The name tells none.
    pub fn of(path: &Path) -> Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let lines = |name: &str| [".ndjson", ".jsonl", ".json"].iter().any(|ending| name.ends_with(ending));
        match name.strip_suffix(".gz") {
            Some(inner) if lines(inner) => Ok(Self::Gzip),
            None if lines(&name) => Ok(Self::Lines),
            None if name.ends_with(".parquet") => Ok(Self::Parquet),
            _ => Err(Error::Refused(format!(
                "{}: expected a name that ends in .ndjson, .jsonl, .json (each also with .gz) or .parquet",
                path.display()
            ))),
        }
    }
}

/// A file, or those below a folder that can be imported, by name.
///
/// # Errors
/// It is not there, or there is none.
pub fn find(path: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if path.is_dir() {
        search(path, DEPTH_MAX, &mut files)?;
        files.sort();
    } else {
        Format::of(path)?;
        files.push(path.to_owned());
    }
    if files.is_empty() {
        return Err(Error::Refused(format!("{}: there is no file to import", path.display())));
    }
    Ok(files)
}

fn search(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    if depth == 0 {
        return Err(Error::Refused(format!("{}: folders nest deeper than {DEPTH_MAX}", folder.display())));
    }
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        if path.is_dir() {
            search(&path, depth - 1, files)?;
        } else if Format::of(&path).is_ok() {
            files.push(path);
        }
    }
    Ok(())
}

/// The SHA-256 of a file's bytes, in hexadecimal digits.
pub(super) fn digest(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(|error| unreadable(path, &error))?;
        if read == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&buffer[..read]);
    }
}

pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Refused(format!("{}: {error}", path.display()))
}
