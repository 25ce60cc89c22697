use super::*;
use desk::{
    BusStatus, LinkState, MeterTrust, OrderStatus, OutboxStatus, UpdateOutcome, UplinkStatus,
};
use proptest::prelude::*;

fn bus(name: &str, state: LinkState) -> BusStatus {
    BusStatus {
        bus: name.to_owned(),
        state,
        remarks: Vec::new(),
        busy_per_mille: 0,
        requests: 0,
        silent: 0,
        damaged: 0,
        late: 0,
        stale_bytes: 0,
    }
}

fn meter(name: &str, state: &str, trust: MeterTrust) -> MeterStatus {
    MeterStatus {
        meter: name.to_owned(),
        bus: "main".to_owned(),
        unit: 1,
        model: "eastron-sdm630".to_owned(),
        state: state.to_owned(),
        trust,
        serial: None,
        last_answer: None,
        last_interval: None,
        intervals: 0,
        flagged: 0,
        answers: 0,
        silent: 0,
        damaged: 0,
        late: 0,
        exceptions: 0,
        remarks: Vec::new(),
        address: None,
        last_collected: None,
        overwrite_in_days: None,
        clock_error_ms: None,
        found: Vec::new(),
    }
}

fn answers() -> Answers {
    Answers {
        status: Status {
            gateway: "pmu-001".to_owned(),
            version: "0.1.0".to_owned(),
            up_s: 90_000,
            utc: "2026-11-28T09:30:12Z".to_owned(),
            clock: "synchronised".to_owned(),
            rss_bytes: 12_345_678,
            buses: vec![
                bus("main", LinkState::Open),
                bus("hall", LinkState::Gone("no such device".to_owned())),
            ],
            uplink: Some(UplinkStatus {
                state: "connected".to_owned(),
                since: "2026-11-28T09:00:00Z".to_owned(),
                connections: 1,
                sent: 9,
                watermarks: 1,
                watermarks_refused: 0,
                certificate_days: Some(12),
            }),
            outbox: vec![OutboxStatus {
                stream: "lp".to_owned(),
                next: 9,
                waiting: 3,
                bytes: 100,
                oldest_s: 130,
                set_aside: 0,
            }],
            alarms: vec!["the older alarm".to_owned(), "the newer alarm".to_owned()],
        },
        meters: vec![
            meter("feeder-1", "healthy", MeterTrust::Right),
            meter("feeder-2", "healthy", MeterTrust::Wrong),
            meter("feeder-3", "silent", MeterTrust::Unknown),
        ],
        store: Some(StoreStats {
            epoch: "e".to_owned(),
            files: Vec::new(),
            disk_free_bytes: 12_300_000_000,
            disk_total_bytes: 14_000_000_000,
            audit_records: 0,
        }),
        update: None,
    }
}

fn update(order: Option<OrderStatus>, last: Option<UpdateOutcome>) -> UpdateStatus {
    UpdateStatus {
        running: "recovery".to_owned(),
        version: "1.0.0".to_owned(),
        counter: 3,
        floor: 3,
        anchored: "no".to_owned(),
        reason: None,
        refused: Vec::new(),
        trial: None,
        slots: Vec::new(),
        order,
        is_busy: false,
        last,
    }
}

fn facts(agent: Agent) -> Facts {
    Facts {
        utc: "2026-11-28 09:30:12 UTC".to_owned(),
        program: "0.1.0".to_owned(),
        gateway: Some("pmu-001".to_owned()),
        boot: BootReport::parse("slot A\nversion 1.2.3\ncounter 5\ntries streak 1\nanchored no\n"),
        setup: Setup::Complete,
        network: vec![Interface {
            name: "eth0".to_owned(),
            has_link: true,
            addresses: vec!["10.0.2.15/24".to_owned()],
        }],
        is_clock_synchronised: Some(false),
        agent,
        space: Some((1_000_000_000, 2_000_000_000)),
        data: None,
    }
}

fn running() -> Facts {
    facts(Agent::Running(Box::new(answers())))
}

fn absent() -> Facts {
    facts(Agent::Absent("is starting".to_owned()))
}

#[track_caller]
fn check_size(page: &str) {
    assert!(page.lines().count() <= LINES, "too long:\n{page}");
    for line in page.lines() {
        assert!(line.chars().count() <= COLUMNS, "too wide: {line}");
        assert!(!line.contains('\x1b'), "{line:?}");
    }
}

