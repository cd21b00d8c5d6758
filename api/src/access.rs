//! Who may do what: one table from method and path to what it takes, and a layer that denies all else.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::{Answer, Code, Problem};
use crate::state::App;

/// What a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody may.
    Public,
    /// A token with this capability.
    Needs(Capability),
}

/// What a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capability {
    /// Read rules.
    RuleRead,
    /// Write and delete rules.
    RuleWrite,
    /// Send events.
    EventWrite,
    /// Read alerts.
    AlertRead,
}

/// Who asks. There is one token yet, and it may do everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Principal {
    Root,
}

impl Principal {
    fn may(self, capability: Capability) -> bool {
        match (self, capability) {
            (
                Self::Root,
                Capability::RuleRead | Capability::RuleWrite | Capability::EventWrite | Capability::AlertRead,
            ) => true,
        }
    }
}

/// Every route, with what it takes. What does not stand here is denied, whatever the router says.
///
/// `/metrics` names no tenant and no payload and is public, because a listener without TLS is bound to loopback.
pub(crate) const TABLE: &[(&str, &str, Access)] = {
    use Access::{Needs, Public};
    use Capability::{AlertRead, EventWrite, RuleRead, RuleWrite};
    &[
        ("GET", "/healthz", Public),
        ("GET", "/readyz", Public),
        ("GET", "/metrics", Public),
        ("GET", "/openapi.json", Public),
        ("GET", "/docs/errors.md", Public),
        ("GET", "/v1/rules", Needs(RuleRead)),
        ("POST", "/v1/rules", Needs(RuleWrite)),
        ("GET", "/v1/rules/schema.json", Needs(RuleRead)),
        ("POST", "/v1/rules:validate", Needs(RuleRead)),
        ("POST", "/v1/rules:explain", Needs(RuleRead)),
        ("POST", "/v1/rules:import", Needs(RuleWrite)),
        ("GET", "/v1/rules:export", Needs(RuleRead)),
        ("GET", "/v1/rules/{customerId}/{alertId}", Needs(RuleRead)),
        ("PUT", "/v1/rules/{customerId}/{alertId}", Needs(RuleWrite)),
        ("DELETE", "/v1/rules/{customerId}/{alertId}", Needs(RuleWrite)),
        ("POST", "/v1/events", Needs(EventWrite)),
        ("GET", "/v1/alerts/stream", Needs(AlertRead)),
    ]
};

/// The layer: lets a request through, or answers it.
pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        // No route, so nothing to protect: the fallback answers 404.
        return next.run(request).await;
    };
    match permit(&app, request.method(), path.as_str(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn permit(app: &App, method: &Method, path: &str, headers: &HeaderMap) -> Answer<()> {
    let Access::Needs(capability) = lookup(method, path)? else {
        return Ok(());
    };
    if authenticate(app, headers)?.may(capability) {
        return Ok(());
    }
    Err(Problem::new(Code::NotAllowed, "the token does not give this right"))
}

fn lookup(method: &Method, path: &str) -> Answer<Access> {
    // The router answers HEAD as it answers GET, without the body.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let here = || TABLE.iter().filter(|(_, at, _)| *at == path);
    if let Some((.., access)) = here().find(|(of, ..)| *of == method) {
        return Ok(*access);
    }
    let methods: Vec<&str> = here().map(|(of, ..)| *of).collect();
    if methods.is_empty() {
        let detail = "this route is not in the table of rights";
        return Err(Problem::new(Code::NotAllowed, detail));
    }
    let allow = methods.join(", ");
    let problem = Problem::new(Code::NoSuchMethod, format!("only {allow} can be done here"));
    Err(match HeaderValue::from_str(&allow) {
        Ok(allow) => problem.header(header::ALLOW, allow),
        Err(_) => problem,
    })
}

fn authenticate(app: &App, headers: &HeaderMap) -> Answer<Principal> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(token) = token else {
        let detail = "send the header `Authorization: Bearer` with a token";
        let challenge = HeaderValue::from_static("Bearer realm=\"tocsin\"");
        return Err(Problem::new(Code::TokenMissing, detail).header(header::WWW_AUTHENTICATE, challenge));
    };
    if app.token.is_of(token) {
        return Ok(Principal::Root);
    }
    let challenge = HeaderValue::from_static("Bearer realm=\"tocsin\", error=\"invalid_token\"");
    Err(Problem::new(Code::TokenUnknown, "no such token").header(header::WWW_AUTHENTICATE, challenge))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A route of the router that is missing in the table would be denied to everybody; an entry of the table
    /// without a route is a leftover.
    #[test]
    fn the_table_and_the_router_have_the_same_routes() {
        let table: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| (*method, *path)).collect();
        assert_eq!(table.len(), TABLE.len(), "no route twice");
        let contract = serde_json::to_value(crate::router::contract()).unwrap();
        let mut routes = BTreeSet::new();
        for (path, item) in contract["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                routes.insert((method.to_uppercase(), path.clone()));
            }
        }
        let routes: BTreeSet<_> =
            routes.iter().map(|(method, path)| (method.as_str(), path.as_str())).collect();
        assert_eq!(table, routes);
    }

    #[test]
    fn what_is_not_in_the_table_is_denied() {
        assert!(lookup(&Method::GET, "/v1/not-listed").is_err());
        assert!(lookup(&Method::PATCH, "/v1/rules").is_err());
        assert_eq!(lookup(&Method::HEAD, "/healthz").unwrap(), Access::Public);
    }

    #[test]
    fn only_reading_about_the_process_itself_is_public() {
        let public: Vec<_> = TABLE
            .iter()
            .filter(|(.., access)| *access == Access::Public)
            .map(|(method, path, _)| (*method, *path))
            .collect();
        let expected = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/errors.md"];
        assert_eq!(public, expected.map(|path| ("GET", path)));
    }
}
