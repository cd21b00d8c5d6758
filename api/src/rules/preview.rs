//! Tells what a rule would have done, and what it would do differently from another one. Nothing live is touched.

mod question;
mod report;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::state::App;

/// The largest body: two rules.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How many lines wait for the client.
const LINES_MAX: usize = 16;

/// Tells what a rule would have done to the events of the archive: how often it would have fired, by customer and day, the first 100
/// alerts, and whom they are about; with `other` or `inForce` also which alerts another version of it tells and this one does not, and the
/// other way round. The answer is streamed: lines with `progress`, and then one with `result`, or with `stopped` if it could not be
/// brought to an end.
#[utoipa::path(post, path = "/v1/rules:preview", tag = "rules", security(("token" = [])),
    request_body = question::PreviewRequest,
    responses(
        (status = 200, description = "Progress, and then what would have fired", body = report::PreviewLine, content_type = "application/x-ndjson"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Too many previews at once, or no archive", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn preview(State(app): State<App>, request: Request) -> Answer<Response> {
    let document = app.bodies.read(request, BODY_BYTES_MAX).await?;
    let follower = app.follower.clone();
    let question = question::read(&document.bytes, |key| follower.look(|book| book.get(key).cloned()))?;
    let Some(previews) = app.previews.clone() else {
        let detail = "there is no archive here: it is switched off, or this process does not see it";
        return Err(Problem::new(Code::ArchiveUnusable, detail));
    };
    let Ok(turn) = Arc::clone(&app.previewing).try_acquire_owned() else {
        let detail = format!("{} previews are under way", app.settings.previews_max);
        return Err(Problem::new(Code::Overloaded, detail).retry_after(5));
    };
    let (lines, receiver) = mpsc::channel::<Value>(LINES_MAX);
    let work = move || {
        let mut tell = |progress| match lines.blocking_send(report::progress(progress)) {
            Ok(()) => ControlFlow::Continue(()),
            // The client has gone away.
            Err(_) => ControlFlow::Break(()),
        };
        let last = match previews.preview(question, &mut tell) {
            Ok(answer) => report::result(&answer),
            Err(error) => report::stopped(&error),
        };
        // Nobody listens any more: nothing is left to do.
        drop(lines.blocking_send(last));
        drop(turn);
    };
    tokio::task::spawn_blocking(work);
    let lines = ReceiverStream::new(receiver).map(|line| Ok::<_, Infallible>(format!("{line}\n")));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}
