//! Connections: accepting them within a bound, a deadline for their heads, and their end.
//!
//! HTTP/1.1 alone: what speaks HTTP/2 stands before this server as a proxy with TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::access::Peer;
use crate::settings::Settings;

/// How long to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts and serves connections until `shutdown` completes; answers those that are still open.
pub(crate) async fn accept(
    listener: &TcpListener,
    router: Router,
    settings: &Settings,
    shutdown: impl Future<Output = ()> + Send,
) -> GracefulShutdown {
    let open = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(settings.connections_max));
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(settings.head_timeout);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, connection(listener).await)
        };
        let (slot, (stream, peer)) = tokio::select! {
            next = next => next,
            () = &mut shutdown => return open,
        };
        let service = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Clients break off whenever they like.
                tracing::debug!(%error, "a connection has ended early");
            }
            drop(slot);
        });
    }
}

async fn connection(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps small packets back");
                }
                return (stream, peer);
            },
            Err(error) => {
                // Usually no file descriptors are left, which passes when others are closed.
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(PAUSE).await;
            },
        }
    }
}

/// Lets open requests finish, for a while.
pub(crate) async fn finish(open: GracefulShutdown, patience: Duration) {
    let count = open.count();
    if timeout(patience, open.shutdown()).await.is_err() {
        tracing::warn!(connections = count, "requests were cut off at the stop");
    }
}
