//! Who asks: the holder of the root token, of one that is in the records, or of one of the issuer that is believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, header};
use rules::Timestamp;

use super::attempts::Attempts;
use super::oidc::Oidc;
use super::{OidcSettings, Principal, Source};
use crate::clock;
use crate::error::{Answer, Code, Problem};
use crate::records::tokens::StoredToken;
use crate::records::{Records, tokens};
use crate::token::{self, TokenHash};

/// How long what the records have said of a token holds: so late does another server notice that it was revoked.
const FRESH: Duration = Duration::from_secs(5);
/// How long a token that was good is looked up again although its place has tried too many others.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How many tokens are remembered.
const KNOWN_MAX: usize = 10_000;

/// Finds out who asks.
pub(crate) struct Authenticator {
    root: TokenHash,
    records: Records,
    known: Mutex<HashMap<TokenHash, Known>>,
    attempts: Attempts,
    oidc: Option<Oidc>,
}

struct Known {
    principal: Arc<Principal>,
    checked: Instant,
}

impl Authenticator {
    /// The root token has this hash; all others are in the records, or come from the issuer if there is one.
    pub(crate) fn new(root: TokenHash, records: Records, oidc: Option<OidcSettings>) -> Self {
        let oidc = oidc.map(Oidc::new);
        Self { root, records, known: Mutex::default(), attempts: Attempts::default(), oidc }
    }

    /// Who asks.
    ///
    /// # Errors
    /// No token, one that is not known or has ended, too many tries of that kind, or records that are away.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap, source: Source) -> Answer<Arc<Principal>> {
        let text = bearer(headers).ok_or_else(missing)?;
        let hash = token::hash(text);
        if hash == self.root {
            return Ok(Arc::new(Principal::root()));
        }
        if let Some(oidc) = self.oidc.as_ref().filter(|_| Oidc::is_its(text)) {
            let principal = oidc.authenticate(text).await.map_err(|no| no.into_problem(unknown))?;
            return Ok(Arc::new(principal));
        }
        match self.recall(&hash) {
            Recalled::Fresh(principal) => return alive(principal),
            Recalled::Stale => {},
            // Guesses cost nothing here, whoever is let through from the same place.
            Recalled::Unknown => {
                if let Some(seconds) = self.attempts.refused(source, Instant::now()) {
                    let detail = "too many tokens that do not exist came from this address";
                    return Err(Problem::new(Code::TooManyAttempts, detail).retry_after(seconds));
                }
            },
        }
        let found =
            if token::is_well_formed(text) { tokens::find(&self.records, &hash).await? } else { None };
        let Some(stored) = found else {
            self.known().remove(&hash);
            self.attempts.failed(source, Instant::now());
            return Err(unknown("no such token"));
        };
        alive(self.remember(hash, stored))
    }

    /// Whether somebody who was let in before may stay: the token has not ended and was not revoked. Records that are
    /// away put nobody out.
    pub(crate) async fn is_still(&self, principal: &Principal) -> bool {
        if has_ended(principal) {
            return false;
        }
        let Some(hash) = principal.hash else { return true };
        if matches!(self.recall(&hash), Recalled::Fresh(_)) {
            return true;
        }
        match tokens::find(&self.records, &hash).await {
            Ok(Some(stored)) => {
                self.remember(hash, stored);
                true
            },
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Forgets a token that was revoked here, so that it ends at once.
    pub(crate) fn forget(&self, id: &str) {
        self.known().retain(|_, known| known.principal.id != id);
    }

    fn recall(&self, hash: &TokenHash) -> Recalled {
        match self.known().get(hash) {
            Some(known) if known.checked.elapsed() < FRESH => Recalled::Fresh(Arc::clone(&known.principal)),
            Some(known) if known.checked.elapsed() < REMEMBERED => Recalled::Stale,
            _ => Recalled::Unknown,
        }
    }

    fn remember(&self, hash: TokenHash, stored: StoredToken) -> Arc<Principal> {
        let principal = Arc::new(Principal {
            id: format!("token:{}", stored.id),
            name: stored.name,
            role: stored.role,
            customer: stored.customer,
            expires_at: Some(stored.expires_at),
            hash: Some(hash),
        });
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.retain(|_, known| known.checked.elapsed() < FRESH);
        }
        if known.len() < KNOWN_MAX {
            known.insert(hash, Known { principal: Arc::clone(&principal), checked: Instant::now() });
        }
        drop(known);
        principal
    }

    fn known(&self) -> MutexGuard<'_, HashMap<TokenHash, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Recalled {
    Fresh(Arc<Principal>),
    Stale,
    Unknown,
}

fn alive(principal: Arc<Principal>) -> Answer<Arc<Principal>> {
    if has_ended(&principal) { Err(unknown("the token has expired")) } else { Ok(principal) }
}

fn has_ended(principal: &Principal) -> bool {
    principal.expires_at.is_some_and(|end: Timestamp| end <= clock::now())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn missing() -> Problem {
    let detail = "send the header `Authorization: Bearer` with a token";
    let challenge = HeaderValue::from_static("Bearer realm=\"tocsin\"");
    Problem::new(Code::TokenMissing, detail).header(header::WWW_AUTHENTICATE, challenge)
}

fn unknown(detail: &str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"tocsin\", error=\"invalid_token\"");
    Problem::new(Code::TokenUnknown, detail).header(header::WWW_AUTHENTICATE, challenge)
}
