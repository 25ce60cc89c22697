//! The broker behind TLS, read by a real client.

#![cfg(test)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectReturnCode, DisconnectReasonCode, LastWill, Packet, PubAckReason,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use simulator::broker::{Broker, BrokerConfig, BrokerHandle, ServerTls};
use simulator::pki::{Identity, Pki};
use tokio::time::timeout;

struct World {
    pki: Pki,
    handle: BrokerHandle,
}

struct Client {
    client: AsyncClient,
    events: EventLoop,
}

impl World {
    fn new() -> Self {
        let pki = Pki::new("test authority").unwrap();
        let tls = ServerTls::new(pki.certificate_pem(), &pki.server("broker").unwrap()).unwrap();
        let handle = Broker::start(BrokerConfig::default(), Some(tls)).unwrap();
        Self { pki, handle }
    }

    fn options(&self, id: &str, identity: Option<&Identity>) -> MqttOptions {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.pki.certificate_pem().as_bytes());
        roots.add(authority.unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let chain = CertificateDer::pem_slice_iter(identity.certificate_pem.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
                config
                    .with_client_auth_cert(chain.map(Result::unwrap).collect(), key)
                    .unwrap()
            }
        };
        let mut options = MqttOptions::new(id, "localhost", self.handle.port());
        options.set_keep_alive(Duration::from_secs(30));
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
            Arc::new(config),
        )));
        options
    }

    fn client(&self, name: &str) -> Client {
        Client::new(self.options(name, Some(&self.pki.client(name).unwrap())))
    }
}

impl Client {
    fn new(options: MqttOptions) -> Self {
        let (client, events) = AsyncClient::new(options, 10);
        Self { client, events }
    }

    async fn incoming(&mut self) -> Result<Packet, ConnectionError> {
        let next = async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await? {
                    return Ok(packet);
                }
            }
        };
        timeout(Duration::from_secs(10), next)
            .await
            .expect("broker is silent")
    }

    async fn connected(&mut self) -> ConnAck {
        match self.incoming().await {
            Ok(Packet::ConnAck(ack)) => ack,
            other => panic!("{other:?} instead of a CONNACK"),
        }
    }

    async fn publish(&mut self, topic: &str) -> PubAckReason {
        self.client
            .publish(topic, QoS::AtLeastOnce, false, "1")
            .await
            .unwrap();
        match self.incoming().await {
            Ok(Packet::PubAck(ack)) => ack.reason,
            other => panic!("{other:?} instead of a PUBACK"),
        }
    }

    async fn subscribe(&mut self, filter: &str) {
        self.client
            .subscribe(filter, QoS::AtLeastOnce)
            .await
            .unwrap();
        assert!(matches!(self.incoming().await, Ok(Packet::SubAck(_))));
    }
}

#[tokio::test]
async fn a_real_client_publishes_and_subscribes_over_tls() {
    let world = World::new();
    let (mut gateway, mut ingest) = (world.client("gw1"), world.client("headend-ingest"));
    let abilities = gateway.connected().await.properties.unwrap();
    assert_eq!(abilities.receive_max, Some(100));
    assert_eq!(abilities.max_packet_size, Some(256 * 1024));
    ingest.connected().await;
    assert_eq!(
        gateway.publish("gw/v1/gw1/up/lp").await,
        PubAckReason::NoMatchingSubscribers
    );
    ingest.subscribe("gw/v1/+/up/#").await;
    assert_eq!(
        gateway.publish("gw/v1/gw1/up/lp").await,
        PubAckReason::Success
    );
    assert_eq!(
        gateway.publish("gw/v1/gw2/up/lp").await,
        PubAckReason::NotAuthorized
    );
    let Ok(Packet::Publish(publish)) = ingest.incoming().await else {
        panic!("no PUBLISH")
    };
    assert_eq!(publish.topic, "gw/v1/gw1/up/lp");
}

#[tokio::test]
async fn the_will_of_a_vanished_client_is_published() {
    let world = World::new();
    let mut ingest = world.client("headend-ingest");
    ingest.connected().await;
    ingest.subscribe("gw/v1/+/up/#").await;
    let mut options = world.options("gw1", Some(&world.pki.client("gw1").unwrap()));
    let topic = "gw/v1/gw1/up/state";
    options.set_last_will(LastWill::new(topic, "gone", QoS::AtLeastOnce, false, None));
    let mut gateway = Client::new(options);
    gateway.connected().await;
    drop(gateway);
    let Ok(Packet::Publish(publish)) = ingest.incoming().await else {
        panic!("no PUBLISH")
    };
    assert_eq!(publish.payload, "gone");
}