#[track_caller]
fn check(facts: &Facts, expected: &str) {
    let page = text(facts);
    check_size(&page);
    assert_eq!(page, expected);
}

#[test]
fn a_gateway_that_runs() {
    check(
        &running(),
        "\
PMU gateway pmu-001                                      2026-11-28 09:30:12 UTC
--------------------------------------------------------------------------------
system    1.2.3 in slot A, checked at boot, counter 5, no firmware anchor
set-up    complete
network   eth0 10.0.2.15/24
clock     synchronised
agent     0.1.0, runs since 25 h 0 min, memory 12.3 MB
buses     1 open, 1 GONE: hall (no such device)
meters    2 of 3 healthy; 1 silent: feeder-3; 1 ANOTHER METER: feeder-2
head-end  connected, since 2026-11-28T09:00:00Z; 3 entries wait, the oldest for
          2 min; CERTIFICATE ENDS in 12 d
store     12.3 GB of 14.0 GB free
alarms    2 alarms, newest first:
          - the newer alarm
          - the older alarm
",
    );
}

#[test]
fn a_box_fresh_from_the_flash() {
    let mut facts = absent();
    facts.gateway = None;
    facts.boot =
        BootReport::parse("slot A\nversion 1.2.3\ncounter 5\ntries streak 1\nanchored yes\n");
    facts.setup = Setup::Missing(
        [
            vec!["ca.pem: missing".to_owned(); 8],
            vec!["bring them".to_owned()],
        ]
        .concat(),
    );
    facts.network[0].has_link = false;
    facts.agent = Agent::Absent("waits until the set-up is complete".to_owned());
    check(
        &facts,
        "\
PMU gateway without a name yet                           2026-11-28 09:30:12 UTC
--------------------------------------------------------------------------------
system    1.2.3 in slot A, checked at boot, counter 5, firmware anchor on
set-up    NOT COMPLETE: no meter is read until it is
          - ca.pem: missing
          - ca.pem: missing
          - ca.pem: missing
          - ca.pem: missing
          - ca.pem: missing
          - ca.pem: missing
          - ca.pem: missing
          bring them
network   eth0 no cable, or nobody at its other end
clock     not synchronised: no time server answers
agent     waits until the set-up is complete
store     1.0 GB of 2.0 GB free
",
    );
}

const RECOVERY: &str = "slot recovery\nversion 1.0.0\ncounter 3\ntries streak 1\nanchored unknown\n\
     reason verity\nattempt A verity\nattempt B signature\n";

#[test]
fn recovery_says_so_first_and_why() {
    let mut facts = absent();
    facts.boot = BootReport::parse(RECOVERY);
    facts.setup = Setup::Missing(vec!["bring a stick".to_owned()]);
    facts.gateway = None;
    check(
        &facts,
        "\
PMU gateway without a name yet                           2026-11-28 09:30:12 UTC
--------------------------------------------------------------------------------
RECOVERY: no system could be started; this box reads no meters
why       its contents are damaged
system    1.0.0 in slot recovery, checked at boot, counter 3, firmware anchor
          not known
          slot A was refused: its contents are damaged
          slot B was refused: its signature is not valid
set-up    NONE IS FOUND on the data partition, so no update can be ordered:
          flash the disk anew, or replace it
network   eth0 10.0.2.15/24
clock     not synchronised: no time server answers
agent     is not started: it has no configuration
meters    none are read in recovery
data      the data partition is not there, or cannot be mounted
",
    );
}

#[test]
fn recovery_shows_its_update_and_its_head_end() {
    let order = OrderStatus {
        source: "http://a/b".to_owned(),
        sha256: String::new(),
        taken: 50,
        bytes: 200,
        waits: String::new(),
    };
    let mut answers = answers();
    answers.status.buses.clear();
    answers.status.alarms = vec!["recovery runs".to_owned()];
    answers.update = Some(update(Some(order), None));
    let mut facts = facts(Agent::Running(Box::new(answers)));
    facts.boot = BootReport::parse(RECOVERY);
    facts.data = Some((1_000_000_000, 2_000_000_000));
    check(
        &facts,
        "\
PMU gateway pmu-001                                      2026-11-28 09:30:12 UTC
--------------------------------------------------------------------------------
RECOVERY: no system could be started; this box reads no meters
why       its contents are damaged
system    1.0.0 in slot recovery, checked at boot, counter 3, firmware anchor
          not known
          slot A was refused: its contents are damaged
          slot B was refused: its signature is not valid
set-up    complete
network   eth0 10.0.2.15/24
clock     synchronised
agent     0.1.0, runs since 25 h 0 min; it takes updates and nothing else
update    from http://a/b: 50 of 200 bytes (25 %)
head-end  connected, since 2026-11-28T09:00:00Z; CERTIFICATE ENDS in 12 d
meters    none are read in recovery
data      left as it is; 1.0 GB of 2.0 GB free
alarms    1 alarm, newest first:
          - recovery runs
",
    );
}

