//! The load profile in octets, day by day, and the truth about its intervals.

use super::civil::DAY;
use super::encode::{demand, plain_number, profile_shows, profile_value, time};
use super::energy::{Energies, Source};
use super::history::{History, ProfileSetting};
use super::model::{ElsterModel, Family, period_code};
use super::walk::{Item, Mark, Piece, Walk};

/// What really was in an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrueInterval {
    /// The true time (UTC) of its nominal end.
    pub end: i64,
    /// The same by the meter's clock.
    pub local_end: i64,
    /// Its nominal length in seconds.
    pub period: i64,
    /// The seconds of it that were recorded.
    pub seconds: i64,
    /// Status bits of all its records.
    pub status: u8,
    /// By channel.
    pub channels: Vec<TrueChannel>,
}

impl TrueInterval {
    /// The parts of one interval add up.
    fn take(&mut self, part: Self) {
        self.end = part.end;
        self.seconds += part.seconds;
        self.status |= part.status;
        for (sum, part) in self.channels.iter_mut().zip(part.channels) {
            sum.energy += part.energy;
            sum.shown += part.shown;
        }
    }
}

/// One channel of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrueChannel {
    /// What it counts.
    pub source: Source,
    /// The energy in the last digit of a register, times 3600.
    pub energy: u128,
    /// What the records show together: milliwatts of average demand.
    pub shown: u128,
}

/// What is needed to write a profile down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorder<'a> {
    pub(super) model: ElsterModel,
    pub(super) history: &'a History,
    pub(super) energies: &'a Energies,
    /// Whether records have an extended status octet.
    pub(super) has_extended_status: bool,
    /// Whether values are plain numbers, not decimal digits.
    pub(super) has_plain_numbers: bool,
}

/// The days that somebody asked for, fixed at that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Where each day begins: octets before it, its true time.
    days: Vec<(usize, i64)>,
    /// Octets without padding.
    pub(super) octets: usize,
    /// When it was asked for: what comes later is not in it.
    until: i64,
}

impl Window {
    /// With nothing in it.
    pub(super) const fn empty() -> Self {
        Self {
            days: Vec::new(),
            octets: 0,
            until: 0,
        }
    }
}