#[tokio::test]
async fn a_taken_over_client_is_told() {
    let world = World::new();
    let (mut old, mut new) = (world.client("gw1"), world.client("gw1"));
    old.connected().await;
    new.connected().await;
    match old.incoming().await {
        Ok(Packet::Disconnect(disconnect)) => assert_eq!(
            disconnect.reason_code,
            DisconnectReasonCode::SessionTakenOver
        ),
        Err(ConnectionError::MqttState(fault)) => {
            assert!(
                format!("{fault:?}").contains("SessionTakenOver"),
                "{fault:?}"
            );
        }
        other => panic!("{other:?} instead of a DISCONNECT"),
    }
}

#[tokio::test]
async fn strangers_stay_outside() {
    let world = World::new();
    let mut nobody = Client::new(world.options("gw1", None));
    assert!(nobody.incoming().await.is_err(), "without a certificate");

    let foreign = Pki::new("another authority")
        .unwrap()
        .client("gw1")
        .unwrap();
    let mut stranger = Client::new(world.options("gw1", Some(&foreign)));
    assert!(
        stranger.incoming().await.is_err(),
        "with a certificate of another authority"
    );

    let server = world.pki.server("gw1").unwrap();
    let mut wrong = Client::new(world.options("gw1", Some(&server)));
    assert!(
        wrong.incoming().await.is_err(),
        "with a certificate for servers"
    );

    let identity = world.pki.client("gw2").unwrap();
    let mut other = Client::new(world.options("gw1", Some(&identity)));
    match other.incoming().await {
        Err(ConnectionError::ConnectionRefused(code)) => {
            assert_eq!(code, ConnectReturnCode::ClientIdentifierNotValid);
        }
        other => panic!("{other:?}: the client id is not the name in the certificate"),
    }
    // The client hears of its refusal before the broker has counted the last of them.
    let counted = async {
        while world.handle.broker().counters().turned_away < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), counted)
        .await
        .expect("four were turned away");
    assert_eq!(world.handle.broker().counters().connections, 0);
}

#[tokio::test]
async fn silent_connections_lock_nobody_out() {
    let world = World::new();
    let address = (Ipv4Addr::LOCALHOST, world.handle.port());
    let mut silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    silent[0].write_all(&[0x16, 0x03, 0x01]).unwrap();
    let begun = tokio::time::Instant::now();
    world.client("gw1").connected().await;
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let shut = tokio::task::spawn_blocking(move || {
        silent[1]
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        silent[1].read(&mut [0; 10])
    });
    assert_eq!(
        shut.await.unwrap().unwrap_or(0),
        0,
        "the handshake has a time limit"
    );
}

#[tokio::test]
async fn a_restarted_broker_keeps_its_port_and_its_sessions() {
    let World { pki, handle } = World::new();
    let port = handle.port();
    let world = World { pki, handle };
    let mut options = world.options("gw1", Some(&world.pki.client("gw1").unwrap()));
    options
        .set_session_expiry_interval(Some(600))
        .set_clean_start(false);
    let mut gateway = Client::new(options);
    assert!(!gateway.connected().await.session_present);
    let World { pki, handle } = world;
    let broker = handle.stop();
    assert!(gateway.incoming().await.is_err());
    broker.set_receive_maximum(7);
    let tls = ServerTls::new(pki.certificate_pem(), &pki.server("broker").unwrap()).unwrap();
    let _handle = broker.open(port, Some(tls)).unwrap();
    let ack = gateway.connected().await;
    assert!(ack.session_present);
    assert_eq!(ack.properties.unwrap().receive_max, Some(7));
}

#[test]
fn identities_are_files_that_only_the_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new("test authority").unwrap();
    let authority = pki.write(folder.path()).unwrap();
    let files = pki.client("gw1").unwrap().write(folder.path()).unwrap();
    let key = std::fs::metadata(&files.key).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    for path in [authority, files.certificate] {
        assert!(CertificateDer::from_pem_file(path).is_ok());
    }
}
