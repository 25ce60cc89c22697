//! What a modem says.

/// A result of a command or a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    Ok,
    Connect(u32),
    NoCarrier,
    Error,
    NoDialTone,
    Busy,
    NoAnswer,
    Delayed,
}

impl Word {
    /// In words, or as a number.
    pub(super) fn text(self, in_words: bool) -> String {
        let words = match self {
            Self::Ok => "OK",
            Self::Connect(rate) => &format!("CONNECT {rate}"),
            Self::NoCarrier => "NO CARRIER",
            Self::Error => "ERROR",
            Self::NoDialTone => "NO DIALTONE",
            Self::Busy => "BUSY",
            Self::NoAnswer => "NO ANSWER",
            Self::Delayed => "DELAYED",
        };
        let number = match self {
            Self::Ok => 0,
            Self::Connect(_) => 1,
            Self::NoCarrier => 3,
            Self::Error | Self::Delayed => 4,
            Self::NoDialTone => 6,
            Self::Busy => 7,
            Self::NoAnswer => 8,
        };
        if in_words {
            format!("\r\n{words}\r\n")
        } else {
            format!("{number}\r")
        }
    }
}
