//! Reading and changing the state: the older copy is overwritten, so a cut leaves the newer one.

use crate::disk::{Area, SlotDisk};
use crate::fault::Fault;
use crate::place::disk_fault;
use bootloader_verify::limits::BLOCK;
use bootloader_verify::{BootState, Copy};

/// The state as it stands, and the copy that is written next.
pub(crate) fn read(disk: &impl SlotDisk) -> Result<(BootState, Copy), Fault> {
    let read = |copy: Copy| {
        let mut block = [0; BLOCK];
        disk.read_at(Area::State, copy.offset(), &mut block)
            .map(|()| block)
            .map_err(|source| disk_fault(Area::State, source))
    };
    Ok(BootState::newest(&read(Copy::First)?, &read(Copy::Second)?))
}

/// Changes the state; it is on the medium when this returns. What changes nothing writes nothing.
pub(crate) fn change(
    disk: &mut impl SlotDisk,
    change: impl FnOnce(&mut BootState),
) -> Result<BootState, Fault> {
    let (before, copy) = read(disk)?;
    let mut after = before.clone();
    change(&mut after);
    if after == before {
        return Ok(before);
    }
    let after = after.next();
    disk.write_at(Area::State, copy.offset(), &after.encode())
        .and_then(|()| disk.flush(Area::State))
        .map_err(|source| disk_fault(Area::State, source))?;
    Ok(after)
}
