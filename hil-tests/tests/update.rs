//! An update from the order to the kept system, by the real daemon and the real command line, over a
//! box whose partitions are files: what is refused, what goes on, what comes back.
#![cfg(test)]

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bootloader_verify::limits::TRIES;
use bootloader_verify::{Slot, SlotState};
use desk::UpdateStatus;
use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::broker::free_port;
use hil_tests::clock::wait_until;
use hil_tests::hands::typed;
use hil_tests::openssl::{Authority, Identity};
use hil_tests::process::{Process, command};
use hil_tests::update_box::{Image, Recipe, UpdateBox};
use hil_tests::update_server::{Habits, UpdateServer};
use hil_tests::world::World;
use tempfile::TempDir;

const QUICK: &str = "healthy-for-seconds = 1\nkibibytes-per-second = 65536";
const WITHIN: Duration = Duration::from_mins(1);

struct Site {
    _folder: TempDir,
    flash: UpdateBox,
    agent: Agent,
}

impl Site {
    /// A box that was flashed, booted, and came to health.
    fn new(more: &str) -> Self {
        Self::with(more, |_| {})
    }

    fn with(more: &str, change: impl FnOnce(&mut AgentFile)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flash = UpdateBox::flashed(folder.path(), &Recipe::default().make());
        assert_eq!(flash.boot(), Slot::A);
        let mut file = AgentFile::new("pmu-update");
        file.more = flash.section(more);
        change(&mut file);
        let mut agent = Agent::install(file, folder.path());
        agent.start();
        Self {
            _folder: folder,
            flash,
            agent,
        }
    }

    #[track_caller]
    fn status(&self) -> UpdateStatus {
        self.agent.update_status()
    }

    /// Types a command; its exit code and its words.
    fn typed(&self, words: &[&str]) -> (Option<i32>, String) {
        typed(&self.agent, words)
    }

    fn fetch(&self, image: &Image, url: &str) -> (Option<i32>, String) {
        let bytes = image.file.len().to_string();
        self.typed(&["update", "fetch", &image.sha256(), &bytes, url])
    }

    fn wish(&self) -> PathBuf {
        self.agent.folder().join("run/reboot-wanted")
    }

    #[track_caller]
    fn wait_for_reboot(&self, why: &str) {
        wait_until("the wish for a reboot", WITHIN, || self.wish().exists());
        let text = std::fs::read_to_string(self.wish()).unwrap();
        assert!(text.contains(why), "{text}");
    }

    /// The power is cut, or systemd reboots: either way the next boot decides.
    fn reboot(&mut self) -> Slot {
        self.agent.cut_power();
        let slot = self.flash.boot();
        std::fs::create_dir_all(self.agent.folder().join("run")).unwrap();
        self.agent.start();
        slot
    }
}

fn newer() -> Recipe {
    Recipe {
        version: "2.0.0",
        counter: 6,
        ..Recipe::default()
    }
}

#[test]
fn a_cut_download_goes_on_and_the_new_system_is_kept_and_left_again() {
    let mut site = Site::new(QUICK);
    let image = newer().make();
    let habits = Habits {
        breaks_after: Some(900_000),
        ..Habits::default()
    };
    let server = UpdateServer::start(&image.file, habits);
    let (code, text) = site.fetch(&image, &server.url());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("is installed"), "{text}");
    let asked = server.asked();
    assert!(asked.len() > 2 && asked.is_sorted(), "{asked:?}");
    assert_eq!(asked.get(1), Some(&900_000), "it goes on where it was cut");
    site.wait_for_reboot("trial");

    assert_eq!(site.reboot(), Slot::B);
    wait_until("the new system is kept", WITHIN, || {
        site.flash.state().slot(Slot::B).state == SlotState::Good
    });
    // The disk knows it a moment before the daemon has looked.
    wait_until("the floor has risen", WITHIN, || site.status().floor == 5);
    let status = site.status();
    assert_eq!(status.version, "2.0.0");
    assert!(status.trial.is_none());
    assert_eq!(site.reboot(), Slot::B);

    let (code, text) = site.typed(&["update", "rollback"]);
    assert_eq!(code, Some(0), "{text}");
    site.wait_for_reboot("rollback");
    assert_eq!(site.reboot(), Slot::A);
    let (code, text) = site.typed(&["update", "status"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("slot A runs: version 1.0.0"), "{text}");
    site.agent.stop();
}

