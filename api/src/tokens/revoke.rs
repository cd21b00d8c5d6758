//! `DELETE /v1/tokens/{tokenId}`

use axum::extract::State;
use axum::{Extension, Json};

use super::TokenInfo;
use crate::access::{Caller, Object, Reach};
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::IdPath;
use crate::records::tokens;
use crate::state::App;

/// Revokes a token. This server knows it no more at once, others within five seconds; streams that it has opened end.
#[utoipa::path(delete, path = "/v1/tokens/{tokenId}", tag = "tokens", security(("token" = [])),
    params(("tokenId" = String, Path, format = Uuid)),
    responses(
        (status = 200, description = "The token, as it was", body = TokenInfo),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath,
) -> Answer<(Extension<Object>, Json<TokenInfo>)> {
    let none = || Problem::new(Code::NoSuchToken, format!("there is no token {id}"));
    let of = match caller.reach() {
        Reach::All => None,
        Reach::Customer(own) => Some(own),
        Reach::Global | Reach::Nothing => return Err(none()),
    };
    let removed = tokens::remove(&app.records, id, of).await?.ok_or_else(none)?;
    app.authenticator.forget(&format!("token:{id}"));
    let object = Object { path: format!("/v1/tokens/{id}"), customer: removed.customer };
    Ok((Extension(object), Json(removed.into())))
}
