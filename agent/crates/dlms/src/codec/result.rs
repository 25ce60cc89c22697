//! How a meter says that it did something, or why it did not.

use std::fmt;

use super::fault::DecodeFault;
use super::reader::Reader;

macro_rules! results {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $code:literal $words:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$item_doc])* $item,)*
            /// A code that the standard does not give.
            Other(u8),
        }

        impl $name {
            /// From its code.
            pub fn of(code: u8) -> Self {
                match code {
                    $($code => Self::$item,)*
                    other => Self::Other(other),
                }
            }

            /// Its code.
            pub fn code(self) -> u8 {
                match self {
                    $(Self::$item => $code,)*
                    Self::Other(code) => code,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$item => f.write_str($words),)*
                    Self::Other(code) => write!(f, "result {code}"),
                }
            }
        }
    };
}

results! {
    /// How access to an attribute ended.
    AccessResult {
        /// It is done.
        Success = 0 "success",
        /// The meter is broken.
        HardwareFault = 1 "hardware fault",
        /// Not now.
        TemporaryFailure = 2 "temporary failure",
        /// Not for this association.
        ReadWriteDenied = 3 "reading or writing denied",
        /// There is no such object.
        ObjectUndefined = 4 "object undefined",
        /// The object is of another class.
        ClassInconsistent = 9 "object of another class",
        /// There is such an object, but not now.
        ObjectUnavailable = 11 "object unavailable",
        /// The value has another type.
        TypeUnmatched = 12 "type does not match",
        /// Outside what may be accessed.
        ScopeViolated = 13 "outside the scope of access",
        /// The block is not there.
        DataBlockUnavailable = 14 "data block unavailable",
        /// A read in blocks was aborted.
        LongGetAborted = 15 "read in blocks aborted",
        /// No read in blocks is under way.
        NoLongGet = 16 "no read in blocks is under way",
        /// A write in blocks was aborted.
        LongSetAborted = 17 "write in blocks aborted",
        /// No write in blocks is under way.
        NoLongSet = 18 "no write in blocks is under way",
        /// The block has another number.
        DataBlockNumber = 19 "data block number invalid",
        /// Something else.
        OtherReason = 250 "other reason",
    }
}

results! {
    /// How a method ended.
    ActionResult {
        /// It is done.
        Success = 0 "success",
        /// The meter is broken.
        HardwareFault = 1 "hardware fault",
        /// Not now.
        TemporaryFailure = 2 "temporary failure",
        /// Not for this association.
        ReadWriteDenied = 3 "execution denied",
        /// There is no such object.
        ObjectUndefined = 4 "object undefined",
        /// The object is of another class.
        ClassInconsistent = 9 "object of another class",
        /// There is such an object, but not now.
        ObjectUnavailable = 11 "object unavailable",
        /// The parameter has another type.
        TypeUnmatched = 12 "type does not match",
        /// Outside what may be accessed.
        ScopeViolated = 13 "outside the scope of access",
        /// The block is not there.
        DataBlockUnavailable = 14 "data block unavailable",
        /// A transfer in blocks was aborted.
        LongActionAborted = 15 "action in blocks aborted",
        /// No transfer in blocks is under way.
        NoLongAction = 16 "no action in blocks is under way",
        /// Something else.
        OtherReason = 250 "other reason",
    }
}

results! {
    /// Why a meter does not take an APDU.
    ServiceError {
        /// Not possible.
        NotPossible = 1 "operation not possible",
        /// Not supported.
        NotSupported = 2 "service not supported",
        /// Something else.
        OtherReason = 3 "other reason",
        /// It is too long.
        PduTooLong = 4 "APDU too long",
        /// It cannot be deciphered.
        Deciphering = 5 "cannot be deciphered",
        /// Its invocation counter was used before.
        InvocationCounter = 6 "invocation counter too low",
    }
}

/// A meter does not take an APDU at all. Nothing proves that it came from the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exception {
    /// 1: not allowed in this state; 2: unknown service.
    pub state: u8,
    /// Why.
    pub error: ServiceError,
    /// The counter that it waits for, if it says so.
    pub expected_counter: Option<u32>,
}

impl Exception {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.state, self.error.code()]);
        if let Some(counter) = self.expected_counter {
            out.extend_from_slice(&counter.to_be_bytes());
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeFault> {
        let [state, error] = reader.array("the exception")?;
        let expected_counter = if reader.is_empty() {
            None
        } else {
            Some(reader.u32("the expected counter")?)
        };
        Ok(Self {
            state,
            error: ServiceError::of(error),
            expected_counter,
        })
    }
}
