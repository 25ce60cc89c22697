//! Where a value lies in a Modbus meter.

use std::fmt;

/// Which of the two register tables (Modbus Application Protocol V1.1b3, section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Read with function 3.
    Holding,
    /// Read with function 4.
    Input,
}

/// Consecutive registers, by their protocol address (0-based, as on the wire).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which table.
    pub table: Table,
    /// First register.
    pub address: u16,
    /// How many registers, at least one.
    pub count: u16,
}

impl Span {
    /// The address after the last register; wider than `u16`, because the last register is 65535.
    pub fn end(self) -> u32 {
        u32::from(self.address) + u32::from(self.count)
    }

    /// Whether `inner` lies wholly within this span.
    pub fn contains(self, inner: Self) -> bool {
        self.table == inner.table && self.address <= inner.address && inner.end() <= self.end()
    }

    /// Whether the two share a register.
    pub fn overlaps(self, other: Self) -> bool {
        self.table == other.table
            && u32::from(self.address) < other.end()
            && u32::from(other.address) < self.end()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = match self.table {
            Table::Holding => "holding",
            Table::Input => "input",
        };
        write!(f, "{table} 0x{:04X}+{}", self.address, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_know_what_they_hold() {
        let span = |address, count| Span {
            table: Table::Input,
            address,
            count,
        };
        assert!(span(10, 10).contains(span(18, 2)));
        assert!(!span(10, 10).contains(span(19, 2)));
        assert!(span(10, 10).overlaps(span(19, 2)));
        assert!(!span(10, 10).overlaps(span(20, 2)));
        assert_eq!(span(65_535, 1).end(), 65_536);
        assert_eq!(span(0x48, 2).to_string(), "input 0x0048+2");
    }
}
