use super::*;
use crate::backup::tests::{backup, identity};
use crate::backup::{Backup, Identity};
use crate::console::tests::Written;
use crate::errand::tests::{FakeDesk, done, job_answer, run as run_errand};
use clap::Parser;
use desk::{
    BackupIdentity, BackupProtocol, BackupResult, FoundMeter, Job, JobState, MeterValue, Outcome,
    Part, ProfileRow, Progress, ScanResult, ScanWish, TraceLine, VerifyResult, Work,
};
use std::path::Path;
use tempfile::TempDir;

mod pages;

/// What a command line does at a desk: whether all is well, what it wrote, what it asked.
struct Done {
    ended: Result<bool>,
    out: Written,
    errors: Written,
    asked: Vec<Request>,
}

async fn typed(line: &str, desk: FakeDesk) -> Done {
    let words = std::iter::once("pmuctl").chain(line.split_whitespace());
    let arguments = Arguments::try_parse_from(words).unwrap();
    assert_eq!(arguments.direct_complaint(), None, "{line}");
    let wishes = Wishes::default();
    let (ended, out, errors) = run_errand(&desk, &wishes, arguments.json, async |errand| {
        super::errand(errand.desk, &arguments, errand.console, errand.wishes).await
    })
    .await;
    Done {
        ended,
        out,
        errors,
        asked: desk.asked(),
    }
}

impl Done {
    #[track_caller]
    fn check(&self, is_well: bool, out: &str) {
        assert_eq!(self.ended.as_ref().ok(), Some(&is_well), "{:?}", self.ended);
        assert_eq!(self.out.text(), out);
    }

    #[track_caller]
    fn check_refused(&self, part: &str) {
        let words = format!("{:#}", self.ended.as_ref().unwrap_err());
        assert!(words.contains(part), "{words}");
    }
}

fn start(what: Work) -> Vec<Request> {
    vec![Request::Start { what }]
}

#[track_caller]
fn check_asked(done: &Done, what: Work) {
    assert_eq!(done.asked, start(what));
}