#[test]
fn a_server_that_knows_no_parts_serves_too() {
    let mut site = Site::new(QUICK);
    let image = newer().make();
    let habits = Habits {
        breaks_after: Some(900_000),
        knows_no_parts: true,
        ..Habits::default()
    };
    let server = UpdateServer::start(&image.file, habits);
    let (sha256, bytes) = (image.sha256(), image.file.len().to_string());
    let (code, _) = site.typed(&["update", "fetch", "--leave", &sha256, &bytes, &server.url()]);
    assert_eq!(code, Some(0));
    wait_until("it was cut", WITHIN, || server.asked().len() > 1);
    server.behave(Habits {
        knows_no_parts: true,
        ..Habits::default()
    });
    site.wait_for_reboot("trial");
    assert_eq!(site.reboot(), Slot::B);
}

#[test]
fn a_file_is_installed_and_a_power_cut_in_between_costs_nothing_but_time() {
    // Slow enough to be cut: seven mebibytes at one a second.
    let slow = "healthy-for-seconds = 1\nkibibytes-per-second = 2048";
    let mut site = Site::new(slow);
    let large = Recipe {
        blocks: 1800,
        ..newer()
    };
    let image = large.make();
    let server = UpdateServer::start(&image.file, Habits::default());
    let (sha256, bytes) = (image.sha256(), image.file.len().to_string());
    let order = ["update", "fetch", "--leave", &sha256, &bytes, &server.url()];
    assert_eq!(site.typed(&order).0, Some(0));
    let taken = |site: &Site| site.status().order.map_or(0, |order| order.taken);
    wait_until("more than a note", WITHIN, || taken(&site) > 5 << 20);
    assert_eq!(site.reboot(), Slot::A);
    site.wait_for_reboot("trial");
    let asked = server.asked();
    assert!(
        asked.iter().any(|from| *from >= 4 << 20),
        "it goes on from its note: {asked:?}"
    );
    assert_eq!(site.reboot(), Slot::B);

    wait_until("it is kept", WITHIN, || {
        site.flash.state().slot(Slot::B).state == SlotState::Good
    });
    let file = site.agent.folder().join("next.pmuimg");
    let next = Recipe {
        version: "3.0.0",
        counter: 7,
        ..Recipe::default()
    };
    std::fs::write(&file, next.make().file).unwrap();
    let (code, text) = site.typed(&["update", "install", &file.display().to_string()]);
    assert_eq!(code, Some(0), "{text}");
    site.wait_for_reboot("trial");
    assert_eq!(site.reboot(), Slot::A);
}

#[test]
fn what_is_not_ordered_or_not_allowed_is_refused_with_its_reason() {
    let site = Site::new(QUICK);
    let before = site.flash.read("pmu-b");
    let good = newer().make();
    let serve = |image: &Image| UpdateServer::start(&image.file, Habits::default());
    let refused = |recipe: Recipe, words: &str| {
        let image = recipe.make();
        let (code, text) = site.fetch(&image, &serve(&image).url());
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(words), "{words}: {text}");
        assert_eq!(
            site.flash.read("pmu-b"),
            before,
            "{words}: nothing was written"
        );
    };
    refused(Recipe { key: 9, ..newer() }, "does not trust");
    refused(
        Recipe {
            counter: 2,
            ..newer()
        },
        "below the floor",
    );
    refused(
        Recipe {
            expires: 5_000,
            ..newer()
        },
        "past its date",
    );

    let said = |sha256: &str, bytes: usize, url: &str, words: &str| {
        let (code, text) = site.typed(&["update", "fetch", sha256, &bytes.to_string(), url]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(words), "{words}: {text}");
    };
    let (server, sha256, bytes) = (serve(&good), good.sha256(), good.file.len());
    said(&"0".repeat(64), bytes, &server.url(), "SHA-256 differs");
    said(&sha256, bytes + 1, &server.url(), "the server has");
    said("abc", bytes, &server.url(), "64 hexadecimal digits");
    said(&sha256, bytes, "ftp://a/b", "write it as http://");
    let missing = Habits {
        says: Some("HTTP/1.1 404 Not Found"),
        ..Habits::default()
    };
    let server = UpdateServer::start(&good.file, missing);
    said(&sha256, bytes, &server.url(), "check the address");
    assert_eq!(site.flash.boot(), Slot::A);
    assert!(!site.wish().exists());
}

