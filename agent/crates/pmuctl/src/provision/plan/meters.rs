//! Buses and meters: those that stand on the gateway, or those that are brought.

use super::super::agent_file::{NOTHING_TAKEN, Standing, mark, places, stranger};
use super::super::complaint::{Complaint, Notes};
use super::{Kept, Texts};

/// Buses and meters, and the name of the `meters.toml` that they were first.
pub(super) struct Meters {
    pub(super) text: String,
    pub(super) taken: String,
    /// Nobody has checked them yet.
    pub(super) is_new: bool,
}

pub(super) fn meters(texts: &Texts, kept: &Kept, complaints: &mut Vec<Complaint>) -> Meters {
    let standing = kept
        .agent
        .as_ref()
        .and_then(|agent| Standing::of(&agent.text));
    if let Some(agent) = &kept.agent {
        let wrong = match &standing {
            None => Some((
                "was not written by pmuctl provision",
                "move it away, with its buses and meters in a meters.toml that you bring",
            )),
            Some(standing) if standing.is_head_changed => Some((
                "was changed above its long line",
                "move it away, with its buses and meters in a meters.toml that you bring",
            )),
            Some(_) => None,
        };
        if let Some((problem, remedy)) = wrong {
            complaints.push(Complaint::whole(&agent.file, problem, remedy));
        }
    }
    let stands = standing.map_or((String::new(), NOTHING_TAKEN.to_owned()), |standing| {
        (standing.meters.to_owned(), standing.taken.to_owned())
    });
    let as_it_stands = Meters {
        text: stands.0,
        taken: stands.1,
        is_new: false,
    };
    let Some(found) = &texts.meters else {
        return as_it_stands;
    };
    if let Some((span, name)) = stranger(&found.text) {
        let mut notes = Notes::new(&found.file, &found.text);
        let remedy =
            "leave [[bus]], [[meter]] and [store] there; the rest comes from provision.toml";
        notes.note(&span, name, "does not belong here", remedy);
        complaints.extend(notes.finish::<()>(None).err().unwrap_or_default().0);
    }
    let name = mark(&found.text);
    match standing {
        Some(standing) if standing.taken == name => return as_it_stands,
        Some(standing) if standing.is_changed() => {
            let problem = "buses or meters have been changed on the gateway since";
            let remedy = format!(
                "take it out of the folder, or correct {} itself",
                places::AGENT
            );
            complaints.push(Complaint::whole(&found.file, problem, remedy));
        }
        _ => {}
    }
    Meters {
        text: found.text.clone(),
        taken: name,
        is_new: true,
    }
}
