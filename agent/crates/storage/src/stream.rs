//! The streams of entries, each numbered by itself.

use std::fmt;

/// One numbered row of entries, and one topic upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Load-profile intervals.
    Profiles,
    /// What happened.
    Events,
    /// Instantaneous values.
    Telemetry,
    /// Heads of the audit chain.
    Audit,
    /// What is missing elsewhere, and why.
    Gaps,
    /// States of commands, signed by the gateway.
    Receipts,
}

impl Stream {
    /// Every stream, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::Profiles,
        Self::Events,
        Self::Telemetry,
        Self::Audit,
        Self::Gaps,
        Self::Receipts,
    ];

    /// The number kept on disk.
    pub const fn code(self) -> u8 {
        match self {
            Self::Profiles => 1,
            Self::Events => 2,
            Self::Telemetry => 3,
            Self::Audit => 4,
            Self::Gaps => 5,
            Self::Receipts => 6,
        }
    }

    /// The stream behind a number on disk.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.code() == code)
    }

    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Profiles => "lp",
            Self::Events => "ev",
            Self::Telemetry => "tm",
            Self::Audit => "au",
            Self::Gaps => "gap",
            Self::Receipts => "rs",
        }
    }

    /// The stream behind a word of the contract.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.word() == word)
    }

    /// Whether its entries also go to the archive.
    pub(crate) const fn is_archived(self) -> bool {
        matches!(self, Self::Profiles | Self::Telemetry)
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One of something for each stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct PerStream<T> {
    profiles: T,
    events: T,
    telemetry: T,
    audit: T,
    gaps: T,
    receipts: T,
}

impl<T> PerStream<T> {
    pub(crate) fn try_of<E>(mut make: impl FnMut(Stream) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self {
            profiles: make(Stream::Profiles)?,
            events: make(Stream::Events)?,
            telemetry: make(Stream::Telemetry)?,
            audit: make(Stream::Audit)?,
            gaps: make(Stream::Gaps)?,
            receipts: make(Stream::Receipts)?,
        })
    }

    pub(crate) const fn get(&self, stream: Stream) -> &T {
        match stream {
            Stream::Profiles => &self.profiles,
            Stream::Events => &self.events,
            Stream::Telemetry => &self.telemetry,
            Stream::Audit => &self.audit,
            Stream::Gaps => &self.gaps,
            Stream::Receipts => &self.receipts,
        }
    }

    pub(crate) const fn get_mut(&mut self, stream: Stream) -> &mut T {
        match stream {
            Stream::Profiles => &mut self.profiles,
            Stream::Events => &mut self.events,
            Stream::Telemetry => &mut self.telemetry,
            Stream::Audit => &mut self.audit,
            Stream::Gaps => &mut self.gaps,
            Stream::Receipts => &mut self.receipts,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        Stream::ALL.into_iter().map(|stream| self.get(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_survives_code_and_word() {
        for stream in Stream::ALL {
            assert_eq!(Stream::from_code(stream.code()), Some(stream));
            assert_eq!(Stream::from_word(stream.word()), Some(stream));
        }
        assert_eq!(Stream::from_code(7), None);
        assert_eq!(Stream::from_word("cmd"), None);
    }
}
