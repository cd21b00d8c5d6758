//! Calls every route as every role and compares with the table in `docs/api-access.md`; and as every role against what is
//! another's, which must not be there for it.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;

use super::{Access, Capability, Role, TABLE};
use crate::clock;
use crate::testing::{ALERT, CUSTOMER, Harness, TOKEN, eventually, read};

const DOCUMENT: &str = include_str!("../../../docs/api-access.md");
const OTHER: &str = "11111111-2222-4333-8444-555555555555";
const OTHERS_ALERT: &str = "33333333-2222-4333-8444-555555555555";
const OTHERS_RULE: &str = "22222222-2222-4333-8444-555555555555";

/// The table as the document shows it.
fn table() -> String {
    let mut text = "| route | right |".to_owned();
    for role in Role::ALL {
        text += &format!(" {} |", role.name());
    }
    text += &format!("\n|---|---|{}", ":-:|".repeat(Role::ALL.len()));
    for (method, path, access) in TABLE {
        let (right, may): (&str, Vec<bool>) = match access {
            Access::Public => ("none, not even a token", vec![true; Role::ALL.len()]),
            Access::Token => ("any token", vec![true; Role::ALL.len()]),
            Access::Needs(capability) => {
                (capability.name(), Role::ALL.iter().map(|role| role.may(*capability)).collect())
            },
        };
        text += &format!("\n| `{method} {path}` | {right} |");
        for may in may {
            text += if may { " yes |" } else { " |" };
        }
    }
    text
}

#[test]
fn the_document_has_the_table() {
    assert!(DOCUMENT.contains(&table()), "docs/api-access.md should have\n\n{}\n", table());
    for capability in Capability::ALL {
        assert!(DOCUMENT.contains(&format!("`{}`", capability.name())), "{}", capability.name());
    }
}

async fn token(api: &Harness, role: Role, customer: &str) -> String {
    let customer = role.is_of_customer().then_some(customer);
    let body = json!({"role": role.name(), "customerId": customer, "name": "matrix"});
    let made = api.send_as(TOKEN, Method::POST, "/v1/tokens", body.to_string()).await.json();
    made["token"].as_str().unwrap().to_owned()
}

fn rule(customer: &str, alert: &str) -> String {
    json!({"customerId": customer, "alertId": alert, "alertName": "n", "match": "$.a"}).to_string()
}

/// The status of an answer and its code, without reading a stream to its end.
async fn ask(api: &Harness, token: &str, method: &str, path: &str, body: String) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    let response = api.open(request.body(Body::from(body)).unwrap()).await;
    if response.status() == StatusCode::OK {
        return (StatusCode::OK, String::new());
    }
    let answered = read(response).await;
    (answered.status, answered.code())
}

#[tokio::test]
async fn every_route_answers_every_role_as_the_table_says() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    api.ready().await;
    for role in Role::ALL {
        let token = token(&api, *role, CUSTOMER).await;
        for (method, path, access) in TABLE {
            let path = path
                .replace("{customerId}", CUSTOMER)
                .replace("{alertId}", ALERT)
                .replace("{tokenId}", ALERT)
                .replace("{alertInstanceId}", ALERT)
                .replace("{silenceId}", ALERT)
                .replace("{destinationId}", ALERT)
                .replace("{id}", ALERT);
            let (status, code) = ask(&api, &token, method, &path, String::new()).await;
            let denied = (status, code.as_str()) == (StatusCode::FORBIDDEN, "TOC-4005");
            let may = match access {
                Access::Public | Access::Token => true,
                Access::Needs(capability) => role.may(*capability),
            };
            assert_eq!(denied, !may, "{method} {path} as {}: {status} {code}", role.name());
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path} as {}", role.name());
            assert!(!status.is_server_error(), "{method} {path} as {}: {code}", role.name());
        }
    }
}

/// Things of another customer that get their ids when they are made.
struct Others {
    token: String,
    silence: String,
    destination: String,
}

fn silence(customer: &str) -> String {
    let matcher = json!({"field": "severity", "op": "in", "values": ["HIGH"]});
    let end = engine::Timestamp(clock::now().0 + 60_000).to_string();
    json!({"customerId": customer, "matchers": [matcher], "reason": "n", "endsAt": end}).to_string()
}

fn destination(customer: &str) -> String {
    json!({"customerId": customer, "name": "n", "url": "https://example.org/"}).to_string()
}

fn alert() -> String {
    let time = "2025-01-01T00:00:00Z";
    json!({"alertInstanceId": OTHERS_ALERT, "customerId": OTHER, "alertId": OTHERS_RULE, "alertName": "n",
        "severity": "HIGH", "state": "firing", "eventTime": time, "emitTime": time})
    .to_string()
}

