//! What a scan found, and how to make a meter of it.

use super::diagnosis;
use crate::direct::{DIRECT, Framing};
use crate::limits::COLUMNS;
use crate::plain;
use crate::table::{Side, Table};
use crate::words::{wrapped, wrapped_item};
use desk::{FoundMeter, ScanResult};

/// What to type about a meter that was found.
pub(crate) enum Suggestion {
    /// Make it a meter of this bus.
    Add(String),
    /// Read it through a private gateway on this port.
    Direct {
        /// As it was typed.
        port: String,
        /// How an optical probe on it is supplied, as it was typed.
        probe: Option<&'static str>,
    },
}

impl Suggestion {
    /// A suggestion for a bus of a gateway.
    pub(crate) fn for_bus(bus: &str) -> Self {
        Self::Add(bus.to_owned())
    }

    fn line(&self, meter: &FoundMeter) -> String {
        let model = meter.models.iter().find(|name| is_harmless(name));
        let model = model.map_or("MODEL", String::as_str);
        let address = address_option(meter);
        match self {
            Self::Add(bus) => {
                let serial = meter.serial.as_deref().filter(|serial| is_harmless(serial));
                let serial =
                    serial.map_or_else(String::new, |serial| format!(" --serial {serial}"));
                let name = name(meter);
                format!("pmuctl meter add {name} --bus {bus} --model {model}{address}{serial}")
            }
            Self::Direct { port, probe } => {
                let what = match meter.protocol.as_str() {
                    "dlms" => format!("meter ping {DIRECT}"),
                    _ => format!("meter read {DIRECT} identity"),
                };
                format!(
                    "pmuctl --direct {port}{} --model {model}{address} {what}",
                    port_options(meter, *probe)
                )
            }
        }
    }
}

/// The options that say where it is. A DLMS meter is read by the public client at first: what else
/// it lets read needs a password or keys.
fn address_option(meter: &FoundMeter) -> String {
    let (option, address, more) = match meter.protocol.as_str() {
        "modbus" => ("unit", meter.address.as_str(), ""),
        "dlms" => match meter.address.split_once('/') {
            Some((_, lower)) => ("address", lower, " --association public"),
            None if meter.address.starts_with("wrapper") => {
                return " --wrapper --association public".to_owned();
            }
            None => ("address", "", " --association public"),
        },
        _ => ("address", meter.address.as_str(), ""),
    };
    match address {
        "" => more.to_owned(),
        address if is_harmless(address) => format!(" --{option} {address}{more}"),
        _ => format!(" --{option} …{more}"),
    }
}

/// How the port has to be set for a meter, as far as the scan says it in the usual form. A probe that
/// cannot be supplied in one way or the other stays one.
fn port_options(meter: &FoundMeter, probe: Option<&str>) -> String {
    let mut options = String::new();
    if let Some((baud, framing)) = meter.line.split_once(' ')
        && let (Ok(baud), Ok(framing)) = (baud.parse::<u32>(), framing.parse::<Framing>())
    {
        options = format!(" --baud {baud} --framing {framing}");
    }
    let found = meter
        .dtr
        .as_deref()
        .filter(|dtr| matches!(*dtr, "on" | "off"));
    if let Some(dtr) = found.or(probe) {
        options.push_str(" --optical ");
        options.push_str(dtr);
    }
    options
}

/// A meter says what it likes; only what a shell takes as one plain word goes into a line that
/// somebody will paste.
fn is_harmless(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    (1..=40).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(is_plain)
}

/// A name for a meter that has none yet.
fn name(meter: &FoundMeter) -> String {
    let known = [meter.serial.as_deref().unwrap_or_default(), &meter.address];
    let mut known = known.into_iter().map(|text| {
        let text = text.to_ascii_lowercase();
        text.bytes()
            .filter(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            .take(20)
            .map(char::from)
            .collect::<String>()
    });
    let word = known.find(|word| !word.is_empty());
    format!("meter-{}", word.as_deref().unwrap_or("1"))
}

pub(crate) fn text(result: &ScanResult, suggestion: &Suggestion) -> String {
    let mut text = String::new();
    if result.found.is_empty() {
        text.push_str("no meter was found\n");
        text.push_str(&wrapped(NOTHING, "", COLUMNS));
    } else {
        text.push_str(&table(&result.found));
    }
    for doubt in &result.doubts {
        text.push('\n');
        text.push_str(&diagnosis::text(doubt));
    }
    text.push('\n');
    text.push_str(&items("what was tried:", &result.tried));
    text.push_str(&items(
        "not tried, because time was up (--for gives more):",
        &result.left_out,
    ));
    let is_new = |meter: &&FoundMeter| meter.configured.is_none();
    let lines: Vec<String> = result
        .found
        .iter()
        .filter(is_new)
        .map(|meter| format!("  {}\n", suggestion.line(meter)))
        .collect();
    if !lines.is_empty() {
        text.push_str("what to type next:\n");
        text.push_str(&lines.concat());
        let mut new = result.found.iter().filter(is_new);
        if new.any(|meter| meter.protocol == "dlms") {
            text.push_str(&wrapped(READERS, "", COLUMNS));
        }
    }
    text
}

/// What to do where nobody answers.
const NOTHING: &str = "check supply and wires (A and B not swapped); look at other speeds with \
    --baud and other addresses with --address, a DLMS meter's is often made of the last digits of \
    its serial number: --address 1/16-115";
/// The public client seldom reads all.
const READERS: &str = "a DLMS meter shows the public client little: instead of --association \
    public name the model's association with a password (and --password-file), or the one with keys \
    (and --suite; then `pmuctl meter keys import`)";

fn table(found: &[FoundMeter]) -> String {
    let mut table = Table::new(&[
        ("FOUND", Side::Left),
        ("ADDRESS", Side::Right),
        ("LINE", Side::Left),
        ("SERIAL", Side::Left),
        ("CONFIGURED AS", Side::Left),
    ]);
    for meter in found {
        table.row(&[
            meter.protocol.clone(),
            none_as(&meter.address, "none"),
            meter.line.clone(),
            none_as(meter.serial.as_deref().unwrap_or_default(), "-"),
            none_as(meter.configured.as_deref().unwrap_or_default(), "-"),
        ]);
        if !meter.identification.is_empty() {
            table.note(&meter.identification);
        }
        if !meter.remark.is_empty() {
            table.note(&meter.remark);
        }
        if let Some(dtr) = &meter.dtr {
            table.note(&format!("answers with DTR {dtr}"));
        }
        if meter.models.is_empty() {
            table.note("no model fits; see docs/how-to/add-a-meter-model.md");
        } else {
            table.note(&format!("model: {}", meter.models.join(", or ")));
        }
    }
    table.to_string()
}

fn none_as(text: &str, none: &str) -> String {
    if text.is_empty() { none } else { text }.to_owned()
}

fn items(heading: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let items = lines
        .iter()
        .map(|line| wrapped_item("-", &plain(line, 500)));
    format!(
        "{}{}",
        wrapped(heading, "", COLUMNS),
        items.collect::<String>()
    )
}
