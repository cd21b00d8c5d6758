//! The data folder: the root token, the worker's name, and the folders of log and state.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// An existing data folder.
#[derive(Debug)]
pub(crate) struct DataFolder(PathBuf);

impl DataFolder {
    /// Makes the folder if it is not there, readable by its owner alone.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
            Failure::usage(format!("data folder {}: {error}; choose another with --data", path.display()))
        })?;
        Ok(Self(path.to_owned()))
    }

    /// Where the stores of partitions lie.
    pub(crate) fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// The root token, made at the first start, and the file that holds it (mode 0600).
    pub(crate) fn root_token(&self) -> Result<(String, PathBuf), Failure> {
        let path = self.0.join("root.token");
        let token = self.kept("root.token", api::token::generate)?;
        Ok((token, path))
    }

    /// The worker's lasting name, made at the first start.
    pub(crate) fn worker_name(&self) -> Result<String, Failure> {
        self.kept("worker.name", || Ok(format!("worker-{:08x}", uuid::Uuid::new_v4().as_fields().0)))
    }

    /// The content of a small file, which is made once and then stays.
    fn kept(&self, name: &str, make: impl FnOnce() -> std::io::Result<String>) -> Result<String, Failure> {
        let path = self.0.join(name);
        let failure = |error: std::io::Error| Failure::other_side(format!("{}: {error}", path.display()));
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
            Ok(_) => {},
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {},
            Err(error) => return Err(failure(error)),
        }
        let text = make().map_err(failure)?;
        // Written beside and moved into place, so that a crash leaves no half of it.
        let draft = self.0.join(format!("{name}.new"));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .map_err(failure)?;
        file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failure)?;
        fs::rename(&draft, &path).map_err(failure)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn token_and_name_are_made_once_and_the_token_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&dir.path().join("deep/data")).unwrap();
        let (token, path) = folder.root_token().unwrap();
        assert_eq!(folder.root_token().unwrap().0, token);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.worker_name().unwrap(), folder.worker_name().unwrap());
    }

    #[test]
    fn a_data_folder_that_is_a_file_is_refused_with_its_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = DataFolder::open(file.path()).unwrap_err();
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
    }
}
