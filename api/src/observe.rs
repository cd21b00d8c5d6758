//! What is seen of each request: its id, one log line, metrics. Never a body, a query or a token.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

/// The header of a request's id, in both directions.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken from a client.
const REQUEST_ID_BYTES_MAX: usize = 64;
/// The route of requests that have none.
const NO_ROUTE: &str = "none";

/// Where "not ready" is an answer and no failure.
const READINESS: &str = "/readyz";

/// The id of a request; an extension of it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The layer.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.to_str().unwrap_or_default().to_owned()));
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let took = begin.elapsed();
    let status = response.status().as_u16();
    crate::metrics::request(route, method, status, took);
    let request_id = id.to_str().unwrap_or_default();
    let ms = took.as_millis();
    // What is asked all the time and answered as expected would bury the rest; metrics count it.
    if status >= 500 && route != READINESS {
        tracing::warn!(method, route, status, ms, request_id, "request failed");
    } else if status >= 400 && route != READINESS {
        tracing::info!(method, route, status, ms, request_id, "request refused");
    } else {
        tracing::debug!(method, route, status, ms, request_id, "request");
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The client's id if it is short and harmless to print, otherwise a new one.
fn request_id(request: &Request) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        (1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(plain)
    };
    let given = request.headers().get(REQUEST_ID).filter(sane).cloned();
    given.unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::new_v4().to_string()).expect("a UUID is a legal header value")
    })
}

/// The methods form a closed set, since clients may invent some.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
