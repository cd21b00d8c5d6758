//! What a worker is told at its start.

use std::time::Duration;

use ports::Topics;
use rules::Span;

/// A worker's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The deployment; also the name of its consumer group.
    pub app: String,
    /// The worker's lasting name within the deployment.
    pub name: String,
    /// The deployment's topics.
    pub topics: Topics,
    /// How many records one poll takes.
    pub poll_records_max: usize,
    /// How long one poll waits for records.
    pub poll_timeout: Duration,
    /// How long alerts wait for company before an epoch closes.
    pub alert_wait: Duration,
    /// How long anything else waits.
    pub epoch_wait: Duration,
    /// How many bytes of output and state close an epoch at once.
    pub epoch_bytes: usize,
    /// How many bytes may be uncommitted before polling stops.
    pub uncommitted_bytes_max: usize,
    /// How long a customer sends nothing, and its partition is read to the end, before time goes on for it without events.
    pub idle_after: Span,
    /// How many threads plan a large batch; a plan needs no state and no key.
    pub plan_threads_max: usize,
    /// How many bytes of memory the past of new rules may take while it is folded.
    pub fold_state_bytes_max: usize,
    /// How many alerts new rules may raise over the past.
    pub fold_alerts_max: usize,
    /// How many bytes of what a fold came to are copied with one turn of the loop.
    pub copy_bytes: usize,
    /// How many groups a customer has room for over all rules that are evaluated for it.
    pub customer_groups_max: u64,
    /// How long a recovery waits for changelog records that must be there.
    pub recovery_patience: Duration,
}

impl Settings {
    /// The defaults for a deployment of that name and a worker of that name.
    pub fn new(app: &str, name: &str) -> Self {
        Self {
            app: app.to_owned(),
            name: name.to_owned(),
            topics: Topics::of(app),
            poll_records_max: 4096,
            poll_timeout: Duration::from_millis(5),
            alert_wait: Duration::from_millis(20),
            epoch_wait: Duration::from_secs(1),
            epoch_bytes: 4 << 20,
            uncommitted_bytes_max: 16 << 20,
            idle_after: Span::from_millis(60_000),
            plan_threads_max: 1,
            fold_state_bytes_max: 1 << 30,
            fold_alerts_max: 100_000,
            copy_bytes: 1 << 20,
            customer_groups_max: engine::CUSTOMER_GROUPS_MAX,
            recovery_patience: Duration::from_secs(30),
        }
    }
}
