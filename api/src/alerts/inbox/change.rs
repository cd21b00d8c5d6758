//! `PATCH /v1/alerts/{alertInstanceId}`: acknowledge, assign, note, close.

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;

use super::item::Status;
use super::list::{etag, missing, whose};
use super::shown::{InboxAlert, Lasting};
use crate::access::{Caller, Object};
use crate::clock;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::IdPath;
use crate::records::inbox::{self, Change, Changed};
use crate::rules::expected_version;
use crate::state::App;

const BODY_BYTES_MAX: usize = 32 << 10;
const ASSIGNEE_CHARS_MAX: usize = 200;
const NOTE_CHARS_MAX: usize = 4_000;
/// What a body is.
const EXPECTED: &str = "an object with some of `status`, `assignee` and `note`";

/// What to do about an alert; what is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct InboxChange {
    /// `acknowledged`, `closed`, or `open` again.
    status: Option<Status>,
    /// Who deals with it, at most 200 characters; empty: nobody.
    assignee: Option<String>,
    /// Something to remember, at most 4,000 characters.
    note: Option<String>,
}

/// Acknowledges an alert, assigns it, notes something, closes it. With `If-Match` nothing is changed if somebody else has
/// changed something meanwhile.
#[utoipa::path(patch, path = "/v1/alerts/{alertInstanceId}", tag = "alerts", security(("token" = [])),
    params(("alertInstanceId" = String, Path, format = Uuid),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that must still be the alert's")),
    request_body = InboxChange,
    responses(
        (status = 200, description = "The alert as it is now", body = InboxAlert),
        (status = 412, description = "Somebody else has changed something; `current` is the alert as it is", body = ProblemBody, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath,
    request: Request,
) -> Answer<Response> {
    let of = whose(&caller, id)?;
    let expected = expected_version(request.headers())?.map(|version| u64::from(version.0));
    let document = app.bodies.read(request, BODY_BYTES_MAX).await?;
    let wanted: InboxChange = serde_json::from_slice(&document.bytes)
        .map_err(|error| Problem::unreadable_body(&error, EXPECTED))?;
    let wanted = Change { expected, ..checked(wanted)? };
    let now = clock::now();
    let changed = inbox::change(&app.records, id, of, wanted, &caller.0.id, now).await?;
    let item = match changed {
        Changed::Done(item) => item,
        Changed::Missing => return Err(missing(id)),
        Changed::Full => {
            let detail = "the alert has as many actions as there is room for";
            return Err(Problem::new(Code::RecordsFull, detail));
        },
        Changed::Stale(item) => {
            let lasting = Lasting::read(&app.records, Some(item.customer), now).await?;
            let detail = format!("the alert is at version {}", item.version);
            let tag = etag(&item);
            let current = serde_json::to_value(InboxAlert::new(item, &lasting)).unwrap_or_default();
            return Err(Problem::new(Code::StaleAlert, detail)
                .with("current", current)
                .header(header::ETAG, tag));
        },
    };
    let lasting = Lasting::read(&app.records, Some(item.customer), now).await?;
    let object = Object { path: format!("/v1/alerts/{id}"), customer: Some(item.customer) };
    let tag = etag(&item);
    Ok(([(header::ETAG, tag)], Extension(object), Json(InboxAlert::new(item, &lasting))).into_response())
}

fn checked(wanted: InboxChange) -> Answer<Change> {
    let InboxChange { status, assignee, note } = wanted;
    if status.is_none() && assignee.is_none() && note.is_none() {
        return Err(Problem::bad_body("", "nothing is to be done", EXPECTED));
    }
    let assignee = assignee.map(|name| name.trim().to_owned());
    let short = |text: &String, max| text.chars().count() <= max;
    if assignee
        .as_ref()
        .is_some_and(|name| !short(name, ASSIGNEE_CHARS_MAX) || name.chars().any(char::is_control))
    {
        let expected = "at most 200 characters that can be printed";
        return Err(Problem::bad_body("/assignee", "the name does not fit", expected));
    }
    let note = note.unwrap_or_default();
    let printable = |character: char| !character.is_control() || "\n\t".contains(character);
    if !short(&note, NOTE_CHARS_MAX) || !note.chars().all(printable) {
        let expected = "at most 4000 characters that can be printed";
        return Err(Problem::bad_body("/note", "the note does not fit", expected));
    }
    Ok(Change { status, assignee, note, expected: None })
}
