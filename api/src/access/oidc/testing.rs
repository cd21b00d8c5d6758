//! A real issuer on this machine, with keys of its own. The RSA key is one that stands in the repository for this alone,
//! since making one takes long; keys of elliptic curves are made anew.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

/// A key to sign with.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

impl SigningKey {
    pub(crate) fn rsa(id: &str) -> Self {
        let pair = RsaKeyPair::from_der(include_bytes!("testing/rsa.der")).unwrap();
        Self { id: id.to_owned(), pair: Pair::Rsa(Box::new(pair)) }
    }

    pub(crate) fn ec(id: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { id: id.to_owned(), pair: Pair::Ec(Box::new(pair)) }
    }

    /// The public half, as an issuer shows it.
    pub(crate) fn public(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                let key = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "kid": self.id, "use": "sig", "n": text(&key.n), "e": text(&key.e)})
            },
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": self.id, "alg": "ES256", "x": text(x), "y": text(y)})
            },
        }
    }

    /// A token with this head added to the usual one.
    pub(crate) fn token(&self, head: &Value, claims: &Value) -> String {
        let algorithm = if matches!(self.pair, Pair::Rsa(_)) { "RS256" } else { "ES256" };
        let mut full = json!({"alg": algorithm, "typ": "JWT", "kid": self.id});
        for (name, value) in head.as_object().unwrap() {
            full[name] = value.clone();
        }
        let message = unsigned(&full, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            },
            Pair::Ec(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Head and claims, without a signature.
pub(crate) fn unsigned(head: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(head), part(claims))
}

/// An issuer that answers HTTP.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) keys: Arc<Mutex<Vec<Value>>>,
    /// How often its keys were asked for.
    pub(crate) fetches: Arc<AtomicUsize>,
    /// Whether it answers with errors.
    pub(crate) away: Arc<AtomicBool>,
}

impl Issuer {
    pub(crate) async fn start(keys: Vec<Value>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Self {
            url: url.clone(),
            keys: Arc::new(Mutex::new(keys)),
            fetches: Arc::default(),
            away: Arc::default(),
        };
        let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string();
        let shown = issuer.clone();
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(|| std::future::ready(discovery)))
            .route("/keys", get(move || std::future::ready(shown.answer())));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        issuer
    }

    fn answer(&self) -> impl IntoResponse + use<> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return (StatusCode::BAD_GATEWAY, String::new());
        }
        (StatusCode::OK, json!({"keys": *self.keys.lock().unwrap()}).to_string())
    }

    /// Claims of a viewer of this customer that are good for a minute.
    pub(crate) fn claims(&self, customer: &str) -> Value {
        let now = crate::clock::now().0 / 1_000;
        json!({
            "iss": self.url, "aud": "tocsin", "sub": "u-1", "name": "Ada", "iat": now, "exp": now + 60,
            "tocsin_customer": customer, "tocsin_role": "viewer",
        })
    }
}
