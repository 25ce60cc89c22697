//! One order to several gateways: in waves, stopped where too many fail, taken up again after a kill,
//! and nothing is ordered twice. Judged by what the gateways signed and by what their meters were
//! written; at the broker the operator may send commands and read what gateways say, and no more.
#![cfg(test)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command as Program;
use std::sync::Arc;
use std::time::Duration;

use authority::{
    CommandId, CommandState, Door, Proof, Receipt, ReceiptKeys, Role, SignedCommand, SigningKey,
    sign_receipt,
};
use head_end::{Body, Message};
use hil_tests::agent::Agent;
use hil_tests::binaries;
use hil_tests::bus::{Bus, model};
use hil_tests::clock::{becomes, pause, utc, wait_until};
use hil_tests::listener::Listener;
use hil_tests::office::{Office, epoch, receipt_keys, words_of};
use hil_tests::process::{Process, command};
use hil_tests::world::World;
use metering::ClockQuality;
use simulator::meter::{ModelMeter, SettingsMeter};

const NAMES: [&str; 4] = ["north-1", "north-2", "north-3", "north-4"];
const WITHIN: Duration = Duration::from_mins(2);
const DEMAND: &str = "format = 1\nname = \"demand-30\"\npurpose = \"program\"\n\
     meter-type = \"siemens-pac3200\"\nversion = 1\n\n[demand]\nperiod-minutes = 30\n";
const PROGRAM: &str = "scheme.program --scheme demand-30 --meter hall-5";

/// A gateway with a meter that counts what is written to it.
struct Station {
    name: &'static str,
    agent: Agent,
    meter: Arc<SettingsMeter>,
    keys: ReceiptKeys,
    _bus: Bus,
}

impl Station {
    fn new(world: &World, office: &Office, name: &'static str) -> Self {
        let bus = Bus::serial(name, world.folder(), 19_200, 4);
        let kind = model("siemens-pac3200");
        let meter = Arc::new(SettingsMeter::new(kind, 5, 5, 0).expect("a meter"));
        let healthy = ModelMeter::new(kind, 5, 5).expect("a meter").healthy();
        bus.wire.seat(meter.on_wire(), healthy);
        let mut agent = world.gateway(name, &[&bus], 60);
        agent.file.more = format!(
            "\n[[meter]]\nid = \"hall-5\"\nbus = \"{name}\"\nmodel = \"siemens-pac3200\"\nunit = 5\n"
        );
        agent.file.more.push_str(&office.section(world.folder()));
        agent.start();
        let (keys, _) = receipt_keys(&agent);
        Self {
            name,
            agent,
            meter,
            keys,
            _bus: bus,
        }
    }
}

/// Where the operator sits: files, and `pmuctl`.
struct Desk {
    folder: PathBuf,
    broker: String,
}

impl Desk {
    fn new(world: &World, office: &Office, stations: &[Station]) -> Self {
        let folder = world.folder().join("desk");
        std::fs::create_dir_all(folder.join("keys")).expect("a folder");
        let anna = folder.join("anna.pem");
        let text = office.anna.to_pem().expect("a key");
        std::fs::write(&anna, text).expect("a file");
        let alone = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&anna, alone).expect("a mode");
        std::fs::write(folder.join("demand.toml"), DEMAND).expect("a file");
        std::fs::write(folder.join("north.txt"), NAMES.join("\n")).expect("a file");
        for station in stations {
            let (_, text) = receipt_keys(&station.agent);
            let file = folder.join(format!("keys/{}.pub", station.name));
            std::fs::write(file, text).expect("a file");
        }
        let operations = &office.certificate;
        let broker = format!(
            "--host localhost --port {} --ca {} --certificate {} --tls-key {}",
            world.broker.port(),
            world.authority.certificate().display(),
            operations.certificate.display(),
            operations.key.display()
        );
        Self { folder, broker }
    }

    fn pmuctl(&self, words: &str) -> Program {
        let mut typed = command(binaries::pmuctl());
        typed.current_dir(&self.folder);
        typed.args(words.split_whitespace());
        typed
    }

    /// What it says, where it ends with this code.
    #[track_caller]
    fn says(&self, words: &str, code: i32) -> String {
        let done = self.pmuctl(words).output().expect("pmuctl");
        let text = String::from_utf8([done.stdout, done.stderr].concat()).expect("words");
        println!("$ pmuctl {words}\n{text}");
        assert_eq!(done.status.code(), Some(code), "{words}\n{text}");
        text
    }

    /// Signs a roll-out into the folder `name`, numbered behind the one before.
    fn signs(&self, name: &str, more: &str, order: &str) {
        let broker = &self.broker;
        let sign = format!("rollout sign --key anna.pem --folder {name} {more} {broker} {order}");
        self.says(&sign, 0);
    }

    fn run(&self, name: &str, more: &str) -> String {
        let broker = &self.broker;
        format!("rollout run {name} --state {name}.json --keys keys {more} {broker}")
    }

    /// Starts `rollout run` and lets it run.
    fn starts(&self, name: &str, more: &str) -> Process {
        let words = self.run(name, more);
        Process::start(name, &mut self.pmuctl(&words), &self.folder)
    }

    /// The command of a roll-out for one gateway.
    fn id(&self, name: &str, gateway: &str) -> CommandId {
        let place = NAMES.iter().position(|name| *name == gateway);
        let file = format!("{name}/{:05}-{gateway}.cbor", place.expect("a place"));
        let bytes = std::fs::read(self.folder.join(file)).expect("a command");
        claimed(&bytes)
    }

    fn state(&self, name: &str) -> String {
        let file = self.folder.join(format!("{name}.json"));
        std::fs::read_to_string(file).unwrap_or_default()
    }
}

