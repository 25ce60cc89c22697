//! A row of a network map: from cells to a meter, and back.

use super::connection::{Connection, Host, Protocol};
use super::meter::{Link, SiteMeter};
use super::place::{Label, Unfit, unfit};
use super::ratio::{Milli, Ratio};
use crate::complaint::{Notebook, shown};
use crate::sheet::{Columns, Row};
use metering::MeterId;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Display;
use std::str::FromStr;

pub(super) const COLUMNS: Columns = Columns {
    known: &[
        "name",
        "area",
        "substation",
        "feeder",
        "bus",
        "connection",
        "device",
        "host",
        "baud",
        "framing",
        "number",
        "protocol",
        "address",
        "client",
        "model",
        "access-level",
        "password",
        "ct-primary-a",
        "ct-secondary-a",
        "vt-primary-v",
        "vt-secondary-v",
        "serial",
        "utility-serial",
        "mpan",
        "scheme",
        "note",
    ],
    needed: &[
        "name",
        "area",
        "substation",
        "bus",
        "connection",
        "protocol",
        "model",
    ],
};

const BAUDS: [u32; 10] = [
    300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200,
];
const NOTE_CHARS_MAX: usize = 200;

/// The cells of one row, and where its complaints go.
struct Cells<'a, 'n> {
    row: &'a Row,
    notes: RefCell<&'a mut Notebook<'n>>,
}

impl Cells<'_, '_> {
    fn note(&self, column: &str, unfit: &Unfit) {
        let mut notes = self.notes.borrow_mut();
        let (problem, remedy) = (unfit.problem.as_str(), unfit.remedy.as_str());
        self.row.note(*notes, column, problem, remedy);
    }

    /// What a reader makes of a cell that is not empty.
    fn read<T>(&self, column: &str, read: impl FnOnce(&str) -> Result<T, Unfit>) -> Option<T> {
        let cell = self.row.cell(column);
        if cell.is_empty() {
            return None;
        }
        read(cell).map_err(|unfit| self.note(column, &unfit)).ok()
    }

    fn parse<T: FromStr<Err = Unfit>>(&self, column: &str) -> Option<T> {
        self.read(column, str::parse)
    }

    /// The same, where there must be something.
    fn needed<T>(&self, column: &str, read: impl FnOnce(&str) -> Result<T, Unfit>) -> Option<T> {
        if self.row.cell(column).is_empty() {
            self.note(column, &unfit("is empty", "every meter needs it"));
        }
        self.read(column, read)
    }

    /// Complains about a cell that must be there, or must not.
    fn expect(&self, column: &str, wanted: bool, why: impl Display) {
        match (self.row.cell(column).is_empty(), wanted) {
            (true, true) => self.note(column, &unfit(format!("is empty, and {why}"), "fill it in")),
            (false, false) => self.note(
                column,
                &unfit(format!("is filled, and {why}"), self.row.how_to_empty()),
            ),
            _ => {}
        }
    }
}

/// A name as the gateway has them.
fn name<T: FromStr<Err = metering::InvalidName>>(text: &str) -> Result<T, Unfit> {
    text.parse().map_err(|_| {
        let remedy = "use 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit";
        unfit(format!("`{}` is not a name", shown(text)), remedy)
    })
}

fn model(text: &str) -> Result<Label, Unfit> {
    name::<MeterId>(text)?;
    text.parse()
}

fn number_in<T: FromStr + PartialOrd + Display + Copy>(
    text: &str,
    min: T,
    max: T,
) -> Result<T, Unfit> {
    match text.parse::<T>() {
        Ok(found) if found >= min && found <= max => Ok(found),
        _ => Err(unfit(
            format!("`{}` is out of range", shown(text)),
            format!("use {min} to {max}"),
        )),
    }
}

fn device(text: &str) -> Result<String, Unfit> {
    let sound = text
        .strip_prefix("/dev/")
        .is_some_and(|rest| !rest.is_empty())
        && text.len() <= 200;
    if sound && !text.contains("..") && !text.contains(char::is_whitespace) {
        Ok(text.to_owned())
    } else {
        let remedy = "write /dev/serial/by-path/... or /dev/serial/by-id/...";
        Err(unfit(
            format!("`{}` is not a port of the gateway", shown(text)),
            remedy,
        ))
    }
}

