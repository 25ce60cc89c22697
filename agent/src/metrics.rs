//! What is counted, as OpenMetrics text.

mod commands;
mod lists;
mod sessions;

use crate::adapters::clock::Now;
use crate::tasks::bus::{BusView, MeterView, RoundTrips};
use crate::tasks::command_desk::CommandCounts;
use crate::tasks::list_keeper::ListView;
use crate::tasks::uplink::UplinkView;
use desk::LinkState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use storage::{FileTraffic, Outbox, StoreStats};

/// Everything at one instant.
#[derive(Debug)]
pub struct Seen {
    /// Seconds since the start.
    pub up_s: u64,
    /// Memory in use.
    pub rss_bytes: u64,
    /// Both clocks.
    pub now: Now,
    /// The lines.
    pub buses: Vec<BusView>,
    /// The road to the head-end.
    pub uplink: Option<UplinkView>,
    /// Commands; none where none is taken.
    pub commands: Option<CommandCounts>,
    /// Meter lists.
    pub lists: Vec<ListView>,
    /// What waits for the head-end.
    pub outbox: Vec<Outbox>,
    /// The store.
    pub store: Option<StoreStats>,
}

/// OpenMetrics text of what was seen.
pub fn text(seen: Seen) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(seen));
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => text,
        Err(_) => "# EOF\n".to_owned(),
    }
}

type Labels = Vec<(&'static str, String)>;
type Samples = Vec<(Labels, u64)>;

struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counters(&mut self, name: &str, help: &str, samples: &Samples) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        each(&mut family, samples, |value, encoder| {
            ConstCounter::new(value).encode(encoder)
        })
    }

    fn gauges(&mut self, name: &str, help: &str, samples: &Samples) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        each(&mut family, samples, |value, encoder| {
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(encoder)
        })
    }

    fn round_trips(&mut self, meters: &[(Labels, RoundTrips)]) -> fmt::Result {
        let (name, help) = ("pmu_meter_round_trip_seconds", "From request to answer");
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, trips) in meters {
            let mut count = 0;
            let buckets: Vec<(f64, u64)> = trips
                .buckets()
                .map(|(bound, number)| {
                    count += number;
                    (bound.map_or(f64::INFINITY, seconds), number)
                })
                .collect();
            let mut encoder = family.encode_family(labels)?;
            encoder.encode_histogram::<Labels>(trips.sum().as_secs_f64(), count, &buckets, None)?;
        }
        Ok(())
    }
}

fn each(
    family: &mut MetricEncoder<'_>,
    samples: &Samples,
    encode: impl Fn(u64, MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    for (labels, value) in samples {
        encode(*value, family.encode_family(labels)?)?;
    }
    Ok(())
}

/// A metric is the one place where a float is good enough.
fn seconds(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}

impl Collector for Seen {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let plain = |value| vec![(Labels::new(), value)];
        page.gauges(
            "pmu_up_seconds",
            "Seconds since the start",
            &plain(self.up_s),
        )?;
        page.gauges("pmu_rss_bytes", "Resident memory", &plain(self.rss_bytes))?;
        let quality = u64::from(self.now.quality.level());
        page.gauges(
            "pmu_clock_quality",
            "0 unsynchronised to 3 traceable",
            &plain(quality),
        )?;
        self.lines(&mut page)?;
        self.meters(&mut page)?;
        self.sessions(&mut page)?;
        self.head_end(&mut page)?;
        self.commands(&mut page)?;
        self.lists(&mut page)?;
        self.stored(&mut page)
    }
}

impl Seen {
    fn by_bus(&self, value: impl Fn(&BusView) -> u64) -> Samples {
        self.buses
            .iter()
            .map(|bus| (vec![("bus", bus.bus.clone())], value(bus)))
            .collect()
    }

    fn by_meter(&self, value: impl Fn(&MeterView) -> u64) -> Samples {
        self.each_meter()
            .map(|(labels, meter)| (labels, value(meter)))
            .collect()
    }

    fn each_meter(&self) -> impl Iterator<Item = (Labels, &MeterView)> {
        self.buses.iter().flat_map(|bus| {
            bus.meters.iter().map(|meter| {
                (
                    vec![("bus", bus.bus.clone()), ("meter", meter.meter.to_string())],
                    meter,
                )
            })
        })
    }

    fn lines(&self, page: &mut Page<'_>) -> fmt::Result {
        let open = self.by_bus(|bus| u64::from(bus.state == LinkState::Open));
        page.gauges("pmu_bus_open", "1 while the line is open", &open)?;
        let busy = self.by_bus(|bus| u64::from(bus.busy_per_mille));
        page.gauges(
            "pmu_bus_busy_per_mille",
            "Share of the last minute in use",
            &busy,
        )?;
        let stale = self.by_bus(|bus| bus.line.stale_bytes);
        page.counters(
            "pmu_bus_stale_bytes",
            "Bytes that belonged to nobody",
            &stale,
        )
    }

