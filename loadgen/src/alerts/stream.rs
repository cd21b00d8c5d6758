//! Alerts from `GET /v1/alerts/stream`.

use std::io::Read;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::sse::{Event, Parser};
use super::{Sighting, decode};
use crate::http::Client;

const PATH: &str = "/v1/alerts/stream";
/// How often a stream that ended is opened again in one run.
const RECONNECTS_MAX: u32 = 10;

/// Starts the reader. Its thread ends with the process, or when nobody listens to it any more: a blocking read of
/// a silent stream cannot be called back.
pub(crate) fn spawn(client: Client, sightings: SyncSender<Sighting>) {
    thread::spawn(move || {
        if let Err(error) = read(&client, &sightings) {
            // Nobody listening means the run is over, and its errors of no interest.
            _ = sightings.send(Sighting::Failed(error));
        }
    });
}

fn read(client: &Client, sightings: &SyncSender<Sighting>) -> Result<()> {
    let mut position: Option<String> = None;
    for attempt in 0..=RECONNECTS_MAX {
        let stream = client.stream(PATH, position.as_deref())?;
        let opened = if attempt == 0 { Sighting::Open } else { Sighting::Reconnected };
        if sightings.send(opened).is_err() {
            return Ok(());
        }
        let mut reader = stream.into_body().into_with_config().limit(u64::MAX).reader();
        let (mut parser, mut events, mut buffer) = (Parser::default(), Vec::new(), vec![0; 64 << 10]);
        // An error in the middle of a stream is an end of it like any other: go on from the last position.
        while let Ok(length @ 1..) = reader.read(&mut buffer) {
            let now = Instant::now();
            parser.push(&buffer[..length], &mut events)?;
            for event in events.drain(..) {
                position.clone_from(&event.id);
                if !hand_on(event, now, sightings)? {
                    return Ok(());
                }
            }
        }
        if position.is_none() {
            bail!(
                "{} ended before it had named a position, so alerts may have been missed",
                client.address(PATH)
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
    bail!("{} ended {RECONNECTS_MAX} times", client.address(PATH))
}

/// Whether somebody still listens.
fn hand_on(event: Event, now: Instant, sightings: &SyncSender<Sighting>) -> Result<bool> {
    if event.name == "gap" {
        bail!("the alert stream has a gap, the other side no longer has what was missed: {}", event.data);
    }
    let alert = decode(event.data.as_bytes()).context("reading the alert stream")?;
    Ok(sightings.send(Sighting::Alert(now, alert)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::{channel, wait_open};
    use crate::testing::FakeServer;
    use std::io::Write;
    use std::net::Shutdown;
    use std::sync::mpsc::Receiver;

    const PATIENCE: Duration = Duration::from_secs(10);
    const ALERT: &str = r#"{"customerId":"c","alertId":"a","state":"firing","value":3}"#;

    fn open(server: &FakeServer) -> Receiver<Sighting> {
        let (sender, receiver) = channel();
        spawn(Client::new(&server.address, "secret").expect("the address is fine"), sender);
        receiver
    }

    #[test]
    fn a_broken_stream_goes_on_where_it_was() {
        let server = FakeServer::serve(|request, stream| {
            let resumed = request.head.to_lowercase().contains("last-event-id: p1");
            let position = if resumed { "p2" } else { "p1" };
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hi\n\nid: {position}\ndata: {ALERT}\n\n")
                .expect("the client reads");
            if !resumed {
                stream.shutdown(Shutdown::Both).expect("was open");
            }
        });
        let sightings = open(&server);
        wait_open(&sightings).expect("opens");
        let kinds: Vec<String> = (0..3)
            .map(|_| match sightings.recv_timeout(PATIENCE).expect("says more") {
                Sighting::Alert(..) => "alert".to_owned(),
                Sighting::Reconnected => "reconnected".to_owned(),
                other @ (Sighting::Open | Sighting::Failed(_)) => format!("{other:?}"),
            })
            .collect();
        assert_eq!(kinds, ["alert", "reconnected", "alert"]);
    }

    #[test]
    fn a_refused_stream_says_why() {
        let server = FakeServer::start(|_| (403, r#"{"code":"TOC-2003","title":"not allowed"}"#.to_owned()));
        let error = wait_open(&open(&server)).expect_err("is refused").to_string();
        assert!(error.contains("was answered 403: TOC-2003, not allowed; the token needs"), "{error}");
    }
}
