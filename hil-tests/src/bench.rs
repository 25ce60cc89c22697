//! Promises that need no knowledge of what a meter holds, on real meters: `GATEWAY_HIL_PORT` names
//! the port of a bench, `GATEWAY_HIL_BENCH` the configuration that says which meters hang on it.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use toml::Table;

use crate::agent_file::{AgentFile, MeterLines};
use crate::bus::Bus;

/// Meters at a port: real ones where a bench is named, else simulated ones behind a pty.
#[derive(Debug)]
pub struct Bench {
    port: PathBuf,
    config: Table,
    simulated: Option<(Bus, TempDir)>,
}

impl Bench {
    /// The bench; says of what kind it is.
    pub fn open(promise: &str) -> Self {
        let port = std::env::var_os("GATEWAY_HIL_PORT").map(PathBuf::from);
        let config = std::env::var_os("GATEWAY_HIL_BENCH").map(PathBuf::from);
        let Some((port, config)) = port.zip(config) else {
            println!(
                "{promise}: on simulated meters behind a pty, because no bench is named \
                 (GATEWAY_HIL_PORT and GATEWAY_HIL_BENCH)"
            );
            return Self::behind_a_pty();
        };
        println!(
            "{promise}: on the real meters of {} at {}",
            config.display(),
            port.display()
        );
        let text = std::fs::read_to_string(&config).expect("the configuration of the bench");
        let config = text.parse().expect("a configuration like agent.toml");
        Self {
            port,
            config,
            simulated: None,
        }
    }

    fn behind_a_pty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut bus = Bus::serial("bench", folder.path(), 19_200, 1);
        let mut text = "[[bus]]\nid = \"bench\"\nlink = \"serial\"\nbaud = 19200\n".to_owned();
        for (unit, model) in (1..).zip(["abb-b23", "eastron-sdm630"]) {
            bus.seat(model, unit);
            write!(
                text,
                "[[meter]]\nid = \"bench-{unit}\"\nbus = \"bench\"\nmodel = \"{model}\"\nunit = {unit}\n"
            )
            .expect("text");
        }
        Self {
            port: bus.device(),
            config: text.parse().expect("a configuration"),
            simulated: Some((bus, folder)),
        }
    }

    /// `simulated` behind a pty, `real` on a bench: real meters deserve a longer look.
    pub fn lasts(&self, simulated: Duration, real: Duration) -> Duration {
        if self.simulated.is_some() {
            simulated
        } else {
            real
        }
    }

    /// Puts the bench's lines and meters into a configuration, with intervals of this length.
    pub fn join(&self, file: &mut AgentFile, period_s: u32) {
        self.join_with(file, ("profile", "period-seconds"), period_s);
    }

    /// The same, polled for instantaneous values at this pace.
    pub fn join_polled(&self, file: &mut AgentFile, every_s: u32) {
        self.join_with(file, ("instant", "every-seconds"), every_s);
    }

    fn join_with(&self, file: &mut AgentFile, (what, key): (&str, &str), seconds: u32) {
        for (section, mut table) in self.sections() {
            if section == "bus" {
                table.insert("device".to_owned(), self.port.display().to_string().into());
            } else {
                let pace = Table::from_iter([(key.to_owned(), seconds.into())]);
                table.insert(what.to_owned(), pace.into());
            }
            write!(file.more, "\n[[{section}]]\n").expect("text");
            for (key, value) in &table {
                writeln!(file.more, "{key} = {value}").expect("text");
            }
        }
    }

    /// How many meters hang on it.
    pub fn meters(&self) -> usize {
        self.sections()
            .filter(|(section, _)| *section == "meter")
            .count()
    }

    /// A meter that nobody can be: of the model of the first, at the last address.
    pub fn absent(&self) -> MeterLines {
        let of = |key: &str| {
            let first = self.sections().find(|(section, _)| *section == "meter");
            let value = first.and_then(|(_, table)| Some(table.get(key)?.as_str()?.to_owned()));
            value.unwrap_or_else(|| panic!("the first meter of the bench has no `{key}`"))
        };
        MeterLines {
            id: "absent".to_owned(),
            bus: of("bus"),
            model: of("model"),
            unit: 247,
            period_s: None,
            instant_s: Some(2),
            more: String::new(),
        }
    }

    /// The names of its meters.
    pub fn names(&self) -> Vec<String> {
        let meters = self.sections().filter(|(section, _)| *section == "meter");
        let name = |(_, table): (_, Table)| table.get("id")?.as_str().map(str::to_owned);
        meters.filter_map(name).collect()
    }

    fn sections(&self) -> impl Iterator<Item = (&'static str, Table)> {
        ["bus", "meter"].into_iter().flat_map(|section| {
            let list = self.config.get(section).and_then(|list| list.as_array());
            let tables = list
                .into_iter()
                .flatten()
                .filter_map(|item| item.as_table());
            tables.map(move |table| (section, table.clone()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bench_joins_a_configuration() {
        let config = "[gateway]\nid = \"other\"\n[[bus]]\nid = \"main\"\nlink = \"serial\"\ndevice = \"/dev/x\"\nbaud = 9600\n\
                      [[meter]]\nid = \"a\"\nbus = \"main\"\nmodel = \"abb-b23\"\nunit = 1\ninstant = { every-seconds = 5 }\n";
        let bench = Bench {
            port: "/dev/ttyUSB7".into(),
            config: config.parse().unwrap(),
            simulated: None,
        };
        let mut file = AgentFile::new("pmu-bench");
        bench.join(&mut file, 10);
        let text = file.text(std::path::Path::new("/tmp/bench"));
        let parsed: Table = text.parse().unwrap();
        let first = |section: &str| parsed[section][0].as_table().unwrap().clone();
        assert_eq!(first("bus")["device"].as_str(), Some("/dev/ttyUSB7"));
        assert_eq!(
            first("meter")["profile"]["period-seconds"].as_integer(),
            Some(10)
        );
        assert_eq!(
            first("meter")["instant"]["every-seconds"].as_integer(),
            Some(5)
        );
        assert_eq!(parsed["gateway"]["id"].as_str(), Some("pmu-bench"));
        assert_eq!(bench.meters(), 1);
    }
}
