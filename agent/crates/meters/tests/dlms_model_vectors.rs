//! Every shipped DLMS model reads its vectors in `tests/vectors/models`.
//!
//! `<model>.txt` says in its first line whether it was recorded or computed. Then, in any order:
//!
//! - `> object NAME`, `< value`, `= text`;
//! - `> clock BASIS`, `< value`, `= what it shows is which instant`;
//! - `> register NAME`, `< value`, `< scaler and unit`, `= code and quantity`;
//! - `> profile NAME BASIS SECONDS ORDER`, `< captured objects`, `< scaler and unit`, `< buffer`, one
//!   `= channel` line a channel, then one `=` line a row and one for each thing that is told;
//! - `> log NAME BASIS SECONDS ORDER`, `< captured objects`, `< buffer`, one `=` line an entry.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test binary: the exemption for tests does not reach its helper functions"
)]

use dlms::codec::{Data, decode_all};
use iec62056_21::codec::octets_of;
use metering::Obis;
use meters::catalogue::Catalogue;
use meters::catalogue::dlms::{DlmsModel, DlmsProfile, DlmsProfileWhat, DlmsWhat};
use meters::cosem::{
    CosemTime, LogReader, ProfileReader, ProfileSetup, ScalerUnit, SetupAnswers, identity_text,
    read_register,
};
use meters::{ClockBasis, Instants};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn catalogue() -> Catalogue {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/meter-models");
    Catalogue::load(&folder).unwrap_or_else(|complaints| {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

/// One `>` with its `<` and `=` lines.
#[derive(Debug, Default)]
struct Case {
    asked: Vec<String>,
    heard: Vec<Data>,
    expected: Vec<String>,
}

fn cases(model: &DlmsModel) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/models");
    let text = fs::read_to_string(folder.join(format!("{}.txt", model.id))).unwrap();
    let mut found: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
        match (mark, found.last_mut()) {
            ("# ", _) => {}
            ("> ", _) => found.push(Case {
                asked: rest.split_whitespace().map(str::to_owned).collect(),
                ..Case::default()
            }),
            ("< ", Some(case)) => {
                let digits: String = rest.split_whitespace().collect();
                let octets = octets_of(&digits).unwrap();
                case.heard.push(decode_all(&octets).unwrap());
            }
            ("= ", Some(case)) => case.expected.push(rest.to_owned()),
            _ => panic!("`{line}` begins with none of `# `, `> `, `< `, `= `"),
        }
    }
    found
}

impl Case {
    fn word(&self, place: usize) -> &str {
        self.asked.get(place).unwrap()
    }

    fn name(&self) -> Obis {
        self.word(1).parse().unwrap()
    }

    fn data(&self, place: usize) -> &Data {
        self.heard.get(place).unwrap()
    }

    fn found(&self, model: &DlmsModel) -> Vec<String> {
        match self.word(0) {
            "object" => vec![identity_text(self.data(0)).unwrap()],
            "clock" => vec![self.clock(model)],
            "register" => vec![self.register(model)],
            "profile" => self.profile(model),
            "log" => self.log(model),
            other => panic!("`{other}` is nothing that can be asked"),
        }
    }

    fn clock(&self, model: &DlmsModel) -> String {
        let basis: ClockBasis = self.word(1).parse().unwrap();
        let time = CosemTime::of(self.data(0), "the clock").unwrap();
        match time.instants(&basis, model.clock.deviation) {
            Instants::Once(at) => format!("{} is {at}", time.shown),
            other => panic!("{other:?}"),
        }
    }

    fn register(&self, model: &DlmsModel) -> String {
        let mut registers = model.registers.iter();
        let register = registers.find(|known| known.name == self.name()).unwrap();
        let scaler = ScalerUnit::of(self.data(1)).unwrap();
        let outcomes = [Ok(self.data(0).clone())];
        let read = read_register(register, scaler, &outcomes).unwrap().unwrap();
        format!("{} {}", read.obis, read.quantity.unwrap())
    }

    fn setup(&self, model: &DlmsModel, profile: &DlmsProfile) -> ProfileSetup {
        let answers = SetupAnswers {
            objects: self.data(0),
            period: &Data::DoubleLongUnsigned(self.word(3).parse().unwrap()),
            order: Some(&Data::Enum(self.word(4).parse().unwrap())),
            in_use: None,
            entries: None,
        };
        ProfileSetup::read(model, profile, &answers).unwrap()
    }

    fn profile(&self, model: &DlmsModel) -> Vec<String> {
        let profile = model.profile(self.name()).unwrap();
        let setup = self.setup(model, profile);
        let scaler = ScalerUnit::of(self.data(1)).unwrap();
        let scalers = setup.scalers().into_iter().map(|wanted| (wanted, scaler));
        let basis: ClockBasis = self.word(2).parse().unwrap();
        let reader = ProfileReader::new(model, profile, &basis);
        let read = reader.read(&setup, &scalers.collect(), self.data(2), false);
        let read = read.unwrap();
        let channels = read.shape.channels.iter();
        let channels = channels.map(|channel| {
            format!(
                "channel {} {} {}",
                channel.obis, channel.exponent, channel.unit
            )
        });
        let rows = read.rows.iter().map(|found| {
            let values = found.row.values.iter();
            let values =
                values.map(|value| value.map_or("-".to_owned(), |value| value.to_string()));
            let values: Vec<String> = values.collect();
            let line = format!("{} {} {}", found.row.end, values.join(" "), found.row.flags);
            line.trim_end().to_owned()
        });
        let told = read.happenings.iter().map(ToString::to_string);
        channels.chain(rows).chain(told).collect()
    }

    fn log(&self, model: &DlmsModel) -> Vec<String> {
        let profile = model.profile(self.name()).unwrap();
        let setup = self.setup(model, profile);
        let basis: ClockBasis = self.word(2).parse().unwrap();
        let entries = LogReader::new(model, profile, &basis).read(&setup, self.data(1), false);
        let entry = |entry: &meters::cosem::LogEntry| {
            let words = entry.words.iter().map(|words| format!(": {words}"));
            let words: String = words.collect();
            format!("{} code {}{words}", entry.at.unwrap(), entry.code.unwrap())
        };
        entries.unwrap().iter().map(entry).collect()
    }
}

#[test]
fn every_model_reads_its_vectors() {
    let catalogue = catalogue();
    assert!(catalogue.dlms_models().count() >= 5);
    for model in catalogue.dlms_models() {
        for case in cases(model) {
            assert_eq!(
                case.found(model),
                case.expected,
                "{} {:?}",
                model.id,
                case.asked
            );
        }
    }
}

#[test]
fn vectors_hold_all_that_is_read_by_default() {
    for model in catalogue().dlms_models() {
        let asked: BTreeSet<(String, String)> = cases(model)
            .iter()
            .map(|case| (case.word(0).to_owned(), case.word(1).to_owned()))
            .collect();
        let has = |kind: &str, name: Obis| {
            let wanted = (kind.to_owned(), name.to_string());
            assert!(asked.contains(&wanted), "{} has no {kind} {name}", model.id);
        };
        for register in model.default_registers() {
            has("register", register.name);
        }
        for object in &model.objects {
            if matches!(object.what, DlmsWhat::Serial | DlmsWhat::DeviceName) {
                has("object", object.name);
            }
        }
        for profile in &model.profiles {
            match profile.what {
                DlmsProfileWhat::Load => has("profile", profile.name),
                DlmsProfileWhat::Log => has("log", profile.name),
                _ => {}
            }
        }
        assert!(
            asked.iter().any(|(kind, _)| kind == "clock"),
            "{}",
            model.id
        );
    }
}

#[test]
fn what_is_not_sure_is_told_and_every_place_is_one() {
    for model in catalogue().dlms_models() {
        assert!(!model.doubts().is_empty(), "{}", model.id);
        assert!(model.load_profile().is_some(), "{}", model.id);
        if let Some(place) = &model.hdlc {
            let lower = place.lower_from_serial.map(|base| base + 45);
            assert!(place.address(lower).is_some(), "{}", model.id);
        }
    }
}
