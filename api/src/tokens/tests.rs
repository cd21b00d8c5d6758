//! Tokens through the router: who makes, sees and revokes which, and what each then sees of the rest.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::access::{Peer, Role};
use crate::testing::{ALERT, Answered, CUSTOMER, Harness, read};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";
const GLOBAL: &str = "deadbeef-dead-beef-dead-beefdeadbeef";

async fn make(api: &Harness, by: &str, body: Value) -> Answered {
    api.send_as(by, Method::POST, "/v1/tokens", body.to_string()).await
}

fn wanted(role: &str, customer: Option<&str>) -> Value {
    json!({"role": role, "customerId": customer, "name": format!("a {role}")})
}

/// A token of this role; of the customer if it is a role of customers.
async fn token(api: &Harness, role: Role, customer: &str) -> String {
    let customer = role.is_of_customer().then_some(customer);
    let made = make(api, crate::testing::TOKEN, wanted(role.name(), customer)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    made.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_is_shown_once_works_and_can_be_revoked() {
    let api = Harness::start();
    let made = make(&api, crate::testing::TOKEN, wanted("viewer", Some(CUSTOMER))).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let body = made.json();
    let (secret, id) = (body["token"].as_str().unwrap(), body["id"].as_str().unwrap());
    assert_eq!(made.header("location"), format!("/v1/tokens/{id}"));
    assert_eq!(
        (&body["role"], &body["customerId"], &body["createdBy"]),
        (&json!("viewer"), &json!(CUSTOMER), &json!("root"))
    );

    let me = api.send_as(secret, Method::GET, "/v1/whoami", "").await.json();
    assert_eq!(me["id"], format!("token:{id}"));
    assert_eq!((&me["role"], &me["capabilities"]), (&json!("viewer"), &json!(["rule-read", "alert-read"])));

    let listed = api.get("/v1/tokens").await;
    assert!(!listed.text.contains(secret) && listed.json()["tokens"][0]["id"] == id);
    let stored = std::fs::read(api.database.file()).unwrap();
    let held = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!held(secret), "only its hash is kept");

    let path = format!("/v1/tokens/{id}");
    let request = Harness::request(Method::DELETE, &path).body(Body::empty()).unwrap();
    assert_eq!(api.send(request).await.json()["name"], "a viewer");
    let refused = api.send_as(secret, Method::GET, "/v1/whoami", "").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "TOC-4004".to_owned()));
    let request = Harness::request(Method::DELETE, &path).body(Body::empty()).unwrap();
    assert_eq!(api.send(request).await.code(), "TOC-4030");
}

#[tokio::test]
async fn a_wish_that_makes_no_sense_is_answered_with_every_fault() {
    let api = Harness::start();
    let faults = async |body: Value| {
        let answered = make(&api, crate::testing::TOKEN, body).await;
        assert_eq!((answered.status, answered.code()), (StatusCode::BAD_REQUEST, "TOC-4026".to_owned()));
        let errors = answered.json()["errors"].as_array().unwrap().clone();
        errors.iter().map(|fault| fault["pointer"].as_str().unwrap_or("?").to_owned()).collect::<Vec<_>>()
    };
    let all = json!({"role": "boss", "customerId": "x", "name": " ", "expiresAt": "tomorrow"});
    assert_eq!(faults(all).await, ["/role", "/customerId", "/name", "/expiresAt"]);
    assert_eq!(faults(wanted("viewer", None)).await, ["/customerId"]);
    assert_eq!(faults(wanted("auditor", Some(CUSTOMER))).await, ["/customerId"]);
    assert_eq!(faults(wanted("viewer", Some(GLOBAL))).await, ["/customerId"]);
    let past = json!({"role": "root", "name": "n", "expiresAt": "2020-01-01T00:00:00Z"});
    assert_eq!(faults(past).await, ["/expiresAt"]);
    let far = json!({"role": "root", "name": "a\u{7}b", "expiresAt": "2999-01-01T00:00:00Z"});
    assert_eq!(faults(far).await, ["/name", "/expiresAt"]);
    assert_eq!(faults(json!({"role": "root", "name": "n", "customer": CUSTOMER})).await, ["?"]);
}

