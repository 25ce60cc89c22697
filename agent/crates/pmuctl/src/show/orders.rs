//! Orders in the gateway's journal.

use crate::plain;
use crate::table::{Side, Table};
use desk::CommandStanding;

const WORDS_MAX: usize = 1000;

pub(super) fn table(all: &[CommandStanding]) -> String {
    if all.is_empty() {
        return "nothing was ordered yet\n".to_owned();
    }
    let mut table = Table::new(&[
        ("ACCEPTED", Side::Left),
        ("ORDER", Side::Left),
        ("BY", Side::Left),
        ("STATE", Side::Left),
        ("ID", Side::Left),
    ]);
    for one in all {
        table.row(&[
            one.accepted.clone(),
            one.operation.clone(),
            format!("{} ({})", one.who, one.door),
            one.state.clone(),
            one.id.clone(),
        ]);
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
