//! `POST /v1/alerts:rebuild`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Answer, ProblemBody};
use crate::records::projections::{Projection, begin_anew, look};
use crate::state::App;

/// A reading of the alert topic that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rebuilding {
    /// Counts how often the inbox was begun anew.
    generation: u64,
}

/// Reads the alert topic into the inbox again, from the oldest record that is kept. What people did stays, and so do
/// alerts whose records are gone.
#[utoipa::path(post, path = "/v1/alerts:rebuild", tag = "alerts", security(("token" = [])), responses(
    (status = 202, description = "It has begun", body = Rebuilding),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn rebuild(State(app): State<App>) -> Answer<(StatusCode, Json<Rebuilding>)> {
    let partitions = look(&app.records, Projection::Inbox).await?.next.len();
    let reached = begin_anew(&app.records, Projection::Inbox, &vec![0; partitions]).await?;
    Ok((StatusCode::ACCEPTED, Json(Rebuilding { generation: reached.generation })))
}
