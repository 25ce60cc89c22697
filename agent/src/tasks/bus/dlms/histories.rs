//! Event logs and billing sets: each row that a meter adds to them becomes events or readings, once.
//!
//! What was read last is remembered with what came of it in one commit, so that neither a power cut
//! nor a restart makes a row come twice or not at all.

use super::DlmsBook;
use super::ends::is_time_up;
use super::session::{PartEnd, Sitting};
use line::Line;
use metering::{Event, EventCode, Reading};
use meters::catalogue::dlms::{DlmsProfile, DlmsProfileWhat};
use meters::cosem::{LogEntry, LogReader, OrderedRow, ProfileSetup, RowTail, billed_values};
use meters::dlms::{DlmsFault, NewRows, NewsSearch};
use std::time::Duration;

/// What is remembered of them stands from this number on, one for each profile of the model.
const NOTES_FROM: u16 = 2000;
/// Octets of the name of the profile that a note is of.
const NAME_OCTETS: usize = 6;
/// A part is begun only if so much of the session is left.
const ROOM: Duration = Duration::from_millis(2500);
/// Sessions that bring nothing of them, before they are left for the next round.
const STALLS_MAX: u8 = 3;

/// How far the reading of them is.
#[derive(Debug, Default)]
pub(super) struct Histories {
    /// All that comes before them in a round is done.
    pub(super) are_next: bool,
    /// The profile that is being read, by its place in the model.
    place: usize,
    search: NewsSearch,
    stalls: u8,
    /// Rows that were new, of this profile.
    rows: u64,
}

impl Histories {
    /// The same profile, begun anew: somebody else may have read of it meanwhile.
    pub(super) fn at(&self) -> Self {
        Self {
            are_next: self.are_next,
            place: self.place,
            stalls: self.stalls,
            ..Self::default()
        }
    }

    pub(super) fn place(&self) -> usize {
        self.place
    }

    pub(super) fn go_on(&mut self) {
        *self = Self {
            are_next: true,
            place: self.place + 1,
            ..Self::default()
        };
    }

    pub(super) fn take_rows(&mut self) -> u64 {
        std::mem::take(&mut self.rows)
    }
}

impl DlmsBook {
    /// The rows of a profile that were read last.
    fn tail(&self, number: u16, profile: &DlmsProfile) -> RowTail {
        let kept = self.memory.identity(number);
        let own = kept.and_then(|kept| kept.strip_prefix(&profile.name.groups()));
        own.map(RowTail::decode).unwrap_or_default()
    }

