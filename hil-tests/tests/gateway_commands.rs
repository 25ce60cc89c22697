//! Signed commands that change the gateway itself: a system, a configuration, what is too long for a
//! command. Each ends in exactly one receipt, whatever is killed meanwhile.
#![cfg(test)]

use std::path::PathBuf;
use std::time::Duration;

use authority::{Action, Blob, Command, CommandState, Document, Receipt, ReceiptKeys, Role};
use bootloader_verify::{Slot, SlotState};
use head_end::{ImageAnswer, ImageChunk, ImageWish};
use hil_tests::agent::Agent;
use hil_tests::bus::Bus;
use hil_tests::clock::{becomes, wait_until};
use hil_tests::hands::typed;
use hil_tests::listener::Listener;
use hil_tests::office::{Office, epoch, receipt_keys, receipts_of};
use hil_tests::update_box::{Image, Recipe, UpdateBox};
use hil_tests::world::World;
use sha2::{Digest, Sha256};

const GATEWAY: &str = "pmu-commanded";
const WITHIN: Duration = Duration::from_mins(2);

struct Site {
    world: World,
    office: Office,
    bus: Bus,
    flash: UpdateBox,
    agent: Agent,
    heard: Listener,
    keys: ReceiptKeys,
}

impl Site {
    fn new(promise: &str) -> Option<Self> {
        let mut world = World::new(promise)?;
        let roles = [Role::Operator, Role::Administrator];
        let mut office = Office::new(&world, GATEWAY, &roles);
        office.publish_key_set(&world);
        let images = world.folder().join("images");
        std::fs::create_dir_all(&images).expect("a folder");
        let images = images.display().to_string();
        let filters = ["gw/v1/+/up/#"];
        let heard = Listener::start(world.folder(), &world.broker, &world.listener, &filters);
        let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
        bus.seat("abb-b23", 1);
        let flash = UpdateBox::flashed(world.folder(), &Recipe::default().make());
        assert_eq!(flash.boot(), Slot::A);
        let mut agent = world.gateway(GATEWAY, &[&bus], 2);
        agent.file.more = flash.section("healthy-for-seconds = 1\nkibibytes-per-second = 1024");
        agent.file.more.push_str(&office.section(world.folder()));
        agent.file.more.push_str("trial-seconds = 30\n");
        agent.start();
        let (keys, text) = receipt_keys(&agent);
        // The installer takes the key from the box to the head-end, which then believes no other.
        let proving = world.folder().join("receipt-keys");
        std::fs::create_dir_all(&proving).expect("a folder");
        std::fs::write(proving.join(format!("{GATEWAY}.pem")), text).expect("a file");
        let proving = proving.display().to_string();
        let arguments = ["--images", &images, "--image-rate", "65536"];
        let proof = ["--receipt-keys", &proving];
        world
            .head_end
            .start_with(&[&arguments[..], &proof[..]].concat());
        office.epoch = epoch(&heard, GATEWAY);
        Some(Self {
            world,
            office,
            bus,
            flash,
            agent,
            heard,
            keys,
        })
    }

    fn images(&self) -> PathBuf {
        self.world.folder().join("images")
    }

    fn send(&self, bytes: &[u8]) {
        self.office.send(&self.world, bytes);
    }

    /// What was said of a command so far, in order, each once.
    fn receipts(&self, command: &Command) -> Vec<Receipt> {
        let all = receipts_of(&self.heard, &self.keys, command.id).into_iter();
        all.map(|(receipt, _)| receipt).collect()
    }

    #[track_caller]
    fn must_end(&self, command: &Command, state: CommandState) -> Receipt {
        let end = || {
            let all = self.receipts(command).into_iter();
            let mut ends = all.filter(|receipt| receipt.state.is_final());
            ends.next()
        };
        let is_there = becomes(WITHIN, || end().is_some());
        assert!(is_there, "it does not end: {:#?}", self.receipts(command));
        let receipt = end().expect("it was there");
        assert_eq!(receipt.state, state, "{receipt:#?}");
        receipt
    }

