//! What a visit brought, compared with what the meter really held.

use crate::world::World;
use meters::elster::{Content, Selected};
use meters::catalogue::flag::{FlagLayout, LogKind};
use meters::flag::{Found, RawIdentity};
use metering::Obis;
use simulator::elster::{Counter, Source};

/// What a code of the totals measures in the simulation.
pub(crate) fn source(obis: Obis) -> Option<Source> {
    Some(match obis.to_string().as_str() {
        "1-0:1.8.0" => Source::Import,
        "1-0:2.8.0" => Source::Export,
        "1-0:5.8.0" => Source::Q1,
        "1-0:6.8.0" => Source::Q2,
        "1-0:7.8.0" => Source::Q3,
        "1-0:8.8.0" => Source::Q4,
        "1-0:9.8.0" => Source::VaImport,
        "1-0:10.8.0" => Source::VaExport,
        _ => return None,
    })
}

impl World {
    fn utc_of(&self, at: tokio::time::Instant) -> i64 {
        self.meter.utc(at - self.wire.epoch())
    }

    /// Compares every value that has a true one. Says how many were compared.
    #[track_caller]
    pub(crate) fn check_values(&self) -> usize {
        let mut compared = 0;
        for found in &self.found {
            match found {
                Found::Content { raw, content } => compared += self.check_content(raw, content),
                Found::Clock { raw, stamp } => {
                    let shown = i64::try_from(stamp.as_ref().unwrap().time.seconds()).unwrap();
                    let (from, to) = (self.utc_of(raw.left_at), self.utc_of(raw.arrived_at));
                    let range = self.meter.local(from)..=self.meter.local(to);
                    assert!(range.contains(&shown), "{shown} in {range:?}");
                    compared += 1;
                }
                Found::Instants { readings, .. } => {
                    for reading in readings {
                        assert!(
                            !matches!(reading.selected, Selected::NoNumber),
                            "{reading:?}"
                        );
                        compared += 1;
                    }
                }
                _ => {}
            }
        }
        compared
    }

    #[track_caller]
    fn check_content(&self, raw: &RawIdentity, content: &Content) -> usize {
        let (from, to) = (self.utc_of(raw.left_at), self.utc_of(raw.arrived_at));
        let rows = &self.known.model.identities;
        let row = rows.iter().find(|row| row.number == raw.number).unwrap();
        let mut compared = 0;
        match (content, &row.layout) {
            (Content::Registers(values), FlagLayout::Energies { .. }) => {
                for value in values {
                    let Some(source) = value.obis.and_then(source) else {
                        continue;
                    };
                    let digits = u128::try_from(value.quantity.unwrap().digits).unwrap();
                    let total = |utc| self.meter.total(source, utc) / 3600;
                    let range = total(from)..=total(to);
                    assert!(range.contains(&digits), "{source:?} {digits} in {range:?}");
                    compared += 1;
                }
            }
            (Content::Registers(values), FlagLayout::Rates { .. }) => {
                for value in values {
                    let Some(at) = self.meter.tou_total(value.place, from) else {
                        continue;
                    };
                    let until = self.meter.tou_total(value.place, to).unwrap();
                    let digits = u128::try_from(value.quantity.unwrap().digits).unwrap();
                    let range = at / 3600..=until / 3600;
                    assert!(range.contains(&digits), "{value:?} in {range:?}");
                    compared += 1;
                }
            }
            (Content::Demands(demands), _) => {
                let peaks = self.meter.peaks(from);
                for demand in demands {
                    let total = demand.obis.map(|obis| obis.with_kind(8).with_rate(0));
                    let Some(source) = total.and_then(source) else {
                        continue;
                    };
                    let known = peaks.iter().filter(|(of, _)| *of == source);
                    let known: Vec<(u128, i64)> =
                        known.flat_map(|(_, peaks)| peaks.iter().copied()).collect();
                    let digits = u128::try_from(demand.quantity.unwrap().digits).unwrap();
                    let at = demand.at.map_or(0, |at| i64::try_from(at.seconds()).unwrap());
                    assert!(
                        known.contains(&(digits, at)) || (digits, at) == (0, 0),
                        "{demand:?} in {known:?}"
                    );
                    compared += 1;
                }
            }
            (Content::Registers(values), FlagLayout::CumulativeDemands) => {
                let sums = self.meter.cumulative_demands(from);
                for (value, (_, sum)) in values.iter().zip(sums) {
                    let digits = u128::try_from(value.quantity.unwrap().digits).unwrap();
                    assert_eq!(digits, sum, "{value:?}");
                    compared += 1;
                }
            }
            (Content::Log(log), _) => {
                let counter = match log.event {
                    LogKind::PhaseFailure => Counter::PhaseFailure,
                    LogKind::ReverseRun => Counter::ReverseRun,
                    LogKind::PowerDown => Counter::PowerCut,
                    LogKind::Billing => Counter::Billing,
                    LogKind::TerminalCover => Counter::TerminalCover,
                    LogKind::MainCover => Counter::MainCover,
                    _ => return 0,
                };
                let counted: usize = log.counts.iter().map(|count| usize::from(*count)).sum();
                assert_eq!(counted, self.meter.counted(counter, from), "{log:?}");
                compared += 1;
            }
            _ => {}
        }
        compared
    }
}
