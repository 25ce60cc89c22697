//! A connection to the broker that stays open. A client that is started for each message would be
//! measured with it: the lead is `openssl s_client`, and MQTT 3.1.1 is little enough to be said by hand.

use std::io::Write;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use hil_tests::clock::pause;
use hil_tests::openssl::Identity;
use hil_tests::process::command;
use hil_tests::world::World;

const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
const PUBLISH_RETAINED: u8 = 0x31;
/// A new session that needs no sign of life.
const HEAD: [u8; 10] = [0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0];

pub(crate) struct Lead {
    child: Child,
    to: ChildStdin,
}

impl Lead {
    pub(crate) fn open(world: &World, who: &Identity) -> Self {
        let mut client = command("openssl");
        client.args(["s_client", "-quiet", "-connect"]);
        client.arg(format!("localhost:{}", world.broker.port()));
        client.arg("-CAfile").arg(world.authority.certificate());
        client.arg("-cert").arg(&who.certificate);
        client.arg("-key").arg(&who.key);
        client.stdin(Stdio::piped());
        client.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = client.spawn().unwrap();
        let to = child.stdin.take().unwrap();
        let mut lead = Self { child, to };
        let mut hello = HEAD.to_vec();
        hello.extend(text(&who.name));
        lead.say(CONNECT, &hello);
        // The broker takes the rest in its order; only the start of the program is waited for.
        pause(Duration::from_secs(1));
        lead
    }

    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.say(PUBLISH, &[&text(topic), payload].concat());
    }

    /// The broker gives it to whoever comes later, too.
    pub(crate) fn publish_retained(&mut self, topic: &str, payload: &[u8]) {
        self.say(PUBLISH_RETAINED, &[&text(topic), payload].concat());
    }

    fn say(&mut self, kind: u8, body: &[u8]) {
        let mut packet = vec![kind];
        let mut left = body.len();
        loop {
            let low = u8::try_from(left % 128).unwrap();
            left /= 128;
            packet.push(if left > 0 { low | 0x80 } else { low });
            if left == 0 {
                break;
            }
        }
        packet.extend(body);
        self.to.write_all(&packet).unwrap();
        self.to.flush().unwrap();
    }
}

fn text(words: &str) -> Vec<u8> {
    let mut octets = u16::try_from(words.len()).unwrap().to_be_bytes().to_vec();
    octets.extend(words.as_bytes());
    octets
}

impl Drop for Lead {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