#[test]
fn a_new_system_that_never_comes_to_health_is_left_after_its_tries() {
    let hasty = "healthy-for-seconds = 1\ntrial-seconds-max = 2\nkibibytes-per-second = 65536";
    let mut site = Site::new(hasty);
    let image = newer().make();
    let server = UpdateServer::start(&image.file, Habits::default());
    assert_eq!(site.fetch(&image, &server.url()).0, Some(0));
    site.wait_for_reboot("trial");
    // Its line is gone.
    let nowhere = Path::new("/dev/pmu-nothing");
    site.agent.file.serial("main", nowhere, 9600);
    for attempt in 1..=TRIES {
        assert_eq!(site.reboot(), Slot::B, "try {attempt}");
        site.wait_for_reboot("did not come to health");
        assert!(site.agent.said().contains("no line is open"));
    }
    assert_eq!(site.reboot(), Slot::A);
    let status = site.status();
    assert_eq!(
        (status.running.as_str(), status.version.as_str()),
        ("A", "1.0.0")
    );
    // Nothing new can be installed over the way back while a system is on trial.
    assert!(status.trial.is_none());
}

#[test]
fn a_damaged_system_is_told_to_the_head_end_and_a_system_on_trial_keeps_its_way_back() {
    let mut site = Site::new("healthy-for-seconds = 600\nkibibytes-per-second = 65536");
    let image = newer().make();
    let server = UpdateServer::start(&image.file, Habits::default());
    assert_eq!(site.fetch(&image, &server.url()).0, Some(0));
    assert_eq!(site.reboot(), Slot::B);
    let (code, text) = site.fetch(&image, &server.url());
    assert_eq!(code, Some(1));
    assert!(text.contains("slot B is on trial"), "{text}");
    assert_eq!(site.typed(&["update", "commit"]).0, Some(0));
    // Damage that only a full read finds.
    site.flash.patch("pmu-b", 1_000_000, b"worn out");
    assert_eq!(site.reboot(), Slot::A);
    assert!(site.agent.said().contains("slot B was refused: verity"));
    let alarms = site.agent.status().alarms.join("\n");
    assert!(alarms.contains("system-fell-back"), "{alarms}");
    let (code, text) = site.typed(&["update", "rollback"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("slot B cannot be started"), "{text}");
}

/// Serves a folder over TLS with the openssl command line.
fn serve_over_tls(folder: &Path, identity: &Identity) -> (Process, u16) {
    let port = free_port();
    let mut serve = command("openssl");
    serve.current_dir(folder);
    serve.args(["s_server", "-accept", &port.to_string(), "-WWW", "-quiet"]);
    serve.arg("-cert").arg(&identity.certificate);
    serve.arg("-key").arg(&identity.key);
    let server = Process::start("openssl-server", &mut serve, folder);
    wait_until("the server listens", WITHIN, || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    });
    (server, port)
}

#[test]
fn https_is_believed_only_under_the_authority_of_the_uplink() {
    let Some(world) = World::new("an update over https") else {
        return;
    };
    let foreign = world.folder().join("foreign");
    std::fs::create_dir_all(&foreign).unwrap();
    let stranger = Authority::new(&foreign, "stranger").server("updates");
    let mut site = Site::with(QUICK, |file| {
        file.uplink = Some(world.uplink("pmu-update"));
    });
    let image = newer().make();
    for folder in [world.folder(), &foreign] {
        std::fs::write(folder.join("new.pmuimg"), &image.file).unwrap();
    }
    let before = site.flash.read("pmu-b");
    let (_strange, port) = serve_over_tls(&foreign, &stranger);
    let url = |port: u16| format!("https://localhost:{port}/new.pmuimg");
    let (sha256, bytes) = (image.sha256(), image.file.len().to_string());
    let order = ["update", "fetch", "--leave", &sha256, &bytes, &url(port)];
    assert_eq!(site.typed(&order).0, Some(0));
    wait_until("it says why", WITHIN, || {
        let order = site.status().order;
        order.is_some_and(|order| order.waits.contains("certificate that is not believed"))
    });
    assert_eq!(site.flash.read("pmu-b"), before, "nothing was written");
    assert_eq!(site.typed(&["update", "cancel"]).0, Some(0));
    wait_until("the order has ended", WITHIN, || !site.status().is_busy);

    let (_good, port) = serve_over_tls(world.folder(), &world.authority.server("updates"));
    let (code, text) = site.fetch(&image, &url(port));
    assert_eq!(code, Some(0), "{text}");
    site.wait_for_reboot("trial");
    assert_eq!(site.reboot(), Slot::B);
}

#[test]
fn a_system_without_slots_says_so_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::install(AgentFile::new("pmu-plain"), folder.path());
    agent.start();
    let (code, text) = typed(&agent, &["update", "status"]);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("was not started from a slot") && text.contains("apt upgrade"),
        "{text}"
    );
    agent.stop();
}
