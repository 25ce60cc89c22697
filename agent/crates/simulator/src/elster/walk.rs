//! What a load profile records, in the order in which it happens.

use std::collections::VecDeque;

use super::civil::DAY;
use super::clock::Turn;
use super::history::{History, ProfileSetting};
use super::incident::What;

/// A piece of time with one record: a whole interval, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// True time.
    pub(super) begin: i64,
    /// True time.
    pub(super) end: i64,
    /// The meter's local time at the end, before a change of it.
    pub(super) local_end: i64,
    /// Which setting counts.
    pub(super) setting: usize,
}

/// A mark with a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Day,
    PowerUp,
    PowerDown,
    Changed,
    Forced,
    TimeSet,
    Cleared,
    Summer,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Piece(Piece),
    /// A mark at a true time, with the meter's new local time.
    Mark {
        mark: Mark,
        utc: i64,
        local: i64,
        setting: usize,
    },
    /// As it is.
    Unknown(Vec<u8>),
}

/// Where a change of the course comes from.
enum Step {
    Boundary,
    Turn,
    Incident,
    PowerUp,
}

/// Goes through the records from a day's beginning on.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    history: &'a History,
    until: i64,
    /// Where the present piece began.
    begun: i64,
    at: i64,
    stretch: usize,
    incident: usize,
    setting: usize,
    /// When the power comes back, if it is off.
    off_until: Option<i64>,
    date: i64,
    pending: VecDeque<Item>,
}

impl<'a> Walk<'a> {
    /// From this moment, which is a day's beginning for the meter, to `until`.
    pub(super) fn new(history: &'a History, from: i64, until: i64) -> Self {
        let past = history.outages();
        let cut = past.filter(|(begin, end)| *begin < from && from < *end);
        let before = |setting: &ProfileSetting| setting.from < from;
        let settings = history.settings.partition_point(before);
        let mut walk = Self {
            history,
            until,
            begun: from,
            at: from,
            stretch: history.clock.index_at(from),
            incident: history.incidents.partition_point(|other| other.at < from),
            setting: settings.saturating_sub(1),
            off_until: cut.map(|(_, end)| end).next(),
            date: i64::MIN,
            pending: VecDeque::new(),
        };
        if walk.off_until.is_none() {
            walk.note_date(from);
            // A day that began when the power came back begins with both marks.
            if history.outages().any(|(_, end)| end == from) {
                walk.mark(Mark::PowerUp, from);
            }
        }
        walk
    }

    fn period(&self) -> i64 {
        let setting = self.history.settings.get(self.setting);
        setting.map_or(1800, |setting| i64::from(setting.minutes.max(1)) * 60)
    }

    fn local(&self, utc: i64) -> i64 {
        let stretch = self.history.clock.stretches().get(self.stretch);
        stretch.map_or(utc, |stretch| stretch.local(utc))
    }

    /// What comes next, and when. Of what comes at once a boundary is first.
    fn next_step(&self) -> (i64, Step) {
        let stretches = self.history.clock.stretches();
        let turn = stretches.get(self.stretch + 1).map(|next| next.from);
        let turn = turn.unwrap_or(i64::MAX);
        let (mut at, mut step) = (i64::MAX, Step::Turn);
        if let Some(back) = self.off_until {
            (at, step) = (back, Step::PowerUp);
        } else if let Some(stretch) = stretches.get(self.stretch) {
            let period = self.period();
            let next = (stretch.local(self.at).div_euclid(period) + 1) * period;
            let boundary = stretch.reaches(next);
            if boundary <= turn {
                (at, step) = (boundary, Step::Boundary);
            }
        }
        if turn < at {
            (at, step) = (turn, Step::Turn);
        }
        let incident = self.history.incidents.get(self.incident);
        match incident {
            Some(incident) if incident.at < at => (incident.at, Step::Incident),
            _ => (at, step),
        }
    }

    fn take_step(&mut self, at: i64, step: &Step) {
        match step {
            Step::Boundary => {
                self.end_piece(at);
                self.at = at;
                self.note_date(at);
            }
            Step::Turn => self.turn(at),
            Step::Incident => self.befall(at),
            Step::PowerUp => {
                self.off_until = None;
                self.begun = at;
                self.at = at;
                self.note_date(at);
                self.mark(Mark::PowerUp, at);
            }
        }
    }

    fn turn(&mut self, at: i64) {
        let turn = self.history.clock.stretches().get(self.stretch + 1);
        let turn = turn.map_or(Turn::Step, |next| next.turn);
        let is_on = self.off_until.is_none();
        if is_on && turn == Turn::Set {
            self.end_piece(at);
        }
        self.stretch += 1;
        self.at = self.at.max(at);
        match turn {
            Turn::Set if is_on => self.mark(Mark::TimeSet, at),
            Turn::Summer if is_on => self.mark(Mark::Summer, at),
            _ => return,
        }
        self.note_date(at);
    }

    fn befall(&mut self, at: i64) {
        let Some(incident) = self.history.incidents.get(self.incident) else {
            return;
        };
        self.incident += 1;
        if self.off_until.is_some() {
            return;
        }
        match &incident.what {
            What::PowerCut { .. } => {
                self.mark(Mark::PowerDown, at);
                self.end_piece(at);
                self.off_until = Some(incident.end());
            }
            What::BillingReset { .. } => {
                self.end_piece(at);
                self.mark(Mark::Forced, at);
            }
            What::ProfileChange { .. } => {
                self.end_piece(at);
                self.setting += 1;
                self.mark(Mark::Changed, at);
            }
            What::ProfileCleared => {
                self.end_piece(at);
                self.mark(Mark::Cleared, at);
            }
            What::UnknownMark { octets } => self.pending.push_back(Item::Unknown(octets.clone())),
            _ => {}
        }
    }

    /// Records what has passed since the last record, if something has.
    fn end_piece(&mut self, at: i64) {
        if self.begun < at {
            self.pending.push_back(Item::Piece(Piece {
                begin: self.begun,
                end: at,
                local_end: self.local(at),
                setting: self.setting,
            }));
        }
        self.begun = at;
    }

    fn mark(&mut self, mark: Mark, utc: i64) {
        self.pending.push_back(Item::Mark {
            mark,
            utc,
            local: self.local(utc),
            setting: self.setting,
        });
    }

    fn note_date(&mut self, at: i64) {
        let date = self.local(at).div_euclid(DAY);
        if date != self.date {
            self.date = date;
            self.mark(Mark::Day, at);
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.pending.pop_front() {
                return Some(item);
            }
            let (at, step) = self.next_step();
            if at > self.until || at == i64::MAX {
                return None;
            }
            self.take_step(at, &step);
        }
    }
}
