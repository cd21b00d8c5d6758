//! `GET /v1/audit`

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entry::{Chained, Link};
use crate::access::{Caller, Reach};
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{Parameters, customer, limit};
use crate::records::audit::{self, Wanted};
use crate::state::App;

/// Which entries to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only what concerns this customer.
    customer_id: Option<String>,
    /// Only what this one did: `root`, `token:` with an id, or `oidc:` with a subject.
    who: Option<String>,
    /// Whether to begin with the oldest entry instead of the newest.
    #[serde(default)]
    oldest_first: bool,
    /// The most entries in the answer, at most 1,000; 100 if not given.
    limit: Option<usize>,
    /// The `next` of the page before.
    next: Option<String>,
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditList {
    /// The entries.
    entries: Vec<Chained>,
    /// Behind which entry the log begins, since older ones were removed to make room; only for the whole log.
    #[serde(skip_serializing_if = "Option::is_none")]
    begins_behind: Option<Link>,
    /// The last entry of the log; only for the whole log.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_with: Option<Link>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists who did what, when and from where, the newest first; an administrator of a customer sees what concerns that
/// customer. Refusals of one kind and minute are one entry with `times`. Each entry's `hash` covers the one before.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", security(("token" = [])), params(AuditQuery), responses(
    (status = 200, description = "A page of the audit log", body = AuditList),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<AuditQuery>,
) -> Answer<Json<AuditList>> {
    let limit = limit(query.limit)?;
    let customer = caller.narrowed(query.customer_id.as_deref().map(customer).transpose()?)?;
    let bad = |_| Problem::new(Code::BadQuery, "`next` is not what a page before has answered");
    let next = query.next.as_deref().map(str::parse::<u64>).transpose().map_err(bad)?;
    let wanted = Wanted {
        customer: customer.map(|customer| customer.to_string()),
        who: query.who,
        oldest_first: query.oldest_first,
        behind: next,
        limit: limit + 1,
    };
    let mut entries = audit::list(&app.records, &wanted).await?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|entry| entry.number.to_string());
    // How many entries there are is told to those alone who see all of them.
    let ends = if caller.reach() == Reach::All { Some(audit::ends(&app.records).await?) } else { None };
    let (begins_behind, ends_with) = ends.unzip();
    Ok(Json(AuditList { entries, begins_behind, ends_with, next }))
}
