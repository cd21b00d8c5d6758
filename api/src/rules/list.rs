//! Reads rules: a page of them, or one.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use rules::{CustomerId, RuleVersion};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::page::{page, read_cursor, write_cursor};
use super::sight::{missing, sees, shown};
use crate::access::{Caller, Reach};
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{Parameters, RulePath, customer, limit};
use crate::state::App;

/// Which rules to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only the rules of this customer.
    customer_id: Option<String>,
    /// The most rules in the answer, at most 1,000; 100 if not given.
    limit: Option<usize>,
    /// The `next` of the page before.
    next: Option<String>,
}

/// A page of rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleList {
    /// The rules, by customer and id.
    rules: Vec<Value>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists rules by customer and id: those of the token's customer and the global ones that apply to it.
#[utoipa::path(get, path = "/v1/rules", tag = "rules", security(("token" = [])), params(ListQuery), responses(
    (status = 200, description = "A page of rules", body = RuleList),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<ListQuery>,
) -> Answer<Json<RuleList>> {
    let limit = limit(query.limit)?;
    let of = query.customer_id.as_deref().map(customer).transpose()?;
    let reach = caller.reach();
    let of = visible(&caller, of)?;
    let bad = || Problem::new(Code::BadQuery, "`next` is not what a page before has answered");
    let after = query.next.as_deref().map(|next| read_cursor(next).ok_or_else(bad));
    let after = after.transpose()?;
    let page = app.follower.look(|book| page(book, reach, after, of, limit));
    Ok(Json(RuleList { rules: page.rules, next: page.next.as_ref().map(write_cursor) }))
}

/// Whose rules to list: one customer's, or all that are seen. A customer sees global rules besides its own.
fn visible(caller: &Caller, wanted: Option<CustomerId>) -> Answer<Option<CustomerId>> {
    match (wanted, caller.reach()) {
        (None, _) => Ok(None),
        (Some(wanted), Reach::Customer(_)) if wanted.is_global() => Ok(Some(wanted)),
        (Some(_), _) => caller.narrowed(wanted),
    }
}

/// One rule.
#[utoipa::path(get, path = "/v1/rules/{customerId}/{alertId}", tag = "rules", security(("token" = [])),
    params(("customerId" = String, Path, format = Uuid), ("alertId" = String, Path, format = Uuid)),
    responses(
        (status = 200, description = "The rule; `ETag` is its version", body = Value),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    RulePath(key): RulePath,
) -> Answer<(HeaderMap, Json<Value>)> {
    let reach = caller.reach();
    let active = app.follower.look(|book| {
        let seen = book.get(&key).filter(|active| sees(reach, active)).cloned();
        seen.ok_or_else(|| missing(&key, book))
    })?;
    let document = shown(reach, &active);
    Ok((HeaderMap::from_iter([(header::ETAG, etag(active.version))]), Json(document)))
}

/// The version as an entity tag.
pub(super) fn etag(version: RuleVersion) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", version.0)).expect("quoted digits are a legal header value")
}
