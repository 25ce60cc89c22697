//! Every shipped FLAG model decodes its vectors in `tests/vectors/models`.
//!
//! `<model>.txt` says in its first line whether it was recorded or computed. Then, in any order:
//!
//! - `> identification /GEC…`, `= fits`, `= variant NAME`;
//! - `> NUMBER VARIANT`, `< octets of the identity`, one `=` line a value;
//! - `> instant SELECTORS`, `< octets`, one `=` line a value;
//! - `> profile BASIS`, `< octets`, one `=` line a row, an event or a gap;
//! - `> readout`, or `> P.01 BASIS`, `< data lines`, one `=` line a value or a row.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test binary: the exemption for tests does not reach its helper functions"
)]

use iec62056_21::codec::{DataLines, Identification, hex_of, octets_of};
use metering::{MeterTime, Row, decimal_text};
use meters::catalogue::Catalogue;
use meters::catalogue::flag::FlagModel;
use meters::elster::profile::{ProfileDecoder, ProfileOptions, ProfileRow};
use meters::elster::{
    Content, ContentReader, EventLog, InstantRequest, MaximumDemand, RegisterValue, Selected,
};
use meters::vdew;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn catalogue() -> Catalogue {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/meter-models");
    Catalogue::load(&folder).unwrap_or_else(|complaints| {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

fn path(model: &FlagModel) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/models");
    folder.join(format!("{}.txt", model.id))
}

/// One `>` with its `<` and `=` lines.
#[derive(Debug, Default)]
struct Case {
    asked: String,
    heard: Vec<String>,
    expected: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut found: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
        match (mark, found.last_mut()) {
            ("# ", _) => {}
            ("> ", _) => found.push(Case {
                asked: rest.to_owned(),
                ..Case::default()
            }),
            ("< ", Some(case)) => case.heard.push(rest.to_owned()),
            ("= ", Some(case)) => case.expected.push(rest.to_owned()),
            _ => panic!("`{line}` begins with none of `# `, `> `, `< `, `= `"),
        }
    }
    found
}

impl Case {
    fn octets(&self) -> Vec<u8> {
        let digits: String = self.heard.concat().split_whitespace().collect();
        octets_of(&digits).unwrap()
    }

    fn found(&self, model: &FlagModel) -> Vec<String> {
        let mut words = self.asked.split_whitespace();
        let (first, second) = (words.next().unwrap(), words.next());
        match (first, second) {
            ("identification", Some(line)) => identified(model, line),
            ("instant", Some(selectors)) => self.instant(model, &octets_of(selectors).unwrap()),
            ("profile", Some(basis)) => self.profile(model, basis),
            ("readout", None) => self.readout(model),
            ("P.01", Some(basis)) => self.vdew_profile(model, basis),
            (number, Some(variant)) => self.identity(model, number, variant),
            _ => panic!("`> {}` is no request", self.asked),
        }
    }

    fn identity(&self, model: &FlagModel, number: &str, variant: &str) -> Vec<String> {
        let row = model.identity(variant, number.parse().unwrap());
        let row = row.unwrap_or_else(|| panic!("{}: no such identity", self.asked));
        let sources = vec![
            model
                .measured
                .first()
                .and_then(|item| item.code)
                .unwrap_or(0);
            40
        ];
        let reader = ContentReader::new(model, variant).with_rate_sources(sources);
        let content = reader.read(row, &self.octets());
        shown(&content.unwrap_or_else(|fault| panic!("{}: {fault}", self.asked)))
    }

    fn instant(&self, model: &FlagModel, selectors: &[u8]) -> Vec<String> {
        let instant = model.instant.as_ref().unwrap();
        let requests = InstantRequest::of(instant, selectors);
        let readings = requests
            .iter()
            .flat_map(|request| request.decode(instant, &self.octets()));
        let line = |reading: meters::elster::InstantReading| {
            let obis = reading.obis.map_or("?".to_owned(), |obis| obis.to_string());
            match reading.selected {
                Selected::Value(quantity) => format!("{obis} {quantity}"),
                other => format!("{obis} {other:?}"),
            }
        };
        readings.map(line).collect()
    }

    fn profile(&self, model: &FlagModel, basis: &str) -> Vec<String> {
        let profile = model.profile.as_ref().unwrap();
        let columns = (profile.markers.iter())
            .all(|marker| marker.octet != 0xE4 || marker.carries_day_only())
            .then(|| (1, metering::Period::from_seconds(1800).unwrap()));
        let options = ProfileOptions {
            basis: basis.parse().unwrap(),
            read_at: MeterTime::from_civil([2025, 12, 1], [0; 3]).unwrap(),
            columns,
        };
        let mut decoder = ProfileDecoder::new(model, profile, options);
        decoder.push(&self.octets());
        let read = decoder.finish();
        let mut lines = Vec::new();
        for piece in &read.pieces {
            let row = |row: &ProfileRow| {
                let values = row.values.iter().zip(&piece.columns.channels);
                let values = values.map(|(value, channel)| match value {
                    Some(value) => decimal_text(*value, channel.exponent),
                    None => "-".to_owned(),
                });
                let values: Vec<String> = values.collect();
                format!("{} {} {}", row.end, values.join(" "), row.flags)
            };
            lines.extend(
                piece
                    .rows
                    .iter()
                    .map(row)
                    .map(|line| line.trim_end().to_owned()),
            );
        }
        lines.extend(read.events.iter().map(|event| {
            let name = format!("{:?}", event.what);
            let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
            let at = event.at.map_or(String::new(), |at| format!(" {at}"));
            format!("event {name}{at}")
        }));
        lines.extend(read.gaps.iter().map(|gap| {
            let words = gap.cause.words();
            format!("gap {} {} to {}: {words}", gap.marks, gap.first, gap.last)
        }));
        lines
    }

    fn readout(&self, model: &FlagModel) -> Vec<String> {
        let text = self.heard.join("\r\n");
        let lines = DataLines::parse(&text).unwrap();
        let readings = vdew::readings(&lines, model.vdew.as_ref().unwrap().prefix);
        let line = |reading: &vdew::VdewReading| {
            let obis = reading.obis.map_or("?".to_owned(), |obis| obis.to_string());
            let quantity = reading.quantity;
            let quantity = quantity.map_or("-".to_owned(), |quantity| quantity.to_string());
            let further = reading.further.join(" ");
            format!("{obis} {quantity} {further}").trim_end().to_owned()
        };
        readings.iter().map(line).collect()
    }

    fn vdew_profile(&self, model: &FlagModel, basis: &str) -> Vec<String> {
        let text = self.heard.join("\r\n");
        let lines = DataLines::parse(&text).unwrap();
        let vdew = model.vdew.as_ref().unwrap();
        let profile = vdew.profile.as_ref().unwrap();
        let basis = basis.parse().unwrap();
        let read = vdew::read_profile(profile, &lines, &basis, vdew.prefix).unwrap();
        let mut lines = read.not_understood;
        for block in &read.blocks {
            let row = |row: &Row| {
                let values = row.values.iter().zip(&*block.shape.channels);
                let values = values.map(|(value, channel)| match value {
                    Some(value) => decimal_text(*value, channel.exponent),
                    None => "-".to_owned(),
                });
                let values: Vec<String> = values.collect();
                format!("{} {} {}", row.end, values.join(" "), row.flags)
            };
            lines.extend(
                block
                    .rows
                    .iter()
                    .map(row)
                    .map(|line| line.trim_end().to_owned()),
            );
        }
        lines
    }
}

/// Whether a marker says the day and nothing of channels.
trait DayOnly {
    fn carries_day_only(&self) -> bool;
}

impl DayOnly for meters::catalogue::flag::ProfileMarker {
    fn carries_day_only(&self) -> bool {
        self.carries == meters::catalogue::flag::MarkerCarries::DayMonth
    }
}

fn identified(model: &FlagModel, line: &str) -> Vec<String> {
    let octets = format!("{line}\r\n");
    let identification = Identification::decode(octets.as_bytes()).unwrap();
    if !model.fits(&identification) {
        return vec!["does not fit".to_owned()];
    }
    let variant = &model.variant_of(&identification).unwrap().id;
    vec!["fits".to_owned(), format!("variant {variant}")]
}

fn shown(content: &Content) -> Vec<String> {
    match content {
        Content::Registers(list) => list.iter().map(register).collect(),
        Content::Demands(list) => list.iter().map(demand).collect(),
        Content::Sources(codes) => vec![format!("sources {}", hex_of(codes))],
        Content::SourceGroups(list) | Content::Blocks(list) => list
            .iter()
            .map(|octets| format!("block {}", hex_of(octets)))
            .collect(),
        Content::Billing(set) => {
            let parts = set.parts.iter().flat_map(|part| {
                let like = part.like.map_or("own".to_owned(), |like| like.to_string());
                let lines = shown(&part.content).into_iter();
                lines.map(move |line| format!("{like} {line}"))
            });
            let rest = set
                .undescribed
                .iter()
                .map(|(at, octets)| format!("rest {at} {}", hex_of(octets)));
            parts.chain(rest).collect()
        }
        Content::BillingInfo(info) => {
            let time =
                |time: Option<MeterTime>| time.map_or("-".to_owned(), |time| time.to_string());
            let count = info.count.map_or("-".to_owned(), |count| count.to_string());
            let bits: Vec<String> = info.trigger.iter().map(|bit| bit.bit.to_string()).collect();
            vec![format!(
                "count {count} start {} end {} reset {} trigger {}",
                time(info.start),
                time(info.end),
                time(info.reset_time),
                bits.join("+")
            )]
        }
        Content::Ratio(ratio) => {
            let times = ratio
                .multiplier
                .map_or("-".to_owned(), |times| times.to_string());
            vec![format!("{} : {} = {times}", ratio.primary, ratio.secondary)]
        }
        Content::Clock(stamp) => vec![format!("clock {}", stamp.time)],
        Content::Seconds(stamp) => {
            vec![format!("clock {} rest {}", stamp.time, hex_of(&stamp.rest))]
        }
        Content::Status(words) => words
            .iter()
            .map(|word| {
                let bits: Vec<String> = word.set.iter().map(|set| set.bit.to_string()).collect();
                format!("{} {}", word.table, bits.join(" "))
                    .trim_end()
                    .to_owned()
            })
            .collect(),
        Content::Log(log) => event_log(log),
        Content::Logs(logs) => logs.iter().flat_map(event_log).collect(),
        Content::Text(text) => vec![format!("text {text}")],
        Content::Battery(battery) => vec![format!(
            "battery {} {} {}",
            battery.installed.unwrap(),
            battery.support_left_s,
            battery.power_down_left_s
        )],
        Content::Size(size) => vec![format!("packets {} blocks {}", size.packets, size.blocks)],
        Content::Periods(periods) => vec![format!(
            "periods {:?} {:?} {:?}",
            periods.profile, periods.part, periods.parts
        )],
        Content::Raw(octets) => vec![format!("raw {}", hex_of(octets))],
    }
}

fn register(register: &RegisterValue) -> String {
    let obis = register
        .obis
        .map_or("?".to_owned(), |obis| obis.to_string());
    let quantity = register.quantity;
    let quantity = quantity.map_or("-".to_owned(), |quantity| quantity.to_string());
    format!("{obis} {quantity}")
}

fn demand(demand: &MaximumDemand) -> String {
    let obis = demand.obis.map_or("?".to_owned(), |obis| obis.to_string());
    let quantity = demand.quantity;
    let quantity = quantity.map_or("-".to_owned(), |quantity| quantity.to_string());
    let at = demand.at.map_or("-".to_owned(), |at| at.to_string());
    format!("{obis} {quantity} at {at}")
}

fn event_log(log: &EventLog) -> Vec<String> {
    let time = |time: Option<MeterTime>| time.map_or("-".to_owned(), |time| time.to_string());
    let octet = |octet: Option<u8>| octet.map_or("-".to_owned(), |octet| format!("{octet:02X}"));
    let head = format!("{} {:?} {:?}", log.event.words(), log.counts, log.totals);
    let entries = log.entries.iter().map(|entry| {
        format!(
            "entry {} {} {} {} {} {}",
            time(entry.start),
            time(entry.stop),
            octet(entry.phases),
            octet(entry.cause),
            octet(entry.port),
            entry.name.as_deref().unwrap_or("-")
        )
    });
    std::iter::once(head).chain(entries).collect()
}

/// Identities that are decoded and must therefore stand in a vector.
fn to_be_covered(model: &FlagModel) -> BTreeSet<u16> {
    let rows = model.identities.iter();
    let read = rows.filter(|row| row.octets > 0 && row.read.is_some());
    read.map(|row| row.number).collect()
}

#[test]
fn every_flag_model_decodes_its_vectors() {
    let catalogue = catalogue();
    assert!(catalogue.flag_models().count() >= 10);
    for model in catalogue.flag_models() {
        let path = path(model);
        let text = fs::read_to_string(&path);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let origin = text.lines().next().unwrap_or_default();
        let known = ["# computed", "# recorded"];
        assert!(
            known.iter().any(|known| origin.starts_with(known)),
            "{}: {origin}",
            path.display()
        );
        let cases = cases(&text);
        for case in &cases {
            let found = case.found(model);
            assert_eq!(found, case.expected, "{} > {}", model.id, case.asked);
        }
        let asked = cases.iter().filter_map(|case| {
            let number = case.asked.split_whitespace().next()?;
            number.parse().ok()
        });
        let asked: BTreeSet<u16> = asked.collect();
        let missing: Vec<u16> = to_be_covered(model).difference(&asked).copied().collect();
        assert!(missing.is_empty(), "{} leaves out {missing:?}", model.id);
    }
}

#[test]
fn every_doubt_names_what_it_is_about_and_who_says_it() {
    for model in catalogue().flag_models() {
        let doubts = model.doubts();
        assert!(!doubts.is_empty(), "{} is not that sure", model.id);
        for doubt in doubts {
            assert!(!doubt.about.is_empty() && doubt.model == model.id);
            let shown = doubt.to_string();
            assert!(shown.starts_with(&model.id), "{shown}");
        }
        for row in &model.identities {
            let is_told = (model.doubts().iter())
                .any(|doubt| doubt.about.contains(&format!("identity {:03}", row.number)));
            assert!(
                is_told || !row.fact.certainty.is_doubtful(),
                "{} {}",
                model.id,
                row.number
            );
        }
    }
}
