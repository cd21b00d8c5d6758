//! The measured part of a run: senders on threads of their own, the ledger on this one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::alerts::Sighting;
use crate::arguments::Run;
use crate::console;
use crate::http::Client;
use crate::latency::Latencies;
use crate::ledger::{Ledger, Verdict};
use crate::process::{self, Usage};
use crate::send::{self, Job, Sent};
use crate::workload::Workload;
use crate::workload::bodies::Bodies;

/// Between the last preparation and the first event.
const START_DELAY: Duration = Duration::from_millis(100);
/// How long to wait for alerts too many once all expected ones are there.
const EXTRA_PATIENCE: Duration = Duration::from_secs(2);
/// How often the ledger looks up from the sightings.
const LEDGER_PAUSE: Duration = Duration::from_millis(100);
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// Kafka: how often the producer looks for events that are due.
const KAFKA_PERIOD: Duration = Duration::from_millis(1);

/// What is to be measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'l> {
    /// The command line.
    pub(crate) settings: &'l Run,
    /// The other side's API.
    pub(crate) client: &'l Client,
    /// What is sent, and its truth.
    pub(crate) workload: &'l Workload,
    /// The long part of the events.
    pub(crate) bodies: &'l Bodies,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    /// What the senders did.
    pub(crate) sent: Sent,
    /// What came of it.
    pub(crate) verdict: Verdict,
    /// How long alerts took.
    pub(crate) latencies: Latencies,
    /// How often the alert stream had to be opened again.
    pub(crate) reconnects: u64,
    /// What failed around the measurement, and does not make it worthless.
    pub(crate) failures: Vec<String>,
    /// CPU time of this process while events were sent.
    pub(crate) own_cpu: Duration,
    /// CPU time of the watched process while events were sent, and its peak memory.
    pub(crate) watched: Option<Usage>,
}

/// Sends everything and enters what comes back, until all is there or the drain time is over.
pub(crate) fn measure(
    load: &Load<'_>,
    stop: &AtomicBool,
    sightings: &Receiver<Sighting>,
) -> Result<Measured> {
    let Load { settings, workload, bodies, .. } = *load;
    let period =
        if settings.kafka.is_some() { KAFKA_PERIOD } else { Duration::from_millis(settings.batch_ms) };
    let watch = || settings.pid.map(process::other).transpose();
    let (events, expected) = (workload.schedule().count(), workload.expected().len());
    console::progress(&format!(
        "sending {events} events in {:?}, {expected} alerts expected",
        settings.duration
    ));

    let (before, own_before) = (watch()?, process::own()?);
    let start = Instant::now() + START_DELAY;
    let mut desk = Desk { sightings, start, ledger: Ledger::new(workload, settings.warmup), reconnects: 0 };
    let sent = send_all(load, Job { workload, bodies, start, period, stop }, &mut desk)?;
    let (after, own_after) = (watch()?, process::own()?);

    let deadline = Instant::now() + settings.drain;
    while !desk.ledger.complete() && Instant::now() < deadline {
        desk.enter_for(LEDGER_PAUSE)?;
    }
    desk.enter_for(EXTRA_PATIENCE.min(settings.drain))?;
    let (verdict, latencies) = desk.ledger.close();
    let watched =
        before.zip(after).map(|(before, after)| Usage { cpu: after.cpu.saturating_sub(before.cpu), ..after });
    Ok(Measured {
        sent,
        verdict,
        latencies,
        reconnects: desk.reconnects,
        own_cpu: own_after.cpu.saturating_sub(own_before.cpu),
        failures: Vec::new(),
        watched,
    })
}

/// Runs the senders to their end while alerts are entered.
fn send_all(load: &Load<'_>, job: Job<'_>, desk: &mut Desk<'_>) -> Result<Sent> {
    thread::scope(|scope| {
        // A sender that failed must not leave the others sending into nothing.
        let done = |sent: Result<Sent>| sent.inspect_err(|_| job.stop.store(true, Ordering::Relaxed));
        let Load { settings, client, .. } = *load;
        let senders: Vec<ScopedJoinHandle<'_, Result<Sent>>> = match &settings.kafka {
            Some(broker) => {
                let (topic, compression) = (&settings.events_topic, &settings.compression);
                vec![scope.spawn(move || done(send::kafka::send(broker, topic, compression, job)))]
            },
            None => send::http::shares(settings.connections)
                .map(|share| scope.spawn(move || done(send::http::send(client, share, job))))
                .collect(),
        };
        let mut heard = Ok(());
        let mut told = Instant::now();
        while heard.is_ok() && senders.iter().any(|sender| !sender.is_finished()) {
            heard = desk.enter_for(LEDGER_PAUSE);
            if told.elapsed() > PROGRESS_EVERY {
                told = Instant::now();
                let expected = job.workload.expected().len();
                console::progress(&format!("{} of {expected} alerts seen", desk.ledger.seen()));
            }
        }
        if heard.is_err() {
            job.stop.store(true, Ordering::Relaxed);
        }
        // A failed sender stops the reader too, so its error is the one that explains.
        let sent = join(senders)?;
        heard.map(|()| sent)
    })
}

/// The sum of what the senders did, or the first failure.
fn join(senders: Vec<ScopedJoinHandle<'_, Result<Sent>>>) -> Result<Sent> {
    let ends: Vec<Result<Sent>> = senders
        .into_iter()
        .map(|sender| sender.join().unwrap_or_else(|_| Err(anyhow!("a sender panicked"))))
        .collect();
    let mut all = Sent::new();
    for sent in ends {
        all.merge(&sent?);
    }
    Ok(all)
}

/// Where sightings come in and are entered.
struct Desk<'d> {
    sightings: &'d Receiver<Sighting>,
    start: Instant,
    ledger: Ledger<'d>,
    reconnects: u64,
}

impl Desk<'_> {
    /// Enters what comes during this time.
    fn enter_for(&mut self, time: Duration) -> Result<()> {
        let deadline = Instant::now() + time;
        loop {
            match self.sightings.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Sighting::Alert(at, alert)) => {
                    self.ledger.enter(&alert, at.checked_duration_since(self.start));
                },
                Ok(Sighting::Reconnected) => self.reconnects += 1,
                Ok(Sighting::Open) => {},
                Ok(Sighting::Failed(error)) => return Err(error),
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => bail!("the reader of alerts ended without a word"),
            }
            if Instant::now() >= deadline {
                return Ok(());
            }
        }
    }
}
