//! Writes rules: a control record goes into the log, and the answer is what became of it and where it is in force.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use engine::Partition;
use ports::{Outgoing, Place};
use rules::{ActiveRule, AlertId, RULE_BYTES_MAX, RuleKey, RuleVersion};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::effective::Effect;
use super::list::etag;
use super::outcome::Resolved;
use super::tried::ForceQuery;
use super::{posted, precondition, sight};
use crate::access::{Caller, Object};
use crate::blocking::blocking;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{Parameters, RulePath};
use crate::state::App;

/// What a write answers: the rule as it stands now (as it was, if it was deleted), and since when and where.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written {
    /// The rule's own fields, beside the following.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    rule: Value,
    /// Whether the change is in force on every partition.
    effective: bool,
    /// The place of the change in the history of rules.
    position: Position,
    /// The partitions that do not have it in force yet; only if it is not effective.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_partitions: Option<Vec<u32>>,
}

/// A place in the log.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Position {
    /// The partition.
    pub(crate) partition: u32,
    /// The offset there.
    pub(crate) offset: u64,
}

impl From<Place> for Position {
    fn from(place: Place) -> Self {
        Self { partition: place.partition.0, offset: place.offset.0 }
    }
}

/// Puts a rule in force, in the plain form or as an original control message. An `alertId` that the plain form leaves
/// out is made by the server.
#[utoipa::path(post, path = "/v1/rules", tag = "rules", security(("token" = [])),
    params(ForceQuery, ("If-Match" = Option<String>, Header, description = "The version that must be in force")),
    request_body = Value,
    responses(
        (status = 201, description = "The rule is new; `ETag` is its version", body = Written),
        (status = 200, description = "The rule was replaced, or is as it was", body = Written),
        (status = "4XX", description = "Refused; 412 comes with the rule in force", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Parameters(force): Parameters<ForceQuery>,
    headers: HeaderMap,
    request: Request,
) -> Answer<Response> {
    let expected = precondition::expected(&headers)?;
    let document = app.bodies.read(request, RULE_BYTES_MAX).await?;
    let fresh = AlertId::from_uuid(Uuid::new_v4());
    let (key, text) = posted::to_collection(&document.bytes, fresh)?;
    sight::may_write_for(caller.reach(), key.customer)?;
    commit(&app, checked(&app, key, text, expected, force).await?).await
}

/// The record of a rule that may be saved. Regular expressions and tests of a rule take milliseconds.
async fn checked(
    app: &App,
    key: RuleKey,
    text: Bytes,
    expected: Option<RuleVersion>,
    force: ForceQuery,
) -> Answer<Outgoing> {
    let topic = app.topics.controls.clone();
    blocking(move || posted::put(&topic, key, text, expected, &force)).await?
}

/// Puts the rule of this path in force. Ids may be left out of the body; others than those of the path are refused.
#[utoipa::path(put, path = "/v1/rules/{customerId}/{alertId}", tag = "rules", security(("token" = [])),
    params(("customerId" = String, Path, format = Uuid), ("alertId" = String, Path, format = Uuid),
        ForceQuery, ("If-Match" = Option<String>, Header, description = "The version that must be in force")),
    request_body = Value,
    responses(
        (status = 201, description = "The rule is new; `ETag` is its version", body = Written),
        (status = 200, description = "The rule was replaced, or is as it was", body = Written),
        (status = "4XX", description = "Refused; 412 comes with the rule in force", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    RulePath(key): RulePath,
    Parameters(force): Parameters<ForceQuery>,
    headers: HeaderMap,
    request: Request,
) -> Answer<Response> {
    app.follower.look(|book| sight::may_write(caller.reach(), &key, book))?;
    let expected = precondition::expected(&headers)?;
    let document = app.bodies.read(request, RULE_BYTES_MAX).await?;
    let text = posted::to_path(&document.bytes, key)?;
    commit(&app, checked(&app, key, text, expected, force).await?).await
}

/// Takes the rule of this path out of force.
#[utoipa::path(delete, path = "/v1/rules/{customerId}/{alertId}", tag = "rules", security(("token" = [])),
    params(("customerId" = String, Path, format = Uuid), ("alertId" = String, Path, format = Uuid),
        ("If-Match" = Option<String>, Header, description = "The version that must be in force")),
    responses(
        (status = 200, description = "The rule, as it was", body = Written),
        (status = "4XX", description = "Refused; 412 comes with the rule in force", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    RulePath(key): RulePath,
    headers: HeaderMap,
) -> Answer<Response> {
    app.follower.look(|book| sight::may_write(caller.reach(), &key, book))?;
    let expected = precondition::expected(&headers)?;
    // Written even if this server knows no such rule: another one may just have made it, and the log decides.
    commit(&app, posted::delete(&app.topics.controls, key, expected)).await
}

pub(super) async fn commit(app: &App, record: Outgoing) -> Answer<Response> {
    let deadline = Instant::now() + app.settings.effective_timeout;
    let places = app.in_turn(move |log| log.append(vec![record])).await?;
    let Some(&place) = places.first() else {
        return Err(Problem::new(Code::Internal, "the log took the record and named no place"));
    };
    let (status, active) = match app.follower.resolved(place.offset, deadline).await {
        Some(Resolved::Created(now)) => (StatusCode::CREATED, now),
        Some(Resolved::Replaced(active) | Resolved::Unchanged(active) | Resolved::Deleted(active)) => {
            (StatusCode::OK, active)
        },
        Some(Resolved::Stale(rejection, current)) => return Err(stale(rejection, current)),
        Some(Resolved::NoSuchRule) => {
            return Err(Problem::new(Code::NoSuchRule, "there is no such rule"));
        },
        Some(Resolved::Malformed(invalid)) => return Err(Problem::from(&invalid)),
        Some(Resolved::NoRule) => {
            return Err(Problem::new(Code::Internal, "the record became one that is about no rule"));
        },
        None => return Err(unknown(place)),
    };
    let effect = app.effective.wait(place.offset, deadline).await;
    Ok(answer(status, &active, place, effect))
}

fn answer(status: StatusCode, active: &ActiveRule, place: Place, effect: Effect) -> Response {
    let missing = match effect {
        Effect::Everywhere => None,
        Effect::NotIn(partitions) => Some(partitions),
    };
    let number = |partition: Partition| partition.0;
    let body = Written {
        rule: active.to_json(),
        effective: missing.is_none(),
        position: place.into(),
        missing_partitions: missing.map(|partitions| partitions.into_iter().map(number).collect()),
    };
    let mut headers = HeaderMap::from_iter([(header::ETAG, etag(active.version))]);
    if status == StatusCode::CREATED
        && let Ok(location) = HeaderValue::from_str(&format!("/v1/rules/{}", active.rule.key))
    {
        headers.insert(header::LOCATION, location);
    }
    let key = active.rule.key;
    let object = Object { path: format!("/v1/rules/{key}"), customer: Some(key.customer) };
    (status, headers, Extension(object), Json(body)).into_response()
}

fn stale(rejection: rules::Rejection, current: Option<Arc<ActiveRule>>) -> Problem {
    let problem = Problem::new(Code::StaleRule, rejection.to_string());
    match current {
        None => problem.with("current", Value::Null),
        Some(active) => problem.with("current", active.to_json()).header(header::ETAG, etag(active.version)),
    }
}

fn unknown(place: Place) -> Problem {
    let detail = "the change is in the log; this server has not read it back yet";
    let position = serde_json::json!(Position::from(place));
    Problem::new(Code::OutcomeUnknown, detail).with("position", position).retry_after(1)
}
