//! Health and metrics of a process without the API.

use api::MetricsPage;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use worker::StatusBoard;

use crate::failure::Failure;

/// Answers `/healthz`, `/readyz` and `/metrics` until `shutdown` completes.
pub(crate) async fn serve(
    listener: TcpListener,
    status: StatusBoard,
    page: MetricsPage,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let ready = move || {
        let reasons = status.reasons();
        let code = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        std::future::ready((code, reasons.join("\n") + "\n"))
    };
    let router = Router::new()
        .route("/healthz", get(|| std::future::ready("ok\n")))
        .route("/readyz", get(ready))
        .route("/metrics", get(move || std::future::ready(page())));
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .await
        .map_err(|error| Failure::other_side(format!("health listener: {error}")))
}