/// Of every route a request for what is another's, and its answer. None where there is nothing that belongs to anybody.
fn foreign(method: &str, path: &str, others: &Others) -> Option<(String, String, StatusCode)> {
    use StatusCode as S;
    let filtered = |path: &str| format!("{path}?customerId={OTHER}");
    let of_rule = format!("/v1/rules/{OTHER}/{OTHERS_RULE}");
    let explained = json!({"customerId": OTHER, "alertId": OTHERS_RULE, "payload": {}}).to_string();
    let event = json!({"customerId": OTHER, "payload": {}}).to_string();
    let new_token = json!({"role": "viewer", "customerId": OTHER, "name": "n"}).to_string();
    let others_alert = format!("/v1/alerts/{OTHERS_ALERT}");
    let none = String::new();
    Some(match (method, path) {
        (_, "/healthz" | "/readyz" | "/metrics" | "/openapi.json" | "/docs/errors.md") => return None,
        ("GET", "/v1/whoami" | "/v1/rules/schema.json") | ("POST", "/v1/rules:validate") => return None,
        // Of the whole system: no role of a customer has the right.
        (_, "/v1/rules:preview" | "/v1/savepoints" | "/v1/savepoints/{id}" | "/v1/alerts:rebuild") => {
            return None;
        },
        (
            "GET",
            "/v1/rules" | "/v1/rules:export" | "/v1/alerts/stream" | "/v1/alerts" | "/v1/alerts:groups"
            | "/v1/silences" | "/v1/destinations" | "/v1/tokens" | "/v1/audit",
        ) => (filtered(path), none, S::NOT_FOUND),
        ("GET", "/v1/alerts/{alertInstanceId}") => (others_alert, none, S::NOT_FOUND),
        ("PATCH", "/v1/alerts/{alertInstanceId}") => {
            (others_alert, json!({"status": "closed"}).to_string(), S::NOT_FOUND)
        },
        ("POST", "/v1/destinations") => (path.to_owned(), destination(OTHER), S::FORBIDDEN),
        ("DELETE", "/v1/destinations/{destinationId}") => {
            (format!("/v1/destinations/{}", others.destination), none, S::NOT_FOUND)
        },
        ("POST", "/v1/silences") => (path.to_owned(), silence(OTHER), S::FORBIDDEN),
        ("DELETE", "/v1/silences/{silenceId}") => {
            (format!("/v1/silences/{}", others.silence), none, S::NOT_FOUND)
        },
        ("POST", "/v1/rules") => (path.to_owned(), rule(OTHER, OTHERS_RULE), S::FORBIDDEN),
        // Answered line by line; what came of it is looked at below.
        ("POST", "/v1/rules:import") => (path.to_owned(), rule(OTHER, OTHERS_RULE), S::OK),
        ("POST", "/v1/rules:explain") => (path.to_owned(), explained, S::NOT_FOUND),
        ("GET" | "DELETE", "/v1/rules/{customerId}/{alertId}") => (of_rule, none, S::NOT_FOUND),
        ("GET", "/v1/rules/{customerId}/{alertId}/state") => (format!("{of_rule}/state"), none, S::NOT_FOUND),
        ("GET" | "DELETE", "/v1/rules/{customerId}/{alertId}/bootstrap") => {
            (format!("{of_rule}/bootstrap"), none, S::NOT_FOUND)
        },
        ("PUT", "/v1/rules/{customerId}/{alertId}") => (of_rule, rule(OTHER, OTHERS_RULE), S::NOT_FOUND),
        ("POST", "/v1/events") => (path.to_owned(), event, S::FORBIDDEN),
        ("POST", "/v1/tokens") => (path.to_owned(), new_token, S::FORBIDDEN),
        ("DELETE", "/v1/tokens/{tokenId}") => (format!("/v1/tokens/{}", others.token), none, S::NOT_FOUND),
        _ => panic!("{method} {path}: say here what another's is, and what the answer"),
    })
}

#[tokio::test]
async fn what_is_anothers_is_not_there_for_anybody() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    api.ready().await;
    let made = api.post("/v1/rules", rule(OTHER, OTHERS_RULE)).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let others = json!({"role": "viewer", "customerId": OTHER, "name": "n"}).to_string();
    let token_id = api.post("/v1/tokens", others).await.json()["id"].as_str().unwrap().to_owned();
    let made = api.post("/v1/silences", silence(OTHER)).await;
    let silence_id = made.json()["id"].as_str().unwrap().to_owned();
    let made = api.post("/v1/destinations", destination(OTHER)).await;
    let destination_id = made.json()["id"].as_str().unwrap().to_owned();
    let others = Others { token: token_id, silence: silence_id, destination: destination_id };
    api.log.alert(0, OTHER, &alert());
    let others_alert = format!("/v1/alerts/{OTHERS_ALERT}");
    eventually(async || api.get(&others_alert).await.status == StatusCode::OK).await;
    let bounded = [Role::Viewer, Role::RuleAuthor, Role::Responder, Role::TenantAdmin, Role::GlobalAuthor];
    for role in bounded {
        let token = token(&api, role, CUSTOMER).await;
        for (method, path, access) in TABLE {
            let Access::Needs(capability) = access else { continue };
            let Some((path, body, expected)) = foreign(method, path, &others) else { continue };
            if !role.may(*capability) {
                continue;
            }
            let (status, code) = ask(&api, &token, method, &path, body).await;
            assert_eq!(status, expected, "{method} {path} as {}: {code}", role.name());
        }
        let listed = api.send_as(&token, Method::GET, "/v1/rules", "").await;
        assert!(!listed.text.contains(OTHER), "{}: {}", role.name(), listed.text);
    }
    assert_eq!(api.log.memory.records(&api.topics.controls).len(), 1, "nobody has changed the rule");
    assert_eq!(api.log.memory.records(&api.topics.events).len(), 0);
    let alert = api.get(&others_alert).await.json();
    assert_eq!((&alert["status"], &alert["silencedBy"][0]), (&json!("open"), &json!(others.silence)));
    let others = api.get(&format!("/v1/tokens?customerId={OTHER}")).await.json();
    assert_eq!(others["tokens"].as_array().unwrap().len(), 1);
}
