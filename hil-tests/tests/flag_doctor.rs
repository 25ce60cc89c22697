//! Set-ups in which something is wrong, each named by the real `pmuctl` with the code of the
//! message that an installer finds in the how-to pages.
//!
//! Where each message comes from here: C01 no answer: wrong speed, framing, address, opening, a dead
//! or slow meter, a port that is not there; C02 garbled: no parity; C03 echo: nobody behind the
//! adapter; C04 two meters: one address twice; C05 wrong meter; C06 password: another one, a lockout;
//! C07 level: too low; C08 the link dropped: lost answers; C09 modem: busy, no carrier, no dial tone,
//! no answer, no modem; C10 PAD: cleared by the network; C11 block checks: noise, wrong checks; C12
//! port in use: locked, or held (the kernel lets root in, so the gateway is started without that
//! power); T01 clock off, T02 clock lost and T03 our own clock: `meter clock`; L01 intervals that are
//! missing: `meter collect`.
//!
//! L02 (profile and register do not add up), L03 (another set-up) and L04 (soon overwritten) need days,
//! and are told by the same door in virtual time: `agent/tests/suite/flag/{advance,setup,broken}.rs`.
//! A probe fed by DTR needs a circuit that no pty has. S01 to S04, E01 and G01 belong to writing,
//! exporting and the image, E02 to the uplink; nothing at a meter brings them.
#![cfg(test)]

use std::any::Any;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries::brisk_models;
use hil_tests::bus::Bus;
use hil_tests::clock::wait_until;
use hil_tests::flag::{FlagLines, PASSWORD, password_file, scenario};
use hil_tests::hands::{check, said};
use line::{DataBits, LineSettings, Parity};
use rustix::fs::FlockOperation;
use simulator::broken::{Broken, SetUp};
use simulator::elster::{ElsterModel, Incident, Scenario, What};
use simulator::link::{Answer, Link, Modem, ModemTroubles, Pad, PadTroubles, Peer, PtyLink};
use simulator::wire::{PtyWire, WireSettings};

/// What decides, now and then, what goes wrong on a line.
const SEED: u64 = 5;
/// A line that damages or loses something now and then is tried so often until it shows.
const PINGS_MAX: usize = 4;

/// A line on which something is wrong, and what `pmuctl meter ping` should say of it.
struct Patient {
    /// The section of the bus, behind its name.
    bus: String,
    address: String,
    password: String,
    /// More lines of the meter.
    more: String,
    /// What has to live as long as the line.
    _line: Box<dyn Any>,
    expected: Expected,
}

/// What `pmuctl meter ping` should say.
struct Expected {
    /// Of the bus and of the meter.
    name: String,
    /// The last one must be told in the end; those before it may be told of what is wrong only now
    /// and then.
    codes: &'static [&'static str],
    words: &'static [&'static str],
}

/// A line with a port and characters like this.
fn serial(device: &Path, line: LineSettings) -> String {
    let is_seven = line.data_bits == DataBits::Seven;
    let is_even = line.parity == Parity::Even;
    format!(
        "link = \"serial\"\ndevice = \"{}\"\nbaud = {}\ndata-bits = {}\nparity = \"{}\"\n",
        device.display(),
        line.baud,
        if is_seven { 7 } else { 8 },
        if is_even { "even" } else { "none" },
    )
}

/// A simulated set-up.
fn broken(
    folder: &Path,
    broken: Broken,
    codes: &'static [&'static str],
    words: &'static [&'static str],
) -> Patient {
    let set_up: SetUp = broken.set_up(SEED).unwrap();
    let configured = set_up.configured.clone();
    let device = folder.join(format!("tty-{}", broken.name()));
    let pty = PtyWire::open(&set_up.wire, &device).unwrap();
    let serial_number = format!("serial = \"{}\"\n", configured.serial);
    let more = match broken {
        // A gateway with a port of eight bits makes the meter's seven bits and parity itself, unless
        // it is told that the port does.
        Broken::WrongFraming => "line = { parity-by = \"line\" }\n",
        _ => "",
    };
    Patient {
        bus: serial(&device, configured.line),
        address: configured.address,
        password: configured.password,
        more: serial_number + more,
        _line: Box::new((pty, set_up)),
        expected: Expected {
            name: broken.name().to_owned(),
            codes,
            words,
        },
    }
}

/// A line to somebody who is reached by another way than a pair of wires.
fn linked(
    folder: &Path,
    name: &str,
    bus: &str,
    peer: impl Peer + 'static,
    codes: &'static [&'static str],
    words: &'static [&'static str],
) -> Patient {
    let device = folder.join(format!("tty-{name}"));
    let pty = PtyLink::open(&Link::new(peer), &device).unwrap();
    let is_dialled = !bus.contains("optical");
    Patient {
        bus: format!("{bus}device = \"{}\"\n", device.display()),
        address: "345".to_owned(),
        password: PASSWORD.to_owned(),
        more: if is_dialled {
            "number = \"0123456789\"\n".to_owned()
        } else {
            String::new()
        },
        _line: Box::new(pty),
        expected: Expected {
            name: name.to_owned(),
            codes,
            words,
        },
    }
}

