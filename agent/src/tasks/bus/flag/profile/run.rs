//! One run through windows of a profile.

use super::super::round::{Sitting, StepEnd};
use crate::limits::STREAM_FROM_PACKETS;
use desk::Progress;
use line::Line;
use metering::{MeterTime, Timestamp};
use meters::catalogue::flag::ProfileModel;
use meters::collection::{CollectPlan, CollectState, Marks};
use meters::elster::ProfileWindow;
use meters::elster::profile::{ProfileDecoder, ProfileHappening, ProfileOptions, ProfileRead};
use meters::flag::{Visit, VisitFault};
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// Octets of a packet.
const PACKET_OCTETS: usize = 64;
/// Packets of 64 octets in one block of a data stream.
const BLOCK_PACKETS: u16 = 4;
/// Packets that opening a window takes: it is written, asked for its size, and looked at.
const OPENING_PACKETS: u16 = 3;
/// Days without a row from which on a profile is empty: today's may not have one yet.
const EMPTY_FROM_DAYS: u64 = 2;
/// Times that a window may turn out to have moved before it is left for the next round.
const MOVES_MAX: u8 = 3;

/// Windows that are read one after the other.
#[derive(Debug, Default)]
pub(in super::super) struct ProfileRun {
    plans: VecDeque<CollectPlan>,
    reading: Option<Reading>,
    days_total: u64,
    days_done: u64,
    /// The first day of all windows.
    begins: Option<MeterTime>,
    /// Whether one of them had a row.
    has_rows: bool,
    moves: u8,
}

/// A window that is being read.
#[derive(Debug)]
struct Reading {
    plan: CollectPlan,
    state: CollectState,
    decoder: ProfileDecoder,
    /// The packet read last and its octets: if it differs when the window is opened again, the
    /// window has moved.
    last: Option<(u16, Vec<u8>)>,
    /// The session in which it was opened is still going on.
    is_open: bool,
    first_row: Option<Timestamp>,
    last_row: Option<Timestamp>,
}

impl ProfileRun {
    pub(super) fn new(plans: Vec<CollectPlan>) -> Self {
        Self {
            days_total: plans.iter().map(|plan| plan.days).sum(),
            plans: plans.into(),
            ..Self::default()
        }
    }

    /// The session is over: the window has to be opened again.
    pub(super) fn session_ends(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.is_open = false;
        }
    }

    /// Days that were asked for.
    pub(in super::super) fn days(&self) -> u32 {
        u32::try_from(self.days_total).unwrap_or(u32::MAX)
    }

    /// How far it is, in days.
    pub(in super::super) fn progress(&self) -> Progress {
        let begun = self.reading.as_ref().map_or(0, Reading::days);
        progress(self.days_done + begun, self.days_total)
    }
}

