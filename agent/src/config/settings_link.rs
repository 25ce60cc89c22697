//! What a line is made of: from the file to what the program trusts.

mod dialled;
mod framing;

use super::complaint::Notebook;
use super::file::BusFile;
use super::link::{Dtr, LinkSettings, OpticalSettings, Rs485, SerialSettings};
use super::settings_bus::{Bus, one_of};
use dialled::{modem, pad};
use framing::{framed, line};
use line::{DataBits, Parity};
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;

/// IEC 62056-21: a conversation through an optical head is opened at this speed.
const OPENING_BAUD: u32 = 300;

const KINDS: [&str; 7] = [
    "serial",
    "optical",
    "rtu-over-tcp",
    "modbus-tcp",
    "serial-server",
    "modem",
    "pad",
];

/// A link, the name of its place, and where that stands in the file.
pub(super) struct Place {
    pub(super) link: LinkSettings,
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

pub(super) fn place(file: &BusFile, notes: &mut Notebook) -> Option<Place> {
    let bus = Bus(file);
    let kind = file.link.as_ref().as_str();
    if !KINDS.contains(&kind) {
        let problem = format!("`{kind}` is not a kind of line");
        let remedy = format!("use {}", one_of(&KINDS));
        bus.complain(file.link.span(), "link", problem, remedy, notes);
        return None;
    }
    refuse_keys(bus, kind, notes);
    match kind {
        "serial" => serial(bus, notes),
        "optical" => optical(bus, notes),
        "modem" => modem(bus, notes),
        "pad" => pad(bus, notes),
        "rtu-over-tcp" => {
            let line = line(bus, DataBits::Eight, Parity::None, None, notes);
            remote(bus, notes, |address| {
                let line = line?;
                Some(LinkSettings::RtuOverTcp { address, line })
            })
        }
        "serial-server" => {
            let line = framed(bus, Some(9600), notes);
            remote(bus, notes, |address| {
                let line = line?;
                Some(LinkSettings::SerialServer { address, line })
            })
        }
        _ => remote(bus, notes, |address| {
            Some(LinkSettings::ModbusTcp { address })
        }),
    }
}

/// Complains about keys that mean nothing for this kind of link.
fn refuse_keys(bus: Bus<'_>, kind: &str, notes: &mut Notebook) {
    for (key, span, kinds) in keys(bus.0) {
        if let Some(span) = span.filter(|_| !kinds.contains(&kind)) {
            let problem = format!("means nothing for {kind}");
            let remedy = format!("remove it, or use link = {}", quoted(kinds));
            bus.complain(span, key, problem, remedy, notes);
        }
    }
}

/// A key, where it stands in the file, and the links that it means something for.
type Key = (&'static str, Option<Range<usize>>, &'static [&'static str]);

fn keys(file: &BusFile) -> [Key; 18] {
    const PORTS: &[&str] = &["serial", "optical", "modem", "pad"];
    const STREAMS: &[&str] = &["rtu-over-tcp", "modbus-tcp", "serial-server", "pad"];
    const RATED: &[&str] = &[
        "serial",
        "optical",
        "rtu-over-tcp",
        "serial-server",
        "modem",
        "pad",
    ];
    const SET: &[&str] = &["serial", "optical", "rtu-over-tcp"];
    const SET_HERE: &[&str] = &["serial", "optical"];
    const FRAMED: &[&str] = &["serial-server", "modem", "pad"];
    const DIALLED: &[&str] = &["modem", "pad"];
    fn at<T>(value: Option<&Spanned<T>>) -> Option<Range<usize>> {
        value.map(Spanned::span)
    }
    [
        ("device", at(file.device.as_ref()), PORTS),
        ("address", at(file.address.as_ref()), STREAMS),
        ("baud", at(file.baud.as_ref()), RATED),
        ("parity", at(file.parity.as_ref()), SET),
        ("stop-bits", at(file.stop_bits.as_ref()), SET),
        ("data-bits", at(file.data_bits.as_ref()), SET_HERE),
        ("framing", at(file.framing.as_ref()), FRAMED),
        ("rs485", at(file.rs485.as_ref()), &["serial"]),
        ("dtr", at(file.dtr.as_ref()), &["optical"]),
        ("rts", at(file.rts.as_ref()), &["optical"]),
        ("init", at(file.init.as_ref()), &["modem"]),
        ("dialling", at(file.dialling.as_ref()), &["modem"]),
        ("hang-up", at(file.hang_up.as_ref()), &["modem"]),
        ("retries", at(file.retries.as_ref()), DIALLED),
        (
            "retry-after-seconds",
            at(file.retry_after_seconds.as_ref()),
            DIALLED,
        ),
        (
            "answer-within-seconds",
            at(file.answer_within_seconds.as_ref()),
            DIALLED,
        ),
        (
            "call-minutes-max",
            at(file.call_minutes_max.as_ref()),
            DIALLED,
        ),
        ("pad", at(file.pad.as_ref()), &["pad"]),
    ]
}

fn quoted(kinds: &[&str]) -> String {
    let quoted: Vec<String> = kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
    one_of(&quoted.iter().map(String::as_str).collect::<Vec<_>>())
}

fn serial(bus: Bus<'_>, notes: &mut Notebook) -> Option<Place> {
    let device = device(bus, notes);
    let line = line(bus, DataBits::Eight, Parity::None, None, notes);
    let ways = [
        ("auto", Rs485::Auto),
        ("kernel", Rs485::Kernel),
        ("off", Rs485::Off),
    ];
    let rs485 = bus.word(
        "rs485",
        bus.0.rs485.as_ref(),
        &ways,
        "a way to switch direction",
        notes,
    );
    let (device, span) = device?;
    let text = device.display().to_string();
    let (line, rs485) = (line?, rs485?);
    let link = LinkSettings::Serial(SerialSettings {
        device,
        line,
        rs485,
    });
    Some(Place { link, text, span })
}

fn optical(bus: Bus<'_>, notes: &mut Notebook) -> Option<Place> {
    let device = device(bus, notes);
    let line = line(
        bus,
        DataBits::Seven,
        Parity::Even,
        Some(OPENING_BAUD),
        notes,
    );
    let ways = [("auto", Dtr::Auto), ("on", Dtr::On), ("off", Dtr::Off)];
    let dtr = bus.word(
        "dtr",
        bus.0.dtr.as_ref(),
        &ways,
        "a way to feed a head",
        notes,
    );
    let ways = [("on", true), ("off", false)];
    let rts = bus.word(
        "rts",
        bus.0.rts.as_ref(),
        &ways,
        "a way to feed a head",
        notes,
    );
    let (device, span) = device?;
    let text = device.display().to_string();
    let (line, dtr, rts) = (line?, dtr?, rts?);
    let link = LinkSettings::Optical(OpticalSettings {
        device,
        line,
        dtr,
        rts,
    });
    Some(Place { link, text, span })
}

fn device(bus: Bus<'_>, notes: &mut Notebook) -> Option<(PathBuf, Range<usize>)> {
    let Some(device) = &bus.0.device else {
        let remedy = "write device = \"/dev/serial/by-path/...\" (ls -l /dev/serial/by-path)";
        bus.miss("device", remedy, notes);
        return None;
    };
    Some((device.as_ref().clone(), device.span()))
}

fn remote(
    bus: Bus<'_>,
    notes: &mut Notebook,
    link: impl FnOnce(String) -> Option<LinkSettings>,
) -> Option<Place> {
    let (text, span) = address(bus, notes)?;
    let link = link(text.clone())?;
    Some(Place { link, text, span })
}

fn address(bus: Bus<'_>, notes: &mut Notebook) -> Option<(String, Range<usize>)> {
    let Some(address) = &bus.0.address else {
        let remedy = "write the host and port, address = \"10.0.0.7:502\"";
        bus.miss("address", remedy, notes);
        return None;
    };
    let text = address.as_ref().clone();
    let port = text
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none_or(|port| port == 0) {
        let remedy = "write it as host:port, such as 10.0.0.7:502";
        let problem = format!("`{text}` has no port");
        bus.complain(address.span(), "address", problem, remedy, notes);
        return None;
    }
    Some((text, address.span()))
}
