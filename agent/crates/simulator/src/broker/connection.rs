//! One client's connection, from its first octet to its will.

mod packets;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, Connect, ConnectReturnCode, Disconnect, DisconnectProperties, DisconnectReasonCode,
    LastWill, Packet,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::bytes::{Bytes, BytesMut};

use super::Broker;
use super::greeting::{abilities, check_name, visitor};
use super::state::{Admission, End};
use super::will::publish_will;
use crate::limits::{GOODBYE_MAX, READ_BUFFER_OCTETS};

/// A stream on which nobody has said who he is.
pub(super) struct Connection<S> {
    broker: Broker,
    stream: S,
    incoming: BytesMut,
}

/// A stream with a client at its other end.
struct Client<S> {
    connection: Connection<S>,
    presence: Presence,
    user: String,
    keep_alive: Option<Duration>,
    last_heard: Instant,
    receive_maximum: u16,
    packet_size_max: u32,
    peer_packet_size_max: Option<u32>,
    unacknowledged: u16,
    outgoing: BytesMut,
    bell: Arc<Notify>,
    end: oneshot::Receiver<End>,
    injected: mpsc::Receiver<Bytes>,
    stalled: watch::Receiver<bool>,
}

/// Leaves the session when the connection ends, in whatever way: an aborted task too.
struct Presence {
    broker: Broker,
    client: String,
    number: u64,
}

/// What a connection waits for.
enum Wake {
    End(End),
    Stall,
    Injected(Bytes),
    Outgoing,
    Octets(usize),
    /// No octet within one and a half times the keep-alive.
    Silent,
}

/// Whether the client's will is to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Farewell {
    /// It said goodbye.
    Clean,
    /// It did not, or asked for its will.
    Abrupt,
    /// It is the broker that died: nobody is left to publish a will.
    BrokerDied,
}