    /// The head-end, which has ended, has booked that these succeeded, with proof, and believed no
    /// other receipt.
    #[track_caller]
    fn must_be_booked(&self, commands: &[&Command]) {
        let ledger = self.world.head_end.ledger();
        let gateway = GATEWAY.parse().expect("a name");
        for command in commands {
            let booked = ledger
                .receipt(&gateway, command.id.bytes())
                .expect("a ledger");
            let booked = booked.expect("its receipt is booked");
            assert!(booked.is_proven, "{booked:?}");
            assert_eq!(booked.said.state, storage::CommandState::Succeeded);
            let kept = ledger
                .receipts_of(&gateway, command.id.bytes())
                .expect("a ledger");
            let mut proven: Vec<Receipt> = kept
                .iter()
                .map(|one| {
                    self.keys
                        .open(&one.signed)
                        .expect("proven")
                        .receipt()
                        .clone()
                })
                .collect();
            proven.retain(|receipt| receipt.state.is_final());
            assert_eq!(proven.len(), 1, "an end is kept once: {proven:#?}");
        }
        assert!(
            ledger
                .receipts_aside(&gateway)
                .expect("a ledger")
                .is_empty()
        );
        for figure in ["forged", "unproven"] {
            assert_eq!(self.world.head_end.sum(figure), 0, "{figure}");
        }
    }

    /// How many different final receipts there are of it.
    fn ends(&self, command: &Command) -> usize {
        let all = self.receipts(command).into_iter();
        all.filter(|receipt| receipt.state.is_final()).count()
    }

    fn reboot(&mut self) -> Slot {
        self.agent.cut_power();
        let slot = self.flash.boot();
        std::fs::create_dir_all(self.agent.folder().join("run")).expect("a folder");
        self.agent.start();
        slot
    }

    fn is_reboot_wanted(&self) -> bool {
        self.agent.folder().join("run/reboot-wanted").exists()
    }

    fn wait_for_reboot(&self) {
        wait_until("the wish for a reboot", WITHIN, || self.is_reboot_wanted());
    }

    /// Chunks that were asked for so far.
    fn wishes(&self) -> usize {
        self.heard.heard_on("/up/want").len()
    }

    /// An image that the head-end serves, and the command of two people to install it.
    fn order(&mut self, image: &Image) -> Command {
        std::fs::write(self.images().join("new.pmuimg"), &image.file).expect("a file");
        let blob = blob(&image.file);
        let command = self.office.command(Action::OtaInstall { image: blob });
        self.send(&self.office.shared(&command));
        command
    }
}

/// Configurations.
impl Site {
    fn configuration(&self) -> String {
        std::fs::read_to_string(self.agent.config()).expect("a file")
    }

    /// Two people order a configuration.
    fn configure(&mut self, document: Document) -> Command {
        let command = self.office.command(Action::CfgSet { document });
        self.send(&self.office.shared(&command));
        command
    }

    /// What the service manager does.
    fn restart_when_it_ends(&mut self) {
        wait_until("the agent ends", WITHIN, || !self.agent.is_running());
        self.agent.start();
    }

    fn is_on_trial(&self) -> bool {
        let file = self.agent.folder().join("data/configuration-trial");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.contains("\nstate running\n")
    }

    /// What the agent is connected to: none, unless a meter of the new configuration is shown.
    fn has_meter(&self, name: &str) -> bool {
        let (code, text) = typed(&self.agent, &["meter", "list"]);
        code == Some(0) && text.contains(name)
    }
}

fn with_meter(text: &str) -> String {
    format!("{text}\n[[meter]]\nid = \"added-2\"\nbus = \"main\"\nmodel = \"abb-b23\"\nunit = 2\n")
}

fn blob(bytes: &[u8]) -> Blob {
    Blob {
        sha256: Sha256::digest(bytes).into(),
        size: u64::try_from(bytes.len()).expect("a length"),
    }
}

fn newer(blocks: u32) -> Image {
    let recipe = Recipe {
        version: "2.0.0",
        counter: 6,
        blocks,
        ..Recipe::default()
    };
    recipe.make()
}

