//! Hears every message at the broker, with mosquitto's own client.

use std::path::Path;

use crate::broker::Broker;
use crate::clock::wait_until;
use crate::limits::START_WITHIN;
use crate::openssl::Identity;
use crate::process::Process;

/// A message as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its topic.
    pub topic: String,
    /// Whether the broker had kept it.
    pub retained: bool,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// A subscriber that writes down what it hears.
#[derive(Debug)]
pub struct Listener {
    process: Process,
}

impl Listener {
    /// Subscribes; returns when the broker has granted it.
    pub fn start(folder: &Path, broker: &Broker, who: &Identity, filters: &[&str]) -> Self {
        let client = broker.client("mosquitto_sub", who);
        // Line by line, or what was heard would stay in the client's memory.
        let mut subscribe = std::process::Command::new("stdbuf");
        subscribe
            .arg("-oL")
            .arg(client.get_program())
            .args(client.get_args());
        subscribe.args(["-d", "-q", "1", "-F", "heard %r %t %x"]);
        for filter in filters {
            subscribe.args(["-t", filter]);
        }
        let process = Process::start(&format!("hears-{}", who.name), &mut subscribe, folder);
        let listener = Self { process };
        wait_until("the listener has subscribed", START_WITHIN, || {
            listener.process.said().contains("Subscribed (mid")
        });
        listener
    }

    /// Everything heard so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.process.said().lines().filter_map(parse).collect()
    }

    /// What was heard on topics that end so.
    pub fn heard_on(&self, ending: &str) -> Vec<Heard> {
        self.heard()
            .into_iter()
            .filter(|heard| heard.topic.ends_with(ending))
            .collect()
    }
}

fn parse(line: &str) -> Option<Heard> {
    let mut words = line.strip_prefix("heard ")?.split(' ');
    let retained = words.next()? == "1";
    let topic = words.next()?.to_owned();
    let hex = words.next().unwrap_or("");
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let octet = |pair: &[u8; 2]| {
        std::str::from_utf8(pair)
            .ok()
            .and_then(|text| u8::from_str_radix(text, 16).ok())
    };
    let payload = pairs.iter().map(octet).collect::<Option<Vec<u8>>>()?;
    Some(Heard {
        topic,
        retained,
        payload,
    })
}