#[tokio::test]
async fn nobody_hands_out_more_than_is_theirs() {
    let api = Harness::start();
    let admin = token(&api, Role::TenantAdmin, CUSTOMER).await;
    let theirs = make(&api, &admin, wanted("tenant-admin", Some(CUSTOMER))).await;
    assert_eq!(theirs.status, StatusCode::CREATED);
    let foreign = make(&api, &admin, wanted("viewer", Some(OTHER))).await;
    assert_eq!((foreign.status, foreign.code()), (StatusCode::FORBIDDEN, "TOC-4028".to_owned()));
    for role in ["operator", "global-author", "auditor", "root"] {
        let answered = make(&api, &admin, wanted(role, None)).await;
        assert_eq!((answered.status, answered.code()), (StatusCode::FORBIDDEN, "TOC-4005".to_owned()));
    }
    for role in Role::ALL.iter().filter(|role| !matches!(role, Role::TenantAdmin | Role::Root)) {
        let secret = token(&api, *role, CUSTOMER).await;
        let answered = make(&api, &secret, wanted("viewer", Some(CUSTOMER))).await;
        assert_eq!(answered.code(), "TOC-4005", "{role:?}");
    }
}

#[tokio::test]
async fn an_administrator_sees_and_revokes_the_tokens_of_its_customer_alone() {
    let api = Harness::start();
    let admin = token(&api, Role::TenantAdmin, CUSTOMER).await;
    let others = make(&api, crate::testing::TOKEN, wanted("viewer", Some(OTHER))).await.json();
    let (others_id, others_secret) = (others["id"].as_str().unwrap(), others["token"].as_str().unwrap());
    let listed = api.send_as(&admin, Method::GET, "/v1/tokens", "").await.json();
    assert_eq!(listed["tokens"].as_array().unwrap().len(), 1, "{listed}");
    let asked = api.send_as(&admin, Method::GET, &format!("/v1/tokens?customerId={OTHER}"), "").await;
    assert_eq!((asked.status, asked.code()), (StatusCode::NOT_FOUND, "TOC-4029".to_owned()));
    let path = format!("/v1/tokens/{others_id}");
    let refused = api.send_as(&admin, Method::DELETE, &path, "").await;
    let nothing = format!("/v1/tokens/{}", others_id.replace(char::is_numeric, "0"));
    let missing = api.send_as(&admin, Method::DELETE, &nothing, "").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::NOT_FOUND, missing.code()));
    assert_eq!(api.send_as(others_secret, Method::GET, "/v1/whoami", "").await.status, StatusCode::OK);

    let auditor = token(&api, Role::Auditor, "").await;
    let page = api.send_as(&auditor, Method::GET, "/v1/tokens?limit=2", "").await.json();
    assert_eq!(page["tokens"].as_array().unwrap().len(), 2);
    let rest = format!("/v1/tokens?limit=2&next={}", page["next"].as_str().unwrap());
    let rest = api.send_as(&auditor, Method::GET, &rest, "").await.json();
    assert_eq!((rest["tokens"].as_array().unwrap().len(), rest.get("next")), (1, None));
    assert_eq!(api.send_as(&auditor, Method::DELETE, &path, "").await.code(), "TOC-4005");
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    let api = Harness::start();
    let soon = rules::Timestamp(crate::clock::now().0 + 400);
    let body = json!({"role": "root", "name": "short", "expiresAt": soon.to_string()});
    let made = make(&api, crate::testing::TOKEN, body).await.json();
    let secret = made["token"].as_str().unwrap();
    let me = async || api.send_as(secret, Method::GET, "/v1/whoami", "").await;
    crate::testing::eventually(async || me().await.status == StatusCode::UNAUTHORIZED).await;
    assert_eq!(me().await.json()["detail"], "the token has expired");
}

