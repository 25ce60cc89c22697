//! A meter's refusal, in the codes of the standard.

use std::fmt;

/// Why a meter, or the gateway before it, refuses (Modbus Application Protocol V1.1b3, 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exception {
    /// 1: the meter does not know this function.
    IllegalFunction,
    /// 2: a register of the block does not exist.
    IllegalDataAddress,
    /// 3: the count is too large, or the block is cut where the meter does not allow it.
    IllegalDataValue,
    /// 4: the meter failed while it tried.
    DeviceFailure,
    /// 5: accepted, and takes long.
    Acknowledge,
    /// 6: busy with something else.
    DeviceBusy,
    /// 8: the meter's memory failed its parity check.
    MemoryParityError,
    /// 10: the gateway before the meter is misconfigured or overloaded.
    GatewayPathUnavailable,
    /// 11: the meter did not answer the gateway before it.
    GatewayTargetSilent,
    /// A code of the maker.
    Other(u8),
}

/// What to do about an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExceptionRemedy {
    /// 1 to 3: it stays so for these registers; once a repeat has said the same, split the block
    /// and leave the bad address out.
    Permanent,
    /// Ask again at the next cycle.
    NextCycle,
    /// 5 and 6: wait half a second to two seconds, then ask again.
    Wait,
    /// 10 and 11: the meter itself was silent.
    SilentMeter,
}

impl Exception {
    /// The exception behind a code.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::IllegalFunction,
            2 => Self::IllegalDataAddress,
            3 => Self::IllegalDataValue,
            4 => Self::DeviceFailure,
            5 => Self::Acknowledge,
            6 => Self::DeviceBusy,
            8 => Self::MemoryParityError,
            10 => Self::GatewayPathUnavailable,
            11 => Self::GatewayTargetSilent,
            other => Self::Other(other),
        }
    }

    /// The code on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::IllegalFunction => 1,
            Self::IllegalDataAddress => 2,
            Self::IllegalDataValue => 3,
            Self::DeviceFailure => 4,
            Self::Acknowledge => 5,
            Self::DeviceBusy => 6,
            Self::MemoryParityError => 8,
            Self::GatewayPathUnavailable => 10,
            Self::GatewayTargetSilent => 11,
            Self::Other(code) => code,
        }
    }

    /// What to do about it.
    pub const fn remedy(self) -> ExceptionRemedy {
        match self {
            Self::IllegalFunction | Self::IllegalDataAddress | Self::IllegalDataValue => {
                ExceptionRemedy::Permanent
            }
            Self::DeviceFailure | Self::MemoryParityError | Self::Other(_) => {
                ExceptionRemedy::NextCycle
            }
            Self::Acknowledge | Self::DeviceBusy => ExceptionRemedy::Wait,
            Self::GatewayPathUnavailable | Self::GatewayTargetSilent => {
                ExceptionRemedy::SilentMeter
            }
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IllegalFunction => "illegal function",
            Self::IllegalDataAddress => "illegal data address",
            Self::IllegalDataValue => "illegal data value",
            Self::DeviceFailure => "device failure",
            Self::Acknowledge => "acknowledged, takes long",
            Self::DeviceBusy => "device busy",
            Self::MemoryParityError => "memory parity error",
            Self::GatewayPathUnavailable => "gateway path unavailable",
            Self::GatewayTargetSilent => "gateway target silent",
            Self::Other(code) => return write!(f, "exception {code}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_exceptions_are_one_to_one() {
        for code in 0..=u8::MAX {
            assert_eq!(Exception::from_code(code).code(), code);
        }
        assert_eq!(Exception::from_code(7), Exception::Other(7));
    }

    #[track_caller]
    fn check(codes: &[u8], remedy: ExceptionRemedy) {
        for code in codes {
            assert_eq!(Exception::from_code(*code).remedy(), remedy, "{code}");
        }
    }

    #[test]
    fn each_exception_has_its_remedy() {
        check(&[1, 2, 3], ExceptionRemedy::Permanent);
        check(&[4, 7, 8, 9, 80], ExceptionRemedy::NextCycle);
        check(&[5, 6], ExceptionRemedy::Wait);
        check(&[10, 11], ExceptionRemedy::SilentMeter);
    }
}
