//! A meter behind a TCP connection.

use std::time::Duration;

use super::device::Device;
use super::store::Store;
use crate::limits::APDU_OCTETS_MAX;
use crate::wrapper::{Begins, Ports, begins, wrap};

/// One connection to a meter.
#[derive(Debug)]
pub struct WrapperServer {
    /// The port of the wrapper that the meter answers on.
    port: u16,
    heard: Vec<u8>,
    clients: Vec<u16>,
}

impl WrapperServer {
    /// A connection that was just made.
    pub fn new(port: u16) -> Self {
        Self {
            port,
            heard: Vec::new(),
            clients: Vec::new(),
        }
    }

    /// Takes octets as they arrive. What is to be sent; none if the connection must be closed.
    pub fn hear<S: Store>(
        &mut self,
        device: &mut Device<S>,
        octets: &[u8],
        at: Duration,
    ) -> Option<Vec<u8>> {
        self.heard.extend_from_slice(octets);
        let mut said = Vec::new();
        loop {
            let (ports, apdu, len) = match begins(&self.heard, APDU_OCTETS_MAX) {
                Begins::Whole(ports, apdu, len) => (ports, apdu.to_vec(), len),
                Begins::Begun(_) => return Some(said),
                Begins::Other => return None,
            };
            self.heard.drain(..len);
            if ports.destination != self.port {
                continue;
            }
            let Ports { source, .. } = ports;
            if !self.clients.contains(&source) {
                self.clients.push(source);
            }
            if let Some(answer) = device.take(source, &apdu, at) {
                said.extend(wrap(ports.back(), &answer)?);
            }
        }
    }

    /// The connection is gone, and with it what its clients had open.
    pub fn close<S: Store>(&mut self, device: &mut Device<S>) {
        self.heard.clear();
        for client in self.clients.drain(..) {
            device.drop_client(client);
        }
    }
}
