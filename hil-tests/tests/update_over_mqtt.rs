//! An image from the head-end, chunk by chunk over a real broker with certificates: what is cut goes
//! on, what is forged is dropped, and readings go up meanwhile.
#![cfg(test)]

use std::path::PathBuf;
use std::time::Duration;

use bootloader_verify::{Slot, SlotState};
use desk::UpdateStatus;
use head_end::{ImageAnswer, ImageChunk, ImageWish};
use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::broker::BrokerSettings;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, wait_until};
use hil_tests::hands::typed;
use hil_tests::listener::Listener;
use hil_tests::update_box::{Image, Recipe, UpdateBox};
use hil_tests::world::World;

const GATEWAY: &str = "pmu-fetching";
const PERIOD_S: u32 = 2;
const WITHIN: Duration = Duration::from_mins(2);
const CHUNK: u64 = 64 * 1024;

struct Site {
    world: World,
    bus: Bus,
    flash: UpdateBox,
    agent: Agent,
    wishes: Listener,
}

impl Site {
    /// A box with one meter that was flashed, booted, and is connected; a head-end that serves an
    /// empty folder.
    fn new(promise: &str, kibibytes_per_second: u32) -> Option<Self> {
        let mut site = Self::with(World::new(promise)?, kibibytes_per_second);
        site.start_head_end();
        // Where nobody listens a gateway rests for half a minute.
        site.start();
        Some(site)
    }

    /// The same, not started yet and without a head-end.
    fn with(world: World, kibibytes_per_second: u32) -> Self {
        let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
        bus.seat("abb-b23", 1);
        let flash = UpdateBox::flashed(world.folder(), &Recipe::default().make());
        assert_eq!(flash.boot(), Slot::A);
        let mut agent = world.gateway(GATEWAY, &[&bus], PERIOD_S);
        agent.file.more = flash.section(&format!(
            "healthy-for-seconds = 1\nkibibytes-per-second = {kibibytes_per_second}"
        ));
        std::fs::create_dir_all(world.folder().join("images")).unwrap();
        let filter = format!("gw/v1/{GATEWAY}/up/want");
        let filters = [filter.as_str()];
        let wishes = Listener::start(world.folder(), &world.broker, &world.listener, &filters);
        Self {
            world,
            bus,
            flash,
            agent,
            wishes,
        }
    }

    fn start(&mut self) {
        self.agent.start();
        wait_until("the gateway is connected", WITHIN, || {
            self.agent.is_connected()
        });
    }

    fn images(&self) -> PathBuf {
        self.world.folder().join("images")
    }

    fn serve(&self, image: &Image) {
        std::fs::write(self.images().join("new.pmuimg"), &image.file).unwrap();
    }

    fn start_head_end(&mut self) {
        let images = self.images().display().to_string();
        let arguments = ["--images", &images, "--image-rate", "65536"];
        self.world.head_end.start_with(&arguments);
    }

    #[track_caller]
    fn status(&self) -> UpdateStatus {
        self.agent.update_status()
    }

    /// Orders an image, without waiting for it.
    #[track_caller]
    fn order(&self, image: &Image) {
        let bytes = image.file.len().to_string();
        let words = ["update", "fetch", "--leave", &image.sha256(), &bytes];
        let (code, text) = typed(&self.agent, &words);
        assert_eq!(code, Some(0), "{text}");
    }

    fn taken(&self) -> u64 {
        self.status().order.map_or(0, |order| order.taken)
    }

    #[track_caller]
    fn wait_for_reboot(&self) {
        let wish = self.agent.folder().join("run/reboot-wanted");
        wait_until("the wish for a reboot", WITHIN, || wish.exists());
        let text = std::fs::read_to_string(wish).unwrap();
        assert!(text.contains("trial"), "{text}");
    }

    fn reboot(&mut self) -> Slot {
        self.agent.cut_power();
        let slot = self.flash.boot();
        std::fs::create_dir_all(self.agent.folder().join("run")).unwrap();
        self.agent.start();
        slot
    }

    /// The new system starts and is kept, and every interval is at the head-end once.
    #[track_caller]
    fn must_end_well(mut self) {
        self.wait_for_reboot();
        assert_eq!(self.reboot(), Slot::B);
        wait_until("the new system is kept", WITHIN, || {
            self.flash.state().slot(Slot::B).state == SlotState::Good
        });
        self.world.must_end_clean(&mut self.agent, &[&self.bus]);
    }

    /// What was asked for so far.
    fn asked(&self) -> Vec<ImageWish> {
        let heard = self.wishes.heard_on("/up/want").into_iter();
        heard
            .map(|heard| ImageWish::decode(&heard.payload).expect("a wish"))
            .collect()
    }

    /// Whoever owns the broker says something about an image.
    fn forge(&self, image: &Image, payload: &[u8], retain: bool) {
        let topic = format!("gw/v1/{GATEWAY}/dn/blob/{}", image.sha256());
        self.world
            .broker
            .publish(&self.world.intruder, &topic, payload, retain);
    }

