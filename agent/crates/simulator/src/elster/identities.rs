//! Which identity holds what, and at which level it is read and written.

use std::time::Duration;

use iec62056_21::meter::Level;

use super::contents::Contents;
use super::counters::{BATTERY_SECONDS, Counter};
use super::encode::{bcd_low_first, bcd_of, clock, text, time};
use super::model::{ElsterModel, Family, period_code};

/// Octets of one packet.
pub(super) const PACKET: usize = 64;

/// Identities that repeat a set, each beginning in a packet of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sets {
    pub(super) octets: usize,
    pub(super) count: usize,
}

/// Whether everybody may read it: it says who the meter is.
pub(super) fn is_public(identity: u16) -> bool {
    matches!(identity, 795 | 798 | 998)
}

/// The level that writing needs; nothing for what is not written.
pub(super) fn writing_level(model: ElsterModel, identity: u16) -> Option<Level> {
    let is_1140 = model.family() != Family::A1700;
    let is_230 = model == ElsterModel::As230;
    match identity {
        551 if model.has_profile() => Some(Level::One),
        554 if model.has_profile() && is_1140 => Some(Level::One),
        556 if model.has_instrumentation() => Some(Level::One),
        605 | 576 | 862 => Some(Level::One),
        655 => Some(Level::Two),
        861 => Some(Level::Three),
        411 | 412 if is_230 => Some(Level::Three),
        _ => None,
    }
}

impl Contents {
    /// The level that reading needs.
    pub(super) fn reading_level(&self, identity: u16) -> Level {
        if is_public(identity) {
            Level::Public
        } else {
            self.scenario.reading_level
        }
    }

    /// How an identity repeats, if it does.
    pub(super) fn sets(&self, identity: u16) -> Option<Sets> {
        let tou = self.model.tou();
        let family = self.model.family();
        let (octets, count) = match (identity, family) {
            (543, _) => (self.set_octets(), self.model.sets()),
            (544, Family::A1700) => (self.event_set_octets(), 12),
            (544, Family::A1140) => (self.event_set_octets(), 1),
            (545, Family::A1140 | Family::As230) => (self.set_octets(), 14),
            (548, Family::A1700) if self.model.is_extended() => (22 + tou + 8 + 124, 12),
            (548, Family::A1700) => (22 + tou + 8, 12),
            _ => return None,
        };
        Some(Sets { octets, count })
    }

    pub(super) fn set(&mut self, identity: u16, index: usize, utc: i64) -> Vec<u8> {
        match identity {
            543 => self.billing_set(index, utc),
            544 => self.event_set(index, utc),
            545 => self.daily_set(index, utc),
            _ => self.scaling_set(),
        }
    }

    /// Everything an identity holds, but for sets, profiles and what depends on a request.
    pub(super) fn whole(&mut self, identity: u16, utc: i64, at: Duration) -> Option<Vec<u8>> {
        if let Some(octets) = self.pages.held(identity) {
            return Some(octets.to_vec());
        }
        if let Some(octets) = self.of_every_model(identity, utc, at) {
            return Some(octets);
        }
        match self.model.family() {
            Family::A1700 => self.of_a1700(identity, utc),
            Family::A1140 => self.of_a1140(identity, utc),
            Family::As230 => self.of_as230(identity, utc),
        }
    }

    fn of_every_model(&mut self, identity: u16, utc: i64, at: Duration) -> Option<Vec<u8>> {
        Some(match identity {
            507 => self.total_registers(utc),
            508 => self.tou_registers(utc),
            509 => self.cumulative_registers(utc),
            510 => {
                let period = self.present_period(utc);
                self.peak_registers(&period)
            }
            551 if self.model.has_profile() => self.window_sizes(),
            605 => self.instants_ready(at),
            606 => self.instants(at),
            667 => self.tou_sources(),
            680 => self.programming(utc),
            693 => self.phase_failures(utc),
            694 => self.reverse_runs(utc),
            695 => self.power_cuts(utc),
            777 => self.history.setting(utc)?.mask.to_vec(),
            778 => vec![u8::from(self.scenario.zone.summer.is_some())],
            798 => format!("{:0>16}", self.scenario.serial).into_bytes(),
            861 => clock(self.history.clock.local(utc)),
            863 => {
                let mut octets = time(self.history.clock.local(utc)).to_vec();
                octets.resize(16, 0);
                octets
            }
            878 => self.periods(utc)?,
            _ => return None,
        })
    }

    /// 878: period, sub-period, sub-periods.
    fn periods(&self, utc: i64) -> Option<Vec<u8>> {
        let minutes = self.history.setting(utc)?.minutes;
        let code = match self.model.family() {
            Family::A1700 => bcd_of(minutes.into()),
            Family::A1140 | Family::As230 => period_code(minutes),
        };
        Some(vec![code, code, 1])
    }

