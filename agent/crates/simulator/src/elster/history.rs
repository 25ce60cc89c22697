//! The life of a meter: its clock, what befell it, how its profile was set.

use super::civil::DAY;
use super::clock::MeterClock;
use super::incident::{Incident, What};

/// How the load profile is set from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProfileSetting {
    pub(super) from: i64,
    /// As it is transmitted, without the bit of summer time.
    pub(super) mask: [u8; 2],
    pub(super) minutes: u8,
}

/// Everything that decides what a meter holds but for its loads.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// When it was put to work.
    pub(super) begun: i64,
    pub(super) clock: MeterClock,
    /// In order of time.
    pub(super) incidents: Vec<Incident>,
    pub(super) settings: Vec<ProfileSetting>,
}

impl History {
    pub(super) fn new(
        begun: i64,
        clock: MeterClock,
        first: (u8, [u8; 2]),
        incidents: Vec<Incident>,
    ) -> Self {
        let (minutes, mask) = first;
        let mut history = Self {
            begun,
            clock,
            incidents: Vec::new(),
            settings: vec![ProfileSetting {
                from: begun,
                mask,
                minutes,
            }],
        };
        let mut incidents = incidents;
        incidents.sort_by_key(|incident| incident.at);
        for incident in incidents {
            history.add(incident);
        }
        history
    }

    /// Takes something that happens behind all that happened so far. What would happen to a meter
    /// without power does not happen.
    pub(super) fn add(&mut self, incident: Incident) -> bool {
        let at = incident.at.max(self.begun);
        if self.is_cut(at) {
            return false;
        }
        match &incident.what {
            What::ClockSet { seconds } => self.clock.shift(at, *seconds),
            What::ProfileChange { mask, minutes } => self.settings.push(ProfileSetting {
                from: at,
                mask: *mask,
                minutes: *minutes,
            }),
            _ => {}
        }
        let incident = Incident { at, ..incident };
        let behind = self.incidents.partition_point(|other| other.at <= at);
        self.incidents.insert(behind, incident);
        true
    }

    /// Whether there is no power at this time.
    pub(super) fn is_cut(&self, utc: i64) -> bool {
        self.outages()
            .any(|(begin, end)| (begin..end).contains(&utc))
    }

    /// The times without power.
    pub(super) fn outages(&self) -> impl Iterator<Item = (i64, i64)> {
        let cuts = self.incidents.iter();
        cuts.filter(|incident| matches!(incident.what, What::PowerCut { .. }))
            .map(|incident| (incident.at, incident.end()))
    }

    /// The incidents of a kind that have begun by now, oldest first.
    pub(super) fn past<'a>(
        &'a self,
        until: i64,
        kind: impl Fn(&What) -> bool + 'a,
    ) -> impl DoubleEndedIterator<Item = &'a Incident> + 'a {
        let begun = self.incidents.iter();
        begun.filter(move |incident| incident.at <= until && kind(&incident.what))
    }

    /// Billing periods that have ended by now: when, and why.
    pub(super) fn resets(&self, until: i64) -> impl DoubleEndedIterator<Item = (i64, u8)> {
        self.incidents
            .iter()
            .filter_map(move |incident| match incident.what {
                What::BillingReset { trigger } if incident.at <= until => {
                    Some((incident.at, trigger))
                }
                _ => None,
            })
    }

    /// How the profile is set at this time.
    pub(super) fn setting(&self, utc: i64) -> Option<&ProfileSetting> {
        let set = self.settings.iter().rev();
        set.clone()
            .find(|setting| setting.from <= utc)
            .or(self.settings.first())
    }

    /// The date of the meter, in days since 1970-01-01.
    pub(super) fn date(&self, utc: i64) -> i64 {
        self.clock.local(utc).div_euclid(DAY)
    }

    /// The first moment, since the meter was put to work, at which it has this date or a later one.
    pub(super) fn day_begins(&self, date: i64) -> Option<i64> {
        let stretches = self.clock.stretches();
        let ends = stretches.iter().skip(1).map(|next| next.from);
        let mut ended = stretches.iter().zip(ends.chain([i64::MAX]));
        ended.find_map(|(stretch, end)| {
            let begins = stretch.reaches(date * DAY);
            (begins < end).then_some(begins.max(self.begun))
        })
    }

    /// Status bits of an interval (of one source): what was in it.
    pub(super) fn status(&self, begin: i64, end: i64) -> u8 {
        let mut status = 0;
        for incident in &self.incidents {
            if incident.at >= end {
                break;
            }
            let lasts = incident.end() > begin && incident.seconds() > 0;
            let is_inside = incident.at >= begin;
            status |= match incident.what {
                What::PhaseFailure { .. } if lasts => 0x40,
                What::ReverseRun { .. } if lasts => 0x20,
                What::CtChange { .. } if is_inside => 0x14,
                What::BatteryFails => 0x08,
                What::Programming { .. } | What::ProfileChange { .. } if is_inside => 0x04,
                What::Transient if is_inside => 0x01,
                _ => 0,
            };
        }
        let turns = self.clock.stretches().iter();
        let mut turns = turns.filter(|stretch| (begin..end).contains(&stretch.from));
        let is_set = turns.any(|stretch| {
            matches!(
                stretch.turn,
                super::clock::Turn::Set | super::clock::Turn::Step
            )
        });
        if is_set { status | 0x02 } else { status }
    }
}
