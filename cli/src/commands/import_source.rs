//! Where files to be imported are: on this machine, or in a bucket.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bootstrap::import::{Format, files};
use state::checkpoint::Bucket;
use tempfile::TempDir;

use crate::failure::Failure;

/// A file to be imported.
pub(crate) enum Source {
    /// One of this machine.
    File(PathBuf),
    /// An object of a bucket.
    Object {
        bucket: Rc<Bucket>,
        /// Its name below what was opened.
        name: String,
        /// What people call it.
        location: PathBuf,
    },
}

impl Source {
    /// All files at a place, in the order of their names: a file, a folder, or `s3://BUCKET/PREFIX`.
    pub(crate) fn at(place: &str, options: &BTreeMap<String, String>) -> Result<Vec<Self>, Failure> {
        if !place.contains("://") {
            return Ok(files(&[PathBuf::from(place)])?.into_iter().map(Self::File).collect());
        }
        let bucket = Rc::new(Bucket::open(place, options)?);
        let object = |(name, _): (String, u64)| {
            let location = if name.is_empty() {
                place.to_owned()
            } else {
                format!("{}/{name}", place.trim_end_matches('/'))
            };
            Self::Object { bucket: Rc::clone(&bucket), name, location: location.into() }
        };
        let objects: Vec<_> = bucket.list()?.into_iter().map(object).collect();
        // As in folders, what is of another kind is passed over.
        let found: Vec<_> = objects.into_iter().filter(|source| Format::of(source.name()).is_ok()).collect();
        if found.is_empty() {
            return Err(Failure::usage(format!("{place}: there is no file to import")));
        }
        Ok(found)
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Object { location, .. } => location,
        }
    }

    /// Where it can be read; an object is brought into the folder first. `took` is told how many bytes have come.
    pub(crate) fn fetch(
        &self,
        folder: &TempDir,
        took: &mut dyn FnMut(u64),
    ) -> Result<Cow<'_, Path>, Failure> {
        match self {
            Self::File(path) => Ok(Cow::Borrowed(path)),
            Self::Object { bucket, name, location } => {
                let to = folder.path().join(location.file_name().unwrap_or_default());
                bucket.fetch(name, &to, took)?;
                Ok(Cow::Owned(to))
            },
        }
    }

    /// Removes what was brought here.
    pub(crate) fn forget(&self, path: &Path) {
        if matches!(self, Self::Object { .. }) {
            // It goes with its folder at the latest.
            drop(std::fs::remove_file(path));
        }
    }
}
