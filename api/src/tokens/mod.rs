//! Tokens over HTTP: made, listed, revoked. The secret is in the answer to its making and nowhere else.

pub(crate) mod list;
pub(crate) mod make;
pub(crate) mod revoke;
pub(crate) mod whoami;

#[cfg(test)]
mod tests;

use rules::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::records::tokens::StoredToken;

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenInfo {
    /// Names the token.
    #[schema(format = Uuid)]
    id: String,
    /// What people call it.
    name: String,
    /// What it may do.
    role: &'static str,
    /// Of which customer it is; absent for roles of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    customer_id: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who made it.
    created_by: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<StoredToken> for TokenInfo {
    fn from(token: StoredToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            role: token.role.name(),
            customer_id: token.customer.map(|customer| customer.to_string()),
            created_at: token.made_at,
            created_by: token.made_by,
            expires_at: token.expires_at,
        }
    }
}
