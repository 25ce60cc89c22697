//! A line as somebody stands before it who tries things out.

use super::setting::{LineReach, Setting};
use crate::Span;
use crate::modbus::{ReadAnswer, ReadFault, TransactionIds, read_registers, read_registers_tcp};
use line::{GuardedLine, Line, LineFault};
use std::time::Duration;

/// Whether somebody wants no more; asked between any two tries.
pub type Cancelled<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// Switches DTR of a port.
pub type SetDtr<'a, L> = &'a mut (dyn FnMut(&mut L, bool) -> Result<(), LineFault> + Send);

/// A line, what it can do, and how its DTR is switched.
pub struct Site<'a, L> {
    /// The line.
    pub line: &'a mut GuardedLine<L>,
    /// What it can do.
    pub reach: LineReach,
    /// Switches DTR, where that is possible.
    pub set_dtr: Option<SetDtr<'a, L>>,
    /// The numbers of requests, where the line is a Modbus TCP connection.
    pub tcp: Option<&'a mut TransactionIds>,
}

impl<L: Line> Site<'_, L> {
    /// Switches DTR as a setting wants it.
    pub(crate) fn switch_dtr(&mut self, setting: &Setting) -> Result<(), LineFault> {
        match (setting.dtr, &mut self.set_dtr) {
            (Some(on), Some(set)) => set(self.line.line_mut(), on),
            _ => Ok(()),
        }
    }

    /// Reads registers of a Modbus meter, in the framing of the line.
    pub(crate) async fn read_registers(
        &mut self,
        unit: u8,
        span: Span,
    ) -> Result<ReadAnswer, ReadFault> {
        match &mut self.tcp {
            Some(ids) => read_registers_tcp(self.line, ids, unit, span, Duration::ZERO).await,
            None => read_registers(self.line, unit, span, Duration::ZERO).await,
        }
    }

    /// Sets the port, where a setting wants it otherwise than it is now.
    pub(crate) async fn set(&mut self, setting: &Setting) -> Result<(), LineFault> {
        self.switch_dtr(setting)?;
        if self.reach.can_change {
            self.line.set(setting.line).await?;
        }
        Ok(())
    }

    /// Leaves the line as it was found.
    pub(crate) async fn restore(&mut self) -> Result<(), LineFault> {
        self.line.part().await?;
        let own = Setting::own(&self.reach);
        self.set(&own).await
    }
}

/// Shows what it can do; the line itself says nothing.
impl<L> std::fmt::Debug for Site<'_, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Site");
        shown.field("reach", &self.reach).finish_non_exhaustive()
    }
}
