//! Takes events in: one, an array, or one per line.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header;
use ports::Place;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::judge::Judged;
use super::pieces::Shape;
use crate::access::Caller;
use crate::error::{Answer, Fault, ProblemBody};
use crate::extract::Parameters;
use crate::rules::write::Position;
use crate::state::App;

/// The largest batch, in bytes of the unpacked body.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// How to answer.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AppendQuery {
    /// Whether to list the positions of the events; `false` is for bulk senders.
    #[serde(default = "yes")]
    #[param(default = true)]
    positions: bool,
}

fn yes() -> bool {
    true
}

/// What became of the events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Appended {
    /// How many are in the log, durably.
    accepted: usize,
    /// How many were refused.
    rejected_count: usize,
    /// Why they were refused; the first 1,000.
    rejected: Vec<Fault>,
    /// Where those in the log are, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    positions: Option<Vec<Position>>,
}

/// Takes events in and answers once the log has them durably. A token of a customer sends that customer's events alone. A bad event is reported with its place, the good ones
/// are in. After an error that is not a refusal (5xx) some of them may be in as well.
#[utoipa::path(post, path = "/v1/events", tag = "events", security(("token" = [])), params(AppendQuery),
    request_body(content((Value = "application/json"), (String = "application/x-ndjson")),
        description = "An event `{\"customerId\": uuid, \"payload\": object or JSON as a string}`, an array of events, or one per line"),
    responses(
        (status = 200, description = "At least one event is in, or there was none", body = Appended),
        (status = "4XX", description = "Refused, nothing is in", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<AppendQuery>,
    request: Request,
) -> Answer<Json<Appended>> {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let document = app.bodies.read(request, BATCH_BYTES_MAX).await?;
    let topic = app.topics.events.clone();
    let reach = caller.reach();
    let written = app.in_turn(move |log| {
        let body = &document.bytes;
        if body.trim_ascii().is_empty() {
            return Ok(Ok((Judged::default(), Vec::new())));
        }
        let mut judged = Judged::of(body, Shape::of(media_type.as_deref(), body), &topic, reach);
        if let Some(problem) = judged.problem() {
            return Ok(Err(problem));
        }
        let records = std::mem::take(&mut judged.records);
        let places = if records.is_empty() { Vec::new() } else { log.append(records)? };
        Ok(Ok((judged, places)))
    });
    let (judged, places) = written.await??;
    crate::metrics::events_accepted(places.len(), judged.bytes);
    Ok(Json(answer(judged, &places, query.positions)))
}

fn answer(judged: Judged, places: &[Place], positions: bool) -> Appended {
    Appended {
        accepted: places.len(),
        rejected_count: judged.rejected,
        rejected: judged.faults,
        positions: positions.then(|| places.iter().map(|place| Position::from(*place)).collect()),
    }
}
