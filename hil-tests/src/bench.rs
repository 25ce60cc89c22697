//! The same promises on real meters: `GATEWAY_HIL_PORT` names the port of a bench,
//! `GATEWAY_HIL_BENCH` the configuration that says which meters hang on it.

use std::fmt::Write;
use std::path::PathBuf;

use toml::Table;

use crate::agent_file::AgentFile;
use crate::skip::skipped;

/// A bench with real meters.
#[derive(Debug, Clone, PartialEq)]
pub struct Bench {
    port: PathBuf,
    config: Table,
}

impl Bench {
    /// The bench, if one is named; says so either way.
    pub fn named(promise: &str) -> Option<Self> {
        let port = std::env::var_os("GATEWAY_HIL_PORT").map(PathBuf::from);
        let config = std::env::var_os("GATEWAY_HIL_BENCH").map(PathBuf::from);
        let Some((port, config)) = port.zip(config) else {
            let why = "no bench is named (GATEWAY_HIL_PORT and GATEWAY_HIL_BENCH)";
            skipped(&format!("{promise} on real meters"), why);
            return None;
        };
        println!(
            "{promise}: on the real meters of {} at {}",
            config.display(),
            port.display()
        );
        let text = std::fs::read_to_string(&config).expect("the configuration of the bench");
        let config = text.parse().expect("a configuration like agent.toml");
        Some(Self { port, config })
    }

    /// Puts the bench's lines and meters into a configuration, with intervals of this length.
    pub fn join(&self, file: &mut AgentFile, period_s: u32) {
        for (section, mut table) in self.sections() {
            if section == "bus" {
                table.insert("device".to_owned(), self.port.display().to_string().into());
            } else {
                let period = Table::from_iter([("period-seconds".to_owned(), period_s.into())]);
                table.insert("profile".to_owned(), period.into());
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

/// Says on what a test runs that needs to know the meters' own truth.
pub fn on_simulated_meters(promise: &str) {
    println!("{promise}: on simulated meters behind a pty");
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
