//! `GET /v1/whoami`

use axum::Json;
use rules::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Caller;
use crate::error::ProblemBody;

/// Who a token stands for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    /// `root`, `token:` with the token's id, or `oidc:` with the subject.
    id: String,
    /// What people call it.
    name: String,
    /// Its role.
    role: &'static str,
    /// What the role may do.
    capabilities: Vec<&'static str>,
    /// Of which customer it is; absent for roles of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    customer_id: Option<String>,
    /// Until when it may ask; absent for the root token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Whom the token stands for and what it may do.
#[utoipa::path(get, path = "/v1/whoami", tag = "tokens", security(("token" = [])), responses(
    (status = 200, description = "Whom the token stands for", body = Identity),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn whoami(Caller(principal): Caller) -> Json<Identity> {
    Json(Identity {
        id: principal.id.clone(),
        name: principal.name.clone(),
        role: principal.role.name(),
        capabilities: principal.role.capabilities().iter().map(|capability| capability.name()).collect(),
        customer_id: principal.customer.map(|customer| customer.to_string()),
        expires_at: principal.expires_at,
    })
}