fn baud(text: &str) -> Result<u32, Unfit> {
    let found = text.parse().ok().filter(|baud| BAUDS.contains(baud));
    found.ok_or_else(|| {
        let known: Vec<String> = BAUDS.iter().map(ToString::to_string).collect();
        unfit(
            format!("`{}` is not a speed", shown(text)),
            format!("use {}", known.join(", ")),
        )
    })
}

/// A number that is dialled, without what people put between its digits.
fn dialled(connection: Connection, text: &str) -> Result<String, Unfit> {
    let (allowed, dropped, words) = if connection == Connection::Modem {
        (
            "0123456789*#ABCD+,W@!",
            " -.()/",
            "digits, with + * # A to D and , W @ !",
        )
    } else {
        (
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-,.*",
            " ",
            "digits and capital letters, with - , . or *",
        )
    };
    let kept = text.chars().filter(|found| !dropped.contains(*found));
    let number: String = kept.map(|found| found.to_ascii_uppercase()).collect();
    let sound = number.chars().all(|found| allowed.contains(found))
        && number.chars().any(|found| found.is_ascii_digit())
        && number.len() <= 40;
    if sound {
        return Ok(number);
    }
    let remedy =
        format!("write {words}; if a spreadsheet made 4.4E+11 of it, format the column as text");
    Err(unfit(
        format!("`{}` cannot be dialled", shown(text)),
        remedy,
    ))
}

/// What a meter of this protocol is called on its line.
fn address(protocol: Protocol, text: &str) -> Result<String, Unfit> {
    match protocol {
        Protocol::Modbus => number_in(text, 1_u8, 247).map(|unit| unit.to_string()),
        Protocol::Dlms => number_in(text, 1_u16, 16_383).map(|lower| lower.to_string()),
        Protocol::Flag => {
            // IEC 62056-21, 6.3.2: at most 32 digits and letters.
            let sound = text.len() <= 32 && text.bytes().all(|octet| octet.is_ascii_alphanumeric());
            if sound {
                Ok(text.to_owned())
            } else {
                let remedy = "write up to 32 digits and letters";
                Err(unfit(
                    format!("`{}` is not an outstation number", shown(text)),
                    remedy,
                ))
            }
        }
    }
}

fn remark(text: &str) -> Result<String, Unfit> {
    if text.chars().count() <= NOTE_CHARS_MAX {
        Ok(text.to_owned())
    } else {
        Err(unfit(
            "is too long",
            format!("use up to {NOTE_CHARS_MAX} characters"),
        ))
    }
}

/// The meter of a row. What is wrong is noted; then there may be none.
pub(super) fn meter(row: &Row, notes: &mut Notebook<'_>) -> Option<SiteMeter> {
    let cells = Cells {
        row,
        notes: RefCell::new(notes),
    };
    let place = (
        cells.needed("name", name),
        cells.needed("area", str::parse),
        cells.needed("substation", str::parse),
    );
    let feeder = cells.parse("feeder");
    let link = link(&cells);
    let connection = link.as_ref().map(|link| link.connection);
    let number = connection.and_then(|connection| {
        cells.expect(
            "number",
            connection.is_dialled(),
            format!("the connection is {connection}"),
        );
        cells.read("number", |text| dialled(connection, text))
    });
    let protocol: Option<Protocol> = cells.needed("protocol", str::parse);
    let own_address =
        protocol.and_then(|protocol| cells.read("address", |text| address(protocol, text)));
    if let Some(protocol) = protocol {
        expect_by_protocol(&cells, protocol);
    }
    let client = cells.read("client", |text| number_in(text, 1, 127));
    let meter_model = cells.needed("model", model);
    let access_level = cells.read("access-level", |text| number_in(text, 0, 3));
    let password = cells.parse("password");
    let ct = ratio(&cells, "ct-primary-a", "ct-secondary-a");
    let vt = ratio(&cells, "vt-primary-v", "vt-secondary-v");
    let serial = cells.parse("serial");
    let utility_serial = cells.parse("utility-serial");
    let mpan = cells.parse("mpan");
    let scheme = cells.parse("scheme");
    let note = cells.read("note", remark);
    let (Some(name), Some(area), Some(substation)) = place else {
        return None;
    };
    Some(SiteMeter {
        name,
        area,
        substation,
        feeder,
        link: link?,
        number,
        protocol: protocol?,
        address: own_address,
        client,
        model: meter_model?,
        access_level,
        password,
        ct,
        vt,
        serial,
        utility_serial,
        mpan,
        scheme,
        note,
    })
}

