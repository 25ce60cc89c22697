//! What a dry run says would be written to a Modbus meter is what the meter then sees, one by one.

use super::world::{NAME, SCHEME, site};
use crate::site::{program, read};

/// Settings of more than one page, each a write of its own.
const PAGES: &str = "\n[ratios]\nct-primary-a = 200\nct-secondary-a = 1\nvt-primary-v = 11000\nvt-secondary-v = 110\n";

/// A write as a dry run names it: where, how many words, which function, what.
fn named((address, words): &(u16, Vec<u16>)) -> String {
    let hex: Vec<String> = words.iter().map(|word| format!("{word:04x}")).collect();
    format!(
        "holding 0x{address:04X}+{} (function 16): {}",
        words.len(),
        hex.concat()
    )
}

/// The same of `destructive: name at holding 0xC365+2 (function 16): before -> after`.
fn said(line: &str) -> String {
    let (_, behind) = line.split_once(" at ").expect("a place");
    let (place, words) = behind.split_once("): ").expect("words");
    let after = words.split_once(" -> ").map_or(words, |(_, after)| after);
    format!("{place}): {after}")
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_equals_the_writes_of_the_real_run() {
    let (mut site, meter) = site().await;
    site.put(&format!("{SCHEME}{PAGES}")).await;
    let dry = site.order(read("demand-30-minutes", &[NAME])).await;
    assert_eq!(meter.taken(), [], "a dry run sends none");
    let real = site.order(program("demand-30-minutes", &[NAME])).await;
    let again = site.order(read("demand-30-minutes", &[NAME])).await;
    site.bench.stop().await;
    site.well(&real);
    let written: Vec<String> = meter.taken().iter().map(named).collect();
    // The transformers' secondary current is 1 A already, and is not written.
    assert_eq!(written.len(), 4, "{written:#?}");
    let planned: Vec<String> = site
        .would_write(&dry)
        .iter()
        .map(|line| said(line))
        .collect();
    assert_eq!(planned, written);
    assert_eq!(site.would_write(&again), Vec::<String>::new());
}
