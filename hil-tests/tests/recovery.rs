//! Neither slot starts: the box is there under its own name, says why, takes an update, and touches
//! neither meter nor store. Then every interval is at the head-end exactly once.
#![cfg(test)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use authority::{SigningKey, sign_watermark};
use bootloader_verify::{Slot, SlotState};
use desk::{Answer, Request, Work};
use head_end::{Mark, Presence, RecoveryBirth, Stream, Watermarks};
use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, wait_until};
use hil_tests::hands::typed;
use hil_tests::limits::START_WITHIN;
use hil_tests::listener::Listener;
use hil_tests::update_box::{Image, Recipe, UpdateBox};
use hil_tests::update_server::{Habits, UpdateServer};
use hil_tests::world::World;
use simulator::wire::WireCounters;
use tempfile::TempDir;

const GATEWAY: &str = "pmu-mended";
const QUICK: &str = "healthy-for-seconds = 1\nkibibytes-per-second = 65536";
const WITHIN: Duration = Duration::from_mins(1);

fn newer() -> Image {
    let recipe = Recipe {
        version: "2.0.0",
        counter: 6,
        ..Recipe::default()
    };
    recipe.make()
}

/// Starts it where no meter is shown.
#[track_caller]
fn start_in_recovery(agent: &mut Agent) {
    std::fs::create_dir_all(agent.folder().join("run")).unwrap();
    agent.launch();
    wait_until("recovery answers", START_WITHIN, || {
        matches!(agent.ask(&Request::Status), Ok(Ok(Answer::Status(_))))
    });
}

/// Both slots are worn out: the next boot ends in recovery.
fn wear_out(flash: &UpdateBox) {
    flash.patch("pmu-a", 1_000_000, b"worn out");
    assert_eq!(flash.start(), None);
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                files(&path).into_iter().collect::<Vec<_>>()
            } else {
                let bytes = std::fs::read(&path).unwrap();
                vec![(path.display().to_string(), bytes)]
            }
        })
        .collect()
}

/// The births of recovery that were heard, whether retained or not.
fn births(listener: &Listener) -> Vec<(bool, RecoveryBirth)> {
    let heard = listener.heard_on("/up/st").into_iter();
    heard
        .filter_map(|heard| match Presence::decode(&heard.payload) {
            Ok(Presence::Recovery(birth)) => Some((heard.retained, birth)),
            _ => None,
        })
        .collect()
}

/// What whoever subscribes later is told.
fn retained(world: &World) -> RecoveryBirth {
    let folder = world.folder().join("late");
    std::fs::create_dir_all(&folder).unwrap();
    let filter = format!("gw/v1/{GATEWAY}/up/st");
    let late = Listener::start(&folder, &world.broker, &world.listener, &[&filter]);
    wait_until("what the broker keeps", WITHIN, || {
        !births(&late).is_empty()
    });
    let (is_retained, birth) = births(&late).remove(0);
    assert!(is_retained);
    birth
}

#[track_caller]
fn epoch(agent: &Agent) -> String {
    match agent.ask(&Request::StoreStats) {
        Ok(Ok(Answer::Store(stats))) => stats.epoch,
        other => panic!("no store: {other:?}"),
    }
}

/// A signed watermark over more than there is, and one that the broker keeps.
fn tempt(world: &World) {
    let topic = format!("gw/v1/{GATEWAY}/dn/ack");
    let mark = Mark {
        upto: 1,
        islands: Vec::new(),
    };
    let marks = Watermarks {
        epoch: [7; 8],
        marks: [(Stream::Profile, mark)].into(),
    };
    let key = std::fs::read_to_string(&world.key.private).unwrap();
    let key = SigningKey::from_pem(&key).unwrap();
    let gateway = GATEWAY.parse().unwrap();
    let signed = sign_watermark(&key, &gateway, &marks.encode().unwrap()).unwrap();
    for retain in [false, true] {
        world
            .broker
            .publish(&world.intruder, &topic, &signed, retain);
    }
    world.broker.publish(&world.intruder, &topic, b"", true);
}

/// Reads for a while; what nobody has confirmed yet lies in the store then.
fn read_meters(world: &mut World, agent: &mut Agent) {
    world.head_end.start();
    agent.start();
    wait_until("intervals", WITHIN, || agent.meter("main-1").intervals > 3);
    world.head_end.kill();
    let so_far = agent.meter("main-1").intervals;
    wait_until("more of them", WITHIN, || {
        agent.meter("main-1").intervals > so_far + 2
    });
}