/// Cells that only some protocols have.
fn expect_by_protocol(cells: &Cells<'_, '_>, protocol: Protocol) {
    if protocol != Protocol::Dlms {
        cells.expect("client", false, "only DLMS knows clients");
    }
    if protocol == Protocol::Modbus {
        cells.expect("address", true, "a Modbus meter has a unit of 1 to 247");
        cells.expect("password", false, "Modbus has no passwords");
    }
    if protocol != Protocol::Flag {
        cells.expect("access-level", false, "only FLAG meters have levels");
    }
}

fn link(cells: &Cells<'_, '_>) -> Option<Link> {
    let bus = cells.needed("bus", name);
    let connection: Option<Connection> = cells.needed("connection", str::parse);
    if let Some(connection) = connection {
        let why = format!("the connection is {connection}");
        if connection != Connection::Pad {
            cells.expect("host", connection.has_host(), &why);
        }
        if connection.has_host() {
            cells.expect("device", false, &why);
        }
        if !connection.has_baud() {
            cells.expect("baud", false, &why);
            cells.expect("framing", false, &why);
        }
    }
    let device = cells.read("device", device);
    let host = cells.parse::<Host>("host");
    if device.is_some() && host.is_some() {
        cells.expect(
            "device",
            false,
            "a PAD is at a port or at a host, not at both",
        );
    }
    let baud = cells.read("baud", baud);
    let framing = cells.parse("framing");
    Some(Link {
        bus: bus?,
        connection: connection?,
        device,
        host,
        baud,
        framing,
    })
}

fn ratio(cells: &Cells<'_, '_>, primary: &str, secondary: &str) -> Option<Ratio> {
    let filled = |column: &str| !cells.row.cell(column).is_empty();
    if filled(primary) {
        cells.expect(secondary, true, "the primary side is given");
    } else {
        cells.expect(secondary, false, "the primary side is not given");
    }
    let first = cells.read(primary, Milli::parse);
    let second = cells.read(secondary, Milli::parse);
    Some(Ratio::new(first?, second?))
}

/// A meter as the cells of its row, in the order of the columns.
pub(crate) fn cells(meter: &SiteMeter) -> Vec<Cow<'_, str>> {
    fn text(value: Option<&str>) -> Cow<'_, str> {
        value.unwrap_or_default().into()
    }
    fn figure<T: ToString>(value: Option<T>) -> Cow<'static, str> {
        value
            .map(|value| value.to_string())
            .unwrap_or_default()
            .into()
    }
    let framing = meter
        .link
        .framing
        .map(|framing| framing.word().to_ascii_uppercase());
    vec![
        meter.name.as_str().into(),
        meter.area.as_str().into(),
        meter.substation.as_str().into(),
        text(meter.feeder.as_ref().map(Label::as_str)),
        meter.link.bus.as_str().into(),
        meter.link.connection.word().into(),
        text(meter.link.device.as_deref()),
        text(meter.link.host.as_ref().map(Host::as_str)),
        figure(meter.link.baud),
        figure(framing),
        text(meter.number.as_deref()),
        meter.protocol.word().into(),
        text(meter.address.as_deref()),
        figure(meter.client),
        meter.model.as_str().into(),
        figure(meter.access_level),
        text(meter.password.as_ref().map(super::place::SecretRef::as_str)),
        figure(meter.ct.map(Ratio::primary_text)),
        figure(meter.ct.map(Ratio::secondary_text)),
        figure(meter.vt.map(Ratio::primary_text)),
        figure(meter.vt.map(Ratio::secondary_text)),
        text(meter.serial.as_ref().map(Label::as_str)),
        text(meter.utility_serial.as_ref().map(Label::as_str)),
        text(meter.mpan.as_ref().map(super::place::Mpan::as_str)),
        text(meter.scheme.as_ref().map(super::place::SchemeName::as_str)),
        text(meter.note.as_deref()),
    ]
}