    fn refused(&self) -> u64 {
        self.agent.metric("pmu_uplink_down_refused_total")
    }

    /// KiB of memory that the daemon has.
    fn memory(&mut self) -> u64 {
        let id = self.agent.process().id();
        let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).expect("a figure")
    }
}

/// An image of so many blocks of 4 KiB.
fn newer(blocks: u32) -> Image {
    let recipe = Recipe {
        version: "2.0.0",
        counter: 6,
        blocks,
        ..Recipe::default()
    };
    recipe.make()
}

fn chunk_of(image: &Image, at: u64, length: usize) -> Vec<u8> {
    let from = usize::try_from(at).unwrap();
    let bytes = image.file.get(from..from + length).expect("within it");
    chunk(image, at, bytes.to_vec())
}

fn chunk(image: &Image, at: u64, bytes: Vec<u8>) -> Vec<u8> {
    let total = u64::try_from(image.file.len()).unwrap();
    let chunk = ImageChunk { at, total, bytes };
    ImageAnswer::Chunk(chunk).encode().unwrap()
}

#[test]
fn an_image_comes_over_the_broker_while_intervals_go_up() {
    let Some(site) = Site::new("an update over the broker", 512) else {
        return;
    };
    let image = newer(1000);
    site.serve(&image);
    site.order(&image);
    wait_until("the transfer has begun", WITHIN, || site.taken() > 300_000);
    let booked = |site: &Site| {
        let said = site.world.head_end.said();
        said.lines()
            .filter(|line| line.starts_with(GATEWAY))
            .count()
    };
    let before = booked(&site);
    wait_until("the transfer is nearly over", WITHIN, || {
        site.taken() > 3_800_000
    });
    let during = booked(&site) - before;
    assert!(
        during >= 2,
        "{during} intervals went up during the transfer"
    );
    site.wait_for_reboot();
    let asked = site.asked();
    let first = asked.first().map(|wish| (wish.from, wish.length));
    assert_eq!(first, Some((0, 4096)), "the manifest is asked for alone");
    let all: u64 = asked.iter().map(|wish| wish.length).sum();
    let total = u64::try_from(image.file.len()).unwrap();
    assert!(all < total + 8 * CHUNK, "{all} bytes asked for of {total}");
    site.must_end_well();
}

#[test]
fn a_broker_that_dies_in_the_middle_costs_no_more_than_a_window() {
    let Some(mut site) = Site::new("an update over a broker that dies", 1024) else {
        return;
    };
    let image = newer(1500);
    site.serve(&image);
    site.order(&image);
    wait_until("half of it", WITHIN, || site.taken() > 3 << 20);
    site.world.broker.kill();
    wait_until("the gateway has noticed", WITHIN, || {
        !site.agent.is_connected()
    });
    let at_the_cut = site.taken();
    pause(Duration::from_secs(2));
    site.world.broker.restart(BrokerSettings::default());
    let folder = site.world.folder().join("later");
    std::fs::create_dir_all(&folder).unwrap();
    let filter = format!("gw/v1/{GATEWAY}/up/want");
    site.wishes = Listener::start(
        &folder,
        &site.world.broker,
        &site.world.listener,
        &[&filter],
    );
    site.wait_for_reboot();
    for wish in site.asked() {
        assert!(
            wish.from + 8 * CHUNK > at_the_cut,
            "{wish:?} after {at_the_cut}"
        );
    }
    let chunks = image.file.len().div_ceil(65536) + 1;
    site.agent.cut_power();
    let summary = site.world.head_end.stop();
    let sent = summary.get("chunks").and_then(serde_json::Value::as_u64);
    let most = u64::try_from(chunks).unwrap() + 12;
    assert!(sent.is_some_and(|sent| sent <= most), "{sent:?} of {most}");
    assert_eq!(site.flash.boot(), Slot::B);
}

#[test]
fn a_power_cut_in_the_middle_goes_on_from_the_last_note() {
    let Some(mut site) = Site::new("an update cut by the power", 2048) else {
        return;
    };
    let image = newer(1800);
    site.serve(&image);
    site.order(&image);
    wait_until("more than a note", WITHIN, || site.taken() > 5 << 20);
    site.agent.kill();
    assert_eq!(site.reboot(), Slot::A);
    site.wait_for_reboot();
    let asked: Vec<u64> = site.asked().iter().map(|wish| wish.from).collect();
    let starts: Vec<usize> = (0..)
        .zip(&asked)
        .filter(|it| *it.1 == 0)
        .map(|it| it.0)
        .collect();
    let [0, second] = starts.as_slice() else {
        panic!("the manifest twice and no more: {asked:?}");
    };
    let after = asked.split_at(*second).1;
    let again = after.iter().filter(|from| (4096..4 << 20).contains(*from));
    // One window may have been asked for before the note was seen.
    assert!(again.count() <= 1, "from its note: {after:?}");
    site.must_end_well();
}

