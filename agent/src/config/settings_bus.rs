//! Lines: from the file to what the program trusts.

use super::complaint::Notebook;
use super::file::BusFile;
use super::settings::{BusSettings, LinkSettings, Rs485, SerialSettings, name, within};
use line::{DataBits, LineSettings, Parity, StopBits};
use metering::BusId;
use std::collections::HashMap;
use std::time::Duration;
use toml::Spanned;

const BAUD_RATES: [u32; 10] = [
    300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200,
];

pub(super) fn buses(files: &[BusFile], notes: &mut Notebook) -> Vec<BusSettings> {
    let mut found: Vec<BusSettings> = Vec::new();
    let mut places: HashMap<String, BusId> = HashMap::new();
    for file in files {
        let Some(id) = name::<BusId>(&file.id, "bus.id", notes) else {
            continue;
        };
        if found.iter().any(|bus| bus.id == id) {
            let remedy = "give each bus a name of its own";
            notes.note(
                file.id.span(),
                "bus.id",
                format!("`{id}` stands twice"),
                remedy,
            );
        }
        let late = within(
            &file.late_after_seconds,
            1..=60,
            "bus.late-after-seconds",
            notes,
        );
        let Some((link, place, span)) = link(file, notes) else {
            continue;
        };
        if let Some(other) = places.insert(place.clone(), id.clone()) {
            notes.note(
                span,
                format!("bus {id}"),
                format!("`{place}` is already the line of bus {other}"),
                "one bus owns one line: put all its meters on one bus",
            );
        }
        found.push(BusSettings {
            id,
            link,
            late_after: Duration::from_secs(u64::from(late)),
        });
    }
    found
}

type Place = (LinkSettings, String, std::ops::Range<usize>);

fn link(file: &BusFile, notes: &mut Notebook) -> Option<Place> {
    let id = file.id.as_ref();
    match file.link.as_ref().as_str() {
        "serial" => serial(file, notes),
        kind @ ("rtu-over-tcp" | "modbus-tcp") => {
            let Some(address) = &file.address else {
                let remedy = "write the host and port, address = \"10.0.0.7:502\"";
                notes.note(
                    file.link.span(),
                    format!("bus {id}.address"),
                    "is missing",
                    remedy,
                );
                return None;
            };
            refuse_serial_keys(file, kind, notes);
            let line = if kind == "rtu-over-tcp" {
                Some(line_settings(file, notes)?)
            } else {
                None
            };
            let text = address.as_ref().clone();
            let port = text
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none_or(|port| port == 0) {
                notes.note(
                    address.span(),
                    format!("bus {id}.address"),
                    format!("`{text}` has no port"),
                    "write it as host:port, such as 10.0.0.7:502",
                );
                return None;
            }
            let link = match line {
                None => LinkSettings::ModbusTcp {
                    address: text.clone(),
                },
                Some(line) => LinkSettings::RtuOverTcp {
                    address: text.clone(),
                    line,
                },
            };
            Some((link, text, address.span()))
        }
        other => {
            notes.note(
                file.link.span(),
                format!("bus {id}.link"),
                format!("`{other}` is not a kind of line"),
                "use serial, rtu-over-tcp or modbus-tcp",
            );
            None
        }
    }
}

fn refuse_serial_keys(file: &BusFile, kind: &str, notes: &mut Notebook) {
    let id = file.id.as_ref();
    let remedy = "remove it, or use link = \"serial\"";
    let is_stream = kind == "modbus-tcp";
    let mut refuse = |span, key: &str| {
        notes.note(
            span,
            format!("bus {id}.{key}"),
            format!("means nothing for {kind}"),
            remedy,
        );
    };
    if let Some(value) = &file.device {
        refuse(value.span(), "device");
    }
    if let Some(value) = file.baud.as_ref().filter(|_| is_stream) {
        refuse(value.span(), "baud");
    }
    if let Some(value) = file.parity.as_ref().filter(|_| is_stream) {
        refuse(value.span(), "parity");
    }
    if let Some(value) = file.stop_bits.as_ref().filter(|_| is_stream) {
        refuse(value.span(), "stop-bits");
    }
    if let Some(value) = &file.rs485 {
        refuse(value.span(), "rs485");
    }
}

