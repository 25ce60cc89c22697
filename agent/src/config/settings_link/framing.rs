//! How a line is set: from the file to what the program trusts.

use crate::config::complaint::Notebook;
use crate::config::settings_bus::Bus;
use line::{DataBits, LineSettings, Parity, StopBits};

const BAUD_RATES: [u32; 10] = [
    300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200,
];

/// Baud, parity, data bits and stop bits, each with its key.
pub(super) fn line(
    bus: Bus<'_>,
    data_bits: DataBits,
    usual: Parity,
    usual_baud: Option<u32>,
    notes: &mut Notebook,
) -> Option<LineSettings> {
    let file = bus.0;
    let baud = baud(bus, usual_baud, notes);
    // Who writes eight bits where seven are usual wants no parity bit besides.
    let usual = match file.data_bits.as_ref().map(|bits| *bits.as_ref()) {
        Some(8) => Parity::None,
        _ => usual,
    };
    let mut ways = [
        ("none", Parity::None),
        ("even", Parity::Even),
        ("odd", Parity::Odd),
    ];
    // What is not written is the first.
    ways.sort_by_key(|(_, parity)| *parity != usual);
    let parity = bus.word("parity", file.parity.as_ref(), &ways, "a parity", notes)?;
    let stop_bits = match file
        .stop_bits
        .as_ref()
        .map(|bits| (*bits.as_ref(), bits.span()))
    {
        None | Some((1, _)) => StopBits::One,
        Some((2, _)) => StopBits::Two,
        Some((other, span)) => {
            let problem = format!("{other} stop bits do not exist");
            bus.complain(span, "stop-bits", problem, "use 1 or 2", notes);
            StopBits::One
        }
    };
    let data_bits = match file
        .data_bits
        .as_ref()
        .map(|bits| (*bits.as_ref(), bits.span()))
    {
        None => data_bits,
        Some((7, span)) => {
            if parity == Parity::None {
                let remedy = "write parity = \"even\", as FLAG meters speak";
                bus.complain(
                    span,
                    "data-bits",
                    "7 data bits want a parity bit",
                    remedy,
                    notes,
                );
            }
            DataBits::Seven
        }
        Some((8, _)) => DataBits::Eight,
        Some((other, span)) => {
            let problem = format!("{other} data bits do not exist here");
            bus.complain(span, "data-bits", problem, "use 7 or 8", notes);
            data_bits
        }
    };
    let baud = baud?;
    Some(LineSettings {
        baud,
        parity,
        data_bits,
        stop_bits,
    })
}

/// Baud and framing, where nothing else is possible.
pub(super) fn framed(
    bus: Bus<'_>,
    usual_baud: Option<u32>,
    notes: &mut Notebook,
) -> Option<LineSettings> {
    let baud = baud(bus, usual_baud, notes);
    let ways = [
        ("8N1", (DataBits::Eight, Parity::None)),
        ("7E1", (DataBits::Seven, Parity::Even)),
    ];
    let framing = bus.word("framing", bus.0.framing.as_ref(), &ways, "a framing", notes);
    let (data_bits, parity) = framing?;
    let baud = baud?;
    let stop_bits = StopBits::One;
    Some(LineSettings {
        baud,
        parity,
        data_bits,
        stop_bits,
    })
}

fn baud(bus: Bus<'_>, usual: Option<u32>, notes: &mut Notebook) -> Option<u32> {
    let Some(baud) = &bus.0.baud else {
        if usual.is_none() {
            bus.miss(
                "baud",
                "write baud = 9600, as it is set at the meters",
                notes,
            );
        }
        return usual;
    };
    if !BAUD_RATES.contains(baud.as_ref()) {
        let problem = format!("{} is not a baud rate", baud.as_ref());
        let choice = BAUD_RATES.map(|rate| rate.to_string()).join(", ");
        let remedy = format!("use one of {choice}");
        bus.complain(baud.span(), "baud", problem, remedy, notes);
    }
    Some(*baud.as_ref())
}
