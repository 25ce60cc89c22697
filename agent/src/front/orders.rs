//! Orders of people who are signed in: they pass the gates of every other command.

use super::people::{Recognised, sign_in_first};
use super::{Front, refusal, store_refusal};
use crate::hex::{from_hex, hex};
use crate::tasks::command_desk::{LocalOrder, StandsBehind};
use authority::{AuthenticCommand, Command, CommandId, CommandRejection, CommandState, Door};
use desk::{Answer, CommandStanding, Refusal};
use std::time::Duration;
use storage::CommandRecord;

/// So many of the newest are shown.
const SHOWN: usize = 50;

impl Front {
    /// Takes an order. Name, action, terms are what the person at the door was shown; number and epoch are
    /// this gateway's.
    pub(super) async fn take_order(
        &self,
        signed: Option<&Recognised>,
        command: &str,
    ) -> Result<Answer, Refusal> {
        let Some(desk) = &self.command_desk else {
            let remedy = "look into the gateway's log for what its command desk lacks";
            return Err(refusal("this gateway takes no orders".to_owned(), remedy));
        };
        let signed = signed.ok_or_else(sign_in_first)?.clone();
        let bytes = from_hex(command).ok_or(CommandRejection::NotACommand);
        let command = bytes.and_then(|bytes| Command::decode(&bytes));
        let command = command.map_err(|reason| rejected(&reason))?;
        if command.gateway != self.gateway {
            return Err(rejected(&CommandRejection::NotForMe));
        }
        let now = self.clock.now().utc;
        let lasts = u64::try_from(command.expires.millis_since(now)).unwrap_or(0);
        if lasts == 0 {
            return Err(rejected(&CommandRejection::Expired));
        }
        let proves = move |command: &Command| {
            let first = AuthenticCommand::by_person(command, &signed.first)?;
            match &signed.second {
                Some(second) => first.approved_by_person(second),
                None => Ok(first),
            }
        };
        let order = LocalOrder {
            id: Some(command.id),
            action: command.action,
            precondition: command.precondition,
            bounds: command.bounds,
            lasts: Duration::from_millis(lasts),
            behind: StandsBehind::Door(Box::new(proves)),
        };
        let id = desk
            .order(order)
            .await
            .map_err(|reason| rejected(&reason))?;
        Ok(Answer::Ordered(id.to_string()))
    }

    /// How an order stands.
    pub(super) async fn order_standing(&self, id: &str) -> Result<Answer, Refusal> {
        let wanted: CommandId = id.parse().map_err(|error| {
            let words = format!("{error}");
            refusal(words, "`pmuctl orders` shows the newest")
        })?;
        let found = self.store.command(wanted.bytes()).await;
        let found = found.map_err(|error| store_refusal(&error))?;
        let Some(record) = found else {
            let problem = format!("the journal has no order {wanted}");
            return Err(refusal(problem, "`pmuctl orders` shows the newest"));
        };
        Ok(Answer::Command(Box::new(standing(&record))))
    }

    /// How the newest orders stand. Their receipts are left out.
    pub(super) async fn newest_orders(&self) -> Result<Answer, Refusal> {
        let found = self.store.newest_commands(SHOWN).await;
        let found = found.map_err(|error| store_refusal(&error))?;
        let shown = found.iter().map(|record| CommandStanding {
            receipt: String::new(),
            ..standing(record)
        });
        Ok(Answer::Commands(shown.collect()))
    }
}

fn standing(record: &CommandRecord) -> CommandStanding {
    let (command, progress) = (&record.command, &record.progress);
    let door = Door::ALL
        .into_iter()
        .find(|door| door.code() == command.door);
    let state = progress.state.word();
    CommandStanding {
        id: CommandId::new(command.id).to_string(),
        operation: command.what.clone(),
        who: command.who.clone(),
        door: door.map_or("", Door::word).to_owned(),
        accepted: command.at.to_string(),
        state: state.to_owned(),
        is_final: CommandState::from_word(state).is_some_and(CommandState::is_final),
        since: progress.at.to_string(),
        step: progress.step,
        steps: progress.steps,
        note: progress.note.clone(),
        receipt: hex(&progress.receipt),
    }
}

/// What the gates say, for a person at the box.
fn rejected(reason: &CommandRejection) -> Refusal {
    let words = reason.to_string();
    let (problem, remedy) = words
        .split_once("; ")
        .unwrap_or((&words, "look at the order"));
    match reason.code() {
        Some(code) => refusal(format!("{problem} ({code})"), remedy),
        None => refusal(problem.to_owned(), remedy),
    }
}
