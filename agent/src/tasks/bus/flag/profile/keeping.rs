//! What a meter's profile brought goes to the store, and what it tells beside rows to people.

use super::super::round::Sitting;
use crate::front::GATEWAY_PROFILE;
use crate::tasks::bus::keeping::Keeping;
use crate::tasks::storekeeper::Record;
use line::Line;
use metering::{EventCode, Timestamp};
use meters::collection::Marks;
use meters::doctor::Finding;
use meters::elster::profile::{
    GapCause, ProfileConversion, ProfileEvent, ProfileGap, ProfileHappening, ProfileOwner,
    ProfileRead,
};
use storage::{GapRange, GapReason, GapRecord};

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Keeps what was settled. False while the store cannot say what it holds.
    pub(super) async fn keep_profile(&mut self, read: ProfileRead) -> bool {
        let Some(multiplier) = self.multiplier() else {
            return false;
        };
        let conversion = ProfileConversion { multiplier };
        let owner = ProfileOwner {
            meter: self.book.settings.id.clone(),
            profile: GATEWAY_PROFILE,
            clock: self.desk.clock.now().quality,
        };
        for piece in &read.pieces {
            self.book.known.set_period(piece.columns.period);
            for block in conversion.rows(&owner, piece) {
                if !self.keeping().block(block).await {
                    return false;
                }
            }
        }
        for piece in &read.pieces {
            for row in &piece.rows {
                self.book.advance.row(&piece.columns, row);
            }
        }
        for gap in &read.gaps {
            self.tell_gap(gap);
        }
        for event in &read.events {
            self.tell_event(event);
        }
        // What was read is safe before more is read.
        let mut said = std::mem::take(&mut self.said);
        self.book.remember(&mut said);
        let store = self.desk.store;
        store.keep_together(said.events, said.records).await;
        self.said.accepted_serial = said.accepted_serial;
        true
    }

    fn keeping(&mut self) -> Keeping<'_> {
        let book = &mut *self.book;
        Keeping {
            store: self.desk.store,
            clock: self.desk.clock,
            meter: &book.settings.id,
            known: &mut book.known,
            brought: &mut book.brought,
            totals: &mut book.totals,
            said: &mut self.said,
        }
    }

    fn tell_gap(&mut self, gap: &ProfileGap) {
        let marks = Marks {
            first: gap.first,
            last: gap.last,
        };
        let words = format!(
            "{} intervals from {} to {}: {}",
            gap.marks,
            gap.first,
            gap.last,
            gap.cause.words()
        );
        if !self.book.known.add_empty(marks) {
            return;
        }
        self.book.brought.gaps.push(words.clone());
        let step = self.period().duration();
        self.said.records.push(Record::Gap(GapRecord {
            what: GapRange::Rows {
                meter: self.book.settings.id.clone(),
                profile: GATEWAY_PROFILE,
                from: gap.first.before(step),
                to: gap.last,
            },
            why: GapReason::NotMeasured,
            request: Vec::new(),
        }));
        // A meter without supply has nothing to say, and its event counter tells of that.
        let finding = Finding::IntervalsMissing {
            count: gap.marks,
            first: gap.first,
            last: gap.last,
            cause: gap.cause.words().to_owned(),
        };
        let line = self.find(&finding);
        if let Some(line) = line.filter(|_| gap.cause != GapCause::PowerDown) {
            self.tell(EventCode::MeterProfileGap, line);
        }
    }

    /// There is not one row of the days that were asked for. They stay wanted.
    pub(super) fn tell_empty(&mut self, from: Timestamp) {
        let period = self.period();
        let last = period.mark_at_or_before(self.desk.clock.now().utc);
        let length = last.seconds().saturating_sub(from.seconds());
        let finding = Finding::IntervalsMissing {
            count: length / u64::from(period.seconds()),
            first: from.after(period.duration()),
            last,
            cause: "the meter's load profile is empty".to_owned(),
        };
        let line = finding.message().map(|message| message.line());
        self.book.findings.empty = Some(finding);
        if let Some(line) = line.filter(|_| self.book.known.is_news("empty")) {
            self.tell(EventCode::MeterProfileGap, line);
        }
    }

    /// Marks between rows that the meter does not have, although nothing in it tells why.
    pub(super) fn tell_missing(&mut self, marks: Marks) {
        let step = self.period().duration();
        let length = marks.last.after(step).seconds() - marks.first.seconds();
        self.tell_gap(&ProfileGap {
            first: marks.first,
            last: marks.last,
            marks: length / u64::from(self.period().seconds()),
            cause: GapCause::Unknown,
        });
    }

    /// Whether nothing older than this interval is stored.
    pub(super) async fn is_first_of_all(&self, end: Timestamp) -> bool {
        let need = self.need();
        let before = end.before(need.period.duration());
        matches!(need.last_row_up_to(before).await, Some(None))
    }

    fn tell_event(&mut self, event: &ProfileEvent) {
        let Some((code, words)) = words(event) else {
            return;
        };
        let at = event.shown.map(|shown| format!(" at {shown} of its clock"));
        let detail = format!("its load profile says{}: {words}", at.unwrap_or_default());
        // A profile of another coding holds nothing but such values, other ones every day.
        let key = match &event.what {
            ProfileHappening::NoNumber { channel, .. } => format!("no numbers in {channel}"),
            _ => detail.clone(),
        };
        if self.book.known.is_news(&key) {
            self.book.brought.remarks.push(detail.clone());
            self.tell(code, detail);
        }
    }

    pub(super) fn tell(&mut self, code: EventCode, detail: String) {
        let event = self.book.event(code, detail, self.desk.clock);
        self.said.events.push(event);
    }

    /// How long what is not read yet is safe in the meter.
    pub(in super::super) async fn look_at_overwriting(&mut self) {
        let Some(days) = self.storage().and_then(|storage| storage.days) else {
            return;
        };
        let Some(Some(last)) = self.last_row().await else {
            return;
        };
        self.book.memory.note_held(days, last);
        let now = self.desk.clock.now().utc;
        self.book.brought.days_until_overwrite = self.book.memory.overwrite_in_days(now);
    }
}

