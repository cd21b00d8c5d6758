//! `GET /v1/tokens`

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::TokenInfo;
use crate::access::Caller;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{Parameters, customer, limit};
use crate::records::tokens;
use crate::state::App;

/// Which tokens to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TokenQuery {
    /// Only the tokens of this customer.
    customer_id: Option<String>,
    /// The most tokens in the answer, at most 1,000; 100 if not given.
    limit: Option<usize>,
    /// The `next` of the page before.
    next: Option<String>,
}

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenList {
    /// The tokens in the order they were made, without their secrets.
    tokens: Vec<TokenInfo>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists tokens, of the caller's customer or of the whole system. Tokens that have ended are shown for 30 days.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", security(("token" = [])), params(TokenQuery), responses(
    (status = 200, description = "A page of tokens", body = TokenList),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<TokenQuery>,
) -> Answer<Json<TokenList>> {
    let limit = limit(query.limit)?;
    let of = caller.narrowed(query.customer_id.as_deref().map(customer).transpose()?)?;
    let bad = |_| Problem::new(Code::BadQuery, "`next` is not what a page before has answered");
    let after = query.next.as_deref().map(str::parse::<Uuid>).transpose().map_err(bad)?;
    let mut found = tokens::list(&app.records, of, after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|token| token.id.to_string());
    Ok(Json(TokenList { tokens: found.into_iter().map(TokenInfo::from).collect(), next }))
}