    fn of_a1700(&mut self, identity: u16, utc: i64) -> Option<Vec<u8>> {
        let ratio = |(primary, secondary): (u32, u32), octets: usize| {
            let mut ratio = bcd_low_first(primary.into(), 4);
            ratio.extend(bcd_low_first(secondary.into(), octets - 4));
            ratio
        };
        let is_late = self.model == ElsterModel::A1700Late;
        Some(match identity {
            511 if self.model.is_extended() => {
                let period = self.present_period(utc);
                let from = self.period_begun(utc);
                self.coincident_registers(&period, from, utc)
            }
            516 => self.external_registers(utc),
            546 => {
                let mut octets = time(self.scenario.begun()).to_vec();
                octets.extend(BATTERY_SECONDS.to_le_bytes());
                octets.extend(BATTERY_SECONDS.to_le_bytes());
                octets
            }
            // Read by others, explained by nobody.
            500 => vec![0; 6],
            600 => vec![0],
            700 if is_late => vec![0; 0x16],
            455 | 701 | 702 if is_late => vec![0; 0x2e],
            601 => {
                let sources = [[1, 2], [3, 6], [0, 0]];
                let places = if self.model.is_extended() { 5 } else { 2 };
                let padded = sources.iter().flat_map(|pair| {
                    let places = pair
                        .iter()
                        .copied()
                        .chain(std::iter::repeat(0))
                        .take(places);
                    places.collect::<Vec<u8>>()
                });
                padded.collect()
            }
            614 => ratio(self.scenario.vt, 7),
            616 => ratio(self.ct(utc), 6),
            668 => {
                let sources = self.model.demands().into_iter();
                sources
                    .map(|source| self.model.code(Some(source)))
                    .collect()
            }
            691 => self.status_now(self.period_begun(utc)).to_vec(),
            724 => self.status_now(utc).to_vec(),
            795 => text(&self.scenario.scheme, 16),
            _ => return None,
        })
    }

    fn of_a1140(&self, identity: u16, utc: i64) -> Option<Vec<u8>> {
        Some(match identity {
            506 => self.net_register(utc),
            600 => vec![0, 1, 2, 5],
            616 => {
                let (primary, secondary) = self.ct(utc);
                [primary.to_be_bytes(), secondary.to_be_bytes()].concat()
            }
            691 => self.short(Counter::TerminalCover, utc),
            692 => self.short(Counter::MainCover, utc),
            696 => self.short(Counter::Transient, utc),
            697 => self.short(Counter::Battery, utc),
            699 => self.billings(utc),
            701 => self.short(Counter::MeterError, utc),
            724 => {
                let mut octets = self.status_now(utc).to_vec();
                octets.resize(8, 0);
                octets
            }
            795 => text(&self.scenario.scheme, 8),
            998 => text("A1140 SIM 01", 12),
            _ => return None,
        })
    }

    fn of_as230(&self, identity: u16, utc: i64) -> Option<Vec<u8>> {
        let log = |counter| self.log(counter, utc);
        Some(match identity {
            411 => vec![self.contactor],
            413 => vec![0; 13],
            506 => self.net_register(utc),
            600 => vec![0, 1, 2, 5],
            678 | 679 | 685 => vec![0; 83],
            691 => log(Counter::TerminalCover),
            692 => log(Counter::MainCover),
            696 => log(Counter::Transient),
            699 => self.billings(utc),
            724 => {
                let mut octets = self.status_now(utc).to_vec();
                octets.resize(21, 0);
                octets
            }
            775 => super::instrument::definition(),
            776 => vec![u8::from(self.scenario.zone.summer.is_some())],
            879 => vec![period_code(self.scenario.minutes)],
            795 => text(&self.scenario.scheme, 8),
            998 => [text("AS230 SIM 01", 12), text("AS230 SIM 02", 12)].concat(),
            _ => return None,
        })
    }

    /// 506: import less export; what is negative counts down from the highest number.
    fn net_register(&self, utc: i64) -> Vec<u8> {
        use super::energy::Source;
        let shown = |source| self.energies.total(source, utc) / 3600;
        let (import, export) = (shown(Source::Import), shown(Source::Export));
        let modulus = 10_u128.pow(16);
        bcd_low_first((import + modulus - export % modulus) % modulus, 8)
    }

    /// The ratio of the current transformers now.
    fn ct(&self, utc: i64) -> (u32, u32) {
        use super::incident::What;
        let changes = self.history.past(utc, |_| true).rev();
        let primary = changes.filter_map(|incident| match incident.what {
            What::CtChange { primary } => Some(primary),
            _ => None,
        });
        let (first, secondary) = self.scenario.ct;
        (primary.take(1).next().unwrap_or(first), secondary)
    }

    fn scaling_set(&self) -> Vec<u8> {
        let (vt, ct) = (self.scenario.vt, self.scenario.ct);
        let mut set = bcd_low_first(vt.0.into(), 4);
        set.extend(bcd_low_first(vt.1.into(), 3));
        set.extend(bcd_low_first(ct.0.into(), 4));
        set.extend(bcd_low_first(ct.1.into(), 2));
        set.resize(22, 0);
        set.extend(self.tou_sources());
        let sources = self.model.demands().into_iter();
        set.extend(sources.map(|source| self.model.code(Some(source))));
        set.resize(self.sets(548).map_or(0, |sets| sets.octets), 0);
        set
    }

    /// 551: packets of 64 octets, blocks of 256; high octet first.
    fn window_sizes(&self) -> Vec<u8> {
        let sizes = [PACKET, 4 * PACKET].map(|size| {
            let count = self.window.octets.div_ceil(size);
            u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes()
        });
        sizes.concat()
    }
}
