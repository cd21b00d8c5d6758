//! Takes many rules, one a line, through a running system.
//!
//! Lines are read, judged, written and answered in batches, so that memory does not grow with their number. The answer
//! begins with the first result: what fails before is a problem, what fails later is told in the last line.

mod judge;
mod lines;
mod rehearsal;
mod report;
mod run;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::access::Caller;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::Parameters;
use crate::state::App;
pub(crate) use report::Summary;
use report::{Report, reports};
use run::Import;

/// How to import.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// Whether only to say what would become of each line.
    #[serde(default)]
    dry_run: bool,
}

/// Writes many rules, one a line; a bad line is answered with its problems and stops no other. The answer has one line
/// for each, in order, and then one with `summary`: without that one the import has broken off. It ends when all rules
/// are in force on every partition. A client may send everything before it reads, as long as the answers fit into
/// 32 MiB.
#[utoipa::path(post, path = "/v1/rules:import", tag = "rules", security(("token" = [])), params(ImportQuery),
    request_body(content = Value, content_type = "application/x-ndjson", description = "Rules in either form, one a line of at most 64 KiB"),
    responses(
        (status = 200, description = "What became of each line", body = Report, content_type = "application/x-ndjson"),
        (status = "4XX", description = "Refused, nothing is written", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn import(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<ImportQuery>,
    request: Request,
) -> Answer<Response> {
    let Ok(turn) = Arc::clone(&app.imports).try_acquire_owned() else {
        let detail = format!("{} imports are under way", app.settings.imports_max);
        return Err(Problem::new(Code::Overloaded, detail).retry_after(5));
    };
    if let Some(reason) = app.follower.not_ready() {
        return Err(Problem::new(Code::NotReady, reason).retry_after(1));
    }
    let body = app.bodies.open(request, app.settings.import_bytes_max)?;
    let (sender, mut receiver) = reports(app.settings.body_timeout);
    let import = Import::new(app, caller.reach(), sender, query.dry_run);
    tokio::spawn(async move {
        import.run(body).await;
        drop(turn);
    });
    let first = receiver.recv().await;
    let gone = || Problem::new(Code::Internal, "the import has ended without an answer");
    let first = first.ok_or_else(gone)??;
    // Only the first of all can be a problem; see `Sender::end`.
    let rest = UnboundedReceiverStream::new(receiver).filter_map(Result::ok);
    let chunks = tokio_stream::once(first).chain(rest).map(|chunk| Ok::<_, Infallible>(chunk.into_bytes()));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(chunks)).into_response())
}

#[cfg(test)]
mod tests;
