//! Orders of the gateway's own doors: people who are signed in, meter lists, the configuration.
//!
//! They pass the gates that signed commands pass. The desk names and numbers them, so that whoever
//! orders says only what is wanted and who stands behind it.

use super::{CommandDesk, Verdict};
use authority::{
    Action, AuthenticCommand, Bounds, Command, CommandId, CommandRejection, ObjectState,
};
use std::fmt;
use std::time::Duration;
use storage::Judgement;

/// Under this number the journal counts what no key has signed.
pub(super) const NO_KEY: [u8; 8] = [0; 8];

/// Says who stands behind a command of a local door.
pub type Proves = Box<dyn FnOnce(&Command) -> Result<AuthenticCommand, CommandRejection> + Send>;

/// What a local door orders.
pub struct LocalOrder {
    /// What is to be done.
    pub action: Action,
    /// What must be true before.
    pub precondition: Option<ObjectState>,
    /// When and how often.
    pub bounds: Bounds,
    /// It is not begun later than this.
    pub lasts: Duration,
    /// Who stands behind it.
    pub proves: Proves,
}

impl LocalOrder {
    /// An order without conditions.
    pub fn new(
        action: Action,
        lasts: Duration,
        proves: impl FnOnce(&Command) -> Result<AuthenticCommand, CommandRejection> + Send + 'static,
    ) -> Self {
        Self {
            action,
            precondition: None,
            bounds: Bounds::default(),
            lasts,
            proves: Box::new(proves),
        }
    }
}

impl fmt::Debug for LocalOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalOrder")
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

impl CommandDesk {
    /// Takes an order of a local door. Where it is refused, the journal and a receipt say so too.
    pub(super) async fn order(&mut self, order: LocalOrder) -> Result<CommandId, CommandRejection> {
        let now = self.trust.now(&self.clock);
        let mut random = [0; 10];
        if let Err(error) = getrandom::fill(&mut random) {
            log::error!(error:%; "the system has no randomness; nothing can be ordered");
            return Err(CommandRejection::Busy);
        }
        let id = CommandId::of_time(now.at, random);
        let number = match self.store.last_numbers().await {
            Ok(numbers) => {
                let last = numbers.into_iter().find(|(key, _)| *key == NO_KEY);
                last.map_or(1, |(_, number)| number.saturating_add(1))
            }
            Err(error) => {
                log::error!(error:%; "an order cannot be numbered");
                return Err(CommandRejection::Busy);
            }
        };
        let command = Command {
            id,
            gateway: self.gateway.clone(),
            epoch: self.store.announced().epoch,
            number,
            issued: now.at,
            not_before: now.at,
            expires: now.at.after(order.lasts),
            action: order.action,
            precondition: order.precondition,
            bounds: order.bounds,
        };
        let authentic = (order.proves)(&command)?;
        let digest = authentic.payload_digest();
        let judged = self.store.judge(id.bytes(), digest, NO_KEY, number).await;
        if !matches!(judged, Ok(Judgement::Next)) {
            log::warn!("an order of this gateway is not taken now: {judged:?}");
            return Err(CommandRejection::Busy);
        }
        match self.journal(authentic, &now).await {
            Verdict::Taken => Ok(id),
            Verdict::Refused(rejection) => Err(rejection),
            Verdict::NotKept => Err(CommandRejection::Busy),
        }
    }
}
