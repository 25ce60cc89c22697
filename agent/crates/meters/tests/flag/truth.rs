//! What was read, compared with what the meter really held.

use crate::world::World;
use metering::Obis;
use meters::catalogue::flag::{FlagIdentity, FlagLayout, FlagModel, LogKind};
use meters::elster::profile::ProfileRow;
use meters::elster::{Content, ContentReader, MaximumDemand};
use meters::flag::Raw;
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
    /// Compares every value of an identity that has a true one. Says how many were compared.
    #[track_caller]
    pub(crate) fn check_raw(
        &self,
        model: &FlagModel,
        variant: &str,
        row: &FlagIdentity,
        raw: &Raw,
    ) -> usize {
        let reader = ContentReader::new(model, variant);
        let content = reader.read(row, &raw.octets).unwrap();
        let (from, to) = (self.utc_of(raw.left_at), self.utc_of(raw.arrived_at));
        let mut compared = 0;
        match (&content, &row.layout) {
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
            (Content::Demands(demands), _) => compared += self.check_demands(demands, from),
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
                    _ => return compared,
                };
                let counted: usize = log.counts.iter().map(|count| usize::from(*count)).sum();
                assert_eq!(counted, self.meter.counted(counter, from), "{log:?}");
                compared += 1;
            }
            (Content::Clock(stamp), _) => {
                let shown = i64::try_from(stamp.time.seconds()).unwrap();
                let range = self.meter.local(from)..=self.meter.local(to);
                assert!(range.contains(&shown), "{shown} in {range:?}");
                compared += 1;
            }
            _ => {}
        }
        compared
    }

    #[track_caller]
    fn check_demands(&self, demands: &[MaximumDemand], at: i64) -> usize {
        let peaks = self.meter.peaks(at);
        let mut compared = 0;
        for demand in demands {
            let total = demand.obis.map(|obis| obis.with_kind(8).with_rate(0));
            let Some(source) = total.and_then(source) else {
                continue;
            };
            let known = peaks.iter().filter(|(of, _)| *of == source);
            let known: Vec<(u128, i64)> =
                known.flat_map(|(_, peaks)| peaks.iter().copied()).collect();
            let digits = u128::try_from(demand.quantity.unwrap().digits).unwrap();
            let end = demand.at;
            let end = end.map_or(0, |end| i64::try_from(end.seconds()).unwrap());
            assert!(
                known.contains(&(digits, end)) || (digits, end) == (0, 0),
                "{demand:?} in {known:?}"
            );
            compared += 1;
        }
        compared
    }

    /// Compares rows with the truth about the same ends.
    #[track_caller]
    pub(crate) fn check_rows(&self, rows: &[ProfileRow]) {
        let truth = self.meter.intervals(self.meter.begun(), self.utc());
        let mut truth = truth.iter();
        for row in rows {
            let end = i64::try_from(row.end.seconds()).unwrap();
            let expected = truth
                .find(|interval| interval.end == end)
                .unwrap_or_else(|| panic!("no true interval ends at {}", row.end));
            let shown: Vec<Option<i64>> = expected
                .channels
                .iter()
                .map(|channel| i64::try_from(channel.shown).ok())
                .collect();
            assert_eq!(row.values, shown, "{}", row.end);
        }
    }
}
