//! A road between gateway and broker on which things go wrong; needs no rights on the machine.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::pause;
use crate::limits::{PROXY_LOOK, PROXY_OCTETS};

/// How octets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// At once.
    Open,
    /// Not at all, and nobody is told; what was sent waits, as with a network that is down.
    BlackHole,
    /// From the gateway only: its messages arrive, no answer comes back.
    OneWay,
    /// This many octets in each step of 20 ms, each way.
    Slow(usize),
    /// Each connection is closed when it has carried so many octets from the gateway.
    CutAfter(u64),
}

/// The proxy; its port leads to the target until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    road: Mutex<Road>,
    ended: AtomicBool,
    connections: AtomicU64,
    /// Grows when every connection shall be closed.
    cut: AtomicU64,
}

impl Proxy {
    /// Opens a port that leads to this port of the same machine.
    pub fn open(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("its number").port();
        let state = Arc::new(State {
            road: Mutex::new(Road::Open),
            ended: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            cut: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || accept(&listener, target, &shared));
        Self {
            port,
            state,
            thread: Some(thread),
        }
    }

    /// Where to connect.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Changes the road under every connection.
    pub fn set(&self, road: Road) {
        *self
            .state
            .road
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = road;
    }

    /// Closes every connection.
    pub fn cut(&self) {
        self.state.cut.fetch_add(1, Ordering::SeqCst);
    }

    /// Connections made so far.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl State {
    fn road(&self) -> Road {
        *self.road.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, target: u16, state: &Arc<State>) {
    let mut carriers = Vec::new();
    while !state.ended.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((gateway, _)) => {
                state.connections.fetch_add(1, Ordering::SeqCst);
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
                if let Ok(broker) = TcpStream::connect(address) {
                    carriers.extend(carry(gateway, broker, state).unwrap_or_default());
                }
            }
            Err(_) => pause(PROXY_LOOK),
        }
    }
    for carrier in carriers {
        drop(carrier.join());
    }
}

fn carry(
    gateway: TcpStream,
    broker: TcpStream,
    state: &Arc<State>,
) -> io::Result<Vec<JoinHandle<()>>> {
    for stream in [&gateway, &broker] {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PROXY_LOOK))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    }
    let (gateway_too, broker_too) = (gateway.try_clone()?, broker.try_clone()?);
    let (up, down) = (Arc::clone(state), Arc::clone(state));
    Ok(vec![
        std::thread::spawn(move || one_way(gateway, broker, &up, true)),
        std::thread::spawn(move || one_way(broker_too, gateway_too, &down, false)),
    ])
}

fn one_way(mut from: TcpStream, mut to: TcpStream, state: &State, is_up: bool) {
    let cut = state.cut.load(Ordering::SeqCst);
    let mut carried = 0;
    let mut octets = vec![0; PROXY_OCTETS];
    while !state.ended.load(Ordering::SeqCst) && state.cut.load(Ordering::SeqCst) == cut {
        let at_once = match state.road() {
            Road::BlackHole => 0,
            Road::OneWay if !is_up => 0,
            Road::Slow(step) => {
                pause(PROXY_LOOK);
                step
            }
            Road::CutAfter(limit) if carried >= limit => break,
            Road::Open | Road::OneWay | Road::CutAfter(_) => PROXY_OCTETS,
        };
        let Some(room) = octets.get_mut(..at_once).filter(|room| !room.is_empty()) else {
            pause(PROXY_LOOK);
            continue;
        };
        match from.read(room) {
            Ok(0) => break,
            Ok(count) => {
                if to.write_all(room.get(..count).unwrap_or_default()).is_err() {
                    break;
                }
                carried += if is_up {
                    u64::try_from(count).unwrap_or(0)
                } else {
                    0
                };
            }
            Err(fault) if is_just_quiet(&fault) => {}
            Err(_) => break,
        }
    }
    // Whoever still reads or writes there shall notice.
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

fn is_just_quiet(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
