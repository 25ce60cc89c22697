//! A logical device: its clients, each with an association of its own.

use std::fmt;
use std::time::Duration;

use super::association::Association;
use super::settings::Settings;
use super::store::Store;
use crate::codec::{Attribute, Data};

/// A meter above its link: one APDU in, one out.
pub struct Device<S> {
    pub(super) settings: Settings,
    pub(super) store: S,
    associations: Vec<Association>,
    /// The last invocation counter that was used.
    pub(super) counter: u32,
}

impl<S> fmt::Debug for Device<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("title", &self.settings.title)
            .field("clients", &self.associations.len())
            .finish_non_exhaustive()
    }
}

impl<S: Store> Device<S> {
    /// A meter that nobody has spoken to.
    pub fn new(settings: Settings, store: S) -> Self {
        let associations = settings.clients.iter().map(Association::new).collect();
        let counter = settings.counter;
        Self {
            settings,
            store,
            associations,
            counter,
        }
    }

    /// What it holds.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What it holds.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// The last invocation counter that it has used.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// The highest invocation counter that was heard from a client.
    pub fn heard_from(&self, client: u16) -> Option<u32> {
        self.associations
            .iter()
            .find(|association| association.address() == client)
            .and_then(Association::heard)
    }

    /// Takes an APDU of a client. What nobody answers has no answer.
    pub fn take(&mut self, client: u16, apdu: &[u8], at: Duration) -> Option<Vec<u8>> {
        let place = self
            .associations
            .iter()
            .position(|association| association.address() == client)?;
        // Out of the list for the time of the call, so that it may use the device.
        let mut association = self.associations.swap_remove(place);
        let answer = association.take(self, apdu, at);
        self.associations.push(association);
        answer
    }

    /// The link below a client is gone.
    pub fn drop_client(&mut self, client: u16) {
        for association in &mut self.associations {
            if association.address() == client {
                association.end();
            }
        }
    }

    /// What the device knows by itself: the counters of its clients, by the address of the client.
    pub(super) fn own_value(&self, attribute: Attribute) -> Option<Data> {
        match (attribute.class, attribute.name.0, attribute.number) {
            (1, [0, 0, 43, 1, client, 255], 2) => {
                let heard = self.heard_from(client.into()).unwrap_or_default();
                Some(Data::DoubleLongUnsigned(heard))
            }
            _ => None,
        }
    }
}
