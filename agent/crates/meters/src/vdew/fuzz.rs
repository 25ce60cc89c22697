//! A door for the fuzz targets.

use super::{read_profile, readings};
use crate::catalogue::flag::VdewProfile;
use crate::clock_basis::ClockBasis;
use iec62056_21::codec::DataLines;

/// Any text is data lines or none; data lines are readings, and a profile or none, with one value a
/// column in each row.
///
/// # Panics
///
/// When the readers break that promise.
pub fn fuzz_text(profile: &VdewProfile, text: &str) {
    let Ok(lines) = DataLines::parse(text) else {
        return;
    };
    let sets = lines.sets().count();
    assert!(readings(&lines, [1, 0]).len() <= sets);
    let Ok(read) = read_profile(profile, &lines, &ClockBasis::utc(), [1, 0]) else {
        return;
    };
    for block in &read.blocks {
        assert!(!block.rows.is_empty());
        for row in &block.rows {
            assert_eq!(row.values.len(), block.shape.channels.len());
        }
    }
}
