//! What a gateway remembers about its slots, from a dump of its state partition.

use crate::Outcome;
use crate::arguments::StateShow;
use crate::fault::Fault;
use crate::keys::read_trusted;
use crate::words::table;
use bootloader_verify::limits::{BLOCK, STATEMENT_AT};
use bootloader_verify::{BootState, Copy, ReadAt, Refusal, Slot, SlotRecord, SlotState};
use std::fs::File;
use std::path::Path;

pub(crate) fn show(order: &StateShow) -> Result<Outcome, Fault> {
    let path = order.file.as_path();
    let file = File::open(path).map_err(Fault::unreadable(path))?;
    let first = block(&file, path, Copy::First.offset())?;
    let second = block(&file, path, Copy::Second.offset())?;
    let statement = block(&file, path, STATEMENT_AT)?;
    let (state, _) = BootState::newest(&first, &second);
    let words = statement_words(order, &statement)?;
    Ok(Outcome::good(table(&[
        ("copy-0", copy_words(&first)),
        ("copy-1", copy_words(&second)),
        ("sequence", state.sequence.to_string()),
        ("floor", state.floor.to_string()),
        ("preferred", state.preferred.to_string()),
        ("recovery", reason(state.recovery)),
        ("slot-A", slot_words(*state.slot(Slot::A))),
        ("slot-B", slot_words(*state.slot(Slot::B))),
        ("key-statement", words),
    ])))
}

fn block(file: &File, path: &Path, at: u64) -> Result<Vec<u8>, Fault> {
    let mut block = vec![0; BLOCK];
    let read = file.read_at(at, &mut block);
    read.map_err(Fault::unreadable(path))?;
    Ok(block)
}

fn copy_words(block: &[u8]) -> String {
    match BootState::decode(block) {
        Some(state) => format!("sequence {}", state.sequence),
        None if is_zero(block) => "never written".to_owned(),
        None => "damaged".to_owned(),
    }
}

fn slot_words(slot: SlotRecord) -> String {
    let state = match slot.state {
        SlotState::Empty => "empty".to_owned(),
        SlotState::Writing => "writing".to_owned(),
        SlotState::Trial { left } => format!("trial left={left}"),
        SlotState::Good => "good".to_owned(),
        SlotState::Bad => "bad".to_owned(),
    };
    format!(
        "{state} streak={} refused={}",
        slot.streak,
        reason(slot.refused)
    )
}

fn reason(refusal: Option<Refusal>) -> String {
    refusal.map_or("no", Refusal::word).to_owned()
}

fn statement_words(order: &StateShow, block: &[u8]) -> Result<String, Fault> {
    if is_zero(block) {
        return Ok("none".to_owned());
    }
    let Some(path) = &order.keys else {
        return Ok("present, unproven: say --keys".to_owned());
    };
    let verdict = read_trusted(path, None)?.with_statement(block);
    Ok(match verdict {
        Ok(_) => "present, signed by the root key".to_owned(),
        Err(fault) => format!("refused: {fault}"),
    })
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}
