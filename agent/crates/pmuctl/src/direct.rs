//! The configuration of a private gateway on one port: no uplink, one bus and at most one meter,
//! both named `direct`.

mod dlms;
mod framing;

pub use framing::Framing;

use crate::arguments::DirectArguments;
use crate::dlms_table::{DlmsKeys, dlms_line};
use dlms::ModelAssociation;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Name of the bus and of the meter of a private gateway.
pub const DIRECT: &str = "direct";
const BAUD: u32 = 9600;

/// A port that a private gateway is to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectPort {
    /// A serial port of this machine.
    Device(PathBuf),
    /// A serial server, `host:port`.
    Server(String),
}

impl FromStr for DirectPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with(['/', '.']) {
            return Ok(Self::Device(PathBuf::from(text)));
        }
        let is_server = text.rsplit_once(':').is_some_and(|(host, port)| {
            let is_host = host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
            !host.is_empty() && is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if is_server {
            Ok(Self::Server(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is no port; write a device such as /dev/ttyUSB0, or host:port of a \
                 serial server"
            ))
        }
    }
}

/// What has to be known of a meter model before its port can be described.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelFacts {
    /// It speaks Modbus, and nothing else.
    pub is_modbus: bool,
    baud: Option<u32>,
    framing: Option<Framing>,
    /// It speaks DLMS.
    is_dlms: bool,
    /// Who may read it, where it speaks DLMS.
    associations: Vec<ModelAssociation>,
}

/// The keys of a model file that matter here; the gateway checks the whole.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ModelFile {
    #[serde(default)]
    protocols: Vec<String>,
    line: Option<ModelLine>,
    #[serde(default, rename = "association")]
    associations: Vec<ModelAssociation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ModelLine {
    baud: Option<u32>,
    data_bits: Option<u8>,
    parity: Option<String>,
    stop_bits: Option<u8>,
}

impl ModelFacts {
    /// What a model file says. `None`: it is no model file.
    pub fn of(text: &str) -> Option<Self> {
        let file: ModelFile = toml::from_str(text).ok()?;
        let is_modbus = !file.protocols.is_empty()
            && file.protocols.iter().all(|name| name.starts_with("modbus"));
        let is_dlms = file.protocols.iter().any(|name| name == "dlms");
        let default = if is_modbus || is_dlms { 8 } else { 7 };
        let framing = file.line.as_ref().and_then(|line| {
            let letter = match line.parity.as_deref()? {
                "none" => 'N',
                "even" => 'E',
                _ => 'O',
            };
            let data_bits = line.data_bits.unwrap_or(default);
            let stop_bits = line.stop_bits.unwrap_or(1);
            format!("{data_bits}{letter}{stop_bits}").parse().ok()
        });
        Some(Self {
            is_modbus,
            baud: file.line.and_then(|line| line.baud),
            framing,
            is_dlms,
            associations: file.associations,
        })
    }
}

/// What is known of the meter at the port.
#[derive(Debug, Clone, Default)]
pub struct DirectMeter {
    facts: ModelFacts,
    /// Absolute.
    password_file: Option<PathBuf>,
    dlms: Option<DlmsKeys>,
}

impl DirectMeter {
    /// A meter of this model. `password_file` is absolute. What cannot be done without a gateway is
    /// refused, in words.
    pub fn new(
        arguments: &DirectArguments,
        facts: ModelFacts,
        password_file: Option<PathBuf>,
    ) -> Result<Self, String> {
        let dlms = if facts.is_dlms {
            Some(dlms::keys(arguments, &facts.associations)?)
        } else {
            dlms::refuse_options(arguments)?;
            None
        };
        Ok(Self {
            facts,
            password_file,
            dlms,
        })
    }
}

/// The folders of a private gateway.
#[derive(Debug, Clone)]
pub struct DirectFolders {
    /// Where it keeps what it reads for the moment.
    pub data: PathBuf,
    /// Where its socket lies.
    pub runtime: PathBuf,
    /// The meter models.
    pub models: PathBuf,
}

