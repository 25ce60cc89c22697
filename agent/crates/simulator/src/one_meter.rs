//! `simulator meter` and `simulator dlms`: one simulated FLAG or DLMS meter for clients from
//! outside, and for people.

mod arguments;
mod dlms;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use iec62056_21::codec::{Baud, MeterAddress, Password};
use iec62056_21::meter::{Opening, ParityBy, Settings, WrongPassword};
use simulator::elster::{ElsterMeter, Incident, PpmMeter, Scenario, VdewMeter, Zone};
use simulator::flag::FlagMeter;
use simulator::trouble::{Doubled, FlagTroubles, Late, OneIn, Spread, WireTroubles};
use simulator::wire::{PtyWire, TcpWire, Wire, WireSettings};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

pub(crate) use arguments::MeterArguments;
use arguments::{EighthBit, Model, Trouble, Where, Wrong};
pub(crate) use dlms::{DlmsArguments, run as run_dlms};

/// Runs the meter until it is told to end.
pub(crate) fn run(arguments: &MeterArguments) -> ExitCode {
    let front = Front {
        tcp: arguments.tcp,
        pty: arguments.pty.as_deref(),
        stop_after: arguments.stop_after,
    };
    finish(serve(&front, || make(arguments)))
}

/// Where it listens, and for how many seconds.
struct Front<'a> {
    tcp: Option<SocketAddr>,
    pty: Option<&'a Path>,
    stop_after: Option<u64>,
}

fn finish(served: Result<()>) -> ExitCode {
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            complain(&format!("the meter does not run: {fault:#}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(front: &Front<'_>, make: impl FnOnce() -> Result<(Wire, String)>) -> Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(async {
        let (wire, about) = make()?;
        let (_tcp, _pty, place) = match (front.tcp, front.pty) {
            (Some(address), _) => {
                let tcp = TcpWire::open_at(&wire, address)
                    .with_context(|| format!("cannot listen on {address}; choose another port"))?;
                let place = format!("tcp {}", tcp.address());
                (Some(tcp), None, place)
            }
            (None, Some(path)) => {
                let pty = PtyWire::open(&wire, path)?;
                let place = format!("pty {}", pty.link().display());
                (None, Some(pty), place)
            }
            (None, None) => return Err(anyhow!("say where it listens: --tcp or --pty")),
        };
        say(&format!("{about} {place}"));
        wait_for_end(front.stop_after).await
    })
}

/// The wire with its meter, and the meter's name, address and serial number.
fn make(arguments: &MeterArguments) -> Result<(Wire, String)> {
    if arguments.opens_slowly && arguments.baud.is_some() && arguments.tcp.is_some() {
        return Err(anyhow!(
            "a client cannot change the speed behind --tcp; leave out --baud, or use --pty"
        ));
    }
    let wire = Wire::new(wire_settings(arguments), arguments.seed);
    let often = OneIn::times(arguments.one_in);
    wire.change_wire(|troubles| {
        *troubles = wire_troubles(&arguments.trouble, arguments.one_in);
    });
    let (meter, about) = meter(arguments)?;
    wire.seat_flag(meter, troubles(&arguments.trouble, often));
    Ok((wire, about))
}

fn wire_settings(arguments: &MeterArguments) -> WireSettings {
    match arguments.baud {
        None => WireSettings::rtu_stream(),
        // Its client changes the speed of its port.
        Some(_) if arguments.opens_slowly && !arguments.strict_line => WireSettings::plain(300),
        Some(_) if arguments.opens_slowly => WireSettings::flag(300),
        Some(baud) if arguments.strict_line => WireSettings::flag(baud),
        Some(baud) => WireSettings {
            minds_settings: false,
            ..WireSettings::plain(baud)
        },
    }
}

fn meter(arguments: &MeterArguments) -> Result<(FlagMeter, String)> {
    let scenario = scenario(arguments)?;
    let serial = scenario.serial.clone();
    let own_address = scenario.address();
    let address = arguments.address.clone().unwrap_or(own_address);
    let (name, meter) = match arguments.model {
        Model::Elster(model) => {
            let meter = ElsterMeter::new(model, scenario);
            let settings = settings(meter.settings()?, arguments, &address)?;
            (model.name(), meter.on_wire_as(settings))
        }
        Model::Ppm => {
            let meter = PpmMeter::new(scenario);
            let settings = settings(meter.settings()?, arguments, &address)?;
            (PpmMeter::NAME, meter.on_wire_as(settings))
        }
        Model::Vdew(model) => {
            let meter = VdewMeter::new(model, scenario);
            let settings = settings(meter.settings()?, arguments, &address)?;
            (model.name(), meter.on_wire_as(settings))
        }
    };
    Ok((meter, format!("{name} address {address} serial {serial}")))
}

