//! Reads a request's body under limits: of its own size, unpacked; of time; and of memory over all requests.
//!
//! The decompression layer of the router has replaced packed bodies by unpacking ones, so the bytes that are counted
//! here are those that end up in memory, and a small body that unpacks into a large one is cut off at the limit.
//! A body that may be larger than memory is read part by part, and a client has the time for each part.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::{Answer, Code, Problem};

/// Memory is granted in pieces of this size.
const PIECE: usize = 1024;

/// The memory that request bodies may take together.
#[derive(Clone)]
pub(crate) struct Budget {
    pieces: Arc<Semaphore>,
    patience: Duration,
}

/// A body in memory, with its share of the budget.
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A budget of that many bytes; a client has that long to send its body.
    pub(crate) fn new(bytes_max: usize, patience: Duration) -> Self {
        Self { pieces: Arc::new(Semaphore::new(bytes_max / PIECE)), patience }
    }

    /// Opens a body of at most so many bytes, to be read part by part.
    pub(crate) fn open(&self, request: Request, bytes_max: usize) -> Answer<Arriving> {
        let body = checked(request, bytes_max)?;
        Ok(Arriving { body, bytes_max, bytes: 0, patience: self.patience })
    }

    /// Reads a body of at most so many bytes.
    pub(crate) async fn read(&self, request: Request, bytes_max: usize) -> Answer<Document> {
        let body = checked(request, bytes_max)?;
        let reading = self.collect(body, bytes_max);
        timeout(self.patience, reading).await.unwrap_or_else(|_| {
            let detail = format!("the body was not complete after {} s", self.patience.as_secs());
            Err(Problem::new(Code::BodySlow, detail))
        })
    }

    async fn collect(&self, mut body: Body, bytes_max: usize) -> Answer<Document> {
        let mut bytes = BytesMut::new();
        let mut share: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| unreadable())?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > bytes_max {
                return Err(too_large(bytes_max));
            }
            let held = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let needed = (bytes.len() + data.len()).div_ceil(PIECE).saturating_sub(held);
            let grant = self.grant(needed)?;
            match &mut share {
                Some(share) => share.merge(grant),
                None => share = Some(grant),
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Document { bytes: bytes.freeze(), _share: share })
    }

    fn grant(&self, pieces: usize) -> Answer<OwnedSemaphorePermit> {
        let pieces = u32::try_from(pieces).unwrap_or(u32::MAX);
        Arc::clone(&self.pieces)
            .try_acquire_many_owned(pieces)
            .map_err(|_| Problem::new(Code::Overloaded, "too many request bodies in memory").retry_after(1))
    }
}

/// A body that is read part by part, so that it may be larger than what is held of it.
pub(crate) struct Arriving {
    body: Body,
    bytes_max: usize,
    bytes: usize,
    patience: Duration,
}

impl Arriving {
    /// The next part; nothing at the end.
    pub(crate) async fn next(&mut self) -> Answer<Option<Bytes>> {
        loop {
            let frame = timeout(self.patience, self.body.frame()).await.map_err(|_| {
                let detail = format!("nothing more of the body came for {} s", self.patience.as_secs());
                Problem::new(Code::BodySlow, detail)
            })?;
            let Some(frame) = frame else { return Ok(None) };
            let Ok(data) = frame.map_err(|_| unreadable())?.into_data() else { continue };
            self.bytes += data.len();
            if self.bytes > self.bytes_max {
                return Err(too_large(self.bytes_max));
            }
            return Ok(Some(data));
        }
    }
}

/// The body, unless its head says already that it is not taken.
fn checked(request: Request, bytes_max: usize) -> Answer<Body> {
    if let Some(encoding) = request.headers().get(header::CONTENT_ENCODING)
        && encoding != "identity"
    {
        // What the layer can unpack no longer has this header.
        let detail = "the body's Content-Encoding is not read here; gzip, zstd and identity are";
        return Err(Problem::new(Code::BodyEncoding, detail));
    }
    let body = request.into_body();
    if HttpBody::size_hint(&body).lower() > bytes_max as u64 {
        return Err(too_large(bytes_max));
    }
    Ok(body)
}

fn unreadable() -> Problem {
    Problem::new(Code::BodyUnreadable, "the body broke off or is not what its Content-Encoding says")
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("the body has more than {bytes_max} bytes (unpacked, if it was packed)");
    Problem::new(Code::BodyTooLarge, detail)
}