/// The broker and the head-end know that it is recovery, and why.
#[track_caller]
fn says_why(world: &World) -> RecoveryBirth {
    let birth = retained(world);
    assert_eq!(birth.reason.as_deref(), Some("verity"));
    let refused: Vec<(&str, &str)> = birth
        .refused
        .iter()
        .map(|system| (system.slot.as_str(), system.reason.as_str()))
        .collect();
    assert_eq!(refused, [("A", "verity"), ("B", "empty")]);
    wait_until("the head-end shows it", WITHIN, || {
        world.head_end.said().contains("RECOVERY, no meter is read")
    });
    assert!(world.head_end.said().contains("slot A was refused"));
    birth
}

#[track_caller]
fn update_by_http(agent: &Agent) {
    let image = newer();
    let server = UpdateServer::start(&image.file, Habits::default());
    let bytes = image.file.len().to_string();
    let order = ["update", "fetch", &image.sha256(), &bytes, &server.url()];
    let (code, text) = typed(agent, &order);
    assert_eq!(code, Some(0), "{text}");
    let wish = agent.folder().join("run/reboot-wanted");
    wait_until("the wish for a reboot", WITHIN, || wish.exists());
    let wish = std::fs::read_to_string(wish).unwrap();
    assert!(wish.starts_with("slot-b trial"), "{wish}");
}

/// The wire once nothing is under way on it any more.
fn quiet(bus: &Bus) -> WireCounters {
    let mut seen = bus.wire.counters();
    wait_until("the wire is quiet", WITHIN, || {
        pause(Duration::from_millis(700));
        let before = std::mem::replace(&mut seen, bus.wire.counters());
        before == seen
    });
    seen
}

#[test]
fn a_box_without_a_system_says_why_takes_an_update_and_loses_nothing() {
    let promise = "a box without a system says why, takes an update and loses nothing";
    let Some(mut world) = World::new(promise) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 9600, 7);
    bus.seat("eastron-sdm120", 1);
    let mut agent = world.gateway(GATEWAY, &[&bus], 2);
    let flash = UpdateBox::flashed(agent.folder(), &Recipe::default().make());
    agent.file.more = flash.section(QUICK);
    assert_eq!(flash.boot(), Slot::A);
    read_meters(&mut world, &mut agent);
    let before = epoch(&agent);

    agent.cut_power();
    wear_out(&flash);
    let store = files(&agent.folder().join("data"));
    assert!(!store.is_empty());
    let asked = quiet(&bus);
    let listener = Listener::start(
        world.folder(),
        &world.broker,
        &world.listener,
        &["gw/v1/+/up/#"],
    );
    world.head_end.start();
    start_in_recovery(&mut agent);
    wait_until("it is connected", WITHIN, || agent.is_connected());
    let birth = says_why(&world);
    tempt(&world);
    meters_are_left_alone(&agent);

    // Another start of recovery is another connection, and never an older one, though what it had
    // counted was in memory.
    agent.cut_power();
    start_in_recovery(&mut agent);
    wait_until("it is connected again", WITHIN, || agent.is_connected());
    wait_until("a later birth", WITHIN, || {
        let newest = births(&listener).into_iter().next_back();
        newest.is_some_and(|(_, newest)| newest.session > birth.session)
    });
    let uplink = agent.status().uplink.unwrap();
    assert_eq!((uplink.sent, uplink.watermarks), (0, 0));
    assert_eq!(uplink.watermarks_refused, 0, "none is listened for");

    update_by_http(&agent);
    let is_presence = |topic: &str| topic.ends_with("/up/st");
    let records = listener.heard();
    assert!(
        records.iter().all(|heard| is_presence(&heard.topic)),
        "recovery sent records: {records:?}"
    );
    assert_eq!(bus.wire.counters(), asked, "a meter was asked");
    agent.stop();
    assert!(
        files(&agent.folder().join("data")) == store,
        "the store was touched"
    );

    agent.cut_power();
    assert_eq!(flash.start(), Some(Slot::B));
    std::fs::create_dir_all(agent.folder().join("run")).unwrap();
    agent.start();
    assert_eq!(epoch(&agent), before);
    wait_until("the new system is kept", WITHIN, || {
        flash.state().slot(Slot::B).state == SlotState::Good
    });
    world.must_end_clean(&mut agent, &[&bus]);
}

