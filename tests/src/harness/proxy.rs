//! A network that fails: a TCP proxy between the product and a broker.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// All bytes pass.
    Sound,
    /// Every connection is cut, and none is made.
    Cut,
    /// Every piece is late by this much, both ways.
    Slow(Duration),
    /// What goes to the broker is held back, and arrives when the network is sound again: also what its sender has given
    /// up on long since.
    Held,
    /// The broker's answers are held back until the network is sound again.
    Mute,
    /// Of the next piece to the broker on every connection half arrives, then the connection is cut.
    Torn,
}

/// A proxy, gone when dropped.
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    network: Mutex<Network>,
    // Which connections are alive: those of a generation before a cut are not.
    generation: AtomicU32,
    ended: Mutex<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToBroker,
    ToClient,
}

/// How long a pump waits before it looks around.
const SLICE: Duration = Duration::from_millis(20);

impl Proxy {
    /// A port that is taken and leads nowhere yet.
    pub fn reserve() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    /// Leads the reserved port to a broker.
    pub fn start(listener: TcpListener, broker: SocketAddr) -> Self {
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            network: Mutex::new(Network::Sound),
            generation: AtomicU32::new(0),
            ended: Mutex::new(false),
        });
        let shared = Arc::clone(&state);
        listener.set_nonblocking(true).unwrap();
        thread::spawn(move || {
            while !*lock(&shared.ended) {
                match listener.accept() {
                    Ok((client, _)) => connect(client, broker, &shared),
                    Err(_) => thread::sleep(SLICE),
                }
            }
        });
        Self { port, state }
    }

    /// Changes what the network does.
    pub fn set(&self, network: Network) {
        *lock(&self.state.network) = network;
        if network == Network::Cut {
            self.state.generation.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        *lock(&self.state.ended) = true;
        self.set(Network::Cut);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(client: TcpStream, broker: SocketAddr, state: &Arc<State>) {
    if *lock(&state.network) == Network::Cut {
        return;
    }
    let generation = state.generation.load(Ordering::SeqCst);
    let Ok(server) = TcpStream::connect(broker) else { return };
    for stream in [&client, &server] {
        stream.set_nonblocking(false).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SLICE)).unwrap();
    }
    let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    for (from, to, direction) in
        [(client, server, Direction::ToBroker), (server_too, client_too, Direction::ToClient)]
    {
        let state = Arc::clone(state);
        thread::spawn(move || pump(from, to, direction, generation, &state));
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, direction: Direction, generation: u32, state: &State) {
    let mut buffer = vec![0; 64 << 10];
    let is_alive = || state.generation.load(Ordering::SeqCst) == generation;
    while is_alive() {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        let passes = loop {
            let network = *lock(&state.network);
            match (network, direction) {
                (Network::Held, Direction::ToBroker) | (Network::Mute, Direction::ToClient) => {
                    thread::sleep(SLICE);
                },
                (Network::Slow(time), _) => {
                    thread::sleep(time);
                    break count;
                },
                (Network::Torn, Direction::ToBroker) => break count / 2,
                (Network::Cut, _) => break 0,
                _ => break count,
            }
        };
        if !is_alive() || to.write_all(&buffer[..passes]).is_err() || passes < count {
            break;
        }
    }
    drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every piece with itself.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    let (mut reader, mut writer) = (stream.try_clone().unwrap(), stream);
                    std::io::copy(&mut reader, &mut writer)
                });
            }
        });
        address
    }

    #[test]
    fn a_sound_network_passes_bytes_a_muted_one_later_and_a_cut_one_none() {
        let (listener, port) = Proxy::reserve();
        let proxy = Proxy::start(listener, echo());
        let connect = || {
            let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            stream
        };
        let mut stream = connect();
        let mut answer = [0; 2];
        stream.write_all(b"ab").unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"ab");

        proxy.set(Network::Mute);
        stream.write_all(b"cd").unwrap();
        assert!(stream.read(&mut answer).is_err());
        proxy.set(Network::Sound);
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"cd");

        proxy.set(Network::Cut);
        assert!(matches!(stream.read(&mut answer), Ok(0) | Err(_)));
        assert!(matches!(connect().read(&mut answer), Ok(0) | Err(_)));
    }
}
