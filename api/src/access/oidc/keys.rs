//! The issuer's keys: fetched when they are first needed, again every hour, and when a token names one that is not known;
//! never more often than every ten seconds, whatever tokens come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Mutex;
use ureq::Agent;

use super::away;
use super::jwk::{Key, read_keys};
use super::settings::{OidcSettings, is_safe};
use crate::blocking::blocking;
use crate::error::Answer;

/// How long keys are good without another look.
const FRESH: Duration = Duration::from_secs(3_600);
/// How long keys go on being used while the issuer cannot be reached.
const STALE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// The least time between two fetches.
#[cfg(not(test))]
pub(super) const PAUSE: Duration = Duration::from_secs(10);
#[cfg(test)]
pub(super) const PAUSE: Duration = Duration::from_millis(300);
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest document that is read.
const DOCUMENT_BYTES_MAX: u64 = 256 << 10;

pub(super) struct Keys {
    place: Place,
    state: Mutex<State>,
}

#[derive(Clone)]
struct Place {
    issuer: String,
    keys_url: Option<String>,
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<Vec<Key>>, Instant)>,
    tried: Option<Instant>,
    failure: String,
}

impl Keys {
    pub(super) fn new(settings: &OidcSettings) -> Self {
        let place = Place { issuer: settings.issuer.clone(), keys_url: settings.keys_url.clone() };
        Self { place, state: Mutex::default() }
    }

    /// The keys as far as they are known; fetched if that was too long ago.
    pub(super) async fn known(&self) -> Answer<Arc<Vec<Key>>> {
        // Whoever comes while keys are fetched waits for the same fetch.
        let mut state = self.state.lock().await;
        if !state.is_good_for(FRESH) {
            self.fetch(&mut state).await;
        }
        match &state.keys {
            Some((keys, at)) if at.elapsed() < STALE_MAX => Ok(Arc::clone(keys)),
            _ => Err(away(&state.failure)),
        }
    }

    /// Newer keys than those that are known, if they may be fetched again already.
    pub(super) async fn newer(&self) -> Option<Arc<Vec<Key>>> {
        let mut state = self.state.lock().await;
        self.fetch(&mut state).await.then(|| state.keys.as_ref().map(|(keys, _)| Arc::clone(keys)))?
    }

    async fn fetch(&self, state: &mut State) -> bool {
        if state.tried.is_some_and(|at| at.elapsed() < PAUSE) {
            return false;
        }
        state.tried = Some(Instant::now());
        let place = self.place.clone();
        match blocking(move || place.fetch()).await {
            Ok(Ok(keys)) => {
                state.keys = Some((Arc::new(keys), Instant::now()));
                true
            },
            Ok(Err(reason)) => {
                tracing::warn!(reason, "the keys of the issuer of tokens cannot be fetched");
                state.failure = reason;
                false
            },
            Err(_) => false,
        }
    }
}

impl State {
    fn is_good_for(&self, time: Duration) -> bool {
        self.keys.as_ref().is_some_and(|(_, at)| at.elapsed() < time)
    }
}

impl Place {
    fn fetch(&self) -> Result<Vec<Key>, String> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            // An issuer says where its keys are; nobody on the way does.
            .max_redirects(0)
            .build()
            .into();
        let url = match &self.keys_url {
            Some(url) => url.clone(),
            None => self.discover(&agent)?,
        };
        let text = get(&agent, &url)?;
        let keys = read_keys(&text).ok_or_else(|| format!("{url} is not a set of keys"))?;
        if keys.is_empty() { Err(format!("{url} has no key that can check a signature")) } else { Ok(keys) }
    }

    /// Where the keys are (OpenID Connect Discovery 1.0).
    fn discover(&self, agent: &Agent) -> Result<String, String> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let document: Value = serde_json::from_slice(&get(agent, &url)?)
            .map_err(|_| format!("{url} is not the discovery document of an issuer"))?;
        if document.get("issuer").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(format!("{url} is the discovery document of another issuer"));
        }
        let keys = document.get("jwks_uri").and_then(Value::as_str).filter(|url| is_safe(url));
        keys.map(str::to_owned).ok_or_else(|| format!("{url} names no safe address of keys"))
    }
}

fn get(agent: &Agent, url: &str) -> Result<Vec<u8>, String> {
    let response = agent.get(url).call().map_err(|error| format!("{url}: {error}"))?;
    if response.status().as_u16() != 200 {
        return Err(format!("{url}: status {}", response.status().as_u16()));
    }
    let body = response.into_body().into_with_config().limit(DOCUMENT_BYTES_MAX).read_to_vec();
    body.map_err(|error| format!("{url}: {error}"))
}
