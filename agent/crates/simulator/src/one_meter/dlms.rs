//! `simulator dlms`: one simulated DLMS meter.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::{ArgGroup, Args};
use dlms::hdlc::Parameters;
use dlms::security::{Keys, Secret, Suite};
use iec62056_21::codec::Baud;
use iec62056_21::meter::Settings;
use simulator::dlms::{
    DlmsAccess, DlmsInstrument, DlmsPlace, DlmsScenario, Energy, Nulls, Sorting, mode_e,
};
use simulator::trouble::OneIn;
use simulator::wire::{Wire, WireSettings};

use super::arguments::{Trouble, Where};
use super::{Front, finish, now, serve, troubles, wire_troubles, zone};

/// Clients of a meter with keys, one for each suite.
const SECURED: [u16; 3] = [1, 4, 3];
/// The client with a password: 1 where no other one is, else 2.
const READERS: (u16, u16) = (1, 2);

/// `simulator dlms`. Without `Debug`: there may be secrets in it.
#[derive(Args)]
#[command(group(ArgGroup::new("front").required(true)))]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct DlmsArguments {
    /// Listen here, as a serial server does, or with --wrapper as a meter: 127.0.0.1:0 takes a free
    /// port.
    #[arg(long, value_name = "ADDRESS", group = "front")]
    tcp: Option<SocketAddr>,
    /// Make a pseudo terminal under this name, as a serial port.
    #[arg(long, value_name = "PATH", group = "front")]
    pty: Option<PathBuf>,
    /// Speak the TCP wrapper in place of HDLC.
    #[arg(long, requires = "tcp")]
    wrapper: bool,
    /// Its serial number, up to 13 letters and digits.
    #[arg(long, value_name = "TEXT", default_value = "00012345")]
    serial: String,
    /// Its lower HDLC address; the upper one is 1. It also answers who names none.
    #[arg(long, value_name = "NUMBER", default_value_t = 17)]
    lower_address: u16,
    /// Wait for a sign-on at 300 bit/s before HDLC, as a meter of mode E. With --baud, which is the
    /// speed of HDLC then, the client must change its speed too; that takes a pseudo terminal.
    #[arg(long, conflicts_with = "wrapper")]
    mode_e: bool,
    /// Its address in the sign-on [default: it answers who names none].
    #[arg(long, value_name = "TEXT", requires = "mode_e")]
    sign_on_address: Option<String>,
    /// The password of client 1; of client 2 where there are keys.
    #[arg(long, value_name = "TEXT")]
    password: Option<String>,
    /// The global unicast encryption key, in hexadecimal digits: of client 1 in suite 0, of client 4
    /// in suite 1, of client 3 in suite 2.
    #[arg(long, value_name = "HEX", requires = "authentication_key")]
    encryption_key: Option<String>,
    /// The authentication key, in hexadecimal digits.
    #[arg(long, value_name = "HEX", requires = "encryption_key")]
    authentication_key: Option<String>,
    /// The security suite of the keys.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    suite: u8,
    /// The client with the keys, where it is another one.
    #[arg(long, value_name = "NUMBER", requires = "encryption_key")]
    client: Option<u16>,
    /// Octets of the frames that it takes and sends.
    #[arg(long, value_name = "OCTETS", default_value_t = 128, value_parser = clap::value_parser!(u16).range(32..=2030))]
    frame: u16,
    /// Octets take the time of this speed [default: none at all].
    #[arg(long, value_name = "BAUD")]
    baud: Option<u32>,
    /// Something that goes wrong; may be given more than once.
    #[arg(long, value_name = "WHAT", value_enum)]
    trouble: Vec<Trouble>,
    /// Troubles that happen now and then happen one time in so many.
    #[arg(long, value_name = "TIMES", default_value_t = 5)]
    one_in: u32,
    /// Days for which it has been at work.
    #[arg(long, value_name = "DAYS", default_value_t = 40, value_parser = clap::value_parser!(i64).range(1..=900))]
    days: i64,
    /// The period of its load profile in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=60))]
    period: u32,
    /// Rows that its load profile holds.
    #[arg(long, value_name = "ROWS", default_value_t = 4000, value_parser = clap::value_parser!(u16).range(1..))]
    rows: u16,
    /// Totals that its load profile captures: import, export, reactive both ways, four quadrants.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    channels: u8,
    /// The newest row of its profiles is the first one.
    #[arg(long)]
    newest_first: bool,
    /// Say null-data for what follows from the row before.
    #[arg(long)]
    nulls: bool,
    /// Refuse to choose rows by time.
    #[arg(long)]
    no_range: bool,
    /// Refuse to choose rows by place.
    #[arg(long)]
    no_entries: bool,
    /// Its local time.
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = Where::CentralEurope)]
    zone: Where,
    /// Begin at this time, in seconds since 1970-01-01 UTC [default: now].
    #[arg(long, value_name = "SECONDS")]
    starts_at: Option<i64>,
    /// Decides what it measures, and every trouble that happens only now and then.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// End by itself after so many seconds [default: at Ctrl-C].
    #[arg(long = "for", value_name = "SECONDS")]
    stop_after: Option<u64>,
}

