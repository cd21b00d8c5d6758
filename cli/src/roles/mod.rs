//! What a process can be: everything, only a worker, the API, the router or the archiver.

mod archive_threads;
mod background;
mod data_folder;
mod health;
mod log;
mod role_thread;
mod router_thread;
mod system_clock;
mod worker_thread;

use std::sync::Arc;

use api::records::Records;
use api::{Api, MetricsPage, NotReady, Wiring};
use bootstrap::preview::ArchivePreviews;
use bootstrap::{Objects, Table};
use ports::{Groups, Log, Previews};
use state::checkpoint::Place;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use worker::{StatusBoard, Stop};

use crate::config::Config;
use crate::failure::Failure;
use crate::{demo, telemetry};
use archive_threads::ArchiveThreads;
use data_folder::DataFolder;

pub(crate) use log::{
    connect, create_missing as create_missing_topics, faults as topic_faults, open as open_log,
};

/// Everything in one process.
pub(crate) fn run(config: &Config, demo: bool) -> Result<(), Failure> {
    let page = telemetry::install(config)?;
    let folder = DataFolder::open(&config.data)?;
    let log = log::open(config)?;
    if config.kafka.is_none() {
        // Before anybody looks for them; with Kafka the worker does it as soon as a broker is there.
        log::prepare(log.as_ref(), config, log::Topics::CreateMissing)?;
    }
    let (token, token_file) = folder.root_token()?;
    let status = StatusBoard::default();
    let stop = Stop::default();
    let archive = archive(config, &log, &stop)?;
    let topics = log::Topics::CreateMissing;
    let worker =
        worker_thread::start(config, &folder, Arc::clone(&log), topics, status.clone(), stop.clone())?;
    let served = runtime()?.block_on(async {
        let listener = listen(config.listen).await?;
        let address = format!("http://{}", local_address(&listener)?);
        println!("listen {address}");
        println!("token  {}", token_file.display());
        let when_ready = demo::announce(address, token.clone(), demo, stop.clone());
        let announcer = std::thread::spawn(when_ready);
        let groups = Arc::new(status.groups());
        let api = api(config, log, &token, status, page, Some(groups))?;
        let served = api.serve(listener, ending(stop.clone(), worker.ended())).await;
        stop.request();
        // Waits in its own pace for at most one request; nothing depends on it.
        drop(announcer);
        served.map_err(|error| Failure::other_side(format!("API: {error}")))
    });
    stop.request();
    let archived = archive.map_or(Ok(()), ArchiveThreads::join);
    worker.join().and(archived).and(served)
}

/// Starts the archiver, if it is not switched off.
fn archive(config: &Config, log: &Arc<dyn Log>, stop: &Stop) -> Result<Option<ArchiveThreads>, Failure> {
    let archive = config.archive.as_ref();
    let start = |archive| ArchiveThreads::start(archive, &config.topics.events, Arc::clone(log), stop);
    archive.map(start).transpose()
}

/// Only the archiver, with a listener for health and metrics.
pub(crate) fn archiver_only(config: &Config) -> Result<(), Failure> {
    let page = telemetry::install(config)?;
    needs_kafka(config, "archiver")?;
    let log = log::open(config)?;
    let (status, stop) = (StatusBoard::default(), Stop::default());
    // There is no worker here, so nothing of one can be missing.
    status.update(|status| status.assigned = true);
    let Some(archive) = archive(config, &log, &stop)? else {
        return Err(Failure::usage("the archive is switched off: name its folder with --archive"));
    };
    let served = runtime()?.block_on(async {
        let listener = listen(config.worker_listen).await?;
        tracing::info!(address = %local_address(&listener)?, "health and metrics are served");
        health::serve(listener, status, page, ending(stop.clone(), std::future::pending())).await
    });
    stop.request();
    archive.join().and(served)
}

/// Only the worker, with a listener for health and metrics.
pub(crate) fn worker_only(config: &Config) -> Result<(), Failure> {
    let page = telemetry::install(config)?;
    needs_kafka(config, "worker")?;
    let folder = DataFolder::open(&config.data)?;
    let log = log::open(config)?;
    let (status, stop) = (StatusBoard::default(), Stop::default());
    let topics = log::Topics::Verify;
    let worker = worker_thread::start(config, &folder, log, topics, status.clone(), stop.clone())?;
    let served = runtime()?.block_on(async {
        let listener = listen(config.worker_listen).await?;
        tracing::info!(address = %local_address(&listener)?, "health and metrics are served");
        health::serve(listener, status, page, ending(stop.clone(), worker.ended())).await
    });
    stop.request();
    worker.join().and(served)
}

