//! What a meter holds.

use std::time::Duration;

use crate::codec::{AccessResult, ActionResult, Asked, Data, Method, Outcome};
use crate::security::{Keys, Secret};

/// The objects of a meter. The client is the address or the port it speaks from; time is counted
/// from an instant of the caller's choice.
pub trait Store {
    /// Reads an attribute.
    fn get(&mut self, client: u16, asked: &Asked, at: Duration) -> Outcome;

    /// Writes one.
    fn set(&mut self, client: u16, asked: &Asked, value: &Data, at: Duration) -> AccessResult;

    /// Executes a method.
    fn act(
        &mut self,
        client: u16,
        method: Method,
        parameter: Option<&Data>,
        at: Duration,
    ) -> (ActionResult, Option<Outcome>);

    /// The keys of a client, where it has been given others than those of the settings. They hold
    /// from its next association on.
    fn keys(&self, _client: u16) -> Option<Keys> {
        None
    }

    /// The password of a client, where it has been given another one than that of the settings. It
    /// holds from its next association on.
    fn password(&self, _client: u16) -> Option<Secret> {
        None
    }

    /// A client has shown a wrong password.
    fn note_wrong_password(&mut self, _client: u16) {}

    /// A challenge for high level security; never the same twice.
    fn challenge(&mut self, at: Duration) -> [u8; 16];
}