/// Runs the meter until it is told to end.
pub(crate) fn run(arguments: &DlmsArguments) -> ExitCode {
    let front = Front {
        tcp: arguments.tcp,
        pty: arguments.pty.as_deref(),
        stop_after: arguments.stop_after,
    };
    finish(serve(&front, || make(arguments)))
}

/// The wire with its meter, and what the meter is.
fn make(arguments: &DlmsArguments) -> Result<(Wire, String)> {
    let settings = match arguments.baud {
        Some(baud) if !arguments.wrapper => WireSettings {
            minds_settings: arguments.mode_e,
            ..WireSettings::plain(baud)
        },
        _ => WireSettings::rtu_stream(),
    };
    let wire = Wire::new(settings, arguments.seed);
    wire.change_wire(|troubles| {
        *troubles = wire_troubles(&arguments.trouble, arguments.one_in);
    });
    let instrument = DlmsInstrument::new(scenario(arguments)?, access(arguments)?);
    let lower = arguments.lower_address;
    let (meter, place) = if arguments.wrapper {
        (instrument.on_wrapper(), "wrapper 1".to_owned())
    } else {
        let place = DlmsPlace {
            parameters: Parameters {
                transmit_octets: arguments.frame,
                receive_octets: arguments.frame,
                ..Parameters::default()
            },
            ..DlmsPlace::alone(lower)
        };
        let (meter, about) = if arguments.mode_e {
            let meter = instrument.on_mode_e(place, sign_on(arguments)?);
            (meter, format!("mode E, address 1/{lower}"))
        } else {
            (instrument.on_hdlc(place), format!("address 1/{lower}"))
        };
        let meter =
            meter.ok_or_else(|| anyhow!("there is no lower address {lower}; use 0 to 16383"))?;
        (meter, about)
    };
    wire.seat_dlms(
        meter,
        troubles(&arguments.trouble, OneIn::times(arguments.one_in)),
    );
    let about = format!("dlms-generic {place} serial {}", arguments.serial);
    Ok((wire, about))
}

/// How it is signed on; it offers the speed of the wire, where the wire has one.
fn sign_on(arguments: &DlmsArguments) -> Result<Settings> {
    let baud = arguments.baud.unwrap_or(9600);
    if arguments.baud.is_some() && arguments.tcp.is_some() {
        return Err(anyhow!(
            "a connection has no speed that could be changed; leave --baud out, or use --pty"
        ));
    }
    let mut known = Baud::ALL.into_iter();
    let offered = known.find(|known| known.bits_per_second() == baud);
    let offered = offered.ok_or_else(|| anyhow!("mode E has no {baud} baud; use 300 to 19200"))?;
    let settings = mode_e(arguments.sign_on_address.as_deref(), offered);
    settings.context("no address of a sign-on")
}

fn scenario(arguments: &DlmsArguments) -> Result<DlmsScenario> {
    let serial = &arguments.serial;
    let is_name = serial.bytes().all(|octet| octet.is_ascii_alphanumeric());
    if serial.is_empty() || serial.len() > 13 || !is_name {
        return Err(anyhow!("a serial number has 1 to 13 letters and digits"));
    }
    Ok(DlmsScenario {
        starts_at: arguments.starts_at.unwrap_or_else(now),
        days: arguments.days,
        zone: zone(arguments.zone),
        period_s: arguments.period * 60,
        capacity: arguments.rows.into(),
        columns: Energy::ALL
            .into_iter()
            .take(arguments.channels.into())
            .collect(),
        sorting: if arguments.newest_first {
            Sorting::NewestFirst
        } else {
            Sorting::OldestFirst
        },
        nulls: if arguments.nulls {
            Nulls::InAnswer
        } else {
            Nulls::Never
        },
        selects_range: !arguments.no_range,
        selects_entries: !arguments.no_entries,
        ..DlmsScenario::new(arguments.seed, serial)
    })
}