#[test]
fn the_last_update_of_recovery_is_told() {
    let with = |last: Option<UpdateOutcome>| {
        let mut answers = answers();
        answers.update = Some(update(None, last));
        let mut facts = facts(Agent::Running(Box::new(answers)));
        facts.boot = BootReport::parse(RECOVERY);
        facts
    };
    let outcome = |is_well| {
        let words = "the words".to_owned();
        Some(UpdateOutcome { is_well, words })
    };
    check_contains(&with(None), "update    none is ordered");
    check_contains(&with(outcome(true)), "update    the words");
    check_contains(&with(outcome(false)), "update    NOT DONE: the words");
    let mut facts = with(None);
    facts.agent = Agent::Absent("is starting".to_owned());
    check_contains(&facts, "agent     is starting");
}

#[track_caller]
fn check_contains(facts: &Facts, expected: &str) {
    let page = text(facts);
    check_size(&page);
    assert!(page.contains(expected), "{expected} is missing:\n{page}");
}

#[test]
fn the_other_system_says_why_it_runs() {
    let mut facts = running();
    facts.boot = BootReport::parse("slot B\nversion 2\ntries trial 2\nreason gap\nattempt A gap\n");
    check_contains(&facts, "on trial, attempts left: 2");
    check_contains(
        &facts,
        "not the preferred system: there are bytes where none",
    );
    check_contains(
        &facts,
        "slot A was refused: there are bytes where none may be",
    );
}

#[test]
fn a_system_without_the_boot_program_claims_no_check() {
    let mut facts = running();
    facts.boot = None;
    check_contains(
        &facts,
        "system    0.1.0, not started by the boot program: nothing was checked",
    );
}

#[test]
fn what_is_not_there_is_said() {
    let mut nothing = answers();
    nothing.status.buses.clear();
    nothing.status.alarms.clear();
    nothing.status.uplink = None;
    nothing.meters.clear();
    nothing.store = None;
    let mut facts = facts(Agent::Running(Box::new(nothing)));
    facts.network.clear();
    for expected in [
        "network   no port was found",
        "buses     none is configured",
        "meters    none is configured",
        "head-end  none is configured; everything stays here",
        "store     the data partition is not there",
        "alarms    none",
    ] {
        check_contains(&facts, expected);
    }
    let mut facts = absent();
    facts.is_clock_synchronised = None;
    check_contains(&facts, "clock     not known");
}

#[test]
fn a_text_that_is_cut_shows_it() {
    let mut facts = absent();
    facts.agent = Agent::Absent("word ".repeat(100));
    check_contains(&facts, "word ~\n");
}

proptest! {
    #[test]
    fn no_fact_breaks_the_screen(
        word in "[\\PC\x1b\n\r ]{0,300}",
        count in 0_usize..60,
        attempts in 0_usize..9,
        is_running: bool,
    ) {
        let mut answers = answers();
        answers.status.alarms = vec![word.clone(); count];
        answers.status.buses = vec![bus(&word, LinkState::Gone(word.clone())); count];
        answers.meters = vec![meter(&word, "silent", MeterTrust::Wrong); count];
        answers.status.clock = word.clone();
        if let Some(uplink) = &mut answers.status.uplink {
            uplink.state = word.clone();
        }
        let mut facts = running();
        facts.agent = if is_running {
            Agent::Running(Box::new(answers))
        } else {
            Agent::Absent(word.clone())
        };
        facts.gateway = Some(word.clone());
        facts.setup = Setup::Missing(vec![word.clone(); count]);
        let attempts = "attempt A x\n".repeat(attempts);
        facts.boot = BootReport::parse(&format!("slot A\nversion {word}\nreason {word}\n{attempts}"));
        facts.network = vec![
            Interface { name: word.clone(), has_link: true, addresses: vec![word; count] };
            count
        ];
        check_size(&text(&facts));
    }
}
