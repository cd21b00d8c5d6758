//! How the process is: liveness, readiness with reasons, metrics, the contract and the list of errors.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::router;
use crate::state::App;

/// Answers as long as the process can answer at all.
#[utoipa::path(get, path = "/healthz", tag = "process", responses((status = 200, description = "Alive", body = Value)))]
pub(crate) async fn healthz() -> Json<Value> {
    Json(json!({ "alive": true }))
}

/// Whether requests are of use now, and if not, why.
#[utoipa::path(get, path = "/readyz", tag = "process", responses(
    (status = 200, description = "Ready", body = Value),
    (status = 503, description = "Not ready; `reasons` lists why", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn readyz(State(app): State<App>) -> Answer<Json<Value>> {
    let reasons = app.readiness.reasons(&app).await;
    if reasons.is_empty() {
        return Ok(Json(json!({ "ready": true, "reasons": [] })));
    }
    let texts: Vec<String> =
        reasons.iter().map(|reason| format!("{}: {}", reason.part, reason.reason)).collect();
    let problem = Problem::new(Code::NotReady, texts.join("; "));
    Err(problem.with("ready", false).with("reasons", json!(reasons)).retry_after(1))
}

/// The metrics of the process as Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "process", responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], (app.metrics_page)())
}

/// This contract.
#[utoipa::path(get, path = "/openapi.json", tag = "process", responses((status = 200, description = "OpenAPI 3.1", body = Value)))]
pub(crate) async fn contract() -> Json<utoipa::openapi::OpenApi> {
    Json(router::contract())
}

/// What each code means and what to do about it.
#[utoipa::path(get, path = "/docs/errors.md", tag = "process", responses((status = 200, description = "The codes", body = String, content_type = "text/markdown")))]
pub(crate) async fn errors() -> impl IntoResponse {
    let kind = "text/markdown; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], include_str!("../../docs/errors.md"))
}