fn progress(done: u64, total: u64) -> Progress {
    Progress {
        done,
        total,
        words: format!("day {done} of {total}"),
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Reads on, as far as the session's time allows.
    pub(in super::super) async fn run_profile(
        &mut self,
        run: &mut ProfileRun,
    ) -> Result<StepEnd, VisitFault> {
        run.session_ends();
        let unknown = VisitFault::Unknown("a load profile");
        let model = self.visit.model();
        let profile = model.profile.as_ref().ok_or(unknown)?;
        // Energies are multiplied when they are kept, so the ratios must be known before.
        if self.know_ratios().await? == StepEnd::Later {
            return Ok(StepEnd::Later);
        }
        if self.multiplier().is_none() {
            return Err(VisitFault::Unknown("the ratios of its transformers"));
        }
        let end = self.run_windows(run, profile).await;
        run.session_ends();
        end
    }

    async fn run_windows(
        &mut self,
        run: &mut ProfileRun,
        profile: &ProfileModel,
    ) -> Result<StepEnd, VisitFault> {
        loop {
            if run.reading.is_none() {
                let Some(plan) = run.plans.pop_front() else {
                    self.look_whether_empty(run);
                    return Ok(StepEnd::Done);
                };
                run.begins = run.begins.or(plan.from);
                run.reading = Some(self.begin(plan, profile));
            }
            let Some(reading) = &mut run.reading else {
                return Ok(StepEnd::Done);
            };
            let is_open = reading.is_open;
            if !is_open && !self.open(reading, profile).await? {
                if !self.has_room(OPENING_PACKETS) {
                    return Ok(StepEnd::Later);
                }
                // It has moved: what was settled is kept, the rest is read again.
                run.moves += 1;
                let plan = reading.plan.clone();
                run.reading = None;
                if run.moves > MOVES_MAX {
                    // What it holds is not known then.
                    run.has_rows = true;
                    let words = "its load profile changes while it is read";
                    self.book.remark(words.to_owned());
                    continue;
                }
                run.plans.push_front(plan);
                continue;
            }
            let days = (run.days_done, run.days_total);
            if self.read_window(reading, profile, days).await? == StepEnd::Later {
                return Ok(StepEnd::Later);
            }
            let Some(mut reading) = run.reading.take() else {
                return Ok(StepEnd::Done);
            };
            run.days_done += reading.plan.days;
            let decoder = reading.decoder.clone();
            let mut read = decoder.finish();
            if reading.plan.until.is_some() {
                // It was left where enough was read, and not at its end.
                read.events
                    .retain(|event| !matches!(event.what, ProfileHappening::CutShort { .. }));
            }
            reading.saw(&read);
            run.has_rows |= reading.first_row.is_some();
            if !self.keep_profile(read).await {
                return Ok(StepEnd::Later);
            }
            self.look_for_gaps(&reading).await;
        }
    }

    /// Whether the meter had nothing of all that was asked for.
    fn look_whether_empty(&mut self, run: &ProfileRun) {
        if run.has_rows {
            self.book.findings.empty = None;
        } else if run.days_total >= EMPTY_FROM_DAYS
            && let Some(from) = run.begins
        {
            self.tell_empty(self.instant(from));
        }
    }

    fn begin(&self, plan: CollectPlan, profile: &ProfileModel) -> Reading {
        let basis = &self.book.flag.clock.basis;
        let from = plan.from.map(|shown| self.instant(shown));
        let options = ProfileOptions {
            basis: basis.clone(),
            read_at: self.shown_now(),
            columns: None,
        };
        Reading {
            state: CollectState::new(&plan, from),
            decoder: ProfileDecoder::new(self.visit.model(), profile, options),
            plan,
            last: None,
            is_open: false,
            first_row: None,
            last_row: None,
        }
    }

    /// What was asked for and did not come is not there, and is not asked for again.
    async fn look_for_gaps(&mut self, reading: &Reading) {
        let (Some(first), Some(last)) = (reading.first_row, reading.last_row) else {
            return;
        };
        let from = reading.plan.from.map_or(first, |shown| self.instant(shown));
        let from = if self.is_first_of_all(first).await {
            self.book.known.set_begins(first);
            first
        } else {
            from.after(self.period().duration())
        };
        let within = Marks {
            first: from.min(first),
            last,
        };
        for stretch in self
            .need()
            .missing(within, &self.book.known)
            .await
            .unwrap_or_default()
        {
            self.tell_missing(stretch);
        }
    }

    /// Opens the window of a reading, and looks whether it is where it was. False if it is not, or
    /// if there is no time for it.
    async fn open(
        &mut self,
        reading: &mut Reading,
        profile: &ProfileModel,
    ) -> Result<bool, VisitFault> {
        if !self.has_room(OPENING_PACKETS) {
            return Ok(false);
        }
        let window = window_today(&reading.plan, self.shown_now());
        let size = self.visit.open_window(profile, window).await?;
        reading.is_open = true;
        let Some((packet, before)) = reading.last.clone() else {
            reading.state.sized(size, profile.extra_packets);
            return Ok(true);
        };
        let again = self.visit.window_packet(profile, packet).await?;
        let has_moved = moved(&before, &again.octets);
        if !has_moved {
            reading.state.resized(size, profile.extra_packets);
        }
        Ok(!has_moved)
    }

    async fn read_window(
        &mut self,
        reading: &mut Reading,
        profile: &ProfileModel,
        (days_before, days): (u64, u64),
    ) -> Result<StepEnd, VisitFault> {
        while let Some(packet) = reading.state.next_packet() {
            self.desk.pulse.beat();
            self.desk
                .report(&progress(days_before + reading.days(), days));
            if !self.has_room(1) {
                return Ok(StepEnd::Later);
            }
            let blocks = self.blocks(reading, packet);
            if blocks > 0 {
                self.read_many(reading, profile, packet, blocks).await?;
            } else {
                self.read_one(reading, profile, packet).await?;
            }
            let settled = reading.decoder.take();
            if settled == ProfileRead::default() {
                continue;
            }
            reading.saw(&settled);
            if !self.keep_profile(settled).await {
                return Ok(StepEnd::Later);
            }
            reading.state.settled(reading.last_row);
        }
        Ok(StepEnd::Done)
    }

    async fn read_one(
        &mut self,
        reading: &mut Reading,
        profile: &ProfileModel,
        packet: u16,
    ) -> Result<(), VisitFault> {
        match self.visit.window_packet(profile, packet).await {
            Ok(raw) => reading.took(packet, &raw.octets),
            // Beyond what was announced the meter may have nothing.
            Err(fault) if fault.refusal().is_some() && reading.last.is_some() => {
                reading.state.ended();
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Reads blocks in one stream. Where the meter has none, for want of eight data bits or because
    /// it is of an older kind, the rest is read in packets, now and until the gateway starts again.
    async fn read_many(
        &mut self,
        reading: &mut Reading,
        profile: &ProfileModel,
        packet: u16,
        blocks: u16,
    ) -> Result<(), VisitFault> {
        match stream(&mut self.visit, profile, reading, packet, blocks).await {
            Ok(()) => Ok(()),
            Err(fault) if fault.ends_session() => Err(fault),
            Err(fault) => {
                log::info!(meter:% = self.book.id(), fault:%; "no data streams");
                self.book.has_no_streams |= fault.refusal().is_some();
                self.has_streams = false;
                Ok(())
            }
        }
    }

    /// Blocks that one data stream should bring now; 0: packets are read one by one.
    fn blocks(&self, reading: &Reading, packet: u16) -> u16 {
        let progress = reading.state.progress();
        let left = progress.of.saturating_sub(u32::from(packet) - 1);
        if !self.has_streams || left < STREAM_FROM_PACKETS {
            return 0;
        }
        // A block takes about as long as two packets, and the stream's beginning one more.
        let time = self.visit.left().as_millis() / self.packet.as_millis().max(1);
        let room = u16::try_from(time.saturating_sub(2) / 2).unwrap_or(u16::MAX);
        let left = u16::try_from(left.div_ceil(u32::from(BLOCK_PACKETS))).unwrap_or(u16::MAX);
        room.min(left)
    }
}

impl Reading {
    /// Days that are read.
    fn days(&self) -> u64 {
        let per_mille = self.state.progress().per_mille();
        self.plan.days * u64::from(per_mille) / 1000
    }

    fn saw(&mut self, read: &ProfileRead) {
        let ends = || {
            read.pieces
                .iter()
                .flat_map(|piece| &piece.rows)
                .map(|row| row.end)
        };
        self.first_row = self.first_row.or(ends().min());
        self.last_row = self.last_row.max(ends().max());
    }

    fn took(&mut self, packet: u16, octets: &[u8]) {
        self.decoder.push(octets);
        let newest = self.decoder.newest();
        self.state.took(newest, None);
        self.last = Some((packet, octets.to_vec()));
    }
}

/// Reads blocks in one stream. One that breaks is read on packet by packet.
async fn stream<L: Line>(
    visit: &mut Visit<'_, '_, L>,
    profile: &ProfileModel,
    reading: &mut Reading,
    first: u16,
    blocks: u16,
) -> Result<(), VisitFault> {
    let mut next = first;
    let mut take = |_: u16, octets: &[u8]| {
        for part in octets.chunks(PACKET_OCTETS) {
            reading.took(next, part);
            next = next.saturating_add(1);
        }
        ControlFlow::Continue(())
    };
    let done = visit.window_stream(profile, first, blocks, &mut take).await;
    match done {
        Err(fault) if next > first && !fault.ends_session() => {
            log::debug!(fault:%; "a data stream broke; the rest is read in packets");
            Ok(())
        }
        done => done,
    }
}

/// The window of a plan as it has to be asked for today: its first day stays.
fn window_today(plan: &CollectPlan, shown: MeterTime) -> ProfileWindow {
    match (plan.window, plan.from) {
        (ProfileWindow::Days(_), Some(from)) => {
            let days = shown.day().saturating_sub(from.day()) + 1;
            u16::try_from(days).map_or(ProfileWindow::All, ProfileWindow::Days)
        }
        (window, _) => window,
    }
}

/// Whether a packet that was read before holds something else now. The last one may have been
/// padded, and has grown.
fn moved(before: &[u8], now: &[u8]) -> bool {
    let padding = before
        .iter()
        .rev()
        .take_while(|octet| **octet == 0xff)
        .count();
    let held = before.len().saturating_sub(padding);
    before.get(..held) != now.get(..held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(window: ProfileWindow, from: [u16; 3]) -> CollectPlan {
        CollectPlan {
            window,
            identity: 551,
            from: MeterTime::from_civil(from, [0, 0, 0]),
            days: 2,
            until: None,
            octets: 0,
        }
    }

    #[test]
    fn a_window_keeps_its_first_day_over_midnight() {
        let days = plan(ProfileWindow::Days(2), [2026, 5, 2]);
        let at = |day| MeterTime::from_civil([2026, 5, day], [0, 10, 0]).unwrap();
        assert_eq!(window_today(&days, at(3)), ProfileWindow::Days(2));
        assert_eq!(window_today(&days, at(4)), ProfileWindow::Days(3));
        let all = plan(ProfileWindow::All, [2026, 5, 2]);
        assert_eq!(window_today(&all, at(4)), ProfileWindow::All);
    }

    #[test]
    fn a_packet_that_has_grown_has_not_moved() {
        assert!(!moved(&[1, 2, 0xff, 0xff], &[1, 2, 3, 0xff]));
        assert!(!moved(&[1, 2], &[1, 2]));
        assert!(moved(&[1, 2], &[1, 3]));
        assert!(moved(&[1, 2, 0xff], &[1]));
    }
}