fn serial(file: &BusFile, notes: &mut Notebook) -> Option<Place> {
    let id = file.id.as_ref();
    if let Some(address) = &file.address {
        let remedy = "remove it, or use link = \"rtu-over-tcp\" or \"modbus-tcp\"";
        notes.note(
            address.span(),
            format!("bus {id}.address"),
            "means nothing for serial",
            remedy,
        );
    }
    let Some(device) = &file.device else {
        let remedy = "write device = \"/dev/serial/by-path/...\" (ls -l /dev/serial/by-path)";
        notes.note(
            file.link.span(),
            format!("bus {id}.device"),
            "is missing",
            remedy,
        );
        return None;
    };
    let line = line_settings(file, notes)?;
    let rs485 = rs485(file.rs485.as_ref(), id, notes);
    let settings = SerialSettings {
        device: device.as_ref().clone(),
        line,
        rs485,
    };
    let place = device.as_ref().display().to_string();
    Some((LinkSettings::Serial(settings), place, device.span()))
}

fn line_settings(file: &BusFile, notes: &mut Notebook) -> Option<LineSettings> {
    let id = file.id.as_ref();
    let Some(baud) = &file.baud else {
        let remedy = "write baud = 9600, as it is set at the meters";
        notes.note(
            file.link.span(),
            format!("bus {id}.baud"),
            "is missing",
            remedy,
        );
        return None;
    };
    if !BAUD_RATES.contains(baud.as_ref()) {
        let problem = format!("{} is not a baud rate", baud.as_ref());
        let choice = BAUD_RATES.map(|rate| rate.to_string()).join(", ");
        notes.note(
            baud.span(),
            format!("bus {id}.baud"),
            problem,
            format!("use one of {choice}"),
        );
    }
    Some(LineSettings {
        baud: *baud.as_ref(),
        parity: parity(file.parity.as_ref(), id, notes),
        data_bits: DataBits::Eight,
        stop_bits: stop_bits(file.stop_bits.as_ref(), id, notes),
    })
}

fn parity(text: Option<&Spanned<String>>, id: &str, notes: &mut Notebook) -> Parity {
    let Some(text) = text else {
        return Parity::None;
    };
    match text.as_ref().as_str() {
        "none" => Parity::None,
        "even" => Parity::Even,
        "odd" => Parity::Odd,
        other => {
            let problem = format!("`{other}` is not a parity");
            notes.note(
                text.span(),
                format!("bus {id}.parity"),
                problem,
                "use none, even or odd",
            );
            Parity::None
        }
    }
}

fn stop_bits(number: Option<&Spanned<u8>>, id: &str, notes: &mut Notebook) -> StopBits {
    let Some(number) = number else {
        return StopBits::One;
    };
    match number.as_ref() {
        1 => StopBits::One,
        2 => StopBits::Two,
        other => {
            let problem = format!("{other} stop bits do not exist");
            notes.note(
                number.span(),
                format!("bus {id}.stop-bits"),
                problem,
                "use 1 or 2",
            );
            StopBits::One
        }
    }
}

fn rs485(text: Option<&Spanned<String>>, id: &str, notes: &mut Notebook) -> Rs485 {
    let Some(text) = text else { return Rs485::Auto };
    match text.as_ref().as_str() {
        "auto" => Rs485::Auto,
        "kernel" => Rs485::Kernel,
        "off" => Rs485::Off,
        other => {
            let problem = format!("`{other}` is not a way to switch direction");
            notes.note(
                text.span(),
                format!("bus {id}.rs485"),
                problem,
                "use auto, kernel or off",
            );
            Rs485::Auto
        }
    }
}
