//! Meters and masters that we did not write: our daemon reads pymodbus and libmodbus, mbpoll and
//! pymodbus read our simulated meters.
#![cfg(test)]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use desk::{Answer, Request};
use hil_tests::agent::Agent;
use hil_tests::agent_file::{AgentFile, MeterLines};
use hil_tests::broker::free_port;
use hil_tests::bus::{Bus, model};
use hil_tests::cable::Cable;
use hil_tests::clock::{pause, utc, wait_until};
use hil_tests::limits::START_WITHIN;
use hil_tests::process::{Process, command, run};
use hil_tests::python::{peer, with_modules};
use hil_tests::skip::{has_programs, skipped};
use metering::{Quantity, Timestamp};
use meters::catalogue::{IdentityForm, IdentityValue, What, image};
use meters::{Span, Table};
use simulator::wire::WireSettings;

const MODEL: &str = "abb-b23";
const UNIT: u8 = 9;
/// Base and steps a second of the two totals that are read.
const TOTALS: [(&str, i64, i64); 2] = [("1-0:1.8.0", 123_456_789, 13), ("1-0:2.8.0", 987_654, 7)];

/// What a peer holds, as its file says it.
struct Peer {
    file: PathBuf,
    began: Timestamp,
}

impl Peer {
    fn describe(folder: &Path) -> Self {
        let serial = |form: &IdentityForm| match form {
            IdentityForm::Number(_) => IdentityValue::Number(4711),
            IdentityForm::Text => IdentityValue::Text("4711".to_owned()),
        };
        let held = image(
            model(MODEL),
            |item| (item.what == What::Serial).then(|| serial(&item.form)),
            |register| {
                Some(Quantity {
                    digits: 0,
                    exponent: register.exponent,
                    unit: register.unit,
                })
            },
        )
        .unwrap();
        let began = utc();
        let mut text = format!("unit {UNIT}\nbegan {}\n", began.millis());
        let letter = |table| if table == Table::Holding { 'h' } else { 'i' };
        for ((table, address), word) in &held.words {
            writeln!(text, "held {} {address} {word}", letter(*table)).unwrap();
        }
        for (obis, base, steps) in TOTALS {
            let register = model(MODEL).total(obis.parse().unwrap()).unwrap();
            let span = register.span();
            let letter = letter(span.table);
            writeln!(
                text,
                "total {letter} {} {} {base} {steps}",
                span.address, span.count
            )
            .unwrap();
        }
        let file = folder.join("registers.txt");
        std::fs::write(&file, text).unwrap();
        Self { file, began }
    }

    /// Whether a total stood at this value within a third of a second of the mark.
    fn held(&self, base: i64, steps: i64, value: i64, mark: Timestamp) -> bool {
        let at = |millis: i64| base + (mark.millis_since(self.began) + millis) * steps / 1000;
        // A sample may come up to two seconds after its mark and be good.
        (at(-350)..=at(2350)).contains(&value)
    }
}

fn meter(bus: &str) -> MeterLines {
    MeterLines {
        id: "peer".to_owned(),
        bus: bus.to_owned(),
        model: MODEL.to_owned(),
        unit: UNIT,
        period_s: Some(2),
        instant_s: None,
        more: String::new(),
    }
}