#[tokio::test(start_paused = true)]
async fn each_command_asks_for_its_work() {
    let meter = || "feeder-1".to_owned();
    let nothing = || FakeDesk::working([done(Outcome::Values(Vec::new()))]);
    for (line, work) in [
        ("meter ping feeder-1", Work::Ping { meter: meter() }),
        ("meter poll feeder-1", Work::Poll { meter: meter() }),
        ("meter clock feeder-1", Work::Clock { meter: meter() }),
        (
            "meter keys rotate feeder-1",
            Work::ChangeKeys {
                meter: meter(),
                encryption: true,
                authentication: true,
            },
        ),
        (
            "meter keys rotate feeder-1 --authentication",
            Work::ChangeKeys {
                meter: meter(),
                encryption: false,
                authentication: true,
            },
        ),
        ("meter objects feeder-1", Work::Objects { meter: meter() }),
        ("meter instant feeder-1", Work::Instant { meter: meter() }),
        (
            "meter read feeder-1 billing",
            Work::Read {
                meter: meter(),
                part: Part::Billing,
            },
        ),
        (
            "meter collect feeder-1 --from 1970-01-02 --to 1970-01-03 --again",
            Work::Collect {
                meter: meter(),
                from: Some(86_400),
                to: Some(172_800),
                again: true,
            },
        ),
        (
            "meter collect feeder-1 --to 1970-03-01",
            Work::Collect {
                meter: meter(),
                from: Some(29 * 86_400),
                to: Some(59 * 86_400),
                again: false,
            },
        ),
        (
            "meter collect feeder-1 --all",
            Work::Collect {
                meter: meter(),
                from: None,
                to: None,
                again: false,
            },
        ),
        (
            "bus listen main --for 90s",
            Work::Listen {
                bus: "main".to_owned(),
                seconds: 90,
            },
        ),
    ] {
        let done = typed(line, nothing()).await;
        done.check(true, "no value\n");
        check_asked(&done, work);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_without_a_part_is_what_it_always_was() {
    let desk = FakeDesk::answering([Answer::Done("read".to_owned())]);
    let done = typed("meter read feeder-1", desk).await;
    done.check(true, "read\n");
    let meter = "feeder-1".to_owned();
    assert_eq!(done.asked, [Request::ReadMeter { meter }]);
}

#[tokio::test(start_paused = true)]
async fn keys_are_brought_and_one_bad_file_keeps_all_of_them_here() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, mode| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{}\n", "a7".repeat(16))).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let (good, open) = (file("good", 0o600), file("open", 0o644));
    let line = |second: &str| {
        format!(
            "meter keys import feeder-7 --suite 0 --encryption-key-file {good} \
             --authentication-key-file {second}"
        )
    };
    let desk = || FakeDesk::answering([Answer::Done("taken in".to_owned())]);
    let done = typed(&line(&good), desk()).await;
    done.check(true, "taken in\n");
    let [Request::Keys { wish }] = done.asked.as_slice() else {
        panic!("{:?}", done.asked);
    };
    let desk::KeysWish::Import { encryption, .. } = wish else {
        panic!("{wish:?}");
    };
    let encryption = encryption.as_ref().map(desk::KeyText::reveal);
    assert_eq!(encryption, Some("a7".repeat(16).as_str()));
    assert!(!format!("{wish:?}").contains("a7a7"));
    let refused = typed(&line(&open), desk()).await;
    refused.check_refused("chmod 600");
    assert!(refused.asked.is_empty(), "{:?}", refused.asked);
    // The master key may come later than the others, and alone.
    let line = format!("meter keys import feeder-7 --suite 0 --key-encryption-key-file {good}");
    typed(&line, desk()).await.check(true, "taken in\n");
}

#[tokio::test(start_paused = true)]
async fn jobs_are_listed_shown_and_cancelled() {
    let job = |number, state| Job {
        number,
        words: "backup of feeder-1".to_owned(),
        state,
    };
    let progress = Progress {
        done: 3,
        total: 40,
        words: String::new(),
    };
    let jobs = vec![
        job(1, done(Outcome::Values(Vec::new()))),
        job(2, JobState::Running(progress)),
    ];
    let listed = typed("jobs", FakeDesk::answering([Answer::Jobs(jobs)])).await;
    listed.check(
        true,
        "JOB  STATE    WHAT\n  1  done     backup of feeder-1\n  2  running  backup of feeder-1\n    \
         3 of 40\n`pmuctl job show N` shows what came of one, `pmuctl job cancel N` ends one\n",
    );
    let none = typed("jobs", FakeDesk::answering([Answer::Jobs(Vec::new())])).await;
    none.check(true, "no work was asked for since the gateway started\n");
    let cancelled = JobState::Cancelled(Progress::default());
    let shown = typed("job show 7", FakeDesk::answering([job_answer(cancelled)])).await;
    shown.check(false, "cancelled: running\n");
    assert_eq!(shown.asked, [Request::Job { number: 7 }]);
    let answer = Answer::Done("it ends".to_owned());
    let cancelled = typed("job cancel 7", FakeDesk::answering([answer])).await;
    cancelled.check(true, "it ends\n");
    assert_eq!(cancelled.asked, [Request::Cancel { number: 7 }]);
}

#[tokio::test(start_paused = true)]
async fn a_check_with_faults_is_not_well() {
    for (faults, is_well) in [(Vec::new(), true), (vec!["chunk 3".to_owned()], false)] {
        let answer = Answer::Verified(VerifyResult { checked: 1, faults });
        let done = typed("store verify --json", FakeDesk::answering([answer.clone()])).await;
        assert_eq!(done.ended.unwrap(), is_well);
        let back: Answer = serde_json::from_str(&done.out.text()).unwrap();
        assert_eq!(back, answer);
    }
}

fn found(address: &str, serial: Option<&str>, models: &[&str]) -> FoundMeter {
    FoundMeter {
        protocol: "flag".to_owned(),
        address: address.to_owned(),
        line: "9600 7E1".to_owned(),
        dtr: None,
        identification: "/GEC5090100100400@000".to_owned(),
        serial: serial.map(str::to_owned),
        models: models.iter().map(|name| (*name).to_owned()).collect(),
        configured: None,
        remark: String::new(),
    }
}

fn scan_result(found: Vec<FoundMeter>) -> JobState {
    done(Outcome::Scan(ScanResult {
        found,
        doubts: Vec::new(),
        tried: vec!["FLAG 9600 7E1: 12 addresses".to_owned()],
        left_out: vec!["300 baud".to_owned()],
    }))
}

#[tokio::test(start_paused = true)]
async fn a_scan_says_what_to_type_next() {
    let known = FoundMeter {
        configured: Some("feeder-1".to_owned()),
        ..found("001", None, &["elster-a1700"])
    };
    let new = found("004", Some("12345678"), &["elster-a1700", "elster-a1140"]);
    let desk = FakeDesk::working([scan_result(vec![known, new])]);
    let done = typed("bus scan main --flag --for 30s", desk).await;
    done.check(
        true,
        "\
FOUND  ADDRESS  LINE      SERIAL    CONFIGURED AS
flag       001  9600 7E1  -         feeder-1
    /GEC5090100100400@000
    model: elster-a1700
flag       004  9600 7E1  12345678  -
    /GEC5090100100400@000
    model: elster-a1700, or elster-a1140

what was tried:
  - FLAG 9600 7E1: 12 addresses
not tried, because time was up (--for gives more):
  - 300 baud
what to type next:
  pmuctl meter add meter-12345678 --bus main --model elster-a1700 --address 004 --serial 12345678
",
    );
    check_asked(
        &done,
        Work::Scan {
            bus: "main".to_owned(),
            wish: ScanWish {
                modbus: false,
                flag: true,
                dlms: false,
                addresses: Vec::new(),
                bauds: Vec::new(),
                seconds_max: 30,
            },
        },
    );
}

fn station(address: &str, serial: Option<&str>) -> FoundMeter {
    FoundMeter {
        protocol: "dlms".to_owned(),
        line: "9600 8N1".to_owned(),
        identification: String::new(),
        ..found(address, serial, &["dlms-generic"])
    }
}

#[tokio::test(start_paused = true)]
async fn a_dlms_meter_that_was_found_is_read_by_the_public_client_first() {
    let told = station("1/17", Some("00012345"));
    let silent = FoundMeter {
        remark: "it answers, and has no link for this client".to_owned(),
        ..station("", None)
    };
    let wrapped = station("wrapper 1", None);
    let all = vec![told, silent, wrapped];
    let desk = FakeDesk::working([scan_result(all.clone())]);
    let done = typed("bus scan main --dlms --address 1/16-40,70", desk).await;
    let Some(Request::Start {
        what: Work::Scan { wish, .. },
    }) = done.asked.first()
    else {
        panic!("{:?}", done.asked);
    };
    assert!(wish.dlms && !wish.flag && !wish.modbus, "{wish:?}");
    assert_eq!(wish.addresses, ["1/16-40", "70"]);
    let text = done.out.text();
    for line in [
        "  pmuctl meter add meter-00012345 --bus main --model dlms-generic --address 17 \
         --association public --serial 00012345\n",
        "  pmuctl meter add meter-1 --bus main --model dlms-generic --association public\n",
        "  pmuctl meter add meter-wrapper1 --bus main --model dlms-generic --wrapper \
         --association public\n",
        "    it answers, and has no link for this client\n",
        "--suite",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
    let desk = FakeDesk::working([scan_result(all)]);
    let text = typed("--direct /dev/a bus scan direct --dlms", desk).await;
    let line = "pmuctl --direct /dev/a --baud 9600 --framing 8N1 --model dlms-generic --address 17 \
                --association public meter ping direct";
    assert!(text.out.text().contains(line), "{}", text.out.text());
    let desk = FakeDesk::working([scan_result(Vec::new())]);
    let text = typed("bus scan main", desk).await.out.text();
    assert!(text.contains("1/16-115"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_a_meter_says_never_becomes_a_command() {
    let hostile = FoundMeter {
        identification: "\x1b[2J/X".to_owned(),
        ..found("1;reboot", Some("$(reboot)"), &["--socket=/x", "`x`"])
    };
    let desk = FakeDesk::working([scan_result(vec![hostile])]);
    let text = typed("bus scan main", desk).await.out.text();
    let line = text.lines().last().unwrap();
    assert_eq!(
        line,
        "  pmuctl meter add meter-reboot --bus main --model MODEL --address …"
    );
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[tokio::test(start_paused = true)]
async fn a_scan_without_a_gateway_says_how_to_go_on_without_one() {
    let probe = FoundMeter {
        dtr: Some("off".to_owned()),
        ..found("", None, &["elster-a1140"])
    };
    let desk = FakeDesk::working([scan_result(vec![probe])]);
    let text = typed("--direct /dev/ttyUSB0 bus scan direct", desk)
        .await
        .out
        .text();
    let line = text.lines().last().unwrap();
    assert_eq!(
        line,
        "  pmuctl --direct /dev/ttyUSB0 --baud 9600 --framing 7E1 --optical off --model \
         elster-a1140 meter read direct identity"
    );
    let port_without_dtr = FoundMeter {
        line: "300 7E1 and faster".to_owned(),
        ..found("117", None, &["elster-a1140"])
    };
    let desk = FakeDesk::working([scan_result(vec![port_without_dtr])]);
    let command = "--direct /dev/ttyUSB0 --optical auto bus scan direct";
    let text = typed(command, desk).await.out.text();
    let line = text.lines().last().unwrap();
    assert_eq!(
        line,
        "  pmuctl --direct /dev/ttyUSB0 --optical auto --model elster-a1140 --address 117 meter \
         read direct identity"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_gateway_the_meter_has_one_name_and_a_model() {
    let line = "--direct /dev/ttyUSB0 --model elster-a1700 meter ping feeder-1";
    typed(line, FakeDesk::default())
        .await
        .check_refused("write that instead of `feeder-1`");
    let line = "--direct /dev/ttyUSB0 meter ping direct";
    typed(line, FakeDesk::default())
        .await
        .check_refused("--model");
}

#[tokio::test(start_paused = true)]
async fn values_are_watched_until_the_meter_fails() {
    let value = |text: &str| {
        done(Outcome::Values(vec![MeterValue {
            group: "phase A".to_owned(),
            obis: "1-0:32.7.0".to_owned(),
            name: "voltage".to_owned(),
            value: text.to_owned(),
            raw: "0000".to_owned(),
            place: "606".to_owned(),
            remark: String::new(),
        }]))
    };
    let failed = JobState::Cancelled(Progress::default());
    let desk = FakeDesk::working([value("230.1 V"), value("230.2 V"), failed]);
    let done = typed("meter instant feeder-1 --watch --every 1s", desk).await;
    assert!(done.ended.unwrap());
    let text = done.out.text();
    let at = text.lines().position(|line| line == "phase A:").unwrap();
    let first: Vec<&str> = text.lines().skip(at).take(3).collect();
    assert_eq!(
        first,
        [
            "phase A:",
            "OBIS        WHAT       VALUE  PLACE",
            "1-0:32.7.0  voltage  230.1 V  606"
        ]
    );
    assert!(text.contains("230.2 V"), "{text}");
    assert_eq!(done.asked.len(), 3);
}

fn page(from: u64, count: u64) -> Answer {
    let row = |at: u64| ProfileRow {
        end: metering::Timestamp::from_seconds(at).to_string(),
        values: vec!["1".to_owned()],
        flags: String::new(),
    };
    Answer::Profile {
        channels: vec!["1-0:1.29.0 increment Wh".to_owned()],
        rows: (1..=count).map(|step| row(from + step * 60)).collect(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_profile_is_asked_for_in_pages() {
    let desk = FakeDesk::answering([
        page(0, 1000),
        page(60_000, 1000),
        page(120_000, 0),
        Answer::Meters(Vec::new()),
    ]);
    let line = "meter profile feeder-1 --from 1970-01-01 --to 1970-01-03 --csv";
    let done = typed(line, desk).await;
    assert!(done.ended.unwrap());
    assert_eq!(done.out.text().lines().count(), 1 + 2000);
    let begins: Vec<u64> = done
        .asked
        .iter()
        .filter(|request| **request != Request::Meters)
        .map(|request| match request {
            Request::Profile { from, to, .. } => {
                assert_eq!(*to, 172_800);
                *from
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(begins, [0, 60_000, 120_000]);
}

#[tokio::test(start_paused = true)]
async fn a_profile_can_be_read_from_the_meter_first() {
    let finding = desk::Diagnosis {
        code: "L02".to_owned(),
        happened: "intervals and register differ by 3 kWh".to_owned(),
        meaning: String::new(),
        next: Vec::new(),
        tried: Vec::new(),
    };
    let result = desk::CollectResult {
        found: vec![finding],
        ..desk::CollectResult::default()
    };
    let collected = done(Outcome::Collected(result));
    let desk = FakeDesk::answering([job_answer(collected), page(0, 2)]);
    let line = "meter profile feeder-1 --from 1970-01-01 --to 1970-01-01T00:02 --from-meter";
    let done = typed(line, desk).await;
    assert!(done.ended.unwrap());
    assert!(
        done.out
            .text()
            .contains("2 intervals, 0 of them doubtful, 0 not stored")
    );
    let doubts = done.errors.text();
    assert!(
        doubts.contains("L02: intervals and register differ by 3 kWh"),
        "{doubts}"
    );
    assert!(matches!(
        done.asked.first(),
        Some(Request::Start {
            what: Work::Collect { again: true, .. }
        })
    ));
    let strange = typed(
        "meter profile feeder-1 --to 1970-01-02 --channel 1-0:2.29.0",
        FakeDesk::answering([page(0, 2)]),
    )
    .await;
    strange.check_refused("it has: 1-0:1.29.0 increment Wh; name one with --channel");
}

fn answer_of(backup: &Backup) -> JobState {
    let identity = |identity: &Identity| BackupIdentity {
        place: identity.place.clone(),
        name: identity.name.clone(),
        is_running: identity.runs,
        hex: identity.hex.clone(),
        sha256: identity.sha256.clone(),
        refused: identity.refused.clone(),
        left_out: identity.left_out.clone(),
        words: identity.words.clone(),
    };
    done(Outcome::Backup(BackupResult {
        meter: backup.meter.clone(),
        model: backup.model.clone(),
        identification: backup.identification.clone(),
        serial: backup.serial.clone(),
        taken: backup.taken.clone(),
        level: backup.level,
        identities: backup.identities.iter().map(identity).collect(),
        protocol: backup.protocol.as_ref().map(|protocol| BackupProtocol {
            name: protocol.name.clone(),
            association: protocol.association.clone(),
            client: protocol.client,
            place: protocol.place.clone(),
        }),
    }))
}

fn settings(scheme: &[u8]) -> Backup {
    backup(vec![
        identity("507", &[1], true),
        identity("795", scheme, false),
    ])
}

async fn backed_up(folder: &TempDir, name: &str, scheme: &[u8]) -> String {
    let path = folder.path().join(name).display().to_string();
    let desk = FakeDesk::working([answer_of(&settings(scheme))]);
    let done = typed(&format!("meter backup feeder-1 --out {path}"), desk).await;
    done.check(
        true,
        &format!("2 identities of feeder-1 are in {path}; 0 were refused\n"),
    );
    path
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_compared_with_its_meter_or_with_another() {
    let folder = tempfile::tempdir().unwrap();
    let first = backed_up(&folder, "first.json", b"A").await;
    let second = backed_up(&folder, "second.json", b"B").await;
    let same = FakeDesk::working([answer_of(&settings(b"A"))]);
    let done = typed(&format!("meter compare {first}"), same).await;
    assert!(done.ended.as_ref().unwrap());
    let meter = "feeder-1".to_owned();
    check_asked(&done, Work::Backup { meter });
    let done = typed(
        &format!("meter compare {first} {second}"),
        FakeDesk::default(),
    )
    .await;
    assert!(!done.ended.unwrap(), "settings differ");
    assert!(done.out.text().contains("was 41"), "{}", done.out.text());
    let other = FakeDesk::working([answer_of(&settings(b"B"))]);
    let done = typed(
        &format!("meter compare {first} --meter feeder-2 --json"),
        other,
    )
    .await;
    assert!(!done.ended.unwrap());
    let json: serde_json::Value = serde_json::from_str(&done.out.text()).unwrap();
    assert_eq!(json["settings"][0]["place"], "795");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_backup_is_named_and_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let first = backed_up(&folder, "first.json", b"A").await;
    let text = std::fs::read_to_string(&first).unwrap();
    std::fs::write(&first, text.replacen("\"41\"", "\"42\"", 1)).unwrap();
    let done = typed(&format!("meter compare {first}"), FakeDesk::default()).await;
    done.check_refused("first.json: damaged: identity 795");
    let nowhere = typed("meter compare /nonexistent.json", FakeDesk::default()).await;
    nowhere.check_refused("/nonexistent.json: cannot be read");
}

#[tokio::test(start_paused = true)]
async fn a_backup_never_takes_an_old_ones_place_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = backed_up(&folder, "first.json", b"A").await;
    let line = format!("meter backup feeder-1 --out {path}");
    let done = typed(&line, FakeDesk::default()).await;
    done.check_refused("--force");
    let desk = FakeDesk::working([answer_of(&settings(b"B"))]);
    let done = typed(&format!("{line} --force"), desk).await;
    assert!(done.ended.unwrap());
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(Backup::parse(&text).unwrap(), settings(b"B"));
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_goes_to_a_file_as_a_vector() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heard.txt");
    let heard = |direction, bytes: &str, meaning: &str| TraceLine {
        at_us: 1_500_000,
        direction,
        fate: "heard".to_owned(),
        bytes: bytes.to_owned(),
        meaning: meaning.to_owned(),
    };
    let lines = vec![
        heard('>', "01503202 28****2903**", "password of level 1\nhidden"),
        heard('<', "06", "\x1b[2Jacknowledged"),
    ];
    let desk = FakeDesk::working([done(Outcome::Heard(lines))]);
    let line = format!("bus listen main --out {}", path.display());
    let done = typed(&line, desk).await;
    done.check(true, "");
    assert!(done.errors.text().contains("2 runs of bytes are in"));
    let expected = "# 1.500000 heard: password of level 1\n#   hidden\n\
                    > 01 50 32 02 28 ** ** 29 03 **\n\
                    # 1.500000 heard: ?[2Jacknowledged\n< 06\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    let again = typed(&line, FakeDesk::default()).await;
    again.check_refused("--force");
}

#[tokio::test(start_paused = true)]
async fn a_meter_is_added_to_the_file_that_the_gateway_runs_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.toml");
    let old = "# as it was\n[[bus]]\nid = \"main\"\n";
    std::fs::write(&path, old).unwrap();
    // Whatever `pmu-agent` may lie about here, it is not asked about a file that is refused first.
    let line = "meter add feeder-1 --bus hall --model elster-a1700 --yes";
    let answer = || Answer::Configuration(path.display().to_string());
    let done = typed(line, FakeDesk::answering([answer()])).await;
    done.check_refused("there is no bus `hall`; name one of: main");
    assert_eq!(done.asked, [Request::Configuration]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), old);
    let relative = Answer::Configuration("agent.toml".to_owned());
    let done = typed(line, FakeDesk::answering([relative])).await;
    done.check_refused("name it with --config");
    let level = format!("{line} --level 1 --config {}", path.display());
    typed(&level, FakeDesk::default())
        .await
        .check_refused("--password-file");
    assert!(Path::new(&path).exists());
}
