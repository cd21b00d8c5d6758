//! A bucket whose objects are read: files that others have put there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use ports::{Error, ErrorKind, Result};

use super::objects::Objects;

/// The objects below a place in a bucket.
pub struct Bucket(Objects);

impl Bucket {
    /// Opens `s3://bucket/prefix` with these options of the client, by the names of `object_store`, and what the environment says
    /// in `AWS_…`.
    ///
    /// # Errors
    /// The location cannot be understood. Nothing is sent yet.
    pub fn open(location: &str, options: &BTreeMap<String, String>) -> Result<Self> {
        Objects::open(location, options).map(Self)
    }

    /// The names of all objects below the place, sorted, with their sizes in bytes. If the place is an object itself, its name is
    /// empty.
    ///
    /// # Errors
    /// The store's.
    pub fn list(&self) -> Result<Vec<(String, u64)>> {
        let listed = self.0.list("")?;
        if listed.is_empty() {
            return Ok(self.0.size("")?.map(|bytes| (String::new(), bytes)).into_iter().collect());
        }
        Ok(listed.into_iter().map(|object| (object.name, object.bytes)).collect())
    }

    /// Writes an object's bytes to a file. `took` is told how many have come.
    ///
    /// # Errors
    /// The store's, the file's, or the object is gone.
    pub fn fetch(&self, name: &str, to: &Path, took: &mut dyn FnMut(u64)) -> Result<()> {
        let unwritten = |error: std::io::Error| {
            Error::new(ErrorKind::Unavailable, format!("{} cannot be written: {error}", to.display()))
        };
        let mut file = File::create(to).map_err(unwritten)?;
        let mut bytes = 0;
        let found = self.0.download(name, |piece| {
            bytes += piece.len() as u64;
            took(bytes);
            file.write_all(piece).map_err(unwritten)
        })?;
        if found { Ok(()) } else { Err(Error::new(ErrorKind::Gone, format!("the object `{name}` is gone"))) }
    }
}