/// The configuration of a private gateway.
pub fn configuration(
    arguments: &DirectArguments,
    port: &DirectPort,
    folders: &DirectFolders,
    meter: &DirectMeter,
) -> String {
    let path = |path: &Path| quoted(&path.to_string_lossy());
    let mut lines = vec![
        "# Of a private gateway; it is gone when its command ends.".to_owned(),
        "[gateway]".to_owned(),
        format!("id = {}", quoted(DIRECT)),
        format!("data-folder = {}", path(&folders.data)),
        format!("runtime-folder = {}", path(&folders.runtime)),
        format!("model-folder = {}", path(&folders.models)),
        // The store lies in memory: waiting would spare no disk.
        "\n[store]".to_owned(),
        "commit-every-seconds = 1".to_owned(),
        "\n[[bus]]".to_owned(),
        format!("id = {}", quoted(DIRECT)),
    ];
    lines.extend(bus_lines(arguments, port, &meter.facts));
    if let Some(model) = &arguments.model {
        lines.extend([
            "\n[[meter]]".to_owned(),
            format!("id = {}", quoted(DIRECT)),
            format!("bus = {}", quoted(DIRECT)),
            format!("model = {}", quoted(model)),
        ]);
        lines.extend(meter_lines(arguments, meter));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// How the meter is reached and read.
fn meter_lines(arguments: &DirectArguments, meter: &DirectMeter) -> Vec<String> {
    let password_file = meter.password_file.as_deref();
    if let Some(keys) = &meter.dlms {
        let address = arguments.address.as_deref();
        return vec![dlms_line(keys, address, password_file)];
    }
    let mut lines = Vec::new();
    if meter.facts.is_modbus {
        lines.push(format!("unit = {}", arguments.unit.unwrap_or(1)));
    }
    if let Some(address) = &arguments.address {
        lines.push(format!("address = {}", quoted(address)));
    }
    lines.extend(access_line(arguments.level, password_file));
    lines
}

fn bus_lines(arguments: &DirectArguments, port: &DirectPort, facts: &ModelFacts) -> Vec<String> {
    let usual = if facts.is_modbus || facts.is_dlms {
        Framing::EIGHT
    } else {
        Framing::FLAG
    };
    let framing = arguments.framing.or(facts.framing).unwrap_or(usual);
    let baud = arguments.baud.or(facts.baud).unwrap_or(BAUD);
    let mut lines = Vec::new();
    match port {
        DirectPort::Server(address) => {
            let link = if facts.is_modbus {
                "rtu-over-tcp"
            } else {
                "serial-server"
            };
            lines.push(format!("link = {}", quoted(link)));
            lines.push(format!("address = {}", quoted(address)));
            if !facts.is_modbus {
                lines.extend(arguments.baud.map(|baud| format!("baud = {baud}")));
                lines.push(format!("framing = {}", quoted(&framing.to_string())));
                return lines;
            }
            lines.push(format!("baud = {baud}"));
        }
        DirectPort::Device(device) => {
            let link = if arguments.optical.is_some() {
                "optical"
            } else {
                "serial"
            };
            lines.push(format!("link = {}", quoted(link)));
            lines.push(format!("device = {}", quoted(&device.to_string_lossy())));
            if let Some(dtr) = arguments.optical {
                // What a model says is the speed of its serial port; a probe opens more slowly.
                lines.extend(arguments.baud.map(|baud| format!("baud = {baud}")));
                lines.push(format!("dtr = {}", quoted(dtr.word())));
            } else {
                lines.push(format!("baud = {baud}"));
            }
        }
    }
    if framing.data_bits() != 8 {
        lines.push(format!("data-bits = {}", framing.data_bits()));
    }
    lines.push(format!("parity = {}", quoted(framing.parity_word())));
    if framing.stop_bits() != 1 {
        lines.push(format!("stop-bits = {}", framing.stop_bits()));
    }
    lines
}

/// `access = { … }` of a meter's entry, if there is a password.
pub(crate) fn access_line(level: Option<u8>, password_file: Option<&Path>) -> Option<String> {
    let file = quoted(&password_file?.to_string_lossy());
    let level = level.map_or_else(String::new, |level| format!("level = {level}, "));
    Some(format!("access = {{ {level}password-file = {file} }}"))
}

/// A text as a TOML string.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let code = format!("\\u{:04X}", u32::from(c));
                quoted.push_str(&code);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Dtr;
    use proptest::prelude::*;

    fn folders() -> DirectFolders {
        DirectFolders {
            data: "/dev/shm/d/data".into(),
            runtime: "/dev/shm/d/run".into(),
            models: "/etc/pmu/meter-models".into(),
        }
    }

    /// The lines below `[[bus]]`, without the id.
    #[track_caller]
    fn check(port: &str, arguments: &DirectArguments, facts: ModelFacts, expected: &str) {
        let port = port.parse().unwrap();
        let meter = DirectMeter::new(arguments, facts, arguments.password_file.clone()).unwrap();
        let text = configuration(arguments, &port, &folders(), &meter);
        let parsed: toml::Table = toml::from_str(&text).unwrap();
        assert!(!parsed.contains_key("uplink"), "{text}");
        let (_, bus) = text.split_once("[[bus]]\nid = \"direct\"\n").unwrap();
        assert_eq!(bus, expected);
    }

    fn modbus() -> ModelFacts {
        ModelFacts::of("protocols = [\"modbus-rtu\"]\n[line]\nbaud = 2400\nparity = \"even\"\n")
            .unwrap()
    }

    #[test]
    fn a_flag_meter_on_a_serial_port_is_described() {
        let arguments = DirectArguments {
            model: Some("elster-a1700".to_owned()),
            address: Some("001".to_owned()),
            password_file: Some("/root/p".into()),
            level: Some(1),
            ..DirectArguments::default()
        };
        let bus = "link = \"serial\"\ndevice = \"/dev/ttyUSB0\"\nbaud = 9600\ndata-bits = 7\n\
                   parity = \"even\"\n";
        let meter = "\n[[meter]]\nid = \"direct\"\nbus = \"direct\"\nmodel = \"elster-a1700\"\n\
                     address = \"001\"\naccess = { level = 1, password-file = \"/root/p\" }\n";
        let expected = format!("{bus}{meter}");
        check("/dev/ttyUSB0", &arguments, ModelFacts::default(), &expected);
        let nothing = DirectArguments::default();
        check("/dev/ttyUSB0", &nothing, ModelFacts::default(), bus);
    }

    #[test]
    fn a_probe_and_a_serial_server_are_described() {
        let mut probe = DirectArguments {
            optical: Some(Dtr::Off),
            ..DirectArguments::default()
        };
        let expected = "link = \"optical\"\ndevice = \"/dev/ttyUSB0\"\ndtr = \"off\"\n\
                        data-bits = 7\nparity = \"even\"\n";
        check("/dev/ttyUSB0", &probe, ModelFacts::default(), expected);
        probe.baud = Some(2400);
        let expected = expected.replace("dtr", "baud = 2400\ndtr");
        check("/dev/ttyUSB0", &probe, ModelFacts::default(), &expected);
        let server = DirectArguments {
            framing: Some("8n1".parse().unwrap()),
            ..DirectArguments::default()
        };
        let expected = "link = \"serial-server\"\naddress = \"meter.lan:14001\"\n\
                        framing = \"8N1\"\n";
        check("meter.lan:14001", &server, ModelFacts::default(), expected);
    }

    #[test]
    fn a_modbus_meter_has_the_line_of_its_model() {
        let arguments = DirectArguments {
            model: Some("eastron-sdm630".to_owned()),
            unit: Some(7),
            ..DirectArguments::default()
        };
        let meter = "\n[[meter]]\nid = \"direct\"\nbus = \"direct\"\nmodel = \"eastron-sdm630\"\n\
                     unit = 7\n";
        let expected = format!(
            "link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 2400\nparity = \"even\"\n{meter}"
        );
        check("/dev/a", &arguments, modbus(), &expected);
        let expected = format!(
            "link = \"rtu-over-tcp\"\naddress = \"[fd00::7]:4001\"\nbaud = 2400\n\
             parity = \"even\"\n{meter}"
        );
        check("[fd00::7]:4001", &arguments, modbus(), &expected);
    }

    fn generic() -> ModelFacts {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/meter-models");
        let file = Path::new(folder).join("dlms-generic.toml");
        ModelFacts::of(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    #[test]
    fn a_dlms_meter_is_read_by_the_public_or_with_a_password() {
        let mut arguments = DirectArguments {
            model: Some("dlms-generic".to_owned()),
            address: Some("17".to_owned()),
            ..DirectArguments::default()
        };
        let meter = "\n[[meter]]\nid = \"direct\"\nbus = \"direct\"\nmodel = \"dlms-generic\"\n";
        let bus = "link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600\nparity = \"none\"\n";
        let expected =
            format!("{bus}{meter}dlms = {{ lower-address = 17, association = \"public\" }}\n");
        check("/dev/a", &arguments, generic(), &expected);
        arguments.password_file = Some("/root/p".into());
        arguments.client = Some(2);
        let expected = format!(
            "{bus}{meter}dlms = {{ lower-address = 17, association = \"reader\", client = 2, \
             password-file = \"/root/p\" }}\n"
        );
        check("/dev/a", &arguments, generic(), &expected);
        let server = DirectArguments {
            model: Some("dlms-generic".to_owned()),
            wrapper: true,
            ..DirectArguments::default()
        };
        let expected = format!(
            "link = \"serial-server\"\naddress = \"m.lan:4059\"\nframing = \"8N1\"\n{meter}dlms = {{ \
             wrapper = true, association = \"public\" }}\n"
        );
        check("m.lan:4059", &server, generic(), &expected);
    }

    #[track_caller]
    fn check_refused(arguments: &DirectArguments, facts: ModelFacts, part: &str) {
        let refused = DirectMeter::new(arguments, facts, None).unwrap_err();
        assert!(refused.contains(part), "{refused}");
    }

    #[test]
    fn a_meter_with_keys_needs_a_gateway() {
        let named = |association: &str| DirectArguments {
            association: Some(association.to_owned()),
            ..DirectArguments::default()
        };
        check_refused(&named("secured"), generic(), "needs keys");
        check_refused(&named("nobody"), generic(), "public, reader, secured");
        check_refused(&named("reader"), generic(), "--password-file");
        check_refused(&named("public"), ModelFacts::default(), "speaks no DLMS");
        let with_password = DirectArguments {
            password_file: Some("/root/p".into()),
            ..named("public")
        };
        check_refused(&with_password, generic(), "no password");
        let with_level = DirectArguments {
            level: Some(1),
            ..DirectArguments::default()
        };
        check_refused(&with_level, generic(), "--level");
        let lower = DirectArguments {
            address: Some("AB".to_owned()),
            ..DirectArguments::default()
        };
        check_refused(&lower, generic(), "lower HDLC address");
    }

    #[test]
    fn ports_and_framings_are_read() {
        for text in [
            "ttyUSB0",
            "",
            "host:",
            ":80",
            "host:0",
            "host:70000",
            "a b:1",
        ] {
            assert!(text.parse::<DirectPort>().is_err(), "{text}");
        }
        for text in ["7E1", "8N1", "8E1", "8O2"] {
            assert_eq!(text.parse::<Framing>().unwrap().to_string(), text);
        }
        for text in ["", "7E", "9E1", "7X1", "7E3", "7E11"] {
            assert!(text.parse::<Framing>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_shipped_model_tells_its_line() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/meter-models");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let facts = ModelFacts::of(&std::fs::read_to_string(&path).unwrap());
            assert!(facts.is_some(), "{}", path.display());
        }
        assert!(ModelFacts::of("line = 3").is_none());
    }

    proptest! {
        #[test]
        fn a_quoted_text_is_read_back(text: String) {
            let line = format!("key = {}", quoted(&text));
            let parsed: toml::Table = toml::from_str(&line).unwrap();
            prop_assert_eq!(parsed.get("key").and_then(toml::Value::as_str), Some(text.as_str()));
        }
    }
}