#[test]
fn a_head_end_without_the_image_is_told_in_plain_words_and_may_get_it_later() {
    let Some(site) = Site::new("an update that is not there yet", 65536) else {
        return;
    };
    let image = newer(500);
    site.order(&image);
    let waits = |site: &Site| site.status().order.map_or_else(String::new, |it| it.waits);
    wait_until("plain words", WITHIN, || {
        waits(&site).contains("the head-end has no such image")
    });
    let said = site.world.head_end.said();
    assert!(said.contains("wants an image that is not there"), "{said}");
    assert_eq!(typed(&site.agent, &["update", "cancel"]).0, Some(0));
    wait_until("the order has ended", WITHIN, || !site.status().is_busy);
    site.order(&image);
    site.serve(&image);
    site.must_end_well();
}

#[test]
fn a_gateway_without_an_uplink_says_so_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let flash = UpdateBox::flashed(folder.path(), &Recipe::default().make());
    assert_eq!(flash.boot(), Slot::A);
    let mut file = AgentFile::new("pmu-alone");
    file.more = flash.section("");
    let mut agent = Agent::install(file, folder.path());
    agent.start();
    let image = newer(100);
    let bytes = image.file.len().to_string();
    let (code, text) = typed(&agent, &["update", "fetch", &image.sha256(), &bytes]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("no [uplink] is configured"), "{text}");
    assert!(text.contains("pmuctl update install"), "{text}");
    agent.stop();
}

#[test]
fn whoever_owns_the_broker_installs_nothing_and_fills_nothing() {
    let Some(world) = World::new("forged chunks") else {
        return;
    };
    let mut site = Site::with(world, 65536);
    site.start();
    let (image, other) = (newer(500), newer(501));
    let before = site.flash.read("pmu-b");
    // Kept by the broker from an earlier day: the gateway must not take it.
    site.forge(&image, &chunk_of(&image, 0, 4096), true);
    site.order(&image);
    wait_until("it asks", WITHIN, || !site.asked().is_empty());
    wait_until("what was retained is refused", WITHIN, || {
        site.refused() > 0
    });

    let refused = site.refused();
    let memory = site.memory();
    let hostile = [
        ("nonsense", vec![0x5A; 100]),
        ("a chunk nobody asked for", chunk_of(&image, CHUNK, 65536)),
        ("a chunk cut otherwise", chunk_of(&image, 0, 4095)),
        ("a chunk of another image", chunk(&other, 0, vec![0; 4096])),
        ("more than a chunk", vec![0x5A; 66_000]),
    ];
    for (what, payload) in &hostile {
        let before = site.refused();
        site.forge(&image, payload, false);
        wait_until(what, WITHIN, || site.refused() > before);
    }
    // Not subscribed to: it does not even reach the gateway.
    site.forge(&other, &chunk_of(&other, 0, 4096), false);
    for _ in 0..20 {
        site.forge(&image, &vec![0x5A; 200_000], false);
        site.forge(&image, &chunk_of(&image, CHUNK, 65536), false);
    }
    wait_until("the flood was refused", WITHIN, || {
        site.refused() >= refused + 30
    });
    let grown = site.memory().saturating_sub(memory);
    assert!(grown < 8 * 1024, "{grown} KiB");
    assert!(site.agent.is_connected());

    assert_eq!(site.flash.read("pmu-b"), before, "nothing was written");
    assert_eq!(typed(&site.agent, &["update", "cancel"]).0, Some(0));
    wait_until("the order has ended", WITHIN, || !site.status().is_busy);

    // What it asks for, with other bytes: first a manifest that is none, judged before anything is
    // written; then the genuine one with wrong bytes to the end, found out there.
    let mut served = site.asked().len();
    site.order(&image);
    let mut round = 0;
    wait_until("two attempts were forged", WITHIN, || {
        for wish in site.asked().iter().skip(served) {
            served += 1;
            round += u32::from(wish.from == 0);
            for (at, length) in wish.chunks() {
                match (round, at) {
                    (1, _) => site.forge(&image, &chunk(&image, at, vec![0; length]), false),
                    (2, 0) => {
                        let is_unwritten = site.flash.read("pmu-b") == before;
                        assert!(is_unwritten, "written for a forged manifest");
                        site.forge(&image, &chunk_of(&image, at, length), false);
                    }
                    (2, _) => site.forge(&image, &chunk(&image, at, vec![0xEE; length]), false),
                    _ => {}
                }
            }
        }
        round > 2
    });
    assert!(site.flash.check(Slot::B, 0).is_err(), "it could be started");
    assert!(!site.agent.folder().join("run/reboot-wanted").exists());

    site.forge(&image, &[], true);
    site.serve(&image);
    site.start_head_end();
    site.must_end_well();
}