fn claimed(bytes: &[u8]) -> CommandId {
    let signed = SignedCommand::parse(bytes, false).expect("a command");
    signed.claimed().expect("a command").id
}

struct Scene {
    world: World,
    listener: Listener,
    stations: Vec<Station>,
    desk: Desk,
}

impl Scene {
    fn new(mut world: World) -> Self {
        world.head_end.start();
        let office = Office::new(&world, NAMES[0], &[Role::Operator]);
        office.publish_key_set(&world);
        let filters = ["gw/v1/+/up/#", "gw/v1/+/dn/cmd"];
        let listener = Listener::start(world.folder(), &world.broker, &world.listener, &filters);
        let stations = NAMES.map(|name| Station::new(&world, &office, name));
        let stations = Vec::from(stations);
        for name in NAMES {
            epoch(&listener, name);
        }
        let desk = Desk::new(&world, &office, &stations);
        Self {
            world,
            listener,
            stations,
            desk,
        }
    }

    fn agent(&mut self, name: &str) -> &mut Agent {
        let mut all = self.stations.iter_mut();
        &mut all.find(|one| one.name == name).expect("one of them").agent
    }

    /// How often a command was sent to a gateway.
    fn sent(&self, gateway: &str, id: CommandId) -> usize {
        let heard = self.listener.heard_on(&format!("/{gateway}/dn/cmd"));
        let of_it = heard.iter().filter(|heard| claimed(&heard.payload) == id);
        of_it.count()
    }

    /// Everything final that a gateway signed, each once.
    fn ends(&self, station: &Station) -> Vec<Receipt> {
        let words = words_of(&self.listener, station.keys.gateway());
        let words: BTreeSet<Vec<u8>> = words.into_iter().collect();
        let proven = words.iter().filter_map(|word| station.keys.open(word).ok());
        let receipts = proven.map(|proven| proven.receipt().clone());
        receipts.filter(|one| one.state.is_final()).collect()
    }

    fn has_ended(&self, gateway: &str, id: CommandId) -> bool {
        let mut all = self.stations.iter();
        let station = all.find(|one| one.name == gateway).expect("one of them");
        self.ends(station).iter().any(|end| end.id == id)
    }

    /// Each meter was written once, and no gateway ended a command twice.
    #[track_caller]
    fn nothing_was_done_twice(&self, commands: [usize; 4]) {
        for (station, expected) in self.stations.iter().zip(commands) {
            let ends = self.ends(station);
            let ids: BTreeSet<CommandId> = ends.iter().map(|end| end.id).collect();
            let name = station.name;
            assert_eq!(ends.len(), ids.len(), "{name}: {ends:#?}");
            assert_eq!(ends.len(), expected, "{name}: {ends:#?}");
            assert_eq!(station.meter.done().len(), 1, "{name}: one write, once");
        }
    }

