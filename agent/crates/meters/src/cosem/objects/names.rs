//! What classes and codes are called (Blue Book, IEC 62056-6-1 and -6-2).

use metering::Obis;

/// The common interface classes.
pub(super) const fn class(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "Data",
        3 => "Register",
        4 => "Extended register",
        5 => "Demand register",
        6 => "Register activation",
        7 => "Profile generic",
        8 => "Clock",
        9 => "Script table",
        11 => "Special days table",
        15 => "Association LN",
        17 => "SAP assignment",
        18 => "Image transfer",
        20 => "Activity calendar",
        21 => "Register monitor",
        22 => "Single action schedule",
        23 => "IEC HDLC setup",
        27 => "Modem configuration",
        40 => "Push setup",
        41 => "TCP-UDP setup",
        42 => "IPv4 setup",
        47 => "GSM diagnostic",
        48 => "IPv6 setup",
        61 => "Register table",
        62 => "Compact data",
        63 => "Status mapping",
        64 => "Security setup",
        70 => "Disconnect control",
        71 => "Limiter",
        72 => "M-Bus client",
        111 => "Account",
        112 => "Credit",
        113 => "Charge",
        115 => "Token gateway",
        _ => return None,
    })
}

/// Codes of what is not measured.
pub(super) fn code(code: Obis) -> Option<&'static str> {
    Some(match code.groups() {
        [0, _, 1, 0, _, _] => "clock",
        [0, _, 10, 0, ..] => "script table",
        [0, _, 11, 0, ..] => "special days",
        [0, _, 13, 0, ..] => "activity calendar",
        [0, _, 15, ..] => "scheduled action",
        [0, _, 22, 0, ..] => "HDLC set-up",
        [0, _, 25, 0, ..] => "TCP-UDP set-up",
        [0, _, 40, 0, 0, _] => "this association",
        [0, _, 40, 0, ..] => "association",
        [0, _, 41, 0, ..] => "logical devices",
        [0, _, 42, 0, ..] => "logical device name",
        [0, _, 43, 0, ..] => "security set-up",
        [0, _, 43, 1, ..] => "invocation counter",
        [0, _, 44, 0, ..] => "image transfer",
        [0, _, 96, 1, ..] => "identity number",
        [0, _, 96, 3, 10, _] => "disconnector",
        [0, _, 96, 10, ..] => "status",
        [0, _, 96, 11, ..] => "event code",
        [_, _, 98, 1, ..] => "billing profile",
        [_, _, 99, 1 | 2, ..] => "load profile",
        [_, _, 99, 98, ..] => "event log",
        [1, _, 0, 2, 0, _] => "firmware version",
        _ => return None,
    })
}
