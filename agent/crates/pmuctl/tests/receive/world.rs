//! Broker, certificates, and the consumer as a child process.

use head_end::{Body, Message};
use metering::{ClockQuality, Event, EventCode, Timestamp};
use pmuctl::adapters::mqtt::BrokerAddress;
use pmuctl::adapters::tls::TlsFiles;
use serde_json::Value;
use simulator::broker::{Access, Broker, BrokerConfig, BrokerHandle, Rights, ServerTls};
use simulator::pki::Pki;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(crate) struct World {
    folder: tempfile::TempDir,
    broker: BrokerHandle,
    pki: Pki,
    ca: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::new("test authority").unwrap();
        let ca = pki.write(folder.path()).unwrap();
        let tls = ServerTls::new(pki.certificate_pem(), &pki.server("broker").unwrap()).unwrap();
        let rights = Rights::contract()
            .user("headend-ingest", Access::Write, "gw/v1/+/dn/ack")
            .user("headend-ingest", Access::Write, "gw/v1/+/dn/req");
        let config = BrokerConfig {
            rights,
            ..BrokerConfig::default()
        };
        let broker = Broker::start(config, Some(tls)).unwrap();
        let world = Self {
            folder,
            broker,
            pki,
            ca,
        };
        let key = world.path("ingest.key");
        let made = Command::new(env!("CARGO_BIN_EXE_pmuctl"))
            .args(["head-end", "keygen", "--out"])
            .arg(&key)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.path("ledger")
    }

    pub(crate) fn public_key(&self) -> String {
        std::fs::read_to_string(self.path("ingest.key.pub")).unwrap()
    }

    pub(crate) fn address(&self, name: &str) -> BrokerAddress {
        let files = self
            .pki
            .client(name)
            .unwrap()
            .write(self.folder.path())
            .unwrap();
        BrokerAddress {
            host: "localhost".to_owned(),
            port: self.broker.port(),
            name: name.to_owned(),
            files: TlsFiles {
                ca: self.ca.clone(),
                certificate: files.certificate,
                key: files.key,
            },
        }
    }

    pub(crate) fn consumer(&self, more: &[&str]) -> Consumer {
        let address = self.address("headend-ingest");
        let child = Command::new(env!("CARGO_BIN_EXE_pmuctl"))
            .args(["--json", "head-end", "receive", "--host", &address.host])
            .args(["--port", &address.port.to_string(), "--for", "100s"])
            .arg("--ca")
            .arg(&self.ca)
            .arg("--certificate")
            .arg(&address.files.certificate)
            .arg("--key")
            .arg(&address.files.key)
            .arg("--signing-key")
            .arg(self.path("ingest.key"))
            .arg("--ledger")
            .arg(self.ledger())
            .args(more)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.path("said")).unwrap())
            .spawn()
            .unwrap();
        Consumer {
            child,
            said: self.path("said"),
            seen: 0,
        }
    }

    pub(crate) fn publish(&self, topic: &str, payload: &[u8]) {
        let reached = self.broker.broker().publish(topic, payload, false);
        assert_eq!(reached, 1, "{topic}");
    }

    /// What no gateway sends; says how many.
    pub(crate) fn publish_strange_bytes(&self) -> u64 {
        let (_, day, _) = vector("lp-day");
        let mut deep = vec![0x81; 2000];
        deep.push(0);
        let cases: [(&str, &[u8]); 7] = [
            ("gw/v1/pmu-001/up/lp", &day[..day.len() - 3]),
            ("gw/v1/pmu-001/up/lp", &[day.as_slice(), &[0]].concat()),
            ("gw/v1/pmu-001/up/ev", &day),
            ("gw/v1/pmu-001/up/tm", &deep),
            ("gw/v1/pmu-001/up/st", &[0xff; 64]),
            ("gw/v1/PMU.001/up/lp", &day),
            ("gw/v1/pmu-001/up/gap", b""),
        ];
        for (topic, payload) in cases {
            self.publish(topic, payload);
        }
        u64::try_from(cases.len()).unwrap()
    }
}

/// The consumer's process; killed when dropped.
pub(crate) struct Consumer {
    child: Child,
    said: PathBuf,
    seen: u64,
}

impl Consumer {
    pub(crate) async fn subscribed(&mut self) {
        self.says("connected").await;
    }

    /// Waits until all that was published before has been booked: messages come in their order.
    pub(crate) async fn caught_up(&mut self, world: &World) {
        self.seen += 1;
        let word = format!("caught up {}", self.seen);
        let event = Event {
            at: Timestamp::default(),
            code: EventCode::GatewayStarted,
            meter: None,
            detail: word.clone(),
        };
        let body = Body::Event((&event).into());
        let (at, clock) = (Timestamp::default(), ClockQuality::Synchronised);
        let message = Message::new([1; 8], self.seen, at, clock, &body).unwrap();
        world.publish("gw/v1/pmu-last/up/ev", &message.encode().unwrap());
        self.says(&word).await;
    }

    async fn says(&self, words: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.words().contains(words) {
            assert!(
                Instant::now() < until,
                "`{words}` does not come: {}",
                self.words()
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lines that it has written about this.
    pub(crate) fn lines(&self, words: &str) -> u64 {
        self.words()
            .lines()
            .filter(|line| line.contains(words))
            .count()
            .try_into()
            .unwrap()
    }

    fn words(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Ends it as a service manager would; returns its last word.
    pub(crate) async fn ended(&mut self) -> Value {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let until = Instant::now() + Duration::from_secs(15);
        while self.child.try_wait().unwrap().is_none() {
            assert!(
                Instant::now() < until,
                "the consumer does not end: {}",
                self.words()
            );
            sleep(Duration::from_millis(10)).await;
        }
        let mut text = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(
            self.child.wait().unwrap().success(),
            "{text}{}",
            self.words()
        );
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A golden vector: topic, bytes, explanation.
pub(crate) fn vector(name: &str) -> (String, Vec<u8>, Value) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/uplink/vectors");
    let hex = std::fs::read_to_string(format!("{folder}/{name}.hex")).unwrap();
    let digits: Vec<u8> = hex
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.bytes().filter(u8::is_ascii_hexdigit))
        .collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes = digits.chunks(2).map(pair).collect();
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    let explanation: Value = serde_json::from_str(&text).unwrap();
    (
        explanation["topic"].as_str().unwrap().to_owned(),
        bytes,
        explanation,
    )
}
