//! What the store holds, and whether it is sound.

use crate::limits::COLUMNS;
use crate::plain;
use crate::table::{Side, Table};
use crate::words::{bytes_text, wrapped};
use desk::{StoreStats, VerifyResult};

pub(super) fn stats(stats: &StoreStats) -> String {
    let mut table = Table::new(&[
        ("FILE", Side::Left),
        ("SIZE", Side::Right),
        ("WRITTEN", Side::Right),
        ("SYNCS", Side::Right),
    ]);
    for file in &stats.files {
        table.row(&[
            file.file.clone(),
            bytes_text(file.bytes),
            bytes_text(file.written_bytes),
            file.syncs.to_string(),
        ]);
    }
    format!(
        "{table}\nepoch {}  audit records {}\ndisk: {} free of {}\n",
        plain(&stats.epoch, 40),
        stats.audit_records,
        bytes_text(stats.disk_free_bytes),
        bytes_text(stats.disk_total_bytes),
    )
}

pub(super) fn verified(result: &VerifyResult) -> String {
    if result.faults.is_empty() {
        return format!("{} checked, all sound\n", result.checked);
    }
    let mut text = format!(
        "{} checked, {} faults:\n",
        result.checked,
        result.faults.len()
    );
    for fault in &result.faults {
        text.push_str(&wrapped(&plain(fault, 1000), "  ", COLUMNS));
    }
    text
}
