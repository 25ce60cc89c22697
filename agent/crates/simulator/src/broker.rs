//! A small MQTT 5 broker with faults as parameters, on rumqttc's public codec.
//!
//! It plays the broker of the head-end contract: rights per topic, reasons in acknowledgements,
//! limits in the CONNACK, shared subscriptions, retained messages, wills, sessions. It is generic
//! over the stream, so it runs in memory under paused time as well as behind TLS.
//!
//! Left out, because nobody here needs it: quality of service 2 (refused), message expiry (passed
//! on unchanged), topic aliases and enhanced authentication. Client and broker share a codec and
//! could share its mistakes, so acceptance tests run against another broker.

mod connection;
mod greeting;
mod rights;
mod session;
mod state;
mod tls;
mod will;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, Publish};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::sync::CancellationToken;

use crate::limits::CONNECTIONS_MAX;
use connection::Connection;
use state::{End, State};

pub use rights::{Access, Rights, Rule};
pub use tls::{ServerTls, TlsFault};

/// How the broker behaves.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// Messages that a client may have unacknowledged; announced in the CONNACK.
    pub receive_maximum: u16,
    /// Octets of a packet; announced in the CONNACK.
    pub packet_size_max: u32,
    /// From the TCP connection to the CONNECT, TLS included.
    pub handshake_limit: Duration,
    /// Who may do what.
    pub rights: Rights,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            receive_maximum: 100,
            packet_size_max: 256 * 1024,
            handshake_limit: Duration::from_secs(5),
            rights: Rights::contract(),
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokerCounters {
    /// Clients let in.
    pub connections: u64,
    /// Connections that never became a client: no TLS, no CONNECT in time, wrong name.
    pub turned_away: u64,
    /// Connections that lost their session to a newer one.
    pub taken_over: u64,
    /// Messages from clients.
    pub publishes: u64,
    /// Messages refused.
    pub refused: u64,
    /// Messages that nobody had subscribed to.
    pub unmatched: u64,
    /// Messages sent to clients, repetitions included.
    pub delivered: u64,
    /// Messages dropped: queue full, client away, too large for the client.
    pub dropped: u64,
    /// Wills published.
    pub wills: u64,
    /// Messages that whoever hears along did not hear: it was too slow.
    pub unheard: u64,
}

/// A message that somebody heard along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overheard {
    /// Its topic.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
}

/// Why a healthy broker would refuse a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishRefusal {
    /// 135.
    NotAuthorized,
    /// 151.
    QuotaExceeded,
    /// 153.
    PayloadFormatInvalid,
    /// 131.
    ImplementationSpecific,
}

/// The broker; clones share it.
#[derive(Debug, Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    stalled: watch::Sender<bool>,
}