#[test]
fn the_head_end_hands_an_image_over_to_recovery() {
    let promise = "the head-end hands an image over to recovery";
    let Some(mut world) = World::new(promise) else {
        return;
    };
    let mut agent = world.gateway(GATEWAY, &[], 2);
    let flash = UpdateBox::flashed(agent.folder(), &Recipe::default().make());
    agent.file.more = flash.section(QUICK);
    wear_out(&flash);
    world
        .broker
        .grant("headend", &["topic write gw/v1/+/dn/blob/+"]);
    let images = world.folder().join("images");
    std::fs::create_dir_all(&images).unwrap();
    let image = newer();
    std::fs::write(images.join("new.pmuimg"), &image.file).unwrap();
    let images = images.display().to_string();
    world
        .head_end
        .start_with(&["--images", &images, "--image-rate", "65536"]);
    start_in_recovery(&mut agent);
    wait_until("it is connected", WITHIN, || agent.is_connected());
    let bytes = image.file.len().to_string();
    let order = ["update", "fetch", "--leave", &image.sha256(), &bytes];
    assert_eq!(typed(&agent, &order).0, Some(0));
    let wish = agent.folder().join("run/reboot-wanted");
    wait_until("the wish for a reboot", WITHIN, || wish.exists());
    assert_eq!(flash.start(), Some(Slot::B));
}

fn meters_are_left_alone(agent: &Agent) {
    for words in [
        ["meter", "list"].as_slice(),
        &["meter", "read", "main-1"],
        &["meter", "ping", "main-1"],
        &["meter", "clock", "main-1"],
        &["bus", "scan", "main"],
        &["bus", "trace", "main", "on"],
    ] {
        let (code, text) = typed(agent, words);
        assert_eq!(code, Some(1), "{text}");
        let expected = "recovery system: meters are not read";
        assert!(text.contains(expected), "{words:?}: {text}");
    }
    let what = Work::Poll {
        meter: "main-1".to_owned(),
    };
    let refused = agent.ask(&Request::Start { what }).unwrap().unwrap_err();
    assert!(refused.problem.contains("meters are not read"));
    let (_, text) = typed(agent, &["store", "stats"]);
    assert!(text.contains("the store is left as it is"), "{text}");
}

/// A box without a head-end, in recovery.
struct Site {
    _folder: TempDir,
    flash: UpdateBox,
    agent: Agent,
}

impl Site {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flash = UpdateBox::flashed(folder.path(), &Recipe::default().make());
        let mut file = AgentFile::new("pmu-recovery");
        file.more = flash.section(more);
        let agent = Agent::install(file, folder.path());
        wear_out(&flash);
        Self {
            _folder: folder,
            flash,
            agent,
        }
    }

    /// The daemon ends by itself, as for a wrong configuration.
    #[track_caller]
    fn ends_misconfigured(&mut self, words: &str) {
        let mut start = Command::new(binaries::agent());
        let config = self.agent.config();
        let done = start.arg("run").arg("--config").arg(config).output();
        let done = done.expect("pmu-agent");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(78), "{said}");
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn no_system_is_judged_kept_or_left_in_recovery() {
    // What is wrong in the keys of the gate does no harm either.
    let mut site = Site::new("healthy-for-seconds = 9\ntrial-seconds-max = 2");
    let state = site.flash.read("pmu-state");
    start_in_recovery(&mut site.agent);
    let status = site.agent.update_status();
    assert_eq!((status.running.as_str(), status.trial), ("recovery", None));
    assert_eq!(status.last, None, "something was done unasked");
    for word in ["commit", "rollback"] {
        let (code, text) = typed(&site.agent, &["update", word]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("the recovery system runs"), "{text}");
    }
    assert_eq!(site.flash.read("pmu-state"), state);
    assert!(!site.agent.folder().join("run/reboot-wanted").exists());
    let (code, text) = typed(&site.agent, &["update", "status"]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("recovery runs") && text.contains("slot A was refused"),
        "{text}"
    );
    site.agent.stop();
    assert!(!site.agent.folder().join("data").exists());
}