/// A gateway with such lines, not started yet.
fn ward(id: &str, folder: &Path, patients: &[Patient]) -> Agent {
    let mut file = AgentFile::new(id);
    for patient in patients {
        let name = &patient.expected.name;
        file.buses.push(format!("id = \"{name}\"\n{}", patient.bus));
        file.flags.push(FlagLines {
            id: name.clone(),
            bus: name.clone(),
            model: "elster-a1140".to_owned(),
            address: Some(patient.address.clone()),
            password_file: Some(password_file(folder, name, &patient.password)),
            more: patient.more.clone(),
        });
    }
    Agent::install(file, folder)
}

/// Pings one meter until it is told what must be told; in words, what was told otherwise.
fn complaint(agent: &Agent, expected: &Expected) -> Option<String> {
    let tries = if expected.codes.len() > 1 {
        PINGS_MAX
    } else {
        1
    };
    let mut told = String::new();
    for _ in 0..tries {
        let (ended, text) = said(agent, &format!("meter ping {}", expected.name));
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let tells = |code: &&str| flat.contains(&format!("{code}:"));
        let code = expected.codes.iter().find(|code| tells(code));
        let is_named = code.is_some() && code == expected.codes.last();
        let missing = expected.words.iter().find(|words| !flat.contains(**words));
        told = format!(
            "{}: {:?}, {missing:?}\n{text}",
            expected.name, expected.codes
        );
        let is_well = ended == Some(0) && tries > 1;
        if code.is_none() && !is_well || is_named && ended != Some(1) {
            return Some(told);
        }
        if is_named {
            return missing.map(|_| told);
        }
    }
    Some(told)
}

/// Pings all of them at once, as people at several lines would.
#[track_caller]
fn all_are_named(agent: &mut Agent, patients: &[Patient]) {
    agent.start();
    let agent_now = &*agent;
    let complaints: Vec<String> = std::thread::scope(|scope| {
        let pings: Vec<_> = patients
            .iter()
            .map(|patient| &patient.expected)
            .map(|expected| scope.spawn(move || complaint(agent_now, expected)))
            .collect();
        pings
            .into_iter()
            .filter_map(|ping| ping.join().unwrap())
            .collect()
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    agent.stop();
}

#[test]
fn what_is_wrong_with_a_line_is_found_by_trying() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let patients = [
        broken(at, Broken::WrongBaud, &["C01"], &["set 4800 baud"]),
        broken(at, Broken::WrongFraming, &["C01"], &["set 7E1"]),
        broken(at, Broken::NoParity, &["C02"], &["set 8N1"]),
        broken(at, Broken::OpensSlowly, &["C01"], &["set 300 baud"]),
        broken(at, Broken::EchoOnly, &["C03"], &["echo cancelling"]),
        broken(
            at,
            Broken::Silent,
            &["C01"],
            &["check port, power and address"],
        ),
        broken(at, Broken::WrongAddress, &["C01"], &["address"]),
        broken(at, Broken::TwoOnOneAddress, &["C04"], &["address `345`"]),
    ];
    all_are_named(&mut ward("pmu-lines", at, &patients), &patients);
}

#[test]
fn what_is_wrong_behind_the_sign_on_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let patients = [
        broken(at, Broken::WrongSerial, &["C05"], &["99345", "12345"]),
        broken(at, Broken::WrongPassword, &["C06"], &["password"]),
        broken(at, Broken::LockedOut, &["C06"], &["password"]),
        broken(at, Broken::LevelTooLow, &["C07"], &["level 1"]),
        // Damage also makes a meter miss what it is asked, so that an answer does not come.
        broken(at, Broken::Noise, &["C08", "C11"], &["check cable"]),
        broken(
            at,
            Broken::WrongCheck,
            &["C08", "C11"],
            &["wrong block check"],
        ),
        broken(
            at,
            Broken::LinkDrops,
            &["C06", "C08"],
            &["the link dropped"],
        ),
        broken(at, Broken::Late, &["C01"], &["no answer"]),
    ];
    all_are_named(&mut ward("pmu-doors", at, &patients), &patients);
}

/// A modem for whose number this happens.
fn modem(folder: &Path, name: &str, answer: Answer, words: &'static [&'static str]) -> Patient {
    let modem = Modem::new(ModemTroubles {
        dead: name == "no-modem",
        ..ModemTroubles::default()
    });
    modem.answer("0123456789", answer);
    let bus = "link = \"modem\"\nbaud = 9600\nretries = 0\nanswer-within-seconds = 15\n";
    linked(folder, name, bus, modem, &["C09"], words)
}