    /// What a call says, and how it ends, while somebody lies in a gateway's name again and again.
    fn lied_to(&self, gateway: &str, id: CommandId, words: &str) -> (Option<i32>, String) {
        let words = format!("command {words} {}", self.desk.broker);
        let name = format!("lie-{}", utc().millis());
        let mut call = Process::start(&name, &mut self.desk.pmuctl(&words), &self.desk.folder);
        let ended = becomes(WITHIN, || {
            self.forge(gateway, id);
            pause(Duration::from_millis(300));
            !call.is_running()
        });
        let said = call.said();
        println!("$ pmuctl {words}\n{said}");
        assert!(ended, "{words} does not end");
        (call.wait(WITHIN).code(), said)
    }

    /// Somebody who may publish says in a gateway's name that it is done.
    fn forge(&self, gateway: &str, id: CommandId) {
        let at = utc();
        let proof = Proof {
            who: vec!["Anna A.".to_owned()],
            door: Door::HeadEnd,
            begun: at,
            ended: at,
            meters: Vec::new(),
        };
        let receipt = Receipt {
            next_key: None,
            id,
            number: 3,
            state: CommandState::Succeeded,
            at,
            step: 0,
            steps: 0,
            code: None,
            text: None,
            now: None,
            evidence: None,
            proof: Some(proof),
        };
        let thief = SigningKey::from_seed(&[66; 32]);
        let name = gateway.parse().expect("a name");
        let body = Body::Receipt(sign_receipt(&thief, &name, &receipt).expect("a receipt"));
        let epoch = epoch(&self.listener, gateway);
        let message = Message::new(epoch, 999, at, ClockQuality::Synchronised, &body);
        let bytes = message.and_then(|message| message.encode());
        let topic = format!("gw/v1/{gateway}/up/rs");
        let intruder = &self.world.intruder;
        let bytes = bytes.expect("a message");
        self.world.broker.publish(intruder, &topic, &bytes, false);
    }
}

/// Killed twice in the middle, while one gateway is away; then taken up again.
fn killed_and_resumed(scene: &mut Scene) {
    let all = "--gateways north.txt --after put --after-state put.json";
    scene.desk.signs("program", all, PROGRAM);
    scene.agent("north-2").kill();
    let (first, second) = (
        scene.desk.id("program", "north-1"),
        scene.desk.id("program", "north-2"),
    );
    let mut run = scene.desk.starts("program", "--waves 1,1,2 --stop 0");
    wait_until("the second wave is on its way", WITHIN, || {
        scene.sent("north-2", second) > 0 && scene.desk.state("program").contains("\"succeeded\"")
    });
    run.kill();
    // The same call goes on, and whoever comes back is sent its command at once.
    let again = scene.sent("north-2", second) + 1;
    let mut run = scene.desk.starts("program", "");
    wait_until("it is sent again", WITHIN, || {
        scene.sent("north-2", second) >= again
    });
    scene.agent("north-2").start();
    wait_until("it is sent to whoever came back", WITHIN, || {
        scene.sent("north-2", second) > again
    });
    // Its end falls into a time in which nobody listens for the roll-out.
    run.kill();
    wait_until("it has ended", WITHIN, || {
        scene.has_ended("north-2", second)
    });
    let last = scene.desk.id("program", "north-4");
    assert_eq!(scene.sent("north-4", last), 0);
    let said = scene.desk.says(&scene.desk.run("program", ""), 0);
    assert!(said.contains("4 succeeded"), "{said}");
    assert_eq!(
        scene.sent("north-1", first),
        1,
        "what ended is not sent again"
    );
    scene.nothing_was_done_twice([2; 4]);
}

