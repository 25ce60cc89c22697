//! One window of a profile, from its first octet to its last, over several sessions.

use super::super::stop::Stop;
use super::super::talk::{Reply, Talk};
use super::place::{Size, Window, open};
use super::Context;
use crate::catalogue::flag::ProfileModel;
use crate::clock_basis::{ClockBasis, Instants};
use crate::elster::profile::{ProfileDecoder, ProfileHappening, ProfileRead};
use crate::flag::found::{Found, Sink, WhichProfile};
use crate::flag::limits::{
    BLOCK_OCTETS, PACKET_NUMBER_LAST, PACKET_OCTETS, PROFILE_MARGIN, STREAM_BREAKS_MAX,
};
use iec62056_21::conversation::SessionFault;
use line::Line;
use metering::{MeterTime, Timestamp};
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::Instant;

/// How a reading ended, if not by the end of the session.
pub(super) enum Came {
    /// All of the window was read.
    ToItsEnd,
    /// There is nothing to read; in words.
    ToNothing(String),
    /// No packet has a higher number: what is left, from this day on, needs a window of its own.
    ToItsLimit(u64),
    /// What was read before is not in its place any more.
    OutOfPlace,
}

/// How far a window is.
#[derive(Debug, Clone)]
pub(in super::super) struct Reading {
    which: WhichProfile,
    window: Window,
    decoder: ProfileDecoder,
    /// The session in which the window was opened, and its size then.
    open: Option<(u64, Size)>,
    /// Octets that were read.
    octets: usize,
    /// The last of them, as many as a block has: they must still be there when reading goes on.
    tail: Vec<u8>,
    /// What a block of a stream took.
    block_time: Option<Duration>,
    stream_breaks: u8,
    days_done: u64,
}

impl Reading {
    pub(super) fn new(which: WhichProfile, window: Window, decoder: ProfileDecoder) -> Self {
        Self {
            which,
            window,
            decoder,
            open: None,
            octets: 0,
            tail: Vec::new(),
            block_time: None,
            stream_breaks: 0,
            days_done: 0,
        }
    }

    /// Days of the window that were read.
    pub(super) fn days_done(&self) -> u64 {
        self.days_done
    }

    /// Octets that were read.
    pub(super) fn octets(&self) -> u64 {
        u64::try_from(self.octets).unwrap_or(u64::MAX)
    }

