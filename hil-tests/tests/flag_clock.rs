//! The clocks of meters are measured in every session; what is done about one that is off follows the
//! policy: nothing by itself unless the configuration allows to adjust, and nothing at all while the
//! gateway does not know the time. Everything that is written to a clock stands in the audit log,
//! before and after.
#![cfg(test)]

use std::path::Path;
use std::time::Duration;

use desk::{ClockResult, Outcome, Part, Work};
use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries::brisk_models;
use hil_tests::bus::Bus;
use hil_tests::clock::wait_until;
use hil_tests::flag::{PASSWORD, password_file, scenario, with_few_sets};
use hil_tests::hands::{Started, check, start};
use hil_tests::tap::TappedPort;
use iec62056_21::meter::Opening;
use simulator::elster::{ElsterModel, What};
use simulator::link::Link;
use simulator::trouble::Spread;
use simulator::wire::WireSettings;
use storage::{Store, StoreOptions};

/// Faster than most lines, so that the promise takes less time.
const BAUD: u32 = 115_200;
const WITHIN: Duration = Duration::from_mins(2);
/// What whole seconds, a turnaround and a busy machine make of an error.
const SLACK_MS: i64 = 3000;
const ALLOWED: &str = "clock = { adjust = true, adjust-unproven = true }\n";

/// A line with one meter whose clock is off, and somebody who hears what is written to it.
struct Site {
    bus: Bus,
    port: TappedPort,
    baud: u32,
    off_s: i64,
    /// Lines of its configuration.
    more: &'static str,
}

impl Site {
    fn new(folder: &Path, name: &str, meter: (ElsterModel, i64), more: &'static str) -> Self {
        Self::at(BAUD, folder, name, meter, more)
    }

    fn at(
        baud: u32,
        folder: &Path,
        name: &str,
        (model, off_s): (ElsterModel, i64),
        more: &'static str,
    ) -> Self {
        let mut bus = Bus::stream(name, WireSettings::flag(baud), 1);
        let mut circumstances = scenario("10000101");
        circumstances.days = 2;
        let meter = bus.seat_flag_with(model, circumstances, |settings, troubles| {
            settings.opening = Opening::Fixed(baud);
            troubles.turnaround = Some(Spread::fixed(Duration::from_millis(5)));
        });
        let port = TappedPort::open(&bus, folder, Link::new);
        assert!(meter.happen(bus.wire.now(), What::ClockSet { seconds: off_s }));
        Self {
            bus,
            port,
            baud,
            off_s,
            more,
        }
    }

    fn id(&self) -> &str {
        &self.bus.flags[0].id
    }

    fn heard(&self) -> String {
        let octets = self.port.heard.octets();
        octets.iter().copied().map(char::from).collect()
    }

    /// Sessions in which something was read, and those of them that did not ask for the clock.
    fn sessions(&self) -> (usize, Vec<String>) {
        let text = self.heard();
        let asks = |session: &&str| session.contains("\u{1}R");
        let sessions: Vec<&str> = text.split("/?").filter(asks).collect();
        let blind = sessions
            .iter()
            .filter(|session| !session.contains("\u{2}861001("));
        let blind = blind.map(|session| session.escape_debug().to_string());
        (sessions.len(), blind.collect())
    }

    /// What was written to the clock, or to what adjusts it.
    fn clock_writes(&self) -> Vec<String> {
        let text = self.heard();
        let writes = text.split("\u{1}W1\u{2}").skip(1);
        let operands = writes.filter_map(|write| write.split_once(')'));
        let operands = operands.map(|(operand, _)| operand.to_owned());
        let is_clock = |operand: &String| ["850", "860", "861", "862"].contains(&&operand[..3]);
        operands.filter(is_clock).collect()
    }

    /// The clock as the gateway saw it in the last session.
    #[track_caller]
    fn is_measured(&self, agent: &Agent, off_s: i64) -> bool {
        let error = agent.meter(self.id()).clock_error_ms;
        error.is_some_and(|error| (error - off_s * 1000).abs() <= SLACK_MS)
    }
}

fn gateway(name: &str, folder: &Path, sites: &[&Site]) -> Agent {
    let mut file = AgentFile::new(name);
    file.models = with_few_sets(brisk_models(folder));
    let password = password_file(folder, "password", PASSWORD);
    for site in sites {
        file.serial_of_seven_bits(&site.bus.id, &site.port.device, site.baud);
        if let Some(bus) = file.buses.last_mut().filter(|_| site.baud < BAUD) {
            // Its collection has to be one of many sessions.
            *bus = bus.replace("session-seconds-max = 60", "session-seconds-max = 10");
        }
        for mut meter in site.bus.flag_lines(&password) {
            site.more.clone_into(&mut meter.more);
            if !site.more.contains("collect") {
                meter.more += "collect = { every-seconds = 3600, days-max = 1 }\n";
            }
            file.flags.push(meter);
        }
    }
    Agent::install(file, folder)
}