/// Reads the peer for a while and compares every stored interval with what it held.
fn the_daemon_reads_it(peer: &Peer, file: AgentFile, folder: &Path) {
    let mut agent = Agent::install(file, folder);
    let begun = utc();
    agent.start();
    pause(Duration::from_secs(10));
    let request = Request::Profile {
        meter: "peer".to_owned(),
        from: begun.seconds(),
        to: utc().seconds(),
        profile: None,
    };
    let (channels, rows) = match agent.ask(&request) {
        Ok(Ok(Answer::Profile { channels, rows })) => (channels, rows),
        other => panic!("no profile: {other:?}\n{}", agent.said()),
    };
    assert_eq!(agent.meter("peer").serial.as_deref(), Some("4711"));
    let mut compared = 0;
    for row in &rows {
        let end: u64 = row_end(&row.end);
        for (obis, base, steps) in TOTALS {
            let name = format!("{obis} total Wh");
            let column = channels.iter().position(|found| *found == name);
            let text = &row.values[column.unwrap_or_else(|| panic!("no {name} in {channels:?}"))];
            if text.is_empty() {
                assert!(!row.flags.is_empty(), "{row:?}");
                continue;
            }
            // The register counts tens of watt-hours.
            let digits = text.strip_suffix('0').expect("tens").parse().unwrap();
            let mark = Timestamp::from_seconds(end);
            assert!(peer.held(base, steps, digits, mark), "{obis} {row:?}");
            compared += 1;
        }
    }
    println!(
        "{} intervals, {compared} totals compared, 0 wrong",
        rows.len()
    );
    assert!(compared >= 6, "{rows:?}\n{}", agent.said());
    agent.stop();
}

/// `2026-11-23T05:41:12Z` in seconds since 1970, by the calendar of another program.
fn row_end(text: &str) -> u64 {
    let seconds = run("date", Command::new("date").args(["-u", "+%s", "-d", text]));
    seconds.trim().parse().unwrap()
}