type Step = ControlFlow<Farewell>;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(super) fn new(broker: Broker, stream: S) -> Self {
        Self {
            broker,
            stream,
            incoming: BytesMut::new(),
        }
    }

    pub(super) async fn run(self, name: Option<String>) {
        let limit = self.broker.state().config.handshake_limit;
        let broker = self.broker.clone();
        match timeout(limit, self.greet(name)).await {
            Ok(Some((client, will))) => client.live(will).await,
            Ok(None) | Err(_) => broker.state().counters.turned_away += 1,
        }
    }

    /// From the CONNECT to the CONNACK.
    async fn greet(mut self, name: Option<String>) -> Option<(Client<S>, Option<LastWill>)> {
        let limit = self.broker.state().config.packet_size_max;
        let packet = loop {
            match Packet::read(&mut self.incoming, Some(limit)) {
                Ok(packet) => break packet,
                Err(Error::InsufficientBytes(_)) => {}
                Err(_) => return None,
            }
            if self.stream.read_buf(&mut self.incoming).await.ok()? == 0 {
                return None;
            }
        };
        let Packet::Connect(connect, will, login) = packet else {
            return None;
        };
        let admitted = check_name(name, &connect, login.as_ref()).and_then(|user| {
            let visitor = visitor(&connect, user.clone());
            let admission = self.broker.state().admit(visitor)?;
            Ok((admission, user))
        });
        match admitted {
            Ok((admission, user)) => Some((
                Client::welcome(self, &connect, admission, user).await?,
                will,
            )),
            Err(code) => {
                let refusal = ConnAck {
                    session_present: false,
                    code,
                    properties: None,
                };
                let mut octets = BytesMut::new();
                Packet::ConnAck(refusal).write(&mut octets, None).ok()?;
                self.stream.write_all(&octets).await.ok()?;
                None
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Client<S> {
    async fn welcome(
        connection: Connection<S>,
        connect: &Connect,
        admission: Admission,
        user: String,
    ) -> Option<Self> {
        let broker = connection.broker.clone();
        let (receive_maximum, packet_size_max) = {
            let state = broker.state();
            (state.config.receive_maximum, state.config.packet_size_max)
        };
        let properties = connect.properties.as_ref();
        let keep_alive = (connect.keep_alive > 0)
            .then(|| Duration::from_secs(u64::from(connect.keep_alive)) * 3 / 2);
        let mut client = Self {
            presence: Presence {
                broker: broker.clone(),
                client: connect.client_id.clone(),
                number: admission.number,
            },
            user,
            keep_alive,
            last_heard: Instant::now(),
            receive_maximum,
            packet_size_max,
            peer_packet_size_max: properties.and_then(|properties| properties.max_packet_size),
            unacknowledged: 0,
            outgoing: BytesMut::new(),
            bell: admission.bell,
            end: admission.end,
            injected: admission.injected,
            stalled: broker.shared.stalled.subscribe(),
            connection,
        };
        client.say(&Packet::ConnAck(ConnAck {
            session_present: admission.session_present,
            code: ConnectReturnCode::Success,
            properties: Some(abilities(receive_maximum, packet_size_max)),
        }));
        client.flush().await.is_continue().then_some(client)
    }

    async fn live(mut self, will: Option<LastWill>) {
        let farewell = loop {
            let step = match self.wait().await {
                Wake::End(end) => self.ended(end).await,
                Wake::Stall => self.stall().await,
                Wake::Injected(octets) => {
                    self.outgoing.extend_from_slice(&octets);
                    Step::Continue(())
                }
                Wake::Outgoing => {
                    self.send_queued();
                    Step::Continue(())
                }
                Wake::Octets(0) => Step::Break(Farewell::Abrupt),
                Wake::Octets(_) => self.hear(),
                Wake::Silent => self.part(DisconnectReasonCode::KeepAliveTimeout),
            };
            let flushed = self.flush().await;
            if let Step::Break(farewell) = step {
                break farewell;
            }
            if let Step::Break(farewell) = flushed {
                break farewell;
            }
        };
        let Self {
            mut connection,
            presence,
            user,
            ..
        } = self;
        let (broker, client, number) = (
            presence.broker.clone(),
            presence.client.clone(),
            presence.number,
        );
        // The session is left before the client can see the end, so that it finds it free.
        drop(presence);
        if connection.stream.shutdown().await.is_err() {
            log::trace!(client:% = client; "stream was closed already");
        }
        drop(connection);
        if let Some(will) = will.filter(|_| farewell == Farewell::Abrupt) {
            publish_will(&broker, &client, &user, number, will).await;
        }
    }

    /// Everything here may be dropped half-way without losing an octet.
    async fn wait(&mut self) -> Wake {
        let silent_at = self.keep_alive.map(|limit| self.last_heard + limit);
        if *self.stalled.borrow_and_update() {
            return Wake::Stall;
        }
        self.connection.incoming.reserve(READ_BUFFER_OCTETS);
        tokio::select! {
            biased;
            end = &mut self.end => Wake::End(end.unwrap_or(End::Cut)),
            _ = self.stalled.changed() => Wake::Stall,
            Some(octets) = self.injected.recv() => Wake::Injected(octets),
            () = self.bell.notified() => Wake::Outgoing,
            read = self.connection.stream.read_buf(&mut self.connection.incoming) => {
                Wake::Octets(read.unwrap_or(0))
            }
            () = sleep_until(silent_at.unwrap_or_else(Instant::now)), if silent_at.is_some() => Wake::Silent,
        }
    }

    /// Stands still until the stall ends; the client's silence does not count meanwhile.
    async fn stall(&mut self) -> Step {
        while *self.stalled.borrow_and_update() {
            tokio::select! {
                biased;
                end = &mut self.end => return self.ended(end.unwrap_or(End::Cut)).await,
                changed = self.stalled.changed() => if changed.is_err() {
                    return Step::Break(Farewell::BrokerDied);
                },
            }
        }
        self.last_heard = Instant::now();
        Step::Continue(())
    }

    async fn ended(&mut self, end: End) -> Step {
        match end {
            End::Disconnect(reason) => {
                self.part_with(reason);
                // The end has been taken from its channel; what follows can only be written.
                let write = self.connection.stream.write_all(&self.outgoing);
                if !matches!(timeout(GOODBYE_MAX, write).await, Ok(Ok(()))) {
                    log::trace!(client:% = self.presence.client; "nobody to say goodbye to");
                }
                self.outgoing.clear();
                Step::Break(Farewell::Abrupt)
            }
            End::Cut => {
                self.outgoing.clear();
                Step::Break(Farewell::Abrupt)
            }
            End::BrokerDied => {
                self.outgoing.clear();
                Step::Break(Farewell::BrokerDied)
            }
        }
    }

    fn send_queued(&mut self) {
        let Presence {
            client,
            number,
            broker,
        } = &self.presence;
        let queued = broker.state().outgoing(client, *number);
        for publish in queued {
            let id = publish.pkid;
            if Packet::Publish(publish)
                .write(&mut self.outgoing, self.peer_packet_size_max)
                .is_err()
            {
                // MQTT 5.0, 3.1.2.11.4: too large for this client, so act as if it had it.
                let mut state = self.presence.broker.state();
                state.counters.dropped += 1;
                state.acknowledged(&self.presence.client, id);
            }
        }
    }

    fn say(&mut self, packet: &Packet) {
        if let Err(fault) = packet.write(&mut self.outgoing, None) {
            log::error!(fault:%; "broker cannot encode its own packet");
        }
    }

    fn part(&mut self, reason: DisconnectReasonCode) -> Step {
        self.part_with(reason);
        Step::Break(Farewell::Abrupt)
    }

    fn part_with(&mut self, reason_code: DisconnectReasonCode) {
        // Without a property the codec writes a wrong length or leaves the reason out.
        let properties = DisconnectProperties {
            session_expiry_interval: None,
            reason_string: Some(format!("{reason_code:?}")),
            user_properties: Vec::new(),
            server_reference: None,
        };
        self.say(&Packet::Disconnect(Disconnect {
            reason_code,
            properties: Some(properties),
        }));
    }

    /// Writes what is to be said; a client that does not read can still be cut off.
    async fn flush(&mut self) -> Step {
        if self.outgoing.is_empty() {
            return Step::Continue(());
        }
        let octets = self.outgoing.split();
        let write = async {
            self.connection.stream.write_all(&octets).await?;
            self.connection.stream.flush().await
        };
        tokio::select! {
            biased;
            written = write => match written {
                Ok(()) => Step::Continue(()),
                Err(_) => Step::Break(Farewell::Abrupt),
            },
            end = &mut self.end => Step::Break(match end {
                Ok(End::BrokerDied) => Farewell::BrokerDied,
                _ => Farewell::Abrupt,
            }),
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.broker.state().leave(&self.client, self.number);
    }
}