#[tokio::test]
async fn guessing_is_slowed_down_and_disturbs_nobody_who_is_known() {
    let api = Harness::start();
    let known = token(&api, Role::Viewer, CUSTOMER).await;
    let ask = async |secret: String, address: [u8; 4]| {
        let request = Request::builder()
            .uri("/v1/whoami")
            .header(header::AUTHORIZATION, format!("Bearer {secret}"))
            .extension(Peer(std::net::SocketAddr::from((address, 1))));
        read(api.open(request.body(Body::empty()).unwrap()).await).await
    };
    let bad = [192, 0, 2, 1];
    assert_eq!(ask(known.clone(), bad).await.status, StatusCode::OK);
    let mut limited = None;
    for number in 0..40 {
        let answered = ask(format!("tocsin_{number:064}"), bad).await;
        if answered.status == StatusCode::TOO_MANY_REQUESTS {
            limited = Some(answered);
            break;
        }
        assert_eq!(answered.code(), "TOC-4004");
    }
    let limited = limited.expect("there is an end to it");
    assert_eq!(limited.code(), "TOC-4031");
    assert!(limited.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(ask(known, bad).await.status, StatusCode::OK);
    assert_eq!(ask(crate::testing::TOKEN.to_owned(), bad).await.status, StatusCode::OK);
    assert_eq!(ask("tocsin_x".to_owned(), [192, 0, 2, 2]).await.status, StatusCode::UNAUTHORIZED);
}

/// What a customer sees of a global rule: nothing of other customers.
#[tokio::test]
async fn a_global_rule_shows_nothing_of_other_customers() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    let rule = |alert: &str, scope: Value| json!({"customerId": GLOBAL, "alertId": alert, "alertName": "g", "match": "$.a", "scope": scope});
    let second = ALERT.replace("4c10", "4c11");
    let scope = json!({
        "include": [OTHER, CUSTOMER], "exclude": [ALERT],
        "overrides": {CUSTOMER: {"severity": "low"}, OTHER: {"severity": "critical"}},
    });
    for rule in [rule(ALERT, scope.clone()), rule(&second, json!({"include": [OTHER]}))] {
        assert_eq!(api.post("/v1/rules", rule.to_string()).await.status, StatusCode::CREATED);
    }
    let viewer = token(&api, Role::Viewer, CUSTOMER).await;
    let author = token(&api, Role::GlobalAuthor, "").await;
    let seen = api.send_as(&viewer, Method::GET, "/v1/rules", "").await;
    assert!(!seen.text.contains(OTHER), "{}", seen.text);
    let rules = seen.json()["rules"].as_array().unwrap().clone();
    assert_eq!(rules.len(), 1);
    let own = json!({"include": [CUSTOMER], "overrides": {CUSTOMER: {"severity": "low"}}});
    assert_eq!(rules[0]["scope"], own);
    let path = format!("/v1/rules/{GLOBAL}/{ALERT}");
    assert_eq!(api.send_as(&viewer, Method::GET, &path, "").await.json()["scope"], own);
    let hidden = api.send_as(&viewer, Method::GET, &format!("/v1/rules/{GLOBAL}/{second}"), "").await;
    assert_eq!((hidden.status, hidden.code()), (StatusCode::NOT_FOUND, "TOC-4014".to_owned()));
    assert_eq!(api.send_as(&author, Method::GET, &path, "").await.json()["scope"], scope);

    let writer = token(&api, Role::RuleAuthor, CUSTOMER).await;
    let refused = api.send_as(&writer, Method::DELETE, &path, "").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "TOC-4005".to_owned()));
    let refused = api.send_as(&writer, Method::DELETE, &format!("/v1/rules/{GLOBAL}/{second}"), "").await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "what is not seen is not there");
    let refused = api.send_as(&writer, Method::POST, "/v1/rules", rule(ALERT, json!({})).to_string()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "TOC-4028".to_owned()));

    let question =
        json!({"customerId": GLOBAL, "alertId": ALERT, "event": {"customerId": OTHER, "payload": {}}});
    let refused = api.send_as(&viewer, Method::POST, "/v1/rules:explain", question.to_string()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "TOC-4028".to_owned()));
}
