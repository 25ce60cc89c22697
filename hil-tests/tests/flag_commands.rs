//! What an installer types at a gateway with FLAG meters: a meter is found, added, tried, read,
//! collected and backed up while the gateway goes on, and what goes over the line can be read.
#![cfg(test)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries::brisk_models;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, wait_until};
use hil_tests::flag::{PASSWORD, password_file, scenario, with_few_sets};
use hil_tests::hands::{check, json, pmuctl, said};
use hil_tests::process::run;
use iec62056_21::meter::Opening;
use rustix::process::Signal;
use simulator::elster::ElsterModel;
use simulator::trouble::Spread;
use simulator::wire::WireSettings;
use tempfile::TempDir;

/// How long the gateway may take to do what it was asked.
const WORK_WITHIN: Duration = Duration::from_mins(2);

/// A gateway that knows an A1140 and a Modbus meter, on a line of eight bits where an A1700 waits to
/// be found.
struct Site {
    agent: Agent,
    bus: Bus,
    password: PathBuf,
    folder: TempDir,
}

impl Site {
    /// At the usual speed.
    fn open(id: &str) -> Self {
        Self::at(id, 9600)
    }

    /// At a speed at which whole meters are read in less time than an installer has.
    fn fast(id: &str) -> Self {
        Self::at(id, 38_400)
    }

    fn at(id: &str, baud: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bus = Bus::behind_pty("main", folder.path(), WireSettings::plain(baud), 1);
        if baud == 9600 {
            bus.seat("abb-b23", 7);
        }
        for (model, serial) in [
            (ElsterModel::A1140, "20000102"),
            (ElsterModel::A1700, "10000101"),
        ] {
            let mut scenario = scenario(serial);
            scenario.days = 8;
            bus.seat_flag_with(model, scenario, |settings, troubles| {
                settings.opening = Opening::Fixed(baud);
                troubles.turnaround = Some(Spread::fixed(Duration::from_millis(5)));
            });
        }
        let mut file = AgentFile::new(id);
        file.models = with_few_sets(brisk_models(folder.path()));
        file.serial("main", &bus.device(), bus.baud());
        if let Some(bus) = file.buses.last_mut() {
            bus.push_str("session-seconds-max = 30\n");
        }
        let password = password_file(folder.path(), "password", PASSWORD);
        file.meters = bus.lines(60);
        file.flags = bus.flag_lines(&password);
        file.flags.truncate(1);
        for meter in &mut file.flags {
            meter.more = "collect = { days-max = 3 }\n".to_owned();
        }
        let mut agent = Agent::install(file, folder.path());
        agent.start();
        Self {
            agent,
            bus,
            password,
            folder,
        }
    }

    fn wait_for_collection(&self, meter: &str) {
        wait_until("it was collected", WORK_WITHIN, || {
            let meters = self.agent.meters();
            let mut found = meters.iter().filter(|known| known.meter == meter);
            found.any(|known| known.last_collected.is_some())
        });
    }
}

/// The line that begins like this, of what a command said.
#[track_caller]
fn line_of(text: &str, begin: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    let found = lines.find(|line| line.starts_with(begin));
    found
        .unwrap_or_else(|| panic!("no line `{begin}…` in\n{text}"))
        .to_owned()
}

#[test]
fn a_meter_that_was_found_is_added_and_read() {
    let mut site = Site::open("pmu-found");
    let found = check(
        &site.agent,
        "bus scan main --flag --address 101,102 --baud 9600 --for 100s",
        0,
        &[
            "/GEC5120510010401@000",
            "main-102",
            "elster-a1700",
            "what to type next",
        ],
    );
    let next = line_of(&found, "pmuctl meter add");
    assert!(next.contains("--model elster-a1700 --address"), "{next}");
    assert!(next.contains("--serial"), "{next}");
    let words: Vec<&str> = next.split_whitespace().skip(1).collect();
    let name = words.get(2).copied().unwrap().to_owned();

    // Without a person at a terminal nothing is written unasked.
    let before = fs::read_to_string(site.agent.config()).unwrap();
    let refused = check(&site.agent, &words.join(" "), 1, &["--yes"]);
    assert_eq!(
        fs::read_to_string(site.agent.config()).unwrap(),
        before,
        "{refused}"
    );

    let added = format!(
        "{} --yes --password-file {}",
        words.join(" "),
        site.password.display()
    );
    check(
        &site.agent,
        &added,
        0,
        &["systemctl reload pmu-agent", "[[meter]]"],
    );
    let after = fs::read_to_string(site.agent.config()).unwrap();
    assert!(after.starts_with(&before) && after.len() > before.len());
    check(&site.agent, &added, 1, &[&name, "line"]);
    site.agent.process().signal(Signal::HUP);
    wait_until("the gateway knows it", WORK_WITHIN, || {
        site.agent.meters().iter().any(|meter| meter.meter == name)
    });
    let all_layers = [
        "port well",
        "line well",
        "sign-on well",
        "identity well",
        "password well",
    ];
    check(&site.agent, &format!("meter ping {name}"), 0, &all_layers);
    check(
        &site.agent,
        "meter ping main-7",
        0,
        &["port well", "identity well"],
    );
    check(
        &site.agent,
        &format!("meter read {name} registers"),
        0,
        &["1-0:1.8.0", "507"],
    );
    site.agent.stop();
}