/// One gateway is down: the rule stops the roll-out, and a lie in its name changes nothing.
fn stopped_by_one_that_is_down(scene: &mut Scene) {
    let all = "--gateways north.txt --after program";
    scene.desk.signs("remove", all, "scheme.remove demand-30");
    scene.agent("north-2").kill();
    let away = scene.desk.id("remove", "north-2");
    let rule = "--waves 1,1,2 --stop 0 --within 8s";
    let mut run = scene.desk.starts("remove", rule);
    wait_until("it is sent", WITHIN, || scene.sent("north-2", away) > 0);
    scene.forge("north-2", away);
    let status = run.wait(WITHIN);
    let said = run.said();
    assert_eq!(status.code(), Some(1), "{said}");
    let words: Vec<&str> = said.split_whitespace().collect();
    let said = words.join(" ");
    for part in [
        "north-1 succeeded",
        "north-2 silent",
        "north-3 waiting",
        "north-4 waiting",
        "1 silent, 1 succeeded, 2 waiting",
        "stopped in wave 2: 1 failed; find out why",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    for name in ["north-3", "north-4"] {
        let id = scene.desk.id("remove", name);
        assert_eq!(scene.sent(name, id), 0, "{name} was ordered something");
    }
    // A program reads the same; nothing is sent by looking.
    let again = scene.desk.says(&scene.desk.run("remove", "--json"), 1);
    let line = again.lines().next().expect("a line");
    let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(value["stopped-in-wave"], 2, "{again}");
    assert_eq!(value["gateways"][1]["state"], "silent", "{again}");
    let said = scene.desk.says(&scene.desk.run("remove", "--stop 100"), 1);
    assert!(said.contains("1 silent, 3 succeeded"), "{said}");
    scene.nothing_was_done_twice([3, 2, 3, 3]);
}

#[track_caller]
fn check_said((code, said): &(Option<i32>, String), expected: i32, once: &str) {
    assert_eq!(*code, Some(expected), "{said}");
    assert_eq!(said.matches(once).count(), 1, "{once}: {said}");
}

/// A lie is shown as what it is: with the gateway's key it counts for nothing, without it nothing counts as
/// proven.
fn lies_are_told_as_such(scene: &Scene) {
    let id = scene.desk.id("remove", "north-2");
    let send = "send remove/00001-north-2.cbor";
    let status = format!("status {id} --gateway north-2");
    let lied = |words: &str| scene.lied_to("north-2", id, words);
    let passed_over = "(NOT PROVEN, passed over)";
    let key = "--key keys/north-2.pub --within 4s";
    check_said(&lied(&format!("{send} {key}")), 75, passed_over);
    check_said(&lied(&format!("{status} {key}")), 75, passed_over);
    let unproven = "said to be done, and not proven; give the gateway's public key";
    check_said(&lied(send), 2, unproven);
    check_said(&lied(&status), 2, unproven);
    let (code, said) = lied("watch --for 3s --keys keys");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("(NOT PROVEN)") && !said.contains("(proven)"),
        "{said}"
    );
}

/// One gateway refuses: the next wave is not ordered anything.
fn stopped_by_one_that_refuses(scene: &Scene) {
    let two = scene.desk.folder.join("two.txt");
    std::fs::write(two, "north-3\nnorth-4\n").expect("a file");
    let two = "--gateways two.txt --after remove --after-state remove.json";
    scene.desk.signs("again", two, "scheme.remove demand-30");
    let rule = "--waves 1,1 --stop 0";
    let said = scene.desk.says(&scene.desk.run("again", rule), 1);
    let words: Vec<&str> = said.split_whitespace().collect();
    let said = words.join(" ");
    for part in [
        "north-3 failed no-such-scheme",
        "north-4 waiting",
        "stopped in wave 1: 1 failed",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    scene.nothing_was_done_twice([3, 2, 4, 3]);
}

#[test]
fn a_roll_out_goes_in_waves_stops_and_is_taken_up_again() {
    let Some(world) = World::new("roll-outs") else {
        return;
    };
    let mut scene = Scene::new(world);
    let all = "--gateways north.txt";
    scene.desk.signs("put", all, "scheme.put demand.toml");
    let rule = "--waves 1,1,2 --stop 0";
    let said = scene.desk.says(&scene.desk.run("put", rule), 0);
    assert!(
        said.contains("wave 3 of 3") && said.contains("4 succeeded"),
        "{said}"
    );
    killed_and_resumed(&mut scene);
    stopped_by_one_that_is_down(&mut scene);
    lies_are_told_as_such(&scene);
    stopped_by_one_that_refuses(&scene);

    // Back again, it does what it was ordered; whoever asks once more hears the same receipt.
    scene.agent("north-2").start();
    let late = format!(
        "command send remove/00001-north-2.cbor --keys keys --within 60s {}",
        scene.desk.broker
    );
    let said = scene.desk.says(&late, 0);
    assert!(said.contains("is removed"), "{said}");
    scene.nothing_was_done_twice([3, 3, 4, 3]);
    for station in &mut scene.stations {
        station.agent.stop();
    }
}
