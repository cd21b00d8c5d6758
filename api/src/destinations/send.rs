//! One attempt to deliver: signed, to allowed addresses alone, without redirects or proxies, within a time.

use std::fmt;
use std::time::Duration;

use ring::hmac;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::address::{Network, is_allowed, is_public};
use super::verdict::{Verdict, of_status};

/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends to destinations.
#[derive(Clone)]
pub(super) struct Sender(Agent);

/// What is sent.
pub(super) struct Message<'a> {
    pub(super) url: &'a str,
    pub(super) secret: &'a str,
    /// Names the delivery: the same at every attempt.
    pub(super) delivery: &'a str,
    /// Now, in seconds since 1970.
    pub(super) now: i64,
    pub(super) body: &'a str,
}

impl Sender {
    pub(super) fn new(networks: Vec<Network>) -> Self {
        let config = Config::builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            // A proxy would look names up where nothing is checked.
            .proxy(None)
            // A connection that is kept was checked for another time.
            .max_idle_connections(0)
            .user_agent("tocsin")
            .build();
        let resolver = Checked { names: DefaultResolver::default(), networks };
        Self(Agent::with_parts(config, DefaultConnector::default(), resolver))
    }

    /// Sends, and waits for the answer.
    pub(super) fn send(&self, message: &Message<'_>) -> Verdict {
        let request = self
            .0
            .post(message.url)
            .header("content-type", "application/json")
            .header("tocsin-delivery", message.delivery)
            .header("tocsin-signature", signature(message.secret, message.now, message.body));
        match request.send(message.body) {
            Ok(response) => of_status(response.status().as_u16()),
            Err(error) => Verdict::Again(reason(&error)),
        }
    }
}

/// Why nothing was answered. Texts of others may hold the address with its secrets, so there are only ours.
fn reason(error: &ureq::Error) -> String {
    let text = match error {
        ureq::Error::HostNotFound => "its name has no address that may be sent to",
        ureq::Error::Timeout(_) => "it did not answer in time",
        ureq::Error::ConnectionFailed | ureq::Error::Io(_) => "no connection to it can be made, or it broke",
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => "its certificate is not good",
        _ => "it cannot be reached",
    };
    text.to_owned()
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA-256 under the destination's secret of the seconds, a dot and the body.
pub(super) fn signature(secret: &str, now: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{now}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={now},v1={hex}")
}

/// Looks names up, and leaves out the addresses that may not be sent to: what is connected to is what was checked.
struct Checked {
    names: DefaultResolver,
    networks: Vec<Network>,
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checked({} networks)", self.networks.len())
    }
}

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let secure = uri.scheme_str() == Some("https");
        let mut good = self.empty();
        for address in found.iter() {
            let allowed = is_allowed(address.ip(), &self.networks);
            if allowed || (secure && is_public(address.ip())) {
                good.push(*address);
            }
        }
        if good.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(good) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_time_and_the_body() {
        // By `printf '1.{}' | openssl dgst -sha256 -hmac key`.
        let expected = "t=1,v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224";
        assert_eq!(signature("key", 1, "{}"), expected);
        assert_ne!(signature("key", 2, "{}"), expected);
    }
}