#[test]
fn every_part_of_a_meter_can_be_read_by_hand() {
    let mut site = Site::fast("pmu-parts");
    let agent = &site.agent;
    check(
        agent,
        "meter poll main-102",
        0,
        &["read:", "on the line, both ways"],
    );
    site.wait_for_collection("main-102");
    check(agent, "meter read main-102", 0, &["1-0:1.8.0"]);
    check(
        agent,
        "meter read main-102 registers",
        0,
        &["1-0:1.8.0", "kWh"],
    );
    check(agent, "meter read main-102 billing", 0, &["billing"]);
    check(agent, "meter read main-102 events", 0, &["power"]);
    check(agent, "meter read main-102 status", 0, &[]);
    check(agent, "meter read main-102 identity", 0, &["20000102"]);
    check(agent, "meter instant main-102", 0, &["V", "Hz"]);
    check(
        agent,
        "meter clock main-102",
        0,
        &["meter shows", "gateway", "meter is off"],
    );
    check(agent, "meter read main-102 nonsense", 64, &["registers"]);
    check(agent, "meter read nobody registers", 1, &["nobody"]);
    the_profile_is_shown(agent);
    backups_are_compared(&site);
    let jobs = check(agent, "jobs", 0, &["done", "main-102"]);
    assert!(jobs.lines().count() > 5, "{jobs}");
    site.agent.stop();
}

fn the_profile_is_shown(agent: &Agent) {
    check(
        agent,
        "meter collect main-102 --again",
        0,
        &["days read", "intervals"],
    );
    let chart = check(agent, "meter profile main-102", 0, &["a full bar is"]);
    assert!(chart.lines().count() > 40, "a day of half hours: {chart}");
    assert!(!chart.contains('\u{1b}'), "no colour in a pipe: {chart}");
    let csv = check(agent, "meter profile main-102 --csv", 0, &["1-0:"]);
    assert!(csv.lines().count() > 40, "{csv}");
    let rows = json(agent, "meter profile main-102");
    assert!(rows.to_string().contains("1-0:"), "{rows}");
    check(
        agent,
        "meter profile main-102 --channel 1-0:99.99.99",
        1,
        &["--channel"],
    );
}

fn backups_are_compared(site: &Site) {
    let agent = &site.agent;
    let [first, second] = ["first.json", "second.json"].map(|name| site.folder.path().join(name));
    let (one, two) = (first.display(), second.display());
    let take = format!("meter backup main-102 --out {one}");
    check(agent, &take, 0, &["identities of main-102"]);
    check(agent, &take, 1, &["--force"]);
    check(agent, &format!("meter compare {one}"), 0, &["none differs"]);
    let text = fs::read_to_string(&first).unwrap();
    assert!(!text.contains(PASSWORD), "nothing secret is in a backup");
    fs::write(&second, text.replacen("elster-a1140", "elster-a1141", 1)).unwrap();
    check(
        agent,
        &format!("meter compare {one} {two}"),
        1,
        &["second.json"],
    );
    // Somebody changes the current transformers.
    let meter = site.bus.flags.first().unwrap();
    meter.holds.change(|scenario| scenario.ct.0 *= 2);
    let differs = check(
        agent,
        &format!("meter compare {one}"),
        1,
        &["settings differ"],
    );
    assert!(differs.contains("616"), "{differs}");
}