impl Recorder<'_> {
    /// So many days up to and with the present one, but not more than the meter keeps.
    pub(super) fn window(&self, from_date: i64, to_date: i64, now: i64) -> Window {
        let mut window = Window::empty();
        let begins = self.history.day_begins(from_date);
        let ends = self.history.day_begins(to_date + 1);
        let Some(begins) = begins.filter(|begins| *begins <= now) else {
            return window;
        };
        window.until = ends.map_or(now, |ends| ends.min(now));
        for item in Walk::new(self.history, begins, window.until) {
            if let Item::Mark {
                mark: Mark::Day,
                utc,
                ..
            } = item
            {
                // The midnight that ends the last day begins none of the days asked for.
                if utc == window.until && utc < now {
                    break;
                }
                window.days.push((window.octets, utc));
            }
            window.octets += self.length(&item);
        }
        window
    }

    /// So many octets of a window, from an offset on, filled up with `FF` behind its end.
    pub(super) fn read(&self, window: &Window, offset: usize, count: usize) -> Vec<u8> {
        let behind = window.days.partition_point(|(at, _)| *at <= offset);
        let day = behind.checked_sub(1).and_then(|day| window.days.get(day));
        let Some((before, utc)) = day.filter(|_| offset < window.octets) else {
            return vec![0xff; count];
        };
        let needed = (offset + count).min(window.octets) - before;
        let mut octets = Vec::with_capacity(needed + 64);
        for item in Walk::new(self.history, *utc, window.until) {
            if octets.len() >= needed {
                break;
            }
            self.write(&item, &mut octets);
        }
        octets.truncate(needed);
        let mut part = octets.split_off((offset - before).min(octets.len()));
        part.resize(count, 0xff);
        part
    }

    fn setting(&self, index: usize) -> Option<&ProfileSetting> {
        self.history.settings.get(index)
    }

    fn channels(&self, setting: usize) -> Vec<Source> {
        let setting = self.setting(setting);
        setting.map_or_else(Vec::new, |setting| self.model.channels(setting.mask))
    }

    fn leading(&self) -> usize {
        if self.has_extended_status { 3 } else { 1 }
    }

    fn length(&self, item: &Item) -> usize {
        match item {
            Item::Piece(piece) => self.leading() + 3 * self.channels(piece.setting).len(),
            Item::Mark {
                mark: Mark::Day | Mark::Changed,
                ..
            } => 8,
            Item::Mark { .. } => 5,
            Item::Unknown(octets) => octets.len(),
        }
    }

    fn write(&self, item: &Item, octets: &mut Vec<u8>) {
        match item {
            Item::Piece(piece) => {
                let status = self.history.status(piece.begin, piece.end);
                octets.push(status);
                if self.has_extended_status {
                    octets.extend([self.covers(piece), status]);
                }
                for (energy, _) in self.energies_of(piece) {
                    let demand = demand(energy, self.period(piece.setting));
                    octets.extend(if self.has_plain_numbers {
                        plain_number(demand)
                    } else {
                        profile_value(demand)
                    });
                }
            }
            Item::Mark {
                mark,
                utc,
                local,
                setting,
            } => {
                octets.push(match mark {
                    Mark::Day => 0xe4,
                    Mark::PowerUp => 0xe5,
                    Mark::PowerDown => 0xe6,
                    Mark::Changed => 0xe8,
                    Mark::Forced => 0xe9,
                    Mark::TimeSet => 0xea,
                    Mark::Cleared => 0xeb,
                    Mark::Summer => 0xed,
                });
                octets.extend(time(*local));
                if matches!(mark, Mark::Day | Mark::Changed) {
                    octets.extend(self.shape(*setting, *utc));
                }
            }
            Item::Unknown(unknown) => octets.extend(unknown),
        }
    }

    /// Mask and period, with the bit of summer time where the family has it.
    fn shape(&self, setting: usize, utc: i64) -> [u8; 3] {
        let Some(setting) = self.setting(setting) else {
            return [0; 3];
        };
        let [high, low] = setting.mask;
        let code = period_code(setting.minutes);
        let summer = if self.history.clock.is_summer(utc) {
            0x80
        } else {
            0
        };
        match self.model.family() {
            Family::A1700 => [high, low | summer, code],
            Family::A1140 | Family::As230 => [high, low, code | summer],
        }
    }

    fn covers(&self, piece: &Piece) -> u8 {
        use super::incident::What;
        let mut open = 0;
        for incident in &self.history.incidents {
            let overlaps = incident.at < piece.end && incident.end() > piece.begin;
            open |= match incident.what {
                What::TerminalCover { .. } if overlaps => 1,
                What::MainCover { .. } if overlaps => 2,
                _ => 0,
            };
        }
        open
    }

    fn period(&self, setting: usize) -> i64 {
        let setting = self.setting(setting);
        setting.map_or(1800, |setting| i64::from(setting.minutes.max(1)) * 60)
    }

    fn energies_of(&self, piece: &Piece) -> Vec<(u128, Source)> {
        self.energies_in(piece, &self.channels(piece.setting))
    }

    fn energies_in(&self, piece: &Piece, sources: &[Source]) -> Vec<(u128, Source)> {
        let total = |source, utc| self.energies.total(source, utc);
        let energy = |source| total(source, piece.end) - total(source, piece.begin);
        let sources = sources.iter();
        sources.map(|source| (energy(*source), *source)).collect()
    }

    /// The intervals whose records began at or behind `from` and ended by `until` (true time);
    /// `from` should be a day's beginning. What was cleared is not there.
    pub(super) fn truth(&self, from: i64, until: i64) -> Vec<TrueInterval> {
        self.collect(from, until, None)
    }

    /// The intervals of a billing period with these sources, whatever the profile keeps.
    pub(super) fn demands(&self, from: i64, until: i64, sources: &[Source]) -> Vec<TrueInterval> {
        self.collect(from, until, Some(sources))
    }

    fn collect(&self, from: i64, until: i64, sources: Option<&[Source]>) -> Vec<TrueInterval> {
        let mut intervals: Vec<TrueInterval> = Vec::new();
        let mut is_open = false;
        for item in Walk::new(self.history, from, until) {
            match item {
                Item::Piece(piece) => {
                    let own;
                    let sources = if let Some(sources) = sources {
                        sources
                    } else {
                        own = self.channels(piece.setting);
                        &own
                    };
                    let new = self.interval(&piece, sources);
                    let is_whole = piece.local_end == new.local_end;
                    match intervals.last_mut() {
                        Some(last) if is_open && last.local_end == new.local_end => {
                            last.take(new);
                        }
                        _ => intervals.push(new),
                    }
                    is_open = !is_whole;
                }
                Item::Mark {
                    mark: Mark::Cleared,
                    ..
                } if sources.is_none() => intervals.clear(),
                Item::Mark { .. } | Item::Unknown(_) => {}
            }
        }
        intervals
    }

    fn interval(&self, piece: &Piece, sources: &[Source]) -> TrueInterval {
        let period = self.period(piece.setting);
        let local_end = -(-piece.local_end).div_euclid(period) * period;
        let channels = self.energies_in(piece, sources).into_iter();
        let channels = channels.map(|(energy, source)| TrueChannel {
            source,
            energy,
            shown: profile_shows(demand(energy, period)),
        });
        TrueInterval {
            end: piece.end + local_end - piece.local_end,
            local_end,
            period,
            seconds: piece.end - piece.begin,
            status: self.history.status(piece.begin, piece.end),
            channels: channels.collect(),
        }
    }

    /// The beginning of the day, by the meter's clock, in which this moment of true time lies.
    pub(super) fn day_of(&self, utc: i64) -> i64 {
        let date = self.history.clock.local(utc).div_euclid(DAY);
        self.history
            .day_begins(date)
            .unwrap_or(self.history.begun)
            .max(self.history.begun)
    }
}
