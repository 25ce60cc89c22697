//! What the store holds, and whether it is sound.

use crate::limits::COLUMNS;
use crate::plain;
use crate::table::{Side, Table};
use crate::words::{bytes_text, wrapped};
use desk::{AsideEntry, StoreStats, VerifyResult};

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
        "{table}(written and synced since the start)\n\nepoch {}  audit records {}\ndisk: {} free of {}\n",
        plain(&stats.epoch, 40),
        stats.audit_records,
        bytes_text(stats.disk_free_bytes),
        bytes_text(stats.disk_total_bytes),
    )
}

pub(super) fn set_aside(entries: &[AsideEntry]) -> String {
    if entries.is_empty() {
        return "nothing is set aside\n".to_owned();
    }
    let mut text = String::new();
    for entry in entries {
        let words = format!(
            "{} {}, since {}: {}",
            plain(&entry.stream, 10),
            entry.number,
            plain(&entry.at, 40),
            plain(&entry.why, 1000)
        );
        text.push_str(&wrapped(&words, "", COLUMNS));
    }
    text.push_str("when the cause is gone: `pmuctl store release STREAM NUMBER`\n");
    text
}

pub(super) fn verified(result: &VerifyResult) -> String {
    if result.faults.is_empty() {
        return format!("{} checked, all sound\n", result.checked);
    }
    let count = result.faults.len();
    let faults = if count == 1 { "fault" } else { "faults" };
    let mut text = format!("{} checked, {count} {faults}:\n", result.checked);
    for fault in &result.faults {
        text.push_str(&wrapped(&plain(fault, 1000), "  ", COLUMNS));
    }
    text
}