    /// Meters that are read request by request; the others are read in sessions.
    fn by_modbus_meter(&self, value: impl Fn(&MeterView) -> u64) -> Samples {
        let meters = self
            .each_meter()
            .filter(|(_, meter)| meter.sessions.is_none());
        meters
            .map(|(labels, meter)| (labels, value(meter)))
            .collect()
    }

    fn meters(&self, page: &mut Page<'_>) -> fmt::Result {
        let requests = self.by_modbus_meter(|meter| meter.totals.requests);
        page.counters("pmu_meter_requests", "Requests sent", &requests)?;
        let answers = self.by_modbus_meter(|meter| meter.totals.answers);
        page.counters("pmu_meter_answers", "Answers used", &answers)?;
        let silent = self.by_modbus_meter(|meter| meter.totals.silent);
        page.counters("pmu_meter_timeouts", "Requests without an answer", &silent)?;
        let damaged = self.by_modbus_meter(|meter| meter.totals.damaged);
        page.counters("pmu_meter_crc_errors", "Damaged answers", &damaged)?;
        let late = self.by_modbus_meter(|meter| meter.totals.late);
        page.counters("pmu_meter_late_answers", "Late answers, none used", &late)?;
        let intervals = self.by_meter(|meter| meter.intervals);
        page.counters("pmu_meter_intervals", "Intervals made", &intervals)?;
        let exceptions = self.each_meter().flat_map(|(labels, meter)| {
            meter.totals.exceptions.iter().map(move |(code, count)| {
                let mut labels = labels.clone();
                labels.push(("code", code.to_string()));
                (labels, *count)
            })
        });
        page.counters(
            "pmu_meter_exceptions",
            "Refusals by the meter",
            &exceptions.collect(),
        )?;
        let trips: Vec<_> = self
            .each_meter()
            .filter(|(_, meter)| meter.sessions.is_none())
            .map(|(labels, meter)| (labels, meter.totals.round_trips))
            .collect();
        page.round_trips(&trips)
    }

    fn head_end(&self, page: &mut Page<'_>) -> fmt::Result {
        let now = self.now.utc;
        let each = |value: &dyn Fn(&Outbox) -> u64| -> Samples {
            let label = |state: &Outbox| vec![("stream", state.stream.to_string())];
            self.outbox
                .iter()
                .map(|state| (label(state), value(state)))
                .collect()
        };
        let waiting = each(&|state| state.entries);
        page.gauges(
            "pmu_outbox_entries",
            "Entries the head-end has not committed",
            &waiting,
        )?;
        let bytes = each(&|state| state.bytes);
        page.gauges("pmu_outbox_bytes", "Their bytes", &bytes)?;
        let age = each(&|state| {
            let age = state.oldest_at.map_or(0, |at| now.millis_since(at) / 1000);
            u64::try_from(age).unwrap_or(0)
        });
        page.gauges(
            "pmu_outbox_oldest_seconds",
            "Age of the oldest of them",
            &age,
        )?;
        let Some(uplink) = &self.uplink else {
            return Ok(());
        };
        let plain = |value| vec![(Labels::new(), value)];
        let connected = u64::from(uplink.state == "connected");
        page.gauges(
            "pmu_uplink_connected",
            "1 while connected",
            &plain(connected),
        )?;
        page.counters(
            "pmu_uplink_connections",
            "Connections made",
            &plain(uplink.connections),
        )?;
        page.counters(
            "pmu_uplink_messages",
            "Messages handed to the broker",
            &plain(uplink.sent),
        )?;
        page.counters(
            "pmu_uplink_watermarks",
            "Watermarks taken",
            &plain(uplink.watermarks),
        )?;
        let refused = plain(uplink.watermarks_refused);
        page.counters(
            "pmu_uplink_watermarks_refused",
            "Without a valid signature",
            &refused,
        )?;
        let refused = plain(uplink.refused_down);
        page.counters(
            "pmu_uplink_down_refused",
            "Other refused messages",
            &refused,
        )
    }

    fn stored(&self, page: &mut Page<'_>) -> fmt::Result {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let each = |value: &dyn Fn(&FileTraffic) -> u64| -> Samples {
            let files = [("hot", &store.hot), ("archive", &store.archive)];
            files
                .map(|(name, file)| (vec![("file", name.to_owned())], value(file)))
                .to_vec()
        };
        page.gauges(
            "pmu_store_bytes",
            "Size of the file",
            &each(&|file| file.length),
        )?;
        page.counters(
            "pmu_store_written_bytes",
            "Bytes written",
            &each(&|file| file.written_bytes),
        )?;
        page.counters("pmu_store_syncs", "Syncs", &each(&|file| file.syncs))
    }
}
