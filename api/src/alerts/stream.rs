//! `GET /v1/alerts/stream`: alerts as server-sent events.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engine::Offset;
use ports::Log;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::begin::{Gap, Wish};
use super::frame;
use super::replay::Source;
use super::tail::Tail;
use super::telling::{News, Telling};
use super::vector::Vector;
use crate::access::Caller;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{Parameters, customer};
use crate::settings::Settings;
use crate::state::App;
use crate::stop::Stop;

/// How many frames wait for a client; what is behind them waits in the ring or in the log.
const FRAMES_MAX: usize = 32;
const LAST_EVENT_ID: &str = "last-event-id";

/// All alert streams of the process.
pub(crate) struct Streams {
    tail: Tail,
    source: Source,
    open: Arc<Semaphore>,
    keep_alive: Duration,
    stop: Stop,
}

/// Where the stream begins, and whose alerts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// Only the alerts of this customer.
    customer_id: Option<String>,
    /// As the header `Last-Event-ID`, which wins: for the first connection of a browser, which cannot set it.
    last_event_id: Option<String>,
}

impl Streams {
    /// No streams yet; they end when `stop` is given.
    pub(crate) fn new(log: Arc<dyn Log>, topic: &str, settings: &Settings, stop: Stop) -> Self {
        Self {
            tail: Tail::new(settings),
            source: Source::new(log, topic),
            open: Arc::new(Semaphore::new(settings.streams_max)),
            keep_alive: settings.keep_alive,
            stop,
        }
    }

    /// Starts the thread that reads new alerts for all streams.
    pub(crate) fn start(
        &self,
        log: Arc<dyn Log>,
        topic: String,
        stop: Stop,
    ) -> std::io::Result<JoinHandle<()>> {
        self.tail.start(log, topic, stop)
    }

    /// Why alerts cannot be read now, if so.
    pub(crate) fn not_ready(&self) -> Option<String> {
        self.tail.not_ready()
    }

    /// The position to begin at, and the gap before it if there is one.
    async fn begin(&self, wish: Wish) -> Answer<(Vector, Option<Gap>)> {
        let Some(end) = self.tail.look(|ring| ring.end().clone()) else {
            let reason = self.not_ready().unwrap_or_default();
            return Err(Problem::new(Code::NotReady, reason).retry_after(1));
        };
        match wish {
            Wish::Now => Ok((end, None)),
            Wish::Oldest => {
                let beginning = Vector::new(vec![Offset(0); end.len()]);
                let (oldest, _) = self.source.resume(beginning, end.len()).await?;
                Ok((oldest, None))
            },
            Wish::Behind(at) => {
                // What the ring has need not be asked of the log: many clients come back at once after a restart.
                let in_ring = self.tail.look(|ring| ring.join(&at).is_some() && ring.end().covers(&at));
                if in_ring == Some(true) {
                    return Ok((at, None));
                }
                Ok(self.source.resume(at, end.len()).await?)
            },
        }
    }
}

/// Alerts as server-sent events, in the order of their partition. `id` is the position behind an event: sent back as
/// `Last-Event-ID` it resumes without loss or repeat; `0` begins with the oldest alert that is still there; without
/// it the stream begins now. A `gap {from, to}` event tells that alerts have expired before they could be told. The
/// stream ends when its token does.
#[utoipa::path(get, path = "/v1/alerts/stream", tag = "alerts", security(("token" = [])),
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was received")),
    responses(
        (status = 200, description = "Events `alert` and `gap`", body = String, content_type = "text/event-stream"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn stream(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<StreamQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    let streams = &app.streams;
    let wish = wish(&headers, query.last_event_id.as_deref())?;
    let customer = caller.narrowed(query.customer_id.as_deref().map(customer).transpose()?)?;
    let customer = customer.map(|customer| Bytes::from(customer.to_string()));
    let open = Arc::clone(&streams.open).try_acquire_owned().map_err(|_| {
        let detail = format!("{} alert streams are open", app.settings.streams_max);
        Problem::new(Code::TooManyStreams, detail).retry_after(5)
    })?;
    let (at, gap) = streams.begin(wish).await?;
    let telling = Telling::new(streams.tail.clone(), streams.source.clone(), at, customer);
    let (frames, receiver) = mpsc::channel(FRAMES_MAX);
    let sending = Sending { telling, frames, keep_alive: streams.keep_alive, _open: Open::new(open) };
    let mut stop = streams.stop.clone();
    let put_out = until_put_out(App::clone(&app), caller, streams.keep_alive);
    tokio::spawn(async move {
        tokio::select! {
            () = sending.run(gap) => {},
            () = put_out => {},
            () = stop.wait() => {},
        }
    });
    let body = Body::from_stream(ReceiverStream::new(receiver).map(Ok::<_, std::convert::Infallible>));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies of the nginx family would otherwise hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body).into_response())
}

/// Comes back when the token that has opened a stream is good no more.
async fn until_put_out(app: App, caller: Caller, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        if !app.authenticator.is_still(&caller.0).await {
            return;
        }
    }
}

fn wish(headers: &HeaderMap, query: Option<&str>) -> Answer<Wish> {
    let bad = || {
        let detail = "expected the `id` of an earlier event of this stream, `0` for the oldest, or nothing";
        Problem::new(Code::BadStreamPosition, detail)
    };
    let header = headers.get(LAST_EVENT_ID).map(|value| value.to_str().map_err(|_| bad()));
    let text = header.transpose()?.filter(|text| !text.is_empty()).or(query);
    text.unwrap_or_default().parse().map_err(|_| bad())
}

/// The task of one stream.
struct Sending {
    telling: Telling,
    frames: mpsc::Sender<Bytes>,
    keep_alive: Duration,
    _open: Open,
}

impl Sending {
    /// Sends until the client is gone.
    async fn run(self, gap: Option<Gap>) {
        let Self { telling, frames, keep_alive, _open } = self;
        tokio::select! {
            // Without this a silent stream would notice only at the next sign of life.
            () = frames.closed() => {},
            _ = send_all(telling, &frames, keep_alive, gap) => {},
        }
    }
}

/// Nothing once nobody receives any more.
async fn send_all(
    mut telling: Telling,
    frames: &mpsc::Sender<Bytes>,
    keep_alive: Duration,
    gap: Option<Gap>,
) -> Option<()> {
    let first = match gap {
        Some(gap) => told(&gap),
        // A client that breaks off before the first alert knows where to resume, too.
        None => frame::alive(telling.at()),
    };
    frames.send(first).await.ok()?;
    let mut quiet_since = Instant::now();
    loop {
        let deadline = quiet_since + keep_alive;
        match telling.next(deadline).await {
            News::Gap(gap) => frames.send(told(&gap)).await.ok()?,
            News::Alerts(alerts) if alerts.is_empty() => {
                if Instant::now() < deadline {
                    continue;
                }
                frames.send(frame::alive(telling.at())).await.ok()?;
            },
            News::Alerts(alerts) => {
                crate::metrics::stream_alerts(alerts.len());
                for (behind, value) in alerts {
                    frames.send(frame::alert(&behind, &value)).await.ok()?;
                }
            },
        }
        quiet_since = Instant::now();
    }
}

fn told(gap: &Gap) -> Bytes {
    crate::metrics::stream_gap();
    frame::gap(gap)
}

/// Counts a stream as open as long as it lives.
struct Open(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Open {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        crate::metrics::streams(1.0);
        Self(permit)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        crate::metrics::streams(-1.0);
    }
}