fn scenario(arguments: &MeterArguments) -> Result<Scenario> {
    let is_name = |text: &str| text.bytes().all(|octet| octet.is_ascii_alphanumeric());
    if arguments.serial.len() > 16 || !is_name(&arguments.serial) || arguments.serial.is_empty() {
        return Err(anyhow!("a serial number has 1 to 16 letters and digits"));
    }
    let mut scenario = Scenario::new(arguments.seed, &arguments.serial);
    scenario.starts_at = arguments.starts_at.unwrap_or_else(now);
    scenario.days = arguments.days;
    scenario.minutes = arguments.period;
    scenario.zone = zone(arguments.zone);
    if arguments.eventful {
        scenario.incidents = Incident::eventful_day(scenario.begun(), scenario.days - 1);
    }
    for text in &arguments.password {
        set_password(text, &mut scenario.passwords)?;
    }
    Ok(scenario)
}

fn zone(place: Where) -> Zone {
    match place {
        Where::Utc => Zone::UTC,
        Where::CentralEurope => Zone::CENTRAL_EUROPE,
        Where::Britain => Zone::BRITAIN,
    }
}

fn settings(usual: Settings, arguments: &MeterArguments, address: &str) -> Result<Settings> {
    let mut settings = usual;
    settings.address = Some(MeterAddress::new(address)?);
    settings.answers_empty = !arguments.needs_address;
    settings.is_strict = arguments.strict;
    settings.opening = match arguments.baud {
        _ if arguments.opens_slowly => Opening::Negotiated(Baud::B300),
        baud => Opening::Fixed(baud.unwrap_or(0)),
    };
    settings.parity = match arguments.eighth_bit {
        _ if arguments.strict_line => ParityBy::Port,
        EighthBit::Nobody => ParityBy::Nobody,
        EighthBit::Meter => ParityBy::SoftwareUnchecked,
    };
    settings.security.wrong = match arguments.wrong_password {
        Wrong::Nak => WrongPassword::Nak,
        Wrong::SignOff => WrongPassword::SignOff,
        Wrong::Refusal => WrongPassword::Refusal,
        Wrong::Silence => WrongPassword::Silence,
    };
    Ok(settings)
}

fn troubles(wanted: &[Trouble], often: OneIn) -> FlagTroubles {
    let mut troubles = FlagTroubles::default();
    for trouble in wanted {
        match trouble {
            Trouble::Silent => troubles.dead = true,
            Trouble::Lost => troubles.lost_answers = often,
            Trouble::Late => {
                troubles.late = Some(Late {
                    thinks: Spread::fixed(Duration::from_secs(4)),
                    happens: often,
                });
            }
            Trouble::Doubled => {
                troubles.doubled = Some(Doubled {
                    after: Duration::from_millis(50),
                    happens: often,
                });
            }
            Trouble::Cut => troubles.truncated = often,
            Trouble::Flipped => troubles.flipped = often,
            Trouble::WrongCheck => troubles.wrong_check = often,
            Trouble::SignsOff => troubles.signs_off = often,
            Trouble::Junk => troubles.junk = Some(1..=8),
            Trouble::Slow => troubles.pause = Duration::from_millis(100),
            Trouble::Echo | Trouble::Noise => {}
        }
    }
    troubles
}

fn wire_troubles(wanted: &[Trouble], one_in: u32) -> WireTroubles {
    let noise = if wanted.contains(&Trouble::Noise) {
        OneIn::times(one_in.saturating_mul(20))
    } else {
        OneIn::NEVER
    };
    WireTroubles {
        noise,
        echo: wanted.contains(&Trouble::Echo),
    }
}

async fn wait_for_end(stop_after: Option<u64>) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be waited for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be waited for")?;
    let ends = async {
        match stop_after {
            Some(seconds) => sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = ends => {}
    }
    Ok(())
}

/// UTC now, in seconds.
fn now() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "a client from outside compares the meter's clock with its own"
    )]
    let now = SystemTime::now();
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX / 2)
}

