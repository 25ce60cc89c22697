//! The objects of a DLMS meter.

use crate::limits::COLUMNS;
use crate::table::{Side, Table};
use crate::words::wrapped;
use desk::MeterObject;

pub(super) fn text(objects: &[MeterObject]) -> String {
    if objects.is_empty() {
        return "no object\n".to_owned();
    }
    let mut table = Table::new(&[
        ("CLASS", Side::Right),
        ("", Side::Left),
        ("V", Side::Right),
        ("OBIS", Side::Left),
        ("WHAT", Side::Left),
        ("MODEL", Side::Left),
    ]);
    for object in objects {
        let in_model = if object.in_model { "yes" } else { "-" };
        table.row(&[
            object.class.to_string(),
            object.class_name.clone(),
            object.version.to_string(),
            object.obis.clone(),
            object.name.clone(),
            in_model.to_owned(),
        ]);
        if !object.access.is_empty() {
            table.note(&object.access);
        }
    }
    let in_model = objects.iter().filter(|object| object.in_model).count();
    let words = format!(
        "{} in the list of this association, {in_model} of them in the model",
        objects.len()
    );
    format!("{table}{}", wrapped(&words, "", COLUMNS))
}
