//! The place where checkpoints are kept: a folder or a bucket, behind calls that block.
//!
//! `object_store` is asynchronous, the callers are threads: a small runtime lives in here and nowhere else.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Name;
use object_store::prefix::PrefixStore;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use ports::{Error, ErrorKind, Result};
use tokio::runtime::Runtime;
use tokio_stream::StreamExt;

/// What is sent and fetched at a time. S3 wants parts of 5 MiB or more, all of one size.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;

/// An object as a listing tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// A folder or bucket of objects.
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    location: String,
}

impl Objects {
    /// Opens a folder (a path or `file://`), or a bucket (`s3://bucket/prefix`) with these options of the client.
    ///
    /// # Errors
    /// The location cannot be understood or its folder not be made. Nothing is sent yet.
    pub(crate) fn open(location: &str, options: &BTreeMap<String, String>) -> Result<Self> {
        let store: Arc<dyn ObjectStore> = match location.split_once("://") {
            None => Arc::new(folder(location)?),
            Some(("file", path)) => Arc::new(folder(path)?),
            Some(_) => bucket(location, options)?,
        };
        Self::over(store, location.to_owned())
    }

    /// Objects in memory, for tests.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        Self::over(Arc::new(object_store::memory::InMemory::new()), "memory".to_owned()).unwrap()
    }

    fn over(store: Arc<dyn ObjectStore>, location: String) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("objects")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Misconfigured, format!("threads cannot be started: {error}"))
            })?;
        Ok(Self { store, runtime: Some(runtime), location })
    }

    /// Writes an object unless there is one of that name; answers whether it did.
    pub(crate) fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool> {
        let options = PutOptions::from(PutMode::Create);
        match self.wait(self.store.put_opts(&Name::from(name), bytes.into(), options)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(false)
            },
            Err(error) => Err(self.failed("write", name, &error)),
        }
    }

    /// Sends a file. `sent` is called after each piece and may stop the upload with an error; nothing of it is visible then.
    pub(crate) fn upload(
        &self,
        name: &str,
        file: &Path,
        mut sent: impl FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        let unread = |error: std::io::Error| {
            Error::new(ErrorKind::Unavailable, format!("{} cannot be read: {error}", file.display()))
        };
        let mut file = File::open(file).map_err(unread)?;
        let mut next = || -> Result<Bytes> {
            let mut piece = Vec::new();
            (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut piece).map_err(unread)?;
            Ok(piece.into())
        };
        let first = next()?;
        let target = Name::from(name);
        if first.len() < CHUNK_BYTES {
            let length = first.len();
            self.wait(self.store.put(&target, first.into()))
                .map_err(|error| self.failed("write", name, &error))?;
            return sent(length);
        }
        let failed = |error: object_store::Error| self.failed("write", name, &error);
        let mut upload = self.wait(self.store.put_multipart(&target)).map_err(failed)?;
        let mut piece = first;
        while !piece.is_empty() {
            let length = piece.len();
            let part = upload.put_part(PutPayload::from_bytes(piece));
            let told = self.wait(part).map_err(failed).and_then(|()| sent(length));
            if let Err(error) = told {
                // Its leftovers are the store's to remove if even this fails.
                drop(self.wait(upload.abort()));
                return Err(error);
            }
            piece = next()?;
        }
        self.wait(upload.complete()).map(drop).map_err(failed)
    }

    /// An object's bytes, if there is one of that name.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Bytes>> {
        let got = self.wait(async { self.store.get(&Name::from(name)).await?.bytes().await });
        match got {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", name, &error)),
        }
    }

    /// Hands over an object's bytes piece by piece; answers whether there is one of that name.
    pub(crate) fn download(&self, name: &str, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        let failed = |error: object_store::Error| self.failed("read", name, &error);
        let got = match self.wait(self.store.get(&Name::from(name))) {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        match got.payload {
            GetResultPayload::File(mut file, _) => {
                let mut piece = vec![0; 1024 * 1024];
                loop {
                    let read = file.read(&mut piece).map_err(|error| {
                        Error::new(ErrorKind::Unavailable, format!("could not read {name}: {error}"))
                    })?;
                    if read == 0 {
                        return Ok(true);
                    }
                    take(&piece[..read])?;
                }
            },
            GetResultPayload::Stream(mut stream) => {
                while let Some(piece) = self.wait(stream.next()) {
                    take(&piece.map_err(failed)?)?;
                }
                Ok(true)
            },
        }
    }

    /// The size of an object, if there is one of that name.
    pub(crate) fn size(&self, name: &str) -> Result<Option<u64>> {
        match self.wait(self.store.head(&Name::from(name))) {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", name, &error)),
        }
    }

    /// All objects under a folder of names, sorted.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let prefix = Name::from(folder);
        let found = self.wait(async {
            let mut listing = self.store.list(Some(&prefix));
            let mut found = Vec::new();
            while let Some(object) = listing.next().await {
                let object = object?;
                found.push(Listed { name: object.location.to_string(), bytes: object.size });
            }
            Ok::<_, object_store::Error>(found)
        });
        let mut found = found.map_err(|error| self.failed("list", folder, &error))?;
        found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Removes an object; one that is not there is no error.
    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        match self.wait(self.store.delete(&Name::from(name))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", name, &error)),
        }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("it is there until the drop").block_on(future)
    }

    fn failed(&self, action: &str, name: &str, error: &object_store::Error) -> Error {
        let kind = match error {
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. }
            | object_store::Error::UnknownConfigurationKey { .. }
            | object_store::Error::NotSupported { .. }
            | object_store::Error::NotImplemented { .. } => ErrorKind::Misconfigured,
            other if format!("{other:?}").contains("StorageFull") => ErrorKind::Full,
            _ => ErrorKind::Unavailable,
        };
        Error::new(kind, format!("could not {action} `{name}` in {}: {error}", self.location))
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // The last holder may be a task of another runtime, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn folder(path: &str) -> Result<LocalFileSystem> {
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Misconfigured, format!("the folder for checkpoints {path}: {error}"))
    };
    std::fs::create_dir_all(path).map_err(|error| wrong(&error))?;
    // Without it a checkpoint could be gone after a power cut that the local store survived.
    Ok(LocalFileSystem::new_with_prefix(path).map_err(|error| wrong(&error))?.with_fsync(true))
}

fn bucket(location: &str, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>> {
    let wrong = |error: &dyn std::fmt::Display| {
        let hint = "expected a folder or s3://BUCKET/PREFIX";
        Error::new(ErrorKind::Misconfigured, format!("the place {location}: {error}; {hint}"))
    };
    // A second provider, set by whoever came first, serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let url = reqwest::Url::parse(location).map_err(|error| wrong(&error))?;
    let environment = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
    let environment = environment.map(|(name, value)| (name.to_lowercase(), value));
    let given = options.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
    let (store, prefix) =
        object_store::parse_url_opts(&url, environment.chain(given)).map_err(|error| wrong(&error))?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}