/// A broker that listens; it stops when this is dropped.
#[derive(Debug)]
pub struct BrokerHandle {
    broker: Broker,
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Broker {
    /// A broker that serves the streams it is given.
    pub fn new(config: BrokerConfig) -> Self {
        let state = Mutex::new(State::new(config));
        Self {
            shared: Arc::new(Shared {
                state,
                stalled: watch::Sender::new(false),
            }),
        }
    }

    /// A broker on a free loopback port, with TLS or in the clear.
    pub fn start(config: BrokerConfig, tls: Option<ServerTls>) -> io::Result<BrokerHandle> {
        Self::new(config).open(0, tls)
    }

    /// Listens on a loopback port (0 for any free one) on a thread of its own. A broker that was
    /// stopped still has its sessions; a new one has none.
    pub fn open(&self, port: u16, tls: Option<ServerTls>) -> io::Result<BrokerHandle> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let (broker, stopped) = (self.clone(), stop.clone());
        let thread = Builder::new().name("broker".to_owned()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    biased;
                    () = stopped.cancelled() => {}
                    ended = broker.listen(listener, tls) => if let Err(fault) = ended {
                        log::error!(fault:%; "broker does not listen any more");
                    },
                }
            });
        })?;
        Ok(BrokerHandle {
            broker: self.clone(),
            address,
            stop,
            thread: Some(thread),
        })
    }

    async fn listen(
        &self,
        listener: std::net::TcpListener,
        tls: Option<ServerTls>,
    ) -> io::Result<()> {
        let listener = TcpListener::from_std(listener)?;
        // Each connection has a task of its own from its first octet on: one that stays silent
        // locks nobody out.
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await?;
            while connections.try_join_next().is_some() {}
            if connections.len() >= CONNECTIONS_MAX {
                self.state().counters.turned_away += 1;
                continue;
            }
            stream.set_nodelay(true)?;
            let (broker, tls) = (self.clone(), tls.clone());
            connections.spawn(async move {
                match tls {
                    Some(tls) => broker.serve_tls(stream, &tls).await,
                    None => broker.serve(stream, None).await,
                }
            });
        }
    }

    async fn serve_tls(&self, stream: tokio::net::TcpStream, tls: &ServerTls) {
        let limit = self.state().config.handshake_limit;
        match tokio::time::timeout(limit, tls.accept(stream)).await {
            Ok(Ok((stream, name))) => self.serve(stream, Some(name)).await,
            Ok(Err(fault)) => {
                log::debug!(fault:%; "broker turned a connection away");
                self.state().counters.turned_away += 1;
            }
            Err(_) => self.state().counters.turned_away += 1,
        }
    }

    /// Serves one client until its connection ends and its will is done with.
    ///
    /// `name` is the name in its certificate: user name and client id must be the same. Without
    /// one the client is who it says it is.
    pub async fn serve<S>(&self, stream: S, name: Option<String>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        Connection::new(self.clone(), stream).run(name).await;
    }

    /// Neither reads nor writes any more, but keeps all connections; and goes on.
    pub fn stall(&self, stalled: bool) {
        self.shared.stalled.send_replace(stalled);
    }

    /// Cuts the connection of one client; false if it has none.
    pub fn kill(&self, client: &str) -> bool {
        self.state().end(Some(client), End::Cut) > 0
    }

    /// Cuts all connections; says how many.
    pub fn kill_all(&self) -> usize {
        self.state().end(None, End::Cut)
    }

    /// Cuts all connections and forgets their sessions.
    pub fn drop_sessions(&self) {
        self.state().forget_sessions();
    }

    /// Turns new clients away (server unavailable), or lets them in again.
    pub fn refuse_connections(&self, refused: bool) {
        self.state().refuses_connections = refused;
    }

    /// Announces another receive maximum to who connects from now on.
    pub fn set_receive_maximum(&self, receive_maximum: u16) {
        self.state().config.receive_maximum = receive_maximum;
    }

    /// Announces another packet size to who connects from now on.
    pub fn set_packet_size_max(&self, octets: u32) {
        self.state().config.packet_size_max = octets;
    }

    /// Gives other rights; subscriptions that were granted stay.
    pub fn set_rights(&self, rights: Rights) {
        self.state().config.rights = rights;
    }

    /// Refuses every message with this reason, or none.
    pub fn refuse_publishes(&self, refusal: Option<PublishRefusal>) {
        self.state().refuses_publishes = refusal.map(|refusal| match refusal {
            PublishRefusal::NotAuthorized => PubAckReason::NotAuthorized,
            PublishRefusal::QuotaExceeded => PubAckReason::QuotaExceeded,
            PublishRefusal::PayloadFormatInvalid => PubAckReason::PayloadFormatInvalid,
            PublishRefusal::ImplementationSpecific => PubAckReason::ImplementationSpecificError,
        });
    }

    /// Takes messages and passes them on, but never acknowledges them.
    pub fn withhold_acks(&self, withheld: bool) {
        self.state().withholds_acks = withheld;
    }

    /// Publishes as if by somebody who may do everything; says to how many it went.
    pub fn publish(&self, topic: &str, payload: &[u8], retain: bool) -> usize {
        let mut publish = message(topic, payload);
        publish.retain = retain;
        self.state().route(None, publish)
    }

    /// Sends a client a message that nobody published, subscribed to or not, with quality 0.
    pub fn inject(&self, client: &str, topic: &str, payload: &[u8], retain: bool) -> bool {
        let publish = Publish {
            qos: QoS::AtMostOnce,
            retain,
            ..message(topic, payload)
        };
        let mut octets = BytesMut::new();
        Packet::Publish(publish).write(&mut octets, None).is_ok()
            && self.state().inject(client, octets.freeze())
    }

    /// Sends a client any octets at all.
    pub fn inject_octets(&self, client: &str, octets: &[u8]) -> bool {
        self.state().inject(client, Bytes::copy_from_slice(octets))
    }

    /// Copies of all messages under a filter from now on, as their subscribers get them; who
    /// listened before hears no more.
    pub fn overhear(&self, filter: &str) -> mpsc::Receiver<Overheard> {
        self.state().overhear(filter)
    }

    /// Who is connected.
    pub fn clients(&self) -> Vec<String> {
        self.state().clients()
    }

    /// What is retained under a topic.
    pub fn retained(&self, topic: &str) -> Option<Vec<u8>> {
        self.state().retained(topic)
    }

    /// What was counted so far.
    pub fn counters(&self) -> BrokerCounters {
        self.state().counters.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl BrokerHandle {
    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its parameters.
    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Stops as if killed: connections end without a word. The broker keeps its sessions.
    pub fn stop(mut self) -> Broker {
        self.end();
        self.broker.clone()
    }

    fn end(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the broker's thread panicked");
        }
    }
}

impl Drop for BrokerHandle {
    fn drop(&mut self) {
        self.end();
    }
}

fn message(topic: &str, payload: &[u8]) -> Publish {
    Publish::new(
        topic,
        QoS::AtLeastOnce,
        Bytes::copy_from_slice(payload),
        None,
    )
}