/// Only the router, with a listener for health and metrics.
pub(crate) fn router(config: &Config) -> Result<(), Failure> {
    let page = telemetry::install(config)?;
    let Some(router) = &config.router else {
        return Err(Failure::usage("the router needs a topic to read: name it with --input TOPIC"));
    };
    let folder = DataFolder::open(&config.data)?;
    let log = connect(config)?;
    let (status, stop) = (StatusBoard::default(), Stop::default());
    let thread = router_thread::start(config, router, &folder, log, status.clone(), stop.clone())?;
    let served = runtime()?.block_on(async {
        let listener = listen(config.worker_listen).await?;
        tracing::info!(address = %local_address(&listener)?, "health and metrics are served");
        health::serve(listener, status, page, ending(stop.clone(), thread.ended())).await
    });
    stop.request();
    thread.join().and(served)
}

/// Only the API.
pub(crate) fn api_only(config: &Config) -> Result<(), Failure> {
    let page = telemetry::install(config)?;
    needs_kafka(config, "api")?;
    let folder = DataFolder::open(&config.data)?;
    let log = log::open(config)?;
    let (token, token_file) = folder.root_token()?;
    let status = StatusBoard::default();
    // There is no worker here, so nothing of one can be missing.
    status.update(|status| status.assigned = true);
    let stop = Stop::default();
    runtime()?.block_on(async {
        let listener = listen(config.listen).await?;
        let address = format!("http://{}", local_address(&listener)?);
        println!("listen {address}");
        println!("token  {}", token_file.display());
        let announcer = std::thread::spawn(demo::announce(address, token.clone(), false, stop.clone()));
        let api = api(config, log, &token, status, page, None)?;
        let served = api.serve(listener, ending(stop.clone(), std::future::pending())).await;
        stop.request();
        drop(announcer);
        served.map_err(|error| Failure::other_side(format!("API: {error}")))
    })
}

/// The API, wired; needs a runtime.
fn api(
    config: &Config,
    log: Arc<dyn Log>,
    token: &str,
    status: StatusBoard,
    page: MetricsPage,
    groups: Option<Arc<dyn Groups>>,
) -> Result<Api, Failure> {
    let place = |settings| Ok::<_, Failure>(Arc::new(Place::open(settings)?));
    let savepoints = config.checkpoints.as_ref().map(place).transpose()?;
    let records = Records::new(config.records.clone()).map_err(|error| Failure::usage(error.to_string()))?;
    // Who has no worker knows nothing of what workers do.
    let bootstraps = groups.is_some().then(|| Arc::new(status.clone()) as _);
    let probe = move || status.reasons().into_iter().map(|reason| NotReady::new("worker", reason)).collect();
    let previews = previews(config, &log)?;
    Ok(Api::new(Wiring {
        settings: api::Settings {
            behind_proxy: config.tls_proxy,
            oidc: config.oidc.clone(),
            destination_networks: config.destination_networks.clone(),
            ..api::Settings::default()
        },
        log,
        topics: config.topics.clone(),
        group: config.app.clone(),
        root: api::token::hash(token),
        records,
        probe: Arc::new(probe),
        metrics_page: page,
        previews,
        groups,
        bootstraps,
        savepoints: savepoints.map(|place| place as _),
    }))
}

/// Who looks into the past, if there is an archive.
fn previews(config: &Config, log: &Arc<dyn Log>) -> Result<Option<Arc<dyn Previews>>, Failure> {
    let Some(archive) = &config.archive else { return Ok(None) };
    let (log, topic) = (Arc::clone(log), config.topics.events.clone());
    let previews = ArchivePreviews {
        table: Table::new(Objects::folder(&archive.folder)?),
        topic: topic.clone(),
        partitions: Box::new(move || log.partitions(&topic)),
    };
    Ok(Some(Arc::new(previews)))
}

/// Ends when the process is asked to (SIGINT, SIGTERM) or the worker has ended by itself.
async fn ending(stop: Stop, worker_ended: impl Future<Output = ()>) {
    let (mut terminate, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (terminate, interrupt) => {
                tracing::error!(?terminate, ?interrupt, "signals cannot be watched, stopping");
                return;
            },
        };
    tokio::select! {
        _ = terminate.recv() => tracing::info!("asked to stop by SIGTERM"),
        _ = interrupt.recv() => tracing::info!("asked to stop by SIGINT"),
        () = worker_ended => tracing::info!("the worker has ended, stopping"),
    }
    stop.request();
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other_side(format!("threads cannot be started: {error}")))
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::other_side(format!(
            "cannot listen on {address}: {error}; choose another address with --listen"
        ))
    })
}

fn local_address(listener: &TcpListener) -> Result<std::net::SocketAddr, Failure> {
    listener
        .local_addr()
        .map_err(|error| Failure::other_side(format!("the listener has no address: {error}")))
}

fn needs_kafka(config: &Config, role: &str) -> Result<(), Failure> {
    if config.kafka.is_some() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "`tocsin {role}` needs Kafka, since the embedded log belongs to one process: name the broker with --kafka \
         HOST:PORT, or start `tocsin run`"
    )))
}