/// The events that people should hear of; the rest stands in flags and event counters.
fn words(event: &ProfileEvent) -> Option<(EventCode, String)> {
    Some(match &event.what {
        ProfileHappening::Configuration { is_different: true } => (
            EventCode::MeterProfileReconfigured,
            "channels or period changed".to_owned(),
        ),
        ProfileHappening::TimeChange { from } => {
            let from = from.map(|from| format!("; the interval before ended {from}"));
            let words = format!("the clock was changed{}", from.unwrap_or_default());
            (EventCode::MeterClockChanged, words)
        }
        ProfileHappening::Cleared { .. } => {
            (EventCode::MeterProfileCleared, "it was cleared".to_owned())
        }
        ProfileHappening::External { octets } => (
            EventCode::MeterProfileUnknown,
            format!(
                "{} octets from outside, whose time is not known",
                octets.len()
            ),
        ),
        ProfileHappening::NotUnderstood { why, octets, count } => (
            EventCode::MeterProfileUnknown,
            format!(
                "{count} octets at place {} are not understood ({why}): {}",
                event.position,
                crate::hex::hex(octets)
            ),
        ),
        ProfileHappening::CutShort { octets } => (
            EventCode::MeterProfileUnknown,
            format!("it ends within a record: {}", crate::hex::hex(octets)),
        ),
        ProfileHappening::Overlap { seconds } => (
            EventCode::MeterClockChanged,
            format!("time goes back by {seconds} s; check the clock basis of this meter"),
        ),
        ProfileHappening::Again { values } => (
            EventCode::MeterProfileConflict,
            format!("an interval came twice, the second time with {values:?}"),
        ),
        ProfileHappening::BasisContradicted => (
            EventCode::MeterClockChanged,
            "its daylight saving time contradicts the clock basis of this meter".to_owned(),
        ),
        ProfileHappening::NoNumber { channel, octets } => (
            EventCode::MeterCodingInDoubt,
            format!(
                "channel {} holds {}, which is no decimal number; its values may be coded otherwise",
                channel + 1,
                crate::hex::hex(octets)
            ),
        ),
        ProfileHappening::PartKept { values, .. } => (
            EventCode::MeterProfileReconfigured,
            format!("a part of an interval before the change of channels: {values:?}"),
        ),
        ProfileHappening::PowerDown
        | ProfileHappening::PowerUp
        | ProfileHappening::Configuration { .. }
        | ProfileHappening::ForcedEnd
        | ProfileHappening::Daylight => return None,
    })
}