#[test]
fn a_system_that_two_people_sign_is_installed_once_and_its_receipt_says_that_it_is_kept() {
    let Some(mut site) = Site::new("a signed order for a system") else {
        return;
    };
    let before = site.flash.read("pmu-b");
    let image = newer(1000);
    std::fs::write(site.images().join("new.pmuimg"), &image.file).expect("a file");
    let action = Action::OtaInstall {
        image: blob(&image.file),
    };
    let alone = site.office.command(action);
    site.send(&site.office.signed(&alone));
    let refused = site.must_end(&alone, CommandState::Rejected);
    assert_eq!(refused.code.as_deref(), Some("need-second-approval"));
    assert_eq!(site.wishes(), 0, "nothing was asked for");
    assert_eq!(site.flash.read("pmu-b"), before, "nothing was written");

    let command = site.order(&image);
    wait_until("it is under way", WITHIN, || site.wishes() > 4);
    site.agent.kill();
    site.agent.start();
    // Killed between the installation and the wish for a reboot, the wish comes all the same.
    let ended = site.agent.folder().join("data/update-ended");
    wait_until("it is installed", WITHIN, || ended.exists());
    site.agent.kill();
    assert!(!site.is_reboot_wanted(), "too late to cut it there");
    let wishes = site.wishes();
    site.agent.start();
    site.wait_for_reboot();
    assert_eq!(site.ends(&command), 0, "not before it has proven itself");
    assert_eq!(site.reboot(), Slot::B);
    let receipt = site.must_end(&command, CommandState::Succeeded);
    let text = receipt.text.clone().unwrap_or_default();
    assert!(text.contains("2.0.0 is kept"), "{receipt:#?}");
    assert_eq!(site.flash.state().slot(Slot::B).state, SlotState::Good);

    // The same command again, and a new one for the same system: nothing is written.
    site.send(&site.office.shared(&command));
    let again = site.order(&image);
    let receipt = site.must_end(&again, CommandState::Succeeded);
    assert_eq!(receipt.text, Some(text));
    assert_eq!(site.ends(&command), 1);
    assert_eq!(site.wishes(), wishes, "nothing was fetched again");
    let counted = [
        "pmu_commands_accepted_total{} 1",
        "pmu_commands_ended_total{state=\"succeeded\"} 2",
        "pmu_commands_ended_total{state=\"failed\"} 0",
        "pmu_commands_open{} 0",
    ];
    wait_until("all that is counted", WITHIN, || {
        let page = site.agent.metrics();
        let has = |line: &str| page.lines().any(|found| found == line);
        counted.iter().all(|line| has(line))
    });
    assert_eq!(site.flash.boot(), Slot::B);
    site.world.must_end_clean(&mut site.agent, &[&site.bus]);
    site.must_be_booked(&[&command, &again]);
}

#[test]
fn a_system_that_does_not_prove_itself_ends_as_failed() {
    let Some(mut site) = Site::new("a signed order for a system that does not start") else {
        return;
    };
    let command = site.order(&newer(300));
    site.wait_for_reboot();
    site.agent.cut_power();
    let mut starts = 0;
    while site.flash.boot() == Slot::B {
        starts += 1;
        assert!(starts < 9, "it is tried for ever");
    }
    std::fs::create_dir_all(site.agent.folder().join("run")).expect("a folder");
    site.agent.start();
    let receipt = site.must_end(&command, CommandState::Failed);
    assert_eq!(receipt.code.as_deref(), Some("not-installed"));
    let text = receipt.text.unwrap_or_default();
    assert!(text.contains("2.0.0 is not kept"), "{text}");
    assert_eq!(site.ends(&command), 1);
    site.world.must_end_clean(&mut site.agent, &[&site.bus]);
}

#[test]
fn what_is_no_system_for_this_box_is_refused_and_says_why() {
    let Some(mut site) = Site::new("a signed order for a foreign system") else {
        return;
    };
    let before = site.flash.read("pmu-b");
    let foreign = Recipe {
        key: 2,
        counter: 9,
        ..Recipe::default()
    };
    let command = site.order(&foreign.make());
    let receipt = site.must_end(&command, CommandState::Failed);
    assert_eq!(receipt.code.as_deref(), Some("not-installed"));
    assert!(receipt.text.is_some_and(|text| !text.is_empty()));
    assert_eq!(site.flash.read("pmu-b"), before, "nothing was written");
    assert!(!site.is_reboot_wanted());
    site.world.must_end_clean(&mut site.agent, &[&site.bus]);
}