/// Waits until each was read from end to end once, and reads them all once more.
#[track_caller]
fn read_twice(agent: &Agent, sites: &[&Site]) {
    wait_until("every meter was read from end to end", WITHIN, || {
        let is_read = |site: &&Site| agent.meter(site.id()).last_collected.is_some();
        sites.iter().all(is_read)
    });
    let again = |site: &&Site| {
        let meter = site.id().to_owned();
        start(agent, &Work::Poll { meter })
    };
    let jobs: Vec<Started> = sites.iter().map(again).collect();
    for job in jobs {
        job.result(agent, WITHIN);
    }
}

/// A look at the clock by a person, who is told what would be done, and why.
#[track_caller]
fn look(agent: &Agent, site: &Site) -> ClockResult {
    let work = Work::Clock {
        meter: site.id().to_owned(),
    };
    match start(agent, &work).result(agent, WITHIN) {
        Outcome::Clock(result) => {
            println!("{}: {result:?}", site.id());
            result
        }
        other => panic!("not a clock: {other:?}"),
    }
}

/// What became of a clock.
struct Expected {
    action: &'static str,
    why: &'static str,
    /// Words that the log must hold of this meter.
    event: Option<&'static str>,
    writes: usize,
}

const fn expect(
    action: &'static str,
    why: &'static str,
    event: Option<&'static str>,
    writes: usize,
) -> Expected {
    Expected {
        action,
        why,
        event,
        writes,
    }
}

#[track_caller]
fn judge(agent: &Agent, site: &Site, expected: &Expected) {
    // A session only says that a clock is off: the command desk orders what is written.
    wait_until("what was ordered is done", WITHIN, || {
        let is_written = site.clock_writes().len() >= expected.writes;
        let told = format!("code=meter-clock-adjusted meter={}", site.id());
        is_written && (expected.writes == 0 || agent.said().contains(&told))
    });
    let result = look(agent, site);
    let id = site.id();
    assert_eq!(result.action, expected.action, "{id}");
    assert!(result.why.contains(expected.why), "{id}: {}", result.why);
    let off = result.error_ms - site.off_s * 1000;
    assert!(off.abs() <= SLACK_MS, "{id}: {off} ms");
    assert!(
        (1..5000).contains(&result.uncertainty_ms),
        "the round trip of {id}"
    );
    let said = agent.said();
    let told = said.matches(&format!("meter={id}")).count();
    match expected.event {
        Some(event) => {
            let code = format!("code={event} meter={id}");
            assert!(said.contains(&code), "{id}: no {code} among {told}");
        }
        None => assert!(
            !said.contains(&format!("code=meter-clock-off meter={id}")),
            "{id}: {said}"
        ),
    }
    let writes = site.clock_writes();
    assert_eq!(writes.len(), expected.writes, "{id}: {writes:?}");
}

#[test]
fn a_clock_is_adjusted_only_where_that_is_allowed_and_never_far() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let allowed_only = "clock = { adjust = true }\n";
    let site = |name, meter, more| Site::new(folder, name, meter, more);
    let table = [
        (
            site("right", (ElsterModel::A1140, 0), ALLOWED),
            expect("none", "within 20 s", None, 0),
        ),
        (
            site("slow", (ElsterModel::A1140, -40), ALLOWED),
            expect("adjust", "is adjusted", Some("meter-clock-adjusted"), 1),
        ),
        (
            site("fast", (ElsterModel::A1140, 40), ALLOWED),
            expect("adjust", "is adjusted", Some("meter-clock-adjusted"), 1),
        ),
        (
            site("usual", (ElsterModel::A1140, 40), ""),
            expect("none", "switched off", Some("meter-clock-off"), 0),
        ),
        (
            site("unproven", (ElsterModel::As230, 40), allowed_only),
            expect("none", "not proven", Some("meter-clock-off"), 0),
        ),
        (
            site("between", (ElsterModel::A1140, -600), ALLOWED),
            expect(
                "approve-set",
                "approve",
                Some("meter-clock-needs-approval"),
                0,
            ),
        ),
        (
            site("far", (ElsterModel::A1140, 1200), ALLOWED),
            expect("alarm", "T01", Some("meter-clock-off"), 0),
        ),
    ];
    let sites: Vec<&Site> = table.iter().map(|(site, _)| site).collect();
    let mut agent = gateway("pmu-clocks", folder, &sites);
    agent.start_with_lines();
    // The day's adjustment is not repeated.
    read_twice(&agent, &sites);
    for site in &sites {
        assert!(site.is_measured(&agent, site.off_s), "{}", site.id());
    }
    for (site, expected) in &table {
        judge(&agent, site, expected);
    }
    let far = table.last().map(|(site, _)| site.id()).unwrap();
    check(&agent, &format!("meter clock {far}"), 0, &["T01"]);
    agent.stop();
    for (site, expected) in &table {
        let audit = audited(&agent, site);
        println!("{}: {audit:?}", site.id());
        let [before, after] = &audit[..] else {
            assert!(audit.is_empty() && expected.writes == 0, "{audit:?}");
            continue;
        };
        assert_eq!(expected.writes, 1, "{audit:?}");
        assert!(before.starts_with("clock is adjusted"), "{before}");
        assert!(after.starts_with("clock was adjusted"), "{after}");
        assert!(after.ends_with("the meter confirmed"), "{after}");
        for line in [before, after] {
            assert!(line.contains("862") && line.contains(" ms ahead"), "{line}");
        }
    }
}

