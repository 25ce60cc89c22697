//! Commands of which it is proven that those who order them may.

use super::authentic::{AuthenticCommand, Author};
use crate::command::{Command, Now};
use crate::gates::Door;
use crate::operation::Operation;
use crate::people::{Right, Role, RoleRights};
use crate::policy::Policy;
use crate::rejection::{CommandRejection, RejectedCommand};
use std::collections::{BTreeMap, BTreeSet};

/// A command that may be done. Only [`authorise`] makes one.
///
/// ```compile_fail,E0451
/// fn forge(command: authority::AuthenticCommand) -> authority::AuthorisedCommand {
///     authority::AuthorisedCommand { command }
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn convert(command: authority::AuthenticCommand) -> authority::AuthorisedCommand {
///     command.into()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorisedCommand {
    command: AuthenticCommand,
}

impl AuthorisedCommand {
    /// What is to be done.
    pub const fn command(&self) -> &Command {
        self.command.command()
    }

    /// Who orders it.
    pub fn authors(&self) -> &[Author] {
        self.command.authors()
    }

    /// As it was before this gate.
    pub const fn authentic(&self) -> &AuthenticCommand {
        &self.command
    }
}

/// Whether those who order a command may: the same question whatever door it came by.
///
/// Each role that the policy names takes a person of its own; the first must also have the right
/// that the operation takes, and who stands for an approver the right to approve.
pub fn authorise(
    command: AuthenticCommand,
    policy: &Policy,
    rights: &RoleRights,
    now: &Now,
) -> Result<AuthorisedCommand, RejectedCommand> {
    match judge(&command, policy, rights, now) {
        Ok(()) => Ok(AuthorisedCommand { command }),
        Err(reason) => Err(RejectedCommand {
            reason,
            proven: Some((command.command().id, command.command().number)),
        }),
    }
}

fn judge(
    command: &AuthenticCommand,
    policy: &Policy,
    rights: &RoleRights,
    now: &Now,
) -> Result<(), CommandRejection> {
    let action = &command.command().action;
    let operation = action.operation();
    if !command.door().takes(action) {
        return Err(CommandRejection::NotByThisDoor {
            operation: operation.word(),
            door: command.door().word(),
        });
    }
    let rule = policy.rule(operation, now);
    // Its owner has written the bounds into the file, and an adjustment tears nothing: nobody is there
    // to approve it. A policy that takes two people for every adjustment still forbids it.
    let is_own = command.door() == Door::Configuration && operation == Operation::TimeAdjust;
    let needed = if is_own {
        rule.need()
    } else {
        rule.needed(action)
    };
    let people = people(command.authors());
    let people: Vec<&BTreeSet<Role>> = people.values().collect();
    let may = |place: usize, person: usize| {
        let (role, roles) = (needed.get(place), people.get(person));
        role.zip(roles).is_some_and(|(role, roles)| {
            let is_first = place == 0;
            stands(roles, *role, is_first.then_some(operation), rights)
        })
    };
    let missing = find_places(needed.len(), people.len(), &may);
    let Some(missing) = missing else {
        return Ok(());
    };
    let role = needed.get(missing).map_or("", |role| role.word());
    if missing == 0 {
        Err(CommandRejection::NotAuthorised { needed: role })
    } else {
        Err(CommandRejection::NeedsApproval { needed: role })
    }
}

/// What each person is by all keys together.
fn people(authors: &[Author]) -> BTreeMap<&str, BTreeSet<Role>> {
    let mut people: BTreeMap<&str, BTreeSet<Role>> = BTreeMap::new();
    for author in authors {
        people
            .entry(author.who())
            .or_default()
            .extend(author.roles());
    }
    people
}

/// Whether one of these roles stands for the one that is asked for, with the rights it takes.
fn stands(
    roles: &BTreeSet<Role>,
    needed: Role,
    acting: Option<Operation>,
    rights: &RoleRights,
) -> bool {
    roles.iter().any(|role| {
        let has = |right| rights.has(*role, right);
        role.stands_for(needed)
            && acting.is_none_or(|operation| has(operation.right()))
            && (needed != Role::Approver || has(Right::Approve))
    })
}

/// Gives each place a person of its own. The place that stays empty whatever is tried, or nothing.
fn find_places(places: usize, people: usize, may: &dyn Fn(usize, usize) -> bool) -> Option<usize> {
    fn fill(
        place: usize,
        places: usize,
        people: usize,
        taken: &mut Vec<usize>,
        may: &dyn Fn(usize, usize) -> bool,
    ) -> usize {
        let mut furthest = place;
        for person in (0..people).filter(|_| place < places) {
            if taken.contains(&person) || !may(place, person) {
                continue;
            }
            taken.push(person);
            furthest = furthest.max(fill(place + 1, places, people, taken, may));
            taken.pop();
        }
        furthest
    }
    let furthest = fill(0, places, people, &mut Vec::new(), may);
    (furthest < places).then_some(furthest)
}