#[test]
fn pymodbus_is_read_over_a_serial_line() {
    let promise = "pymodbus as a meter on a serial line";
    let Some(python) = with_modules(promise, &["pymodbus", "serial"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let cable = Cable::open(folder.path(), 19_200);
    let [ours, theirs] = &cable.ends;
    let held = Peer::describe(folder.path());
    let mut start = peer(&python, "pymodbus_meter.py");
    start.arg(&held.file).arg("rtu").arg(theirs).arg("19200");
    let meter_process = Process::start("pymodbus", &mut start, folder.path());
    wait_until("pymodbus is ready", START_WITHIN, || {
        meter_process.said().contains("ready")
    });
    let mut file = AgentFile::new("pmu-pymodbus");
    file.serial("main", ours, 19_200);
    file.meters.push(meter("main"));
    the_daemon_reads_it(&held, file, folder.path());
}

#[test]
fn pymodbus_is_read_over_modbus_tcp() {
    let promise = "pymodbus as a Modbus TCP meter";
    let Some(python) = with_modules(promise, &["pymodbus"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let held = Peer::describe(folder.path());
    let port = free_port();
    let mut start = peer(&python, "pymodbus_meter.py");
    start.arg(&held.file).arg("tcp").arg(port.to_string());
    let meter_process = Process::start("pymodbus", &mut start, folder.path());
    wait_until("pymodbus is ready", START_WITHIN, || {
        meter_process.said().contains("ready")
    });
    let mut file = AgentFile::new("pmu-pymodbus");
    file.tcp("main", "modbus-tcp", port, "");
    file.meters.push(meter("main"));
    the_daemon_reads_it(&held, file, folder.path());
}

#[test]
fn libmodbus_is_read_over_a_serial_line() {
    let promise = "libmodbus as a meter on a serial line";
    if !has_programs(promise, &["gcc"]) {
        return;
    }
    if !Path::new("/usr/include/modbus/modbus.h").exists() {
        return skipped(
            promise,
            "libmodbus-dev is not installed (hil-tests/setup.sh installs it as root)",
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("libmodbus_meter");
    let source = hil_tests::binaries::root().join("hil-tests/peers/libmodbus_meter.c");
    let mut compile = Command::new("gcc");
    compile
        .args(["-O1", "-Wall", "-I/usr/include/modbus", "-o"])
        .arg(&program)
        .arg(source)
        .arg("-lmodbus");
    run("compiling the libmodbus meter", &mut compile);
    let cable = Cable::open(folder.path(), 19_200);
    let [ours, theirs] = &cable.ends;
    let held = Peer::describe(folder.path());
    let mut start = command(&program);
    start.arg(&held.file).arg(theirs).arg("19200");
    let meter_process = Process::start("libmodbus", &mut start, folder.path());
    wait_until("libmodbus is ready", START_WITHIN, || {
        meter_process.said().contains("ready")
    });
    let mut file = AgentFile::new("pmu-libmodbus");
    file.serial("main", ours, 19_200);
    file.meters.push(meter("main"));
    the_daemon_reads_it(&held, file, folder.path());
}

/// A register of the simulated meter that stands still.
fn serial_number() -> Span {
    model(MODEL)
        .identify
        .iter()
        .find(|item| item.what == What::Serial)
        .expect("a serial number")
        .span
}

#[test]
fn mbpoll_reads_our_simulated_meter() {
    let promise = "mbpoll as a master";
    if !has_programs(promise, &["mbpoll"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut bus = Bus::serial("main", folder.path(), 19_200, 1);
    bus.seat(MODEL, UNIT);
    let stream = {
        let mut bus = Bus::stream("tcp", WireSettings::modbus_tcp(), 1);
        bus.seat(MODEL, UNIT);
        bus
    };
    let door = stream.open_tcp();
    let span = serial_number();
    let expected = bus.wire.words(UNIT, span, bus.wire.now()).unwrap().unwrap();
    let (address, count) = (span.address.to_string(), span.count.to_string());
    let unit = UNIT.to_string();
    let asked = [
        "-a", &unit, "-0", "-r", &address, "-c", &count, "-t", "4", "-1", "-q",
    ];
    let device = bus.device().display().to_string();
    let over_rtu: Vec<&str> = [
        "-m", "rtu", "-b", "19200", "-P", "none", "-d", "8", "-s", "1",
    ]
    .into_iter()
    .chain(asked)
    .chain([device.as_str()])
    .collect();
    let port = door.address().port().to_string();
    let over_tcp: Vec<&str> = ["-m", "tcp", "-p", &port]
        .into_iter()
        .chain(asked)
        .chain(["127.0.0.1"])
        .collect();
    for arguments in [over_rtu, over_tcp] {
        for _ in 0..10 {
            let said = run("mbpoll", Command::new("mbpoll").args(&arguments));
            // `[35072]: 	1009`, with the signed value behind it in brackets where that differs.
            let words: Vec<u16> = said
                .lines()
                .filter_map(|line| {
                    line.strip_prefix('[')?
                        .split_once("]:")?
                        .1
                        .split_whitespace()
                        .next()?
                        .parse()
                        .ok()
                })
                .collect();
            assert_eq!(words, expected, "{said}");
        }
    }
    println!("20 reads by mbpoll, 0 wrong");
}

#[test]
fn pymodbus_reads_our_simulated_meter() {
    let promise = "pymodbus as a master";
    let Some(python) = with_modules(promise, &["pymodbus", "serial"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut bus = Bus::serial("main", folder.path(), 19_200, 1);
    bus.seat(MODEL, UNIT);
    let total = model(MODEL)
        .total("1-0:1.8.0".parse().unwrap())
        .unwrap()
        .span();
    let mut read = peer(&python, "pymodbus_master.py");
    read.arg("rtu")
        .arg(bus.device())
        .arg("19200")
        .arg(UNIT.to_string())
        .arg("h");
    read.arg(total.address.to_string())
        .arg(total.count.to_string())
        .arg("30");
    let begun = bus.wire.now();
    let said = run("pymodbus", &mut read);
    let ended = bus.wire.now();
    let mut reads = 0;
    for line in said.lines() {
        let words: Vec<u16> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        assert!(bus.wire.held(UNIT, total, &words, begun, ended), "{line}");
        reads += 1;
    }
    assert_eq!(reads, 30);
    println!("{reads} reads by pymodbus, 0 wrong");
}
