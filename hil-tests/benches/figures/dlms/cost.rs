//! What a ciphered load profile costs the processor, by our client and by Gurux's: the same simulated
//! meter with suite 2, on a terminal without a baud rate, whole buffers.

use std::path::Path;
use std::time::Duration;

use dlms::limits::PDU_OCTETS;
use hil_tests::binaries::{another, root};
use hil_tests::process::{Process, command, run};
use hil_tests::pty_port::PtyPort;
use hil_tests::python::with_modules;
use line::{GuardSettings, GuardedLine, LineTiming};
use meters::ClockBasis;
use meters::cosem::ProfileReader;
use meters::dlms::{DlmsVisit, ExpectedMeter, Scalers};
use tokio::time::Instant;

use super::client::{AUTHENTICATION, CLIENT, Counters, ENCRYPTION, LOWER, model, terms};
use crate::Ground;
use crate::cpu::thread_cpu;
use crate::table::{Limit, Row, Spread};

const FRAME: u16 = 512;
/// Octets a second of 9600 baud, ten bits a character.
const LINE: f64 = 960.0;

/// Head and protection of a block, about.
const AROUND: usize = 40;

/// What reading a profile took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    rows: f64,
    octets: usize,
    lasted: f64,
    cpu: f64,
}

impl Cost {
    /// Microseconds of the processor for each APDU, its share of rows included.
    fn apdu_us(&self) -> f64 {
        let apdus = self.octets.div_ceil(usize::from(PDU_OCTETS) - AROUND);
        self.cpu * 1e6 / apdus as f64
    }
}

pub(super) fn rows(ground: &Ground) -> Vec<Row> {
    let Some(python) = with_modules("the cost of a DLMS client", &["gurux_dlms"]) else {
        return Vec::new();
    };
    let days = ground.by_pace(2, 20);
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("meter");
    let _meter = meter(&port, folder.path(), days);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first of ours warms up.
    for _ in 0..=ground.by_pace(1, 5) {
        let cost = read(&port);
        let other = gurux(&python, &port, cost.octets);
        let is_same = (cost.rows - other.rows).abs() < 0.5;
        assert!(is_same, "both read the same profile: {cost:?} {other:?}");
        ours.push(cost);
        theirs.push(other);
    }
    ours.remove(0);
    theirs.remove(0);
    let ratios = ours.iter().zip(&theirs);
    let ratios = ratios.map(|(ours, theirs)| theirs.cpu / ours.cpu);
    let each = |of: fn(&Cost) -> f64, costs: &[Cost]| Spread::of(costs.iter().map(of).collect());
    let rate = |cost: &Cost| cost.rows / cost.lasted;
    let by_line = |cost: &Cost| cost.octets as f64 / LINE / cost.cpu;
    vec![
        Row {
            figure: format!("CPU of Gurux's client by ours, {days} days x 8 channels, suite 2"),
            limit: Limit::AtLeast(20.0),
            measured: Spread::of(ratios.collect()),
            unit: "x",
            peer: format!(
                "rows a second: {} against {}",
                each(rate, &ours),
                each(rate, &theirs)
            ),
        },
        Row {
            figure: "line time of a ciphered profile at 9600 baud by its CPU, session to rows"
                .to_owned(),
            limit: Limit::AtLeast(100.0),
            measured: each(by_line, &ours),
            unit: "x",
            peer: format!(
                "Gurux {}; {} us of CPU an APDU of 4 KiB against {}",
                each(by_line, &theirs),
                each(Cost::apdu_us, &ours),
                each(Cost::apdu_us, &theirs)
            ),
        },
    ]
}

fn meter(port: &Path, folder: &Path, days: u32) -> Process {
    let hex = |key: [u8; 32]| key.map(|octet| format!("{octet:02x}")).concat();
    let program = another("simulator", "simulator");
    let mut meter = command(program);
    meter
        .args(["dlms", "--suite", "2", "--channels", "8", "--pty"])
        .arg(port);
    meter.args([
        "--client",
        &CLIENT.to_string(),
        "--lower-address",
        &LOWER.to_string(),
    ]);
    meter.args(["--frame", &FRAME.to_string(), "--days", &days.to_string()]);
    meter.args(["--encryption-key", &hex(ENCRYPTION)]);
    meter.args(["--authentication-key", &hex(AUTHENTICATION)]);
    // A minute behind a mark, long before the next one.
    meter.args(["--starts-at", "1780315260"]);
    let meter = Process::start("simulator dlms", &mut meter, folder);
    hil_tests::clock::wait_until(
        "the meter's terminal is there",
        Duration::from_secs(10),
        || port.exists(),
    );
    meter
}

/// The whole profile in one answer, up to rows of this product; the processor's time is that of the
/// thread, which is the only one.
fn read(port: &Path) -> Cost {
    let model = model(FRAME);
    let terms = terms(&model);
    let profile = model.load_profile().unwrap();
    let basis: ClockBasis = "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap();
    // As Gurux's client counts, by the time: each session begins above the one before.
    let since = hil_tests::clock::utc().seconds() - 1_790_000_000;
    let mut counters = Counters::from(u32::try_from(since).unwrap() * 200);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let line = PtyPort::open(port, 115_200).unwrap();
        let mut guard = GuardedLine::new(line, LineTiming::stream(), GuardSettings::default());
        let any = ExpectedMeter::Any;
        let visit = DlmsVisit::begin(&mut guard, &mut counters, &model, &terms, &any).await;
        let mut visit = visit.unwrap();
        let setup = visit.setup(profile).await.unwrap();
        let mut scalers = Scalers::new();
        visit.learn(setup.scalers(), &mut scalers).await.unwrap();
        let (begun, worked) = (Instant::now(), thread_cpu());
        let data = visit.rows(profile, None).await.unwrap().unwrap();
        let reader = ProfileReader::new(&model, profile, &basis);
        let read = reader.read(&setup, &scalers, &data, false).unwrap();
        let (lasted, cpu) = (
            begun.elapsed().as_secs_f64(),
            thread_cpu().saturating_sub(worked).as_secs_f64(),
        );
        assert!(visit.end().await.fault.is_none());
        Cost {
            rows: read.rows.len() as f64,
            octets: data.encode().len(),
            lasted,
            cpu,
        }
    })
}

/// The same profile, whose octets are known.
fn gurux(python: &Path, port: &Path, octets: usize) -> Cost {
    let mut client = command(python);
    client.arg(root().join("agent/crates/dlms/tests/peers/gurux_client.py"));
    client
        .arg(port)
        .args(["hdlc", "two", "simulated", &format!("frame={FRAME}")]);
    let said = run("Gurux's client", &mut client);
    let cost = said.lines().find_map(|line| line.strip_prefix("cost "));
    let cost: Vec<f64> = cost
        .unwrap_or_else(|| panic!("no cost: {said}"))
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    let [rows, lasted, cpu] = cost.as_slice() else {
        panic!("three numbers: {said}");
    };
    Cost {
        rows: *rows,
        octets,
        lasted: *lasted,
        cpu: *cpu,
    }
}
