//! Serves the log lines and errors of clients that are only asked now and then. Unserved they would pile up in memory
//! while a broker is away.

use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use ports::{Error, ErrorKind, Result};
use rdkafka::consumer::BaseConsumer;

use super::context::{Watch, lock};

/// A client for questions.
pub(super) type Client = BaseConsumer<Watch>;

/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(200);

/// Events of one client in a round; more wait for the next one.
const EVENTS_MAX: usize = 100;

type Clients = Mutex<Vec<Weak<Client>>>;

/// A thread that serves clients for as long as this value lives.
pub(super) struct Serving(Arc<Clients>);

impl Serving {
    pub(super) fn start() -> Result<Self> {
        let clients: Arc<Clients> = Arc::default();
        let watched = Arc::downgrade(&clients);
        let rounds = move || {
            while let Some(clients) = watched.upgrade() {
                let alive: Vec<_> = lock(&clients).iter().filter_map(Weak::upgrade).collect();
                drop(clients);
                alive.iter().for_each(|client| serve(client));
                drop(alive);
                thread::sleep(PAUSE);
            }
        };
        let thread = thread::Builder::new().name("kafka-serve".to_owned()).spawn(rounds);
        thread
            .map_err(|problem| Error::new(ErrorKind::Unavailable, format!("starting a thread: {problem}")))?;
        Ok(Self(clients))
    }

    /// Serves this client too, until it is gone.
    pub(super) fn add(&self, client: &Arc<Client>) {
        let mut clients = lock(&self.0);
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(client));
    }
}

/// Serves what has come up. Such a client has no records.
pub(super) fn serve(client: &Client) {
    for _ in 0..EVENTS_MAX {
        drop(client.poll(Duration::ZERO));
    }
}