/// A meter whose clock is not as it should be, and what `pmuctl meter clock` should say of it.
#[track_caller]
fn check_clock(model: ElsterModel, our_clock: &str, code: &str, incidents: &[(i64, What)]) {
    check_meter(
        model,
        our_clock,
        |circumstances| {
            let begun = circumstances.begun();
            for (minute, what) in incidents {
                let incident = Incident::after(begun, 3, 0, *minute, what.clone());
                circumstances.incidents.push(incident);
            }
        },
        "clock",
        &["meter is off", &format!("{code}:")],
    );
}

/// A meter in circumstances, and what a command of `pmuctl meter` should say of it.
#[track_caller]
fn check_meter(
    model: ElsterModel,
    our_clock: &str,
    befallen: impl FnOnce(&mut Scenario),
    command: &str,
    expected: &[&str],
) {
    let folder = tempfile::tempdir().unwrap();
    let mut bus = Bus::behind_pty("main", folder.path(), WireSettings::flag(9600), 1);
    let mut circumstances: Scenario = scenario("20000102");
    circumstances.days = 4;
    befallen(&mut circumstances);
    bus.seat_flag_with(model, circumstances, |_, _| {});
    let mut file = AgentFile::new("pmu-clocks");
    file.serial_of_seven_bits("main", &bus.device(), bus.baud());
    file.models = brisk_models(folder.path());
    file.flags = bus.flag_lines(&password_file(folder.path(), "password", PASSWORD));
    for meter in &mut file.flags {
        "collect = { days-max = 1 }\n".clone_into(&mut meter.more);
    }
    let mut agent = Agent::install(file, folder.path());
    std::fs::write(agent.folder().join("clock-state"), our_clock).unwrap();
    agent.start();
    let name = bus.flags.first().unwrap().id.clone();
    wait_until("its status was read", Duration::from_mins(3), || {
        agent.meter(&name).last_collected.is_some()
    });
    check(&agent, &format!("meter {command} {name}"), 0, expected);
    agent.stop();
}

#[test]
fn a_clock_that_is_not_right_is_told() {
    let ahead = What::ClockSet { seconds: 1200 };
    let is_off = [(7, ahead)];
    let (good, bad) = ("NTPSynchronized=yes\n", "NTPSynchronized=no\n");
    std::thread::scope(|scope| {
        scope.spawn(|| check_clock(ElsterModel::A1140, good, "T01", &is_off));
        scope.spawn(|| check_clock(ElsterModel::A1140, bad, "T03", &is_off));
        let years = What::ClockSet {
            seconds: -26 * 365 * 86_400,
        };
        let is_lost = [(5, What::BatteryFails), (7, years)];
        scope.spawn(move || check_clock(ElsterModel::A1700, good, "T02", &is_lost));
    });
}

#[test]
fn a_load_profile_that_is_gone_is_told() {
    let good = "NTPSynchronized=yes\n";
    let is_gone = |circumstances: &mut Scenario| circumstances.has_lost_profile = true;
    check_meter(ElsterModel::A1140, good, is_gone, "collect", &["L01:"]);
}

#[test]
fn what_is_wrong_on_the_way_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let pad = Pad::new(PadTroubles::default());
    let pad_bus = "link = \"pad\"\nretries = 0\n";
    let mut held = broken(at, Broken::Silent, &["C12"], &["another program uses it"]);
    held.expected.name = "held".to_owned();
    let device = at.join(format!("tty-{}", Broken::Silent.name()));
    let holder = File::open(&device).unwrap();
    rustix::termios::ioctl_tiocexcl(&holder).unwrap();
    let mut missing = broken(at, Broken::Late, &["C01"], &["check the cable"]);
    missing.expected.name = "missing".to_owned();
    missing.bus = missing.bus.replace("tty-late", "tty-nowhere");
    let patients = [
        modem(at, "busy", Answer::Busy, &["busy"]),
        modem(at, "no-carrier", Answer::NoCarrier, &["not taken"]),
        modem(at, "no-dial-tone", Answer::NoDialTone, &["no dial tone"]),
        modem(at, "no-answer", Answer::NoAnswer, &["nobody answers"]),
        modem(at, "no-modem", Answer::Silent, &["our own modem"]),
        linked(at, "pad", pad_bus, pad, &["C10"], &["cannot be reached"]),
        held,
        missing,
    ];
    let mut agent = ward("pmu-ways", at, &patients);
    if rustix::process::getuid().is_root() {
        // The kernel lets root into a port that somebody else holds.
        agent.run_under(&["/usr/bin/setpriv", "--bounding-set", "-sys_admin"]);
    }
    all_are_named(&mut agent, &patients);
}

#[test]
fn a_port_that_another_program_has_locked_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let locked = broken(at, Broken::Silent, &["C12"], &["another program uses it"]);
    let device = at.join(format!("tty-{}", Broken::Silent.name()));
    let holder = File::open(&device).unwrap();
    rustix::fs::flock(&holder, FlockOperation::NonBlockingLockExclusive).unwrap();
    let patients = [locked];
    all_are_named(&mut ward("pmu-locked", at, &patients), &patients);
}