/// What the audit log holds of a meter, in its order. The chain must be whole.
fn audited(agent: &Agent, site: &Site) -> Vec<String> {
    let (store, _) = Store::open(&agent.folder().join("data"), &StoreOptions::new([0; 8])).unwrap();
    let verdict = store.verify_audit().unwrap();
    assert!(verdict.broken_at.is_none(), "{verdict:?}");
    let links = store.audit_records(1, 1000).unwrap();
    let of_meter = links.into_iter().map(|link| link.record);
    let of_clock = |detail: &str| detail.starts_with(&format!("clock of {},", site.id()));
    let of_meter = of_meter.filter(|record| of_clock(&record.detail));
    of_meter
        .map(|record| format!("{} {}", record.what, record.detail))
        .collect()
}

/// Neither is a clock written nor judged while ours may be the wrong one; once it is right, what is
/// allowed is done. Sessions for values of the moment measure the clock too.
#[test]
fn nothing_is_written_while_our_own_clock_is_not_synchronised() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let often =
        "instant = { every-seconds = 8 }\ncollect = { every-seconds = 86400, days-max = 1 }\n";
    let sick = Site::new(folder, "sick", (ElsterModel::A1140, 40), ALLOWED);
    let moments = Site::new(folder, "moments", (ElsterModel::A1700, 0), often);
    let mut agent = gateway("pmu-unsynchronised", folder, &[&sick, &moments]);
    let state = agent.folder().join("clock-state");
    std::fs::write(&state, "NTPSynchronized=no\n").unwrap();
    agent.start_with_lines();
    read_twice(&agent, &[&sick]);
    assert!(sick.is_measured(&agent, 40));
    let blocked = expect("blocked", "T03", Some("clock-writes-blocked"), 0);
    judge(&agent, &sick, &blocked);

    std::fs::write(&state, "NTPSynchronized=yes\n").unwrap();
    wait_until("our clock is known to be right", WITHIN, || {
        look(&agent, &sick).gateway_clock == "synchronised"
    });
    read_twice(&agent, &[&sick]);
    let done = expect("adjust", "is adjusted", Some("meter-clock-adjusted"), 1);
    judge(&agent, &sick, &done);

    // Between two collections a day apart.
    wait_until("its only collection", WITHIN, || {
        agent.meter(moments.id()).last_collected.is_some()
    });
    let meter = &moments.bus.flags[0].holds;
    assert!(meter.happen(moments.bus.wire.now(), What::ClockSet { seconds: 12 }));
    wait_until(
        "a session for values of the moment measures",
        WITHIN,
        || moments.is_measured(&agent, 12),
    );
    assert_eq!(moments.clock_writes(), Vec::<String>::new());
    agent.stop();
}

/// A sample, values of the moment, each part of a long collection, and what a person asks for: no
/// session ends without a look at the clock.
#[test]
fn the_clock_is_measured_in_every_session() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let samples = "profile = { period-seconds = 10, totals = [\"1-0:1.8.0\"] }\n\
                   collect = { every-seconds = 86400, days-max = 1 }\n";
    let rare = "collect = { every-seconds = 86400, days-max = 1 }\n";
    let marks = Site::new(folder, "marks", (ElsterModel::A1120, 0), samples);
    let long = Site::at(4800, folder, "long", (ElsterModel::A1140, 0), rare);
    let asked = Site::new(folder, "asked", (ElsterModel::A1700, 0), rare);
    let sites = [&marks, &long, &asked];
    let mut agent = gateway("pmu-every-session", folder, &sites);
    agent.start_with_lines();
    wait_until("every meter was read from end to end", WITHIN, || {
        let is_read = |site: &&Site| agent.meter(site.id()).last_collected.is_some();
        sites.iter().all(is_read)
    });
    let (collected, _) = long.sessions();
    let meter = || asked.id().to_owned();
    let works = [
        Work::Read {
            meter: meter(),
            part: Part::Registers,
        },
        Work::Instant { meter: meter() },
        Work::Clock { meter: meter() },
        Work::Backup {
            meter: long.id().to_owned(),
        },
    ];
    let (before, _) = asked.sessions();
    for work in &works {
        start(&agent, work).result(&agent, WITHIN);
    }
    let (after, _) = asked.sessions();
    let meter = &marks.bus.flags[0].holds;
    assert!(meter.happen(marks.bus.wire.now(), What::ClockSet { seconds: 12 }));
    wait_until("a session for a sample measures", WITHIN, || {
        marks.is_measured(&agent, 12)
    });
    agent.stop();
    println!("{collected} sessions of a collection, {before} and {after} with a person's");
    assert!(collected >= 2, "one collection in several sessions");
    assert!(after >= before + 3, "{before} sessions, then {after}");
    for site in sites {
        let (count, blind) = site.sessions();
        println!("{}: {count} sessions", site.id());
        assert!(count > 0 && blind.is_empty(), "{}: {blind:#?}", site.id());
    }
}
