//! Orders of the gateway's own doors: people who are signed in, meter lists, the configuration.
//!
//! They pass the gates that signed commands pass. The desk names and numbers them, so that whoever
//! orders says only what is wanted and who stands behind it.

use super::{CommandDesk, Verdict};
use authority::{
    Action, AuthenticCommand, Bounds, Command, CommandId, CommandRejection, Now, ObjectState,
    authorise,
};
use std::fmt;
use std::time::Duration;
use storage::Judgement;

/// Under this number the journal counts what no key has signed.
pub(super) const NO_KEY: [u8; 8] = [0; 8];

/// Says who stands behind a command of a local door.
pub type Proves = Box<dyn FnOnce(&Command) -> Result<AuthenticCommand, CommandRejection> + Send>;

/// Who stands behind what a local door orders.
pub enum StandsBehind {
    /// Whoever is at the door says so.
    Door(Proves),
    /// Those who put a meter list, by the journal's row of that command. They are asked anew whether they
    /// still may.
    List(Vec<u8>),
}

/// What a local door orders.
pub struct LocalOrder {
    /// Its name; without one the desk makes it. The same name again orders nothing again.
    pub id: Option<CommandId>,
    /// What is to be done.
    pub action: Action,
    /// What must be true before.
    pub precondition: Option<ObjectState>,
    /// When and how often.
    pub bounds: Bounds,
    /// It is not begun later than this.
    pub lasts: Duration,
    /// Who stands behind it.
    pub behind: StandsBehind,
}

impl LocalOrder {
    /// An order without conditions.
    pub fn new(
        action: Action,
        lasts: Duration,
        proves: impl FnOnce(&Command) -> Result<AuthenticCommand, CommandRejection> + Send + 'static,
    ) -> Self {
        Self::behind(action, lasts, StandsBehind::Door(Box::new(proves)))
    }

    /// What a list orders when its time has come.
    pub fn by_list(action: Action, lasts: Duration, row: Vec<u8>) -> Self {
        Self::behind(action, lasts, StandsBehind::List(row))
    }

    fn behind(action: Action, lasts: Duration, behind: StandsBehind) -> Self {
        Self {
            id: None,
            action,
            precondition: None,
            bounds: Bounds::default(),
            lasts,
            behind,
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
        let id = order.id.unwrap_or(CommandId::of_time(now.at, random));
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
        let authentic = self.prove(&command, order.behind, &now)?;
        let digest = authentic.payload_digest();
        let judged = self.store.judge(id.bytes(), digest, NO_KEY, number).await;
        if matches!(judged, Ok(Judgement::Known(_) | Judgement::Conflict)) {
            return Ok(id);
        }
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

    fn prove(
        &self,
        command: &Command,
        behind: StandsBehind,
        now: &Now,
    ) -> Result<AuthenticCommand, CommandRejection> {
        let row = match behind {
            StandsBehind::Door(proves) => return proves(command),
            StandsBehind::List(row) => row,
        };
        let put = self.trust.own_keys().open_journalled(&row);
        let put = put.map_err(|fault| {
            log::error!(fault:%; "nothing proves who put a meter list; put it again");
            CommandRejection::NotAuthorised { needed: "operator" }
        })?;
        let put = authorise(put, self.trust.policy(), self.trust.rights(), now);
        let put = put.map_err(|rejected| rejected.reason)?;
        AuthenticCommand::by_list(command, &put)
    }
}
