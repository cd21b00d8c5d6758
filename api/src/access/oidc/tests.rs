//! Logins through the router, with tokens of a real issuer on this machine.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::testing::{Issuer, SigningKey, unsigned};
use crate::OidcSettings;
use crate::testing::{Answered, CUSTOMER, Harness};

fn settings(issuer: &Issuer) -> OidcSettings {
    let roles = [("soc", "responder"), ("platform", "operator")];
    let roles: BTreeMap<String, String> =
        roles.into_iter().map(|(value, role)| (value.to_owned(), role.to_owned())).collect();
    OidcSettings::new(&issuer.url, "tocsin", None, ("tocsin_customer", "tocsin_role"), &roles).unwrap()
}

fn api(issuer: &Issuer) -> Harness {
    let oidc = settings(issuer);
    Harness::with(|settings| settings.oidc = Some(oidc))
}

async fn me(api: &Harness, token: &str) -> Answered {
    api.send_as(token, Method::GET, "/v1/whoami", "").await
}

/// Why a token is refused.
async fn refusal(api: &Harness, token: &str) -> String {
    let answered = me(api, token).await;
    assert_eq!(
        (answered.status, answered.code()),
        (StatusCode::UNAUTHORIZED, "TOC-4004".to_owned()),
        "{}",
        answered.text
    );
    answered.json()["detail"].as_str().unwrap().to_owned()
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

#[tokio::test]
async fn claims_become_customer_and_role() {
    let (rsa, ec) = (SigningKey::rsa("one"), SigningKey::ec("two"));
    let issuer = Issuer::start(vec![rsa.public(), ec.public()]).await;
    let api = api(&issuer);
    let claims = issuer.claims(CUSTOMER);
    for key in [&rsa, &ec] {
        let answered = me(&api, &key.token(&json!({}), &claims)).await.json();
        assert_eq!((&answered["id"], &answered["name"]), (&json!("oidc:u-1"), &json!("Ada")));
        assert_eq!((&answered["role"], &answered["customerId"]), (&json!("viewer"), &json!(CUSTOMER)));
    }
    assert_eq!(issuer.fetches.load(Ordering::SeqCst), 1, "keys are kept");
    let many = with(&claims, "tocsin_role", json!(["x", "viewer", "tenant-admin", "soc"]));
    assert_eq!(me(&api, &ec.token(&json!({}), &many)).await.json()["role"], "tenant-admin");
    let operator = with(&claims, "tocsin_role", json!("platform"));
    let operator = me(&api, &ec.token(&json!({}), &operator)).await.json();
    assert_eq!((&operator["role"], operator.get("customerId")), (&json!("operator"), None));
    let several = with(&claims, "aud", json!(["other", "tocsin"]));
    assert_eq!(me(&api, &rsa.token(&json!({}), &several)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_told_and_it_is_refused() {
    let key = SigningKey::ec("one");
    let issuer = Issuer::start(vec![key.public()]).await;
    let api = api(&issuer);
    let claims = issuer.claims(CUSTOMER);
    let now = crate::clock::now().0 / 1_000;
    for (name, value, reason) in [
        ("iss", json!("https://other.example"), "the token comes from another issuer"),
        ("aud", json!("other"), "the token was issued for another audience"),
        ("aud", Value::Null, "the token was issued for another audience"),
        ("exp", json!(now - 61), "the token has expired"),
        ("exp", json!("never"), "a time in the token is no number"),
        ("nbf", json!(now + 100), "the token is not valid yet"),
        ("iat", json!(now + 100), "the token is not valid yet"),
        ("sub", json!(""), "the token names nobody"),
        ("tocsin_role", json!("boss"), "no claim of the token gives a role"),
        ("tocsin_role", json!("root"), "no claim of the token gives a role"),
        ("tocsin_customer", json!("x"), "the token's customer is not a UUID"),
        ("tocsin_customer", json!(null), "the token's role needs a customer, and the token names none"),
    ] {
        let token = key.token(&json!({}), &with(&claims, name, value));
        assert_eq!(refusal(&api, &token).await, reason, "{name}");
    }
    let mut endless = claims.clone();
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(refusal(&api, &key.token(&json!({}), &endless)).await, "the token has no end");
    let skewed = with(&with(&claims, "exp", json!(now - 20)), "nbf", json!(now + 20));
    assert_eq!(
        me(&api, &key.token(&json!({}), &skewed)).await.status,
        StatusCode::OK,
        "clocks differ a little"
    );
}

#[tokio::test]
async fn a_token_does_not_choose_how_it_is_checked() {
    let rsa = SigningKey::rsa("one");
    let issuer = Issuer::start(vec![rsa.public()]).await;
    let api = api(&issuer);
    let claims = issuer.claims(CUSTOMER);
    let algorithm = "the token is signed by an algorithm that is not taken here";
    for alg in ["none", "None", "NONE", "", "HS256", "HS512", "rs256"] {
        let head = json!({"alg": alg, "kid": "one"});
        let bare = unsigned(&head, &claims);
        assert_eq!(refusal(&api, &format!("{bare}.")).await, algorithm, "{alg}");
        // The public key as a shared secret.
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, rsa.public().to_string().as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&secret, bare.as_bytes()));
        assert_eq!(refusal(&api, &format!("{bare}.{signature}")).await, algorithm, "{alg}");
    }
    let wrong = "the token's signature is wrong";
    let forged = SigningKey::ec("one").token(&json!({}), &claims);
    assert_eq!(refusal(&api, &forged).await, wrong, "an elliptic signature under the name of an RSA key");
    assert_eq!(refusal(&api, &SigningKey::ec("one").token(&json!({"alg": "RS256"}), &claims)).await, wrong);
    let good = rsa.token(&json!({}), &claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(with(&claims, "tocsin_role", json!("tenant-admin")).to_string());
    assert_eq!(refusal(&api, &format!("{head}.{other}.{signature}")).await, wrong);
    let extended = rsa.token(&json!({"crit": ["b64"], "b64": false}), &claims);
    assert_eq!(refusal(&api, &extended).await, "the token asks for an extension that is not known here");
    let typed = rsa.token(&json!({"typ": "logout+jwt"}), &claims);
    assert_eq!(refusal(&api, &typed).await, "the token is of another type than JWT");
    for nonsense in ["a.b.c", "..", "e30.e30.e30"] {
        assert_eq!(refusal(&api, nonsense).await, "the token is malformed", "{nonsense}");
    }
    let own_key = json!({"jwk": SigningKey::ec("one").public(), "jku": "http://127.0.0.1:1/keys"});
    assert_eq!(refusal(&api, &SigningKey::ec("one").token(&own_key, &claims)).await, wrong);
}

#[tokio::test]
async fn keys_are_rotated_and_never_asked_for_more_than_now_and_then() {
    let (old, new) = (SigningKey::ec("old"), SigningKey::ec("new"));
    let issuer = Issuer::start(vec![old.public()]).await;
    let api = api(&issuer);
    let claims = issuer.claims(CUSTOMER);
    assert_eq!(me(&api, &old.token(&json!({}), &claims)).await.status, StatusCode::OK);
    *issuer.keys.lock().unwrap() = vec![new.public()];
    let token = new.token(&json!({}), &claims);
    // The keys were asked for a moment ago, so the new one is found a little later.
    crate::testing::eventually(async || me(&api, &token).await.status == StatusCode::OK).await;
    assert_eq!(
        refusal(&api, &old.token(&json!({}), &claims)).await,
        "no key of the issuer has signed the token"
    );
    let (before, begin) = (issuer.fetches.load(Ordering::SeqCst), std::time::Instant::now());
    for number in 0..15 {
        let stranger = SigningKey::ec(&format!("stranger {number}"));
        assert_eq!(me(&api, &stranger.token(&json!({}), &claims)).await.status, StatusCode::UNAUTHORIZED);
    }
    let asked = issuer.fetches.load(Ordering::SeqCst) - before;
    let most = begin.elapsed().as_millis() / super::keys::PAUSE.as_millis() + 1;
    assert!(asked as u128 <= most, "{asked} fetches for 15 tokens of unknown keys, at most {most} expected");
    issuer.away.store(true, Ordering::SeqCst);
    assert_eq!(me(&api, &token).await.status, StatusCode::OK, "known keys outlive the issuer's absence");
}

#[tokio::test]
async fn an_issuer_that_is_away_is_no_refusal() {
    let key = SigningKey::ec("one");
    let issuer = Issuer::start(vec![key.public()]).await;
    issuer.away.store(true, Ordering::SeqCst);
    let api = api(&issuer);
    let token = key.token(&json!({}), &issuer.claims(CUSTOMER));
    let answered = me(&api, &token).await;
    assert_eq!((answered.status, answered.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4038".to_owned()));
    assert!(!answered.header("retry-after").is_empty());
    issuer.away.store(false, Ordering::SeqCst);
    crate::testing::eventually(async || me(&api, &token).await.status == StatusCode::OK).await;
}

#[tokio::test]
async fn without_an_issuer_such_tokens_are_unknown() {
    let api = Harness::start();
    let key = SigningKey::ec("one");
    let issuer = Issuer::start(vec![key.public()]).await;
    let token = key.token(&json!({}), &issuer.claims(CUSTOMER));
    assert_eq!(refusal(&api, &token).await, "no such token");
    assert_eq!(issuer.fetches.load(Ordering::SeqCst), 0);
}