#[test]
fn a_configuration_is_tried_and_kept_or_left_by_itself() {
    let Some(mut site) = Site::new("a signed configuration") else {
        return;
    };
    let old = site.configuration();

    // All that is wrong is told, and nothing is changed.
    let wrong = old.replace("unit = 1\n", "unit = 1\nspeed = 9\n");
    let command = site.configure(Document::Inline(wrong));
    let receipt = site.must_end(&command, CommandState::Failed);
    assert_eq!(receipt.code.as_deref(), Some("bad-configuration"));
    let text = receipt.text.unwrap_or_default();
    assert!(
        text.contains("agent.toml") && text.contains("speed"),
        "{text}"
    );
    let mine = old.replace("operators.pem", "mine.pem");
    let command = site.configure(Document::Inline(mine));
    let receipt = site.must_end(&command, CommandState::Failed);
    let text = receipt.text.unwrap_or_default();
    assert!(text.contains("no command may change [commands]"), "{text}");
    assert!(!site.is_on_trial() && site.agent.is_running());

    // One that leads nowhere is left, whatever is killed meanwhile.
    let port = site.world.broker.port().to_string();
    let nowhere = with_meter(&old.replace(&format!("port = {port}"), "port = 1"));
    let command = site.configure(Document::Inline(nowhere));
    site.restart_when_it_ends();
    assert!(site.is_on_trial());
    wait_until("it is used", WITHIN, || site.has_meter("added-2"));
    site.agent.kill();
    site.agent.start();
    assert!(site.is_on_trial());
    site.restart_when_it_ends();
    let receipt = site.must_end(&command, CommandState::Failed);
    assert_eq!(receipt.code.as_deref(), Some("returned"));
    assert!(!site.has_meter("added-2"));
    assert_eq!(site.ends(&command), 1);

    // One that reaches the head-end is kept, over a power cut too.
    let command = site.configure(Document::Inline(with_meter(&old)));
    wait_until("the agent ends", WITHIN, || !site.agent.is_running());
    assert_eq!(site.reboot(), Slot::A);
    site.must_end(&command, CommandState::Succeeded);
    assert!(site.has_meter("added-2"));
    assert_eq!(site.reboot(), Slot::A);
    wait_until("it is used", WITHIN, || site.has_meter("added-2"));
    assert_eq!(site.ends(&command), 1);
    assert_eq!(
        site.configuration(),
        old,
        "the installer's file is as it was"
    );
    site.agent.stop();
}

#[test]
fn what_is_too_long_for_a_command_comes_beside_it_and_forged_bytes_achieve_nothing() {
    let Some(mut site) = Site::new("a document beside its command") else {
        return;
    };
    let old = site.configuration();
    let long = format!(
        "{}\n{}",
        with_meter(&old),
        "# a long line of words\n".repeat(4000)
    );
    let bytes = long.as_bytes();
    let document = Document::Blob(blob(bytes));
    let command = site.configure(document.clone());
    let sha256: [u8; 32] = Sha256::digest(bytes).into();
    let topic = format!("gw/v1/{GATEWAY}/dn/blob/{}", hil_tests::hex::hex(&sha256));
    let mut served = 0;
    let intruder = &site.world.intruder;
    let is_over = becomes(WITHIN, || {
        for heard in site.heard.heard_on("/up/want").into_iter().skip(served) {
            served += 1;
            let wish = ImageWish::decode(&heard.payload).expect("a wish");
            for (at, length) in wish.chunks() {
                let bytes = vec![b'#'; length];
                let chunk = ImageChunk {
                    at,
                    total: wish.total,
                    bytes,
                };
                let payload = ImageAnswer::Chunk(chunk).encode().expect("a chunk");
                site.world.broker.publish(intruder, &topic, &payload, false);
            }
        }
        site.ends(&command) > 0
    });
    let refused = site.agent.metric("pmu_uplink_down_refused_total");
    assert!(
        is_over,
        "{served} wishes, {refused} refused: {:#?}",
        site.receipts(&command)
    );
    let receipt = site.must_end(&command, CommandState::Failed);
    assert_eq!(receipt.code.as_deref(), Some("wrong-bytes"));
    assert!(!site.is_on_trial() && site.agent.is_running());

    std::fs::write(site.images().join("agent.toml"), &long).expect("a file");
    let command = site.configure(document);
    site.restart_when_it_ends();
    site.must_end(&command, CommandState::Succeeded);
    assert!(site.has_meter("added-2"));
    site.agent.stop();
}

#[test]
fn a_scheme_beside_its_command_is_fetched_anew_after_a_kill() {
    let Some(mut site) = Site::new("a scheme beside its command") else {
        return;
    };
    let scheme = include_str!("../../config/schemes/two-rate-all-year.toml");
    let long = format!("{scheme}\n{}", "# a long line of words\n".repeat(4000));
    let document = Document::Blob(blob(long.as_bytes()));
    let command = site.office.command(Action::SchemePut { document });
    site.send(&site.office.signed(&command));
    wait_until("it is asked for", WITHIN, || site.wishes() > 0);
    site.agent.kill();
    std::fs::write(site.images().join("scheme.toml"), &long).expect("a file");
    site.agent.start();
    let receipt = site.must_end(&command, CommandState::Succeeded);
    let text = receipt.text.unwrap_or_default();
    assert!(text.contains("two-rate-all-year"), "{text}");
    assert_eq!(site.ends(&command), 1);
    site.agent.stop();
}
