//! The table of rights: what each route takes. What does not stand here is denied, whatever the router says.

use axum::http::{HeaderValue, Method, header};

use super::Capability;
use crate::error::{Answer, Code, Problem};

/// What a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody may.
    Public,
    /// Any token.
    Token,
    /// A token with this capability.
    Needs(Capability),
}

/// Every route, with what it takes.
///
/// `/metrics` names no tenant and no payload and is public, because a listener without TLS is bound to loopback.
pub(crate) const TABLE: &[(&str, &str, Access)] = {
    use Access::{Needs, Public, Token};
    use Capability::{
        AlertRead, AlertWrite, AuditRead, DestinationWrite, EventWrite, HistoryRead, Operate, RuleRead,
        RuleWrite, TokenRead, TokenWrite,
    };
    &[
        ("GET", "/healthz", Public),
        ("GET", "/readyz", Public),
        ("GET", "/metrics", Public),
        ("GET", "/openapi.json", Public),
        ("GET", "/docs/errors.md", Public),
        ("GET", "/v1/whoami", Token),
        ("GET", "/v1/rules", Needs(RuleRead)),
        ("POST", "/v1/rules", Needs(RuleWrite)),
        ("GET", "/v1/rules/schema.json", Needs(RuleRead)),
        ("POST", "/v1/rules:validate", Needs(RuleRead)),
        ("POST", "/v1/rules:explain", Needs(RuleRead)),
        ("POST", "/v1/rules:preview", Needs(HistoryRead)),
        ("POST", "/v1/rules:import", Needs(RuleWrite)),
        ("GET", "/v1/rules:export", Needs(RuleRead)),
        ("GET", "/v1/rules/{customerId}/{alertId}", Needs(RuleRead)),
        ("PUT", "/v1/rules/{customerId}/{alertId}", Needs(RuleWrite)),
        ("DELETE", "/v1/rules/{customerId}/{alertId}", Needs(RuleWrite)),
        // Keys of groups come from events, as what alerts say does.
        ("GET", "/v1/rules/{customerId}/{alertId}/state", Needs(AlertRead)),
        ("GET", "/v1/rules/{customerId}/{alertId}/bootstrap", Needs(RuleRead)),
        ("DELETE", "/v1/rules/{customerId}/{alertId}/bootstrap", Needs(RuleWrite)),
        ("POST", "/v1/events", Needs(EventWrite)),
        ("GET", "/v1/alerts", Needs(AlertRead)),
        ("GET", "/v1/alerts:groups", Needs(AlertRead)),
        ("POST", "/v1/alerts:rebuild", Needs(Operate)),
        ("GET", "/v1/alerts/stream", Needs(AlertRead)),
        ("GET", "/v1/alerts/{alertInstanceId}", Needs(AlertRead)),
        ("PATCH", "/v1/alerts/{alertInstanceId}", Needs(AlertWrite)),
        ("GET", "/v1/silences", Needs(AlertRead)),
        ("POST", "/v1/silences", Needs(AlertWrite)),
        ("DELETE", "/v1/silences/{silenceId}", Needs(AlertWrite)),
        ("GET", "/v1/destinations", Needs(AlertRead)),
        ("POST", "/v1/destinations", Needs(DestinationWrite)),
        ("DELETE", "/v1/destinations/{destinationId}", Needs(DestinationWrite)),
        ("GET", "/v1/tokens", Needs(TokenRead)),
        ("POST", "/v1/tokens", Needs(TokenWrite)),
        ("DELETE", "/v1/tokens/{tokenId}", Needs(TokenWrite)),
        ("GET", "/v1/savepoints", Needs(Operate)),
        ("POST", "/v1/savepoints", Needs(Operate)),
        ("GET", "/v1/savepoints/{id}", Needs(Operate)),
        ("GET", "/v1/audit", Needs(AuditRead)),
    ]
};

/// What a route takes.
pub(super) fn lookup(method: &Method, path: &str) -> Answer<Access> {
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
