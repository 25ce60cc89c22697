//! The connection of people to the broker: it comes back by itself, wants of births only the new ones, and
//! loses nothing that comes while it waits for the broker's word.
#![cfg(test)]

use pmuctl::adapters::mqtt::BrokerAddress;
use pmuctl::adapters::post::{Delivery, Post};
use pmuctl::adapters::tls::TlsFiles;
use simulator::broker::{Access, Broker, BrokerConfig, BrokerHandle, Rights, ServerTls};
use simulator::pki::Pki;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

const WITHIN: Duration = Duration::from_secs(20);
const RECEIPTS: &str = "gw/v1/pmu-001/up/rs";
const PRESENCE: &str = "gw/v1/pmu-001/up/st";
const COMMANDS: &str = "gw/v1/pmu-001/dn/cmd";
const NAME: &str = "operations";

struct World {
    folder: TempDir,
    pki: Pki,
    broker: BrokerHandle,
}

impl World {
    fn new() -> Self {
        let pki = Pki::new("test authority").unwrap();
        let tls = ServerTls::new(pki.certificate_pem(), &pki.server("broker").unwrap()).unwrap();
        let rights = Rights::contract()
            .user(NAME, Access::Read, "gw/v1/+/up/#")
            .user(NAME, Access::Write, "gw/v1/+/dn/cmd");
        let config = BrokerConfig {
            rights,
            ..BrokerConfig::default()
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            pki,
            broker: Broker::start(config, Some(tls)).unwrap(),
        }
    }

    async fn post(&self, all: &[&str], news: &[&str]) -> Post {
        let folder = self.folder.path();
        let files = self.pki.client(NAME).unwrap().write(folder).unwrap();
        let address = BrokerAddress {
            host: "localhost".to_owned(),
            port: self.broker.port(),
            name: NAME.to_owned(),
            files: TlsFiles {
                ca: self.pki.write(folder).unwrap(),
                certificate: files.certificate,
                key: files.key,
            },
        };
        let owned = |filters: &[&str]| filters.iter().map(|one| (*one).to_owned()).collect();
        let post = Post::open_with_news(address, owned(all), owned(news), WITHIN);
        post.await.unwrap()
    }

    fn publish(&self, topic: &str, payload: &str, retain: bool) {
        let broker = self.broker.broker();
        broker.publish(topic, payload.as_bytes(), retain);
    }
}

/// What comes next, in words.
async fn next(post: &mut Post) -> String {
    match post.next(Instant::now() + Duration::from_secs(5)).await {
        Ok(Delivery::Message(message)) => String::from_utf8(message.payload().to_vec()).unwrap(),
        Ok(Delivery::Reconnected) => "back".to_owned(),
        Ok(Delivery::TimeUp) => "nothing".to_owned(),
        Err(error) => panic!("{error:#}"),
    }
}

#[tokio::test]
async fn of_news_what_the_broker_kept_is_not_wanted() {
    let world = World::new();
    world.publish(PRESENCE, "an old birth", true);
    let mut post = world.post(&[PRESENCE], &[]).await;
    assert_eq!(next(&mut post).await, "an old birth");
    post.close().await.unwrap();
    let mut post = world.post(&[RECEIPTS], &[PRESENCE]).await;
    world.publish(PRESENCE, "a new birth", true);
    assert_eq!(next(&mut post).await, "a new birth");
}

#[tokio::test]
async fn what_is_sent_over_a_lost_connection_arrives_and_whoever_sent_it_is_told() {
    let world = World::new();
    let mut heard = world.broker.broker().overhear(COMMANDS);
    let mut post = world.post(&[RECEIPTS], &[]).await;
    assert!(world.broker.broker().kill(NAME));
    post.send(COMMANDS, b"order".to_vec(), WITHIN)
        .await
        .unwrap();
    let arrived = tokio::time::timeout(WITHIN, heard.recv()).await;
    assert!(arrived.unwrap().is_some());
    assert_eq!(next(&mut post).await, "back");
    world.publish(RECEIPTS, "done", false);
    assert_eq!(next(&mut post).await, "done");
}

#[tokio::test]
async fn whatever_comes_while_the_broker_says_nothing_is_handed_out_later() {
    const COUNT: usize = 1500;
    let world = World::new();
    let mut post = world.post(&[RECEIPTS], &[]).await;
    world.broker.broker().withhold_acks(true);
    for number in 0..COUNT {
        world.publish(RECEIPTS, &number.to_string(), false);
    }
    let sent = post.send(COMMANDS, b"order".to_vec(), Duration::from_secs(3));
    let words = format!("{:#}", sent.await.unwrap_err());
    assert!(words.contains("did not confirm"), "{words}");
    for number in 0..COUNT {
        assert_eq!(next(&mut post).await, number.to_string());
    }
}
