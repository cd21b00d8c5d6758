//! Savepoints: asked for by a control record, found where they are kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ports::{Outgoing, Part, Savepoints};
use rules::{Control, SavepointId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::state::App;

/// A savepoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Savepoint {
    /// Its name.
    id: String,
    /// Whether it can be restored.
    complete: bool,
    /// Why not, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// How many parts it needs.
    partitions: u32,
    /// Its bytes; files that several savepoints share count for each.
    bytes: u64,
    /// When its last part was taken, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<i64>,
    /// The parts that are there.
    parts: Vec<PartBody>,
}

/// One partition's part.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PartBody {
    /// The partition.
    partition: u32,
    /// The next event after it.
    next: u64,
    /// The next control record after it.
    control: u64,
    /// The timeline it was taken on.
    timeline: u32,
    /// Its bytes.
    bytes: u64,
}

/// The savepoints of the deployment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavepointList {
    /// The newest first.
    savepoints: Vec<Savepoint>,
}

impl From<ports::Savepoint> for Savepoint {
    fn from(savepoint: ports::Savepoint) -> Self {
        let problem = savepoint.problem();
        let part = |part: &Part| PartBody {
            partition: part.partition.0,
            next: part.position.next.0,
            control: part.position.control.0,
            timeline: part.position.timeline,
            bytes: part.bytes,
        };
        Self {
            id: savepoint.id.to_string(),
            complete: problem.is_none(),
            problem,
            partitions: savepoint.partitions,
            bytes: savepoint.bytes(),
            taken: (!savepoint.parts.is_empty()).then(|| savepoint.taken()),
            parts: savepoint.parts.iter().map(part).collect(),
        }
    }
}

/// Asks for a savepoint. Every partition takes its part at the same line of the rules; `GET` of the answered location
/// tells when all are there.
#[utoipa::path(post, path = "/v1/savepoints", tag = "savepoints", security(("token" = [])), responses(
    (status = 202, description = "It is being taken", body = Savepoint),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn post(State(app): State<App>) -> Answer<Response> {
    place(&app)?;
    let id = SavepointId::from_uuid(Uuid::new_v4());
    let record = Outgoing {
        topic: app.topics.controls.clone(),
        partition: None,
        timestamp: None,
        key: Some(Control::savepoint_key(id).into()),
        value: Some("{}".into()),
        headers: Vec::new(),
    };
    let events = app.topics.events.clone();
    let partitions = app
        .in_turn(move |log| {
            let partitions = log.partitions(&events)?;
            log.append(vec![record]).map(|_| partitions)
        })
        .await?;
    let begun = ports::Savepoint { id, partitions, parts: Vec::new() };
    let location = format!("/v1/savepoints/{id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(Savepoint::from(begun))).into_response())
}

/// Lists the savepoints, also those that are not complete.
#[utoipa::path(get, path = "/v1/savepoints", tag = "savepoints", security(("token" = [])), responses(
    (status = 200, description = "The savepoints", body = SavepointList),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn list(State(app): State<App>) -> Answer<Json<SavepointList>> {
    let savepoints = ask(&app, |place| place.list()).await?;
    Ok(Json(SavepointList { savepoints: savepoints.into_iter().map(Savepoint::from).collect() }))
}

/// Shows one savepoint.
#[utoipa::path(get, path = "/v1/savepoints/{id}", tag = "savepoints", security(("token" = [])),
    params(("id" = String, Path, format = Uuid)),
    responses(
        (status = 200, description = "The savepoint", body = Savepoint),
        (status = "4XX", description = "Refused; 404 also until its first part is there", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn get(
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
) -> Answer<Json<Savepoint>> {
    let Path(id) = id.map_err(|rejection| Problem::new(Code::BadPath, rejection.body_text()))?;
    let bad = || {
        Problem::new(Code::BadPath, "`id` in the path is not a UUID in its hyphenated form of 36 characters")
    };
    let id: SavepointId = id.parse().map_err(|_| bad())?;
    let found = ask(&app, move |place| place.find(id)).await?;
    let missing = || Problem::new(Code::NoSuchSavepoint, format!("no part of savepoint {id} is kept"));
    found.map(|savepoint| Json(savepoint.into())).ok_or_else(missing)
}

fn place(app: &App) -> Answer<Arc<dyn Savepoints>> {
    app.savepoints.clone().ok_or_else(|| {
        Problem::new(
            Code::NoSavepoints,
            "this deployment keeps no checkpoints: set a place with --checkpoints",
        )
    })
}

async fn ask<T: Send + 'static>(
    app: &App,
    question: impl FnOnce(&dyn Savepoints) -> ports::Result<T> + Send + 'static,
) -> Answer<T> {
    let place = place(app)?;
    // Few ask, and each question takes a while of a bucket: as many at once as may explain.
    app.explaining(move || {
        question(place.as_ref()).map_err(|error| error.during("looking for savepoints").into())
    })
    .await
}