/// Reads `1=ABCDEFGH`; what is wrong with it is told without it.
fn set_password(text: &str, passwords: &mut [String; 3]) -> Result<()> {
    let wrong = || anyhow!("write a password as 1=ABCDEFGH: level 1, 2 or 3, eight characters");
    let (level, text) = text.split_once('=').ok_or_else(wrong)?;
    let place = match level {
        "1" => passwords.first_mut(),
        "2" => passwords.get_mut(1),
        "3" => passwords.get_mut(2),
        _ => None,
    };
    let place = place.ok_or_else(wrong)?;
    if text.len() != 8 || Password::new(text).is_err() {
        return Err(wrong());
    }
    text.clone_into(place);
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "whoever started it waits for this line"
)]
fn say(words: &str) {
    println!("{words}");
}

#[expect(clippy::print_stderr, reason = "a complaint is not an answer")]
fn complain(words: &str) {
    eprintln!("{words}");
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use simulator::elster::ElsterModel;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: MeterArguments,
    }

    fn parse(line: &[&str]) -> Result<MeterArguments, String> {
        let words = [&["meter"], line].concat();
        let line = Line::try_parse_from(words).map_err(|fault| fault.to_string())?;
        Ok(line.arguments)
    }

    #[test]
    fn a_meter_needs_one_place_to_listen() {
        assert!(parse(&[]).is_err());
        assert!(parse(&["--tcp", "127.0.0.1:0", "--pty", "/tmp/x"]).is_err());
        assert!(parse(&["--pty", "/tmp/x", "--strict-line"]).is_err());
        let tcp = parse(&["--tcp", "127.0.0.1:0"]).unwrap();
        assert_eq!(tcp.model, Model::Elster(ElsterModel::A1700));
    }

    #[test]
    fn models_and_passwords_are_checked_before_anything_runs() {
        let with = |more: &[&str]| parse(&[&["--tcp", "127.0.0.1:0"], more].concat());
        for name in ["elster-a1140", "elster-ppm", "elster-a1500"] {
            assert!(with(&["--model", name]).is_ok(), "{name}");
        }
        assert!(with(&["--model", "other"]).is_err_and(|told| told.contains("elster-as230")));
        let scenario = |text| scenario(&with(&["--password", text]).unwrap());
        let [_, _, third] = scenario("3=ABCDEFGH").unwrap().passwords;
        assert_eq!(third, "ABCDEFGH");
        for wrong in ["4=ABCDEFGH", "1=ABC", "ABCDEFGH", "1=ABC(EFGH"] {
            let told = scenario(wrong).unwrap_err().to_string();
            assert!(told.contains("eight characters"), "{told}");
        }
        assert!(with(&["--period", "7"]).is_err());
        assert!(with(&["--days", "901"]).is_err());
    }

    #[test]
    fn an_eventful_meter_had_no_power_yesterday() {
        let line = [
            "--tcp",
            "127.0.0.1:0",
            "--starts-at",
            "1777800000",
            "--days",
            "3",
        ];
        let quiet = scenario(&parse(&line).unwrap()).unwrap();
        assert_eq!(quiet.incidents, []);
        let line = [&line[..], &["--eventful"]].concat();
        let eventful = scenario(&parse(&line).unwrap()).unwrap();
        // 3 May 2026, 9:20 UTC; the day before, 9:10.
        let cut = eventful.incidents.first().unwrap();
        assert_eq!(cut.at, 1_777_680_000 + 9 * 3600 + 600);
    }

    #[tokio::test]
    async fn every_model_and_trouble_can_be_made() {
        for name in ["elster-a1700", "elster-as230", "elster-ppm", "elster-as220"] {
            let line = [
                "--tcp",
                "127.0.0.1:0",
                "--model",
                name,
                "--trouble",
                "late",
                "--trouble",
                "noise",
                "--trouble",
                "junk",
                "--baud",
                "9600",
                "--address",
                "7",
                "--starts-at",
                "1777800000",
            ];
            let (wire, about) = make(&parse(&line).unwrap()).unwrap();
            assert_eq!(about, format!("{name} address 7 serial 00012345"));
            assert!(wire.has_flag_meters());
        }
        let serial = ["--tcp", "127.0.0.1:0", "--serial", "12-34"];
        assert!(make(&parse(&serial).unwrap()).is_err());
    }
}