#[test]
fn work_that_runs_is_listed_and_cancelled() {
    let mut site = Site::open("pmu-jobs");
    site.wait_for_collection("main-102");
    let words = ["meter", "collect", "main-102", "--all", "--again"];
    let mut collection = pmuctl(&site.agent, &words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("it runs", WORK_WITHIN, || {
        let (_, text) = said(&site.agent, "jobs");
        text.contains("running")
    });
    let (_, text) = said(&site.agent, "jobs");
    let mut jobs = text.lines().filter(|line| line.contains("running"));
    let number = jobs.next().and_then(|line| line.split_whitespace().next());
    let number = number.unwrap_or_else(|| panic!("{text}")).to_owned();
    check(&site.agent, &format!("job cancel {number}"), 0, &[]);
    let mut told = String::new();
    let mut errors = BufReader::new(collection.stderr.take().unwrap());
    while errors.read_line(&mut told).unwrap() > 0 {}
    let done = collection.wait_with_output().unwrap();
    let told = told + &String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{told}");
    assert!(told.contains("cancelled"), "{told}");
    check(&site.agent, "jobs", 0, &["cancelled"]);
    check(&site.agent, "job cancel 9999", 1, &[]);
    site.agent.stop();
}

#[test]
fn what_goes_over_the_line_is_shown_with_its_meaning() {
    let mut site = Site::fast("pmu-trace");
    let agent = &site.agent;
    site.wait_for_collection("main-102");
    check(agent, "bus trace main on", 0, &["trace of bus main is on"]);
    check(agent, "meter read main-102 registers", 0, &[]);
    let meanings = [
        "request: sign-on to address 102",
        "answer: identification of GEC: 120510010401@000",
        "request: password answer (hidden)",
        "request: read identity 507 packet 1, 64 octets",
    ];
    let shown = check(agent, "bus trace main show", 0, &meanings);
    let mut lines = shown.lines();
    lines.find(|line| line.contains("(hidden)")).unwrap();
    let hidden = lines.next().unwrap();
    assert!(hidden.matches(" 2a").count() >= 16, "only stars: {hidden}");
    check(
        agent,
        "bus trace main off",
        0,
        &["trace of bus main is off"],
    );
    a_foreign_master_is_heard(&site);
    site.agent.stop();
}

/// Somebody else talks to a meter; the gateway listens and sends nothing.
fn a_foreign_master_is_heard(site: &Site) {
    // On a pair of wires everybody hears the master as well.
    site.bus.wire.change_wire(|troubles| troubles.echo = true);
    let meter = site.bus.flags.first().unwrap();
    site.bus.wire.change_flag(meter.place, |troubles| {
        troubles.turnaround = Some(Spread::fixed(Duration::from_millis(100)));
    });
    let out = site.folder.path().join("heard.txt");
    let sent = site.bus.wire.requests().len();
    let file = out.display().to_string();
    let words = ["bus", "listen", "main", "--for", "8s", "--out", &file];
    let mut typed = pmuctl(&site.agent, &words);
    let heard = std::thread::scope(|scope| {
        let listening = scope.spawn(|| run("pmuctl bus listen", &mut typed));
        wait_until("it listens", WORK_WITHIN, || {
            said(&site.agent, "jobs").1.contains("running")
        });
        pause(Duration::from_secs(1));
        let mut port = fs::OpenOptions::new()
            .write(true)
            .open(site.bus.device())
            .unwrap();
        // Seven bits and even parity, on a port of eight bits.
        let even = |octet: &u8| octet | u8::try_from(octet.count_ones() % 2).unwrap() << 7;
        let sign_on: Vec<u8> = b"/?102!\r\n".iter().map(even).collect();
        port.write_all(&sign_on).unwrap();
        listening.join().unwrap()
    });
    println!("{heard}");
    let text = fs::read_to_string(&out).unwrap();
    println!("{text}");
    assert!(
        text.contains("identification of GEC"),
        "the meter's answer: {text}"
    );
    assert!(
        text.contains("sign-on to address 102"),
        "the master: {text}"
    );
    assert!(
        text.lines()
            .any(|line| line.starts_with("< ") || line.starts_with("> ")),
        "{text}"
    );
    let own = site.bus.wire.requests().len().saturating_sub(sent);
    assert!(
        own <= 1,
        "the gateway sends nothing while it listens: {own}"
    );
    site.bus.wire.change_wire(|troubles| troubles.echo = false);
}