    pub(super) async fn go_on<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        context: &Context<'_>,
        profile: &ProfileModel,
        sink: &mut dyn Sink,
    ) -> Result<Came, Stop> {
        let size = match self.open {
            Some((session, size)) if session == context.session => size,
            _ => match open(talk, context.model, profile, self.window, context.shown).await? {
                Reply::Refused(refusal) => {
                    let words = format!("window of the load profile refused: {refusal}");
                    return Ok(Came::ToNothing(words));
                }
                Reply::Given(size) => {
                    self.open = Some((context.session, size));
                    if !self.is_in_place(talk, profile).await? {
                        return Ok(Came::OutOfPlace);
                    }
                    size
                }
            },
        };
        let last_end = match (self.window, size.is_exact) {
            (Window::Days(range), false) => Some(end_of(context.basis, range.last)),
            _ => None,
        };
        while self.octets < size.octets() && !self.is_beyond(last_end) {
            if packet_number(self.octets) > PACKET_NUMBER_LAST {
                return Ok(self.end_at_limit(context.basis, sink));
            }
            let can_stream = context.can_stream && self.stream_breaks < STREAM_BREAKS_MAX;
            let came = if can_stream {
                self.stream(talk, context, profile, size, last_end).await?
            } else {
                self.packet(talk, profile).await?
            };
            if let Some(came) = came {
                return Ok(came);
            }
            self.note_days(context.basis);
            self.hand_over(sink);
        }
        self.read_extra(talk, profile, size, last_end).await?;
        self.finish(last_end, sink);
        Ok(Came::ToItsEnd)
    }

    /// Whether the last octets that were read still stand where they stood.
    async fn is_in_place<L: Line>(
        &self,
        talk: &mut Talk<'_, '_, L>,
        profile: &ProfileModel,
    ) -> Result<bool, Stop> {
        let from = self.tail.len().saturating_sub(PACKET_OCTETS);
        let Some(known) = self.tail.get(from..).filter(|known| !known.is_empty()) else {
            return Ok(true);
        };
        let number = packet_number(self.octets.saturating_sub(known.len()));
        let octets = u8::try_from(PACKET_OCTETS).unwrap_or(u8::MAX);
        Ok(match talk.read(profile.identity, number, octets).await? {
            Reply::Given(answered) => answered.data.starts_with(known),
            Reply::Refused(_) => false,
        })
    }

    async fn packet<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        profile: &ProfileModel,
    ) -> Result<Option<Came>, Stop> {
        let number = packet_number(self.octets);
        let octets = u8::try_from(PACKET_OCTETS).unwrap_or(u8::MAX);
        match talk.read(profile.identity, number, octets).await? {
            Reply::Given(answered) => self.push(&answered.data),
            Reply::Refused(refusal) => {
                let words = format!("packet {number} of the load profile refused: {refusal}");
                return Ok(Some(Came::ToNothing(words)));
            }
        }
        Ok(None)
    }

    /// As many blocks as fit into the time, or as are needed.
    async fn stream<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        context: &Context<'_>,
        profile: &ProfileModel,
        size: Size,
        last_end: Option<Timestamp>,
    ) -> Result<Option<Came>, Stop> {
        let block_time = self.block_time.unwrap_or(context.block_time);
        talk.go_on_for(context.stream_lead + block_time)?;
        let time = talk.time_left().saturating_sub(context.stream_lead);
        let fits = time.as_micros() * 9 / 10 / block_time.as_micros().max(1);
        let read = self.octets.div_ceil(BLOCK_OCTETS);
        let left = usize::from(size.blocks()).saturating_sub(read).max(1);
        let blocks = u16::try_from(fits).unwrap_or(u16::MAX);
        let blocks = blocks.min(u16::try_from(left).unwrap_or(u16::MAX)).max(1);
        let first = packet_number(self.octets);
        let began = Instant::now();
        let mut taken: u32 = 0;
        let mut take = |_number: u16, data: &[u8]| {
            taken += 1;
            self.push(data);
            if self.is_beyond(last_end) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let outcome = talk.stream(profile.identity, first, blocks, &mut take).await;
        if taken > 0 {
            self.block_time = Some(began.elapsed() / taken);
        }
        match outcome {
            Ok(Reply::Given(())) if taken == 0 => self.stream_breaks = STREAM_BREAKS_MAX,
            Ok(Reply::Given(())) => {}
            // The meter does not stream: packets bring the same.
            Ok(Reply::Refused(_)) => self.stream_breaks = STREAM_BREAKS_MAX,
            Err(Stop::Fault(SessionFault::StreamBroken { cause, .. })) if !cause.ends_session() => {
                self.stream_breaks += 1;
            }
            Err(stop) => return Err(stop),
        }
        Ok(None)
    }

    fn push(&mut self, octets: &[u8]) {
        self.decoder.push(octets);
        self.octets += octets.len();
        self.tail.extend_from_slice(octets);
        let over = self.tail.len().saturating_sub(BLOCK_OCTETS);
        self.tail.drain(..over);
    }

    /// Some meters have one packet more than they announce.
    async fn read_extra<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        profile: &ProfileModel,
        size: Size,
        last_end: Option<Timestamp>,
    ) -> Result<(), Stop> {
        let whole = size.octets() + usize::from(profile.extra_packets) * PACKET_OCTETS;
        while size.packets > 0 && self.octets < whole && !self.is_beyond(last_end) {
            let number = packet_number(self.octets);
            let octets = u8::try_from(PACKET_OCTETS).unwrap_or(u8::MAX);
            match talk.read(profile.identity, number, octets).await? {
                Reply::Given(answered) => self.push(&answered.data),
                // There is none.
                Reply::Refused(_) => break,
            }
        }
        Ok(())
    }

    /// Whether the wished days were read, and enough behind them to settle them.
    fn is_beyond(&self, last_end: Option<Timestamp>) -> bool {
        match (self.decoder.newest(), last_end) {
            (Some(newest), Some(end)) => newest >= end.after(PROFILE_MARGIN),
            _ => false,
        }
    }

    fn note_days(&mut self, basis: &ClockBasis) {
        let (Some(newest), Window::Days(range)) = (self.decoder.newest(), self.window) else {
            return;
        };
        let day = basis.shown_at(newest).day();
        self.days_done = day.saturating_sub(range.first).min(range.days());
    }

    fn hand_over(&mut self, sink: &mut dyn Sink) {
        let read = self.decoder.take();
        self.hand(read, sink);
    }

    /// Hands over the days that are whole.
    fn end_at_limit(&mut self, basis: &ClockBasis, sink: &mut dyn Sink) -> Came {
        let newest = self.decoder.newest();
        let day = newest.map(|newest| basis.shown_at(newest).day());
        let begun = match self.window {
            Window::Days(range) => range.first,
            Window::All => 0,
        };
        match day.filter(|day| *day > begun) {
            Some(day) => {
                self.finish(Some(end_of(basis, day - 1)), sink);
                Came::ToItsLimit(day)
            }
            None => Came::ToNothing("load profile has no end that can be reached".to_owned()),
        }
    }

    /// What is not settled yet; of what stands behind the wished days, nothing.
    fn finish(&mut self, last_end: Option<Timestamp>, sink: &mut dyn Sink) {
        let mut read = self.decoder.clone().finish();
        if let Some(end) = last_end {
            cut(&mut read, end);
        }
        self.hand(read, sink);
    }

    fn hand(&self, read: ProfileRead, sink: &mut dyn Sink) {
        if read != ProfileRead::default() {
            let which = self.which;
            sink.take(Found::Profile { which, read });
        }
    }
}

/// Leaves what lies up to this end.
fn cut(read: &mut ProfileRead, end: Timestamp) {
    for piece in &mut read.pieces {
        piece.rows.retain(|row| row.end <= end);
    }
    read.pieces.retain(|piece| !piece.rows.is_empty());
    read.gaps.retain(|gap| gap.last <= end);
    read.events.retain(|event| match event.what {
        // It was us who stopped there.
        ProfileHappening::CutShort { .. } => false,
        _ => event.at.is_none_or(|at| at <= end),
    });
}

/// The packet that begins behind so many octets.
fn packet_number(octets: usize) -> u16 {
    u16::try_from(octets / PACKET_OCTETS + 1).unwrap_or(u16::MAX)
}

/// The instant at which a day of the meter's calendar ends; the later one if there are two.
fn end_of(basis: &ClockBasis, day: u64) -> Timestamp {
    let midnight = MeterTime::from_seconds((day + 1) * 86_400);
    match basis.instants_of(midnight) {
        Instants::Once(at) | Instants::Twice(_, at) | Instants::Never(at) => at,
    }
}