    fn set_tail(&mut self, number: u16, profile: &DlmsProfile, tail: &RowTail) {
        let name: [u8; NAME_OCTETS] = profile.name.groups();
        let kept = [&name[..], &tail.encode()].concat();
        self.memory.set_identity(number, &kept);
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Logs and billing sets that the model names and the meter has.
    pub(super) async fn histories(&mut self) -> Result<PartEnd, DlmsFault> {
        let profiles = &self.model.profiles;
        while let Some(profile) = profiles.get(self.book.histories.place) {
            let is_one = matches!(
                profile.what,
                DlmsProfileWhat::Log | DlmsProfileWhat::Billing
            );
            let read = if is_one {
                self.history_in_turn(profile).await
            } else {
                Ok(PartEnd::Done)
            };
            match read {
                Ok(PartEnd::Later) => return Ok(PartEnd::Later),
                // A model names more than each meter has.
                Ok(PartEnd::Done) | Err(DlmsFault::Refused { .. }) => {}
                Err(fault) if fault.ends_session() && !is_time_up(&fault) => {
                    self.book.histories = Histories::default();
                    return Err(fault);
                }
                Err(fault) => self.book.remark(format!("{}: {fault}", profile.content)),
            }
            self.book.histories.go_on();
        }
        self.book.histories = Histories::default();
        Ok(PartEnd::Done)
    }

    /// A history in as many sessions as it needs, unless they bring nothing of it.
    pub(super) async fn history_in_turn(
        &mut self,
        profile: &DlmsProfile,
    ) -> Result<PartEnd, DlmsFault> {
        match self.history(profile).await {
            Err(fault) if is_time_up(&fault) && !self.is_stalled() => Ok(PartEnd::Later),
            end => end,
        }
    }

    fn is_stalled(&mut self) -> bool {
        let stalls = &mut self.book.histories.stalls;
        *stalls += 1;
        *stalls > STALLS_MAX
    }

    async fn history(&mut self, profile: &DlmsProfile) -> Result<PartEnd, DlmsFault> {
        self.desk.pulse.beat();
        let setup = self.visit.setup(profile).await?;
        if profile.what == DlmsProfileWhat::Billing {
            let scalers = setup.scalers();
            self.visit.learn(scalers, &mut self.book.scalers).await?;
        }
        let place = u16::try_from(self.book.histories.place).unwrap_or(u16::MAX);
        let number = NOTES_FROM.saturating_add(place);
        let basis = self.book.dlms.clock.basis.clone();
        let of = (profile, &setup);
        loop {
            if self.has_no_room() {
                return Ok(PartEnd::Later);
            }
            let mut tail = self.book.tail(number, profile);
            let mut search = self.book.histories.search;
            let news = self.visit.news(of, &basis, &tail, &mut search).await;
            self.book.histories.search = search;
            let news = news?;
            self.desk.pulse.beat();
            let has_more = news.has_more;
            if !news.rows.is_empty() {
                if let Some((time_at, _)) = setup.time_column() {
                    tail.follow(time_at, &news.rows);
                }
                self.take(of, &news);
                self.book.set_tail(number, profile, &tail);
                self.book.histories.stalls = 0;
                self.book.histories.rows += u64::try_from(news.rows.len()).unwrap_or(0);
                self.keep_now().await;
            }
            if !has_more {
                return Ok(PartEnd::Done);
            }
        }
    }

    /// Whether nothing more is begun in this session.
    pub(super) fn has_no_room(&self) -> bool {
        self.desk.is_over() || self.visit.left() < ROOM
    }

    /// What was read is safe before more is read.
    pub(super) async fn keep_now(&mut self) {
        let mut said = std::mem::take(&mut self.said);
        self.book.remember(&mut said);
        self.said.accepted_serial = said.accepted_serial;
        let store = self.desk.store;
        store.keep_together(said.events, said.records).await;
    }

    fn take(&mut self, (profile, setup): (&DlmsProfile, &ProfileSetup), news: &NewRows) {
        let first = news.rows.first().and_then(|row| row.shown);
        if let Some(first) = first.filter(|_| news.is_torn) {
            let detail = format!(
                "{} ({}) does not hold any more what was read of it last: what came between that \
                 and {first} of its clock is lost, or it was cleared; read it more often",
                profile.content, profile.name
            );
            self.say(EventCode::MeterLogTorn, detail);
        }
        if profile.what == DlmsProfileWhat::Billing {
            for row in &news.rows {
                self.keep_set(profile, setup, row);
            }
            return;
        }
        let basis = self.book.dlms.clock.basis.clone();
        let reader = LogReader::new(self.model, profile, &basis);
        for row in &news.rows {
            let entry = reader.of_row(setup, row);
            let code = entry.event.unwrap_or(EventCode::MeterEvent);
            self.say(code, entry_words(profile, &entry));
        }
    }

    fn say(&mut self, code: EventCode, detail: String) {
        let event: Event = self.book.event(code, detail, self.desk.clock);
        self.said.events.push(event);
    }

    /// A billing set: its values stood so at its end, a maximum at its own time.
    fn keep_set(&mut self, profile: &DlmsProfile, setup: &ProfileSetup, row: &OrderedRow) {
        let Some(end) = row.at else {
            let what = &profile.content;
            return self.book.remark(format!("{what}: a set has no time"));
        };
        let (values, without) = billed_values(setup, &self.book.scalers, row);
        for obis in without {
            let what = &profile.content;
            self.book
                .remark(format!("{what}: {obis} has no scaler and unit"));
        }
        let mut at_end = Vec::new();
        for value in values {
            let reading = Reading {
                obis: value.obis,
                quantity: value.quantity,
            };
            match value.at {
                Some(at) => {
                    let at = self.instant(at);
                    self.keep_readings(at, vec![reading]);
                }
                None => at_end.push(reading),
            }
        }
        self.keep_readings(end, at_end);
    }
}

/// What an entry says: the meaning of its code where the model has one, else its number.
fn entry_words(profile: &DlmsProfile, entry: &LogEntry) -> String {
    let said = match (&entry.words, entry.code) {
        (Some(words), Some(code)) => format!("{words} (code {code})"),
        (_, Some(code)) => format!("code {code}"),
        (_, None) => "an entry without a code".to_owned(),
    };
    // The code itself is one of the cells.
    let code = entry.code.map(|code| code.to_string());
    let place = entry
        .cells
        .iter()
        .position(|(_, text)| Some(text) == code.as_ref());
    let others = entry.cells.iter().enumerate();
    let others = others.filter(|(at, _)| Some(*at) != place);
    let others = others.map(|(_, (column, text))| format!(", {} {text}", column.attribute.name));
    let others: String = others.collect();
    let at = match entry.shown {
        Some(shown) => format!(", at {shown} of its clock"),
        None => ", without a time".to_owned(),
    };
    format!("{} ({}): {said}{others}{at}", profile.content, profile.name)
}
