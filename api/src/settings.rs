//! What can be set about the API. Every bound that a client can meet stands here.

use std::time::Duration;

use crate::access::OidcSettings;
use crate::destinations::Network;

/// Settings of the API; the default serves a single machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether a proxy stands in front, whose `X-Forwarded-For` tells where requests come from.
    pub behind_proxy: bool,
    /// The issuer whose tokens are taken besides our own, if there is one.
    pub oidc: Option<OidcSettings>,
    /// Networks besides the internet at large to which alerts may be sent.
    pub destination_networks: Vec<Network>,
    /// The most destinations that are sent to at once.
    pub sending_max: usize,
    /// The most connections at once; further ones wait to be accepted.
    pub connections_max: usize,
    /// The most alert streams at once; further ones are answered 503.
    pub streams_max: usize,
    /// The most requests that write to the log at once; further ones wait for a moment, then are answered 503.
    pub writes_max: usize,
    /// The most bytes of request bodies in memory, all requests together; beyond it they are answered 503.
    pub body_bytes_max: usize,
    /// How long a client may take to send the head of a request, and how long an idle connection stays open.
    pub head_timeout: Duration,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a rule write waits until the rule is in force on every partition.
    pub effective_timeout: Duration,
    /// The most imports of rules at once; further ones are answered 503.
    pub imports_max: usize,
    /// The most bytes of one import, unpacked; beyond it the import stops.
    pub import_bytes_max: usize,
    /// How long an import waits at its end until its rules are in force on every partition.
    pub import_effective_timeout: Duration,
    /// The most explanations at once; further ones wait for a moment, then are answered 503.
    pub explanations_max: usize,
    /// The most previews of rules at once; further ones are answered 503.
    pub previews_max: usize,
    /// The most looks at the groups of rules at once; further ones are answered 503.
    pub looks_max: usize,
    /// How often an alert stream without alerts shows that it is alive.
    pub keep_alive: Duration,
    /// The most alerts kept in memory for streams; a slower client reads from the log.
    pub ring_alerts_max: usize,
    /// The most bytes of alerts kept in memory for streams.
    pub ring_bytes_max: usize,
    /// How long open requests may go on after the stop was asked for.
    pub stop_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            behind_proxy: false,
            oidc: None,
            destination_networks: Vec::new(),
            sending_max: 64,
            connections_max: 12_000,
            streams_max: 10_000,
            writes_max: 64,
            body_bytes_max: 256 << 20,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            effective_timeout: Duration::from_secs(10),
            imports_max: 2,
            import_bytes_max: 256 << 20,
            import_effective_timeout: Duration::from_secs(60),
            explanations_max: 4,
            previews_max: 1,
            looks_max: 2,
            keep_alive: Duration::from_secs(15),
            ring_alerts_max: 8_192,
            ring_bytes_max: 32 << 20,
            stop_timeout: Duration::from_secs(10),
        }
    }
}