#[test]
fn an_update_is_cancelled_and_one_from_a_file_is_tried() {
    let mut site = Site::new("kibibytes-per-second = 16");
    start_in_recovery(&mut site.agent);
    let image = newer();
    let server = UpdateServer::start(&image.file, Habits::default());
    let (sha256, bytes) = (image.sha256(), image.file.len().to_string());
    let order = ["update", "fetch", "--leave", &sha256, &bytes, &server.url()];
    assert_eq!(typed(&site.agent, &order).0, Some(0));
    wait_until("it is under way", WITHIN, || {
        site.agent
            .update_status()
            .order
            .is_some_and(|order| order.taken > 0)
    });
    assert_eq!(typed(&site.agent, &["update", "cancel"]).0, Some(0));
    wait_until("it has ended", WITHIN, || {
        !site.agent.update_status().is_busy
    });
    assert_eq!(site.flash.start(), None, "half an image starts nothing");

    site.agent.stop();
    site.agent.file.more = site.flash.section(QUICK);
    start_in_recovery(&mut site.agent);
    let file = site.agent.folder().join("new.pmuimg");
    std::fs::write(&file, &image.file).unwrap();
    let (code, text) = typed(
        &site.agent,
        &["update", "install", &file.display().to_string()],
    );
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(site.flash.start(), Some(Slot::B));
}

#[test]
fn a_configuration_that_is_wrong_in_its_meters_serves_and_a_missing_one_ends_the_daemon() {
    let mut site = Site::new(QUICK);
    site.agent
        .file
        .buses
        .push("id = \"main\"\nlink = \"by pigeon\"\n".to_owned());
    site.agent.file.models = "/nowhere".into();
    site.agent
        .file
        .more
        .push_str("\n[of-a-later-version]\nkey = 1\n");
    start_in_recovery(&mut site.agent);
    assert_eq!(site.agent.update_status().running, "recovery");
    // A changed file is taken by the same rules.
    site.agent.reload();
    pause(Duration::from_secs(1));
    assert!(site.agent.is_running());
    assert!(
        !site.agent.said().contains("not applied"),
        "{}",
        site.agent.said()
    );
    site.agent.stop();

    std::fs::write(site.agent.config(), "[gateway\n").unwrap();
    site.ends_misconfigured("agent.toml:1");
    std::fs::remove_file(site.agent.config()).unwrap();
    site.ends_misconfigured("cannot be read");
}

/// What `reboot-as-wished` of the image tells systemd to do.
#[track_caller]
fn check_reboot(wish: &str, board: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("wish"), wish).unwrap();
    std::fs::write(at("model"), board).unwrap();
    std::fs::write(at("systemctl"), "#!/bin/sh\necho \"told: $*\"\n").unwrap();
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../image/rootfs/usr/lib/pmu/reboot-as-wished");
    let path = std::env::var("PATH").unwrap();
    let mut run = Command::new("bash");
    run.arg("-c")
        .arg("chmod +x \"$1/systemctl\" && exec bash \"$2\" \"$1/wish\" \"$1/model\"")
        .arg("-")
        .arg(folder.path())
        .arg(script)
        .env("PATH", format!("{}:{path}", folder.path().display()));
    let done = run.output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let told = said.lines().find_map(|line| line.strip_prefix("told: "));
    assert_eq!(told, Some(expected), "{wish}: {said}");
    assert!(!at("wish").exists(), "it would reboot for ever");
}

#[test]
fn a_pi_is_told_of_slot_b_and_nobody_else_of_anything() {
    let (pi, pc) = ("Raspberry Pi 4 Model B Rev 1.5\0", "");
    let tryboot = "reboot --reboot-argument=0 tryboot";
    check_reboot("slot-b trial after an installation\n", pi, tryboot);
    check_reboot(
        "slot-b the new system did not come to health\n",
        pi,
        tryboot,
    );
    check_reboot("slot-a trial after an installation\n", pi, "reboot");
    check_reboot("slot-a rollback\n", pi, "reboot");
    check_reboot("slot-b rollback\n", pi, tryboot);
    check_reboot(
        "recovery the new system did not come to health\n",
        pi,
        "reboot",
    );
    check_reboot("any trial\n", pi, "reboot");
    check_reboot("\n", pi, "reboot");
    check_reboot("slot-b trial after an installation\n", pc, "reboot");
}
