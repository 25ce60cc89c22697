//! Orders in the gateway's journal.

use crate::plain;
use crate::table::{Side, Table};
use desk::CommandStanding;

const WORDS_MAX: usize = 1000;

pub(super) fn table(all: &[CommandStanding]) -> String {
    if all.is_empty() {
        return "nothing was ordered yet\n".to_owned();
    }
    // A name that is cut could not be asked for.
    let mut table = Table::new(&[
        ("ID", Side::Left),
        ("ORDER", Side::Left),
        ("STATE", Side::Left),
    ]);
    for one in all {
        table.row(&[one.id.clone(), one.operation.clone(), one.state.clone()]);
        table.note(&format!("by {} ({}), {}", one.who, one.door, one.accepted));
    }
    table.to_string()
}

/// One order, line by line.
pub(crate) fn one(found: &CommandStanding) -> String {
    let mut lines = vec![
        format!("order      {}", found.operation),
        format!("by         {} ({})", found.who, found.door),
        format!("accepted   {}", found.accepted),
        format!("state      {} since {}", found.state, found.since),
    ];
    if found.steps > 0 {
        lines.push(format!("step       {} of {}", found.step, found.steps));
    }
    if !found.note.is_empty() {
        lines.push(format!("says       {}", found.note));
    }
    lines.push(format!("id         {}", found.id));
    let lines = lines.iter().map(|line| plain(line, WORDS_MAX) + "\n");
    lines.collect()
}