fn access(arguments: &DlmsArguments) -> Result<DlmsAccess> {
    let mut access = DlmsAccess::default();
    let keys = (&arguments.encryption_key, &arguments.authentication_key);
    if let (Some(encryption), Some(authentication)) = keys {
        let suite = match arguments.suite {
            2 => Suite::Two,
            1 => Suite::One,
            _ => Suite::Zero,
        };
        let keys = Keys::new(suite, &hex(encryption)?, &hex(authentication)?);
        let keys = keys.with_context(|| {
            let digits = suite.key_octets() * 2;
            format!("keys of suite {} have {digits} digits", suite.number())
        })?;
        let usual = SECURED.get(usize::from(arguments.suite)).copied();
        let client = arguments.client.or(usual).unwrap_or(READERS.0);
        access.keys.push((client, keys));
    }
    if let Some(password) = &arguments.password {
        let secret = Secret::new(password.as_bytes()).context("the password is too long")?;
        let client = if access.keys.is_empty() {
            READERS.0
        } else {
            READERS.1
        };
        access.passwords.push((client, secret));
    }
    Ok(access)
}

/// Octets of a key; what is wrong with it is told without it.
fn hex(text: &str) -> Result<Vec<u8>> {
    let digits = text.bytes().map(|digit| char::from(digit).to_digit(16));
    let digits: Option<Vec<u32>> = digits.collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2));
    let digits = digits.ok_or_else(|| anyhow!("a key is an even number of hexadecimal digits"))?;
    let (octets, _) = digits.as_chunks::<2>();
    let octets = octets.iter().map(|[high, low]| high * 16 + low);
    octets.map(|octet| Ok(u8::try_from(octet)?)).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: DlmsArguments,
    }

    fn parse(line: &[&str]) -> Result<DlmsArguments, String> {
        let words = [&["dlms", "--tcp", "127.0.0.1:0"], line].concat();
        let line = Line::try_parse_from(words).map_err(|fault| fault.to_string())?;
        Ok(line.arguments)
    }

    #[test]
    fn keys_come_in_pairs_and_have_the_length_of_their_suite() {
        let key = "000102030405060708090A0B0C0D0E0F";
        assert!(parse(&["--encryption-key", key]).is_err());
        let both = ["--encryption-key", key, "--authentication-key", key];
        let with = |more: &[&str]| access(&parse(&[&both[..], more].concat()).unwrap());
        let clients = |access: DlmsAccess| access.keys.iter().map(|one| one.0).collect::<Vec<_>>();
        assert_eq!(clients(with(&[]).unwrap()), [1]);
        assert_eq!(clients(with(&["--client", "5"]).unwrap()), [5]);
        let told = with(&["--suite", "2"]).unwrap_err().to_string();
        assert!(told.contains("64 digits"), "{told}");
        let password = with(&["--password", "12345678"]).unwrap().passwords;
        assert_eq!(password.first().unwrap().0, 2);
        assert!(hex("0g").is_err());
        assert!(hex("012").is_err());
    }

    #[tokio::test]
    async fn a_meter_of_either_road_can_be_made() {
        let (_, hdlc) = make(&parse(&["--lower-address", "21"]).unwrap()).unwrap();
        assert_eq!(hdlc, "dlms-generic address 1/21 serial 00012345");
        let (wire, wrapper) = make(&parse(&["--wrapper", "--baud", "9600"]).unwrap()).unwrap();
        assert_eq!(wrapper, "dlms-generic wrapper 1 serial 00012345");
        assert_eq!(wire.settings().baud, 0);
        let (_, signed_on) =
            make(&parse(&["--mode-e", "--sign-on-address", "001"]).unwrap()).unwrap();
        assert_eq!(
            signed_on,
            "dlms-generic mode E, address 1/17 serial 00012345"
        );
        assert!(make(&parse(&["--mode-e", "--baud", "9600"]).unwrap()).is_err());
        assert!(parse(&["--mode-e", "--wrapper"]).is_err());
        assert!(make(&parse(&["--lower-address", "20000"]).unwrap()).is_err());
        assert!(make(&parse(&["--serial", "12345678901234"]).unwrap()).is_err());
    }
}
