//! People with an account.

use crate::plain;
use crate::table::{Side, Table};
use desk::{KeyText, Person};

pub(super) fn table(all: &[Person]) -> String {
    if all.is_empty() {
        return "nobody has an account yet; as root: `pmuctl people code`, then `pmuctl people claim NAME`\n"
            .to_owned();
    }
    let mut table = Table::new(&[("NAME", Side::Left), ("ROLE", Side::Left)]);
    for one in all {
        table.row(&[one.name.clone(), one.role.clone()]);
    }
    table.to_string()
}

/// The code is shown this once.
pub(super) fn code(code: &KeyText) -> String {
    format!(
        "claim code  {}\nIt is shown once and works once. Whoever has it becomes the administrator: `pmuctl people claim NAME`\n",
        plain(code.reveal(), 64)
    )
}
