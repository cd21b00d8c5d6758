//! The JSON Schema of a rule, for editors and for forms.

use axum::Json;
use axum::http::header;
use axum::response::IntoResponse;

/// The fields of a rule, with their types and bounds. Which of them go together is for `POST /v1/rules` to judge.
#[utoipa::path(get, path = "/v1/rules/schema.json", tag = "rules", security(("token" = [])),
    responses((status = 200, description = "JSON Schema 2020-12", body = serde_json::Value, content_type = "application/schema+json")))]
pub(crate) async fn schema() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/schema+json")], Json(rules::rule_schema()))
}
