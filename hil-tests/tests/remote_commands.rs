//! Operators sign, a broker with TLS carries it, the gateway proves, does and reads back: a tariff into a
//! DLMS meter, a setting into a Modbus meter, each with a receipt that a program of another language
//! checks offline. Whoever owns the broker, or has a certificate of it, changes nothing.
#![cfg(test)]

use std::path::Path;
use std::process::Command as Program;
use std::sync::Arc;
use std::time::Duration;

use authority::{
    Action, Command, CommandState, Document, OperatorKey, Receipt, ReceiptKeys, Role, sign_command,
};
use dlms::codec::{Attribute, Data, LogicalName};
use dlms::security::{Keys, Suite};
use head_end::FleetSubject;
use hil_tests::agent::Agent;
use hil_tests::bus::{Bus, model};
use hil_tests::clock::{becomes, pause, wait_until};
use hil_tests::dlms::{READER, credentials, entry, import, pair, seat};
use hil_tests::listener::Listener;
use hil_tests::office::{Office, epoch, receipt_keys, receipts_of, words_of};
use hil_tests::python::with_modules;
use hil_tests::world::World;
use simulator::dlms::{DlmsAccess, DlmsInstrument};
use simulator::meter::{ModelMeter, SettingsMeter};

const GATEWAY: &str = "pmu-remote";
const WITHIN: Duration = Duration::from_mins(3);
const TARIFF: &str = include_str!("../../config/schemes/two-rate-all-year.toml");
const DEMAND: &str = "format = 1\nname = \"demand-30\"\npurpose = \"program\"\n\
     meter-type = \"siemens-pac3200\"\nversion = 1\n\n[demand]\nperiod-minutes = 30\n";
const CALENDAR: Attribute = Attribute {
    class: 20,
    name: LogicalName([0, 0, 13, 0, 0, 255]),
    number: 2,
};

/// What Anna may do.
const ROLES: [Role; 1] = [Role::Operator];

fn put(text: &str) -> Action {
    let document = Document::Inline(text.to_owned());
    Action::SchemePut { document }
}

/// The end of a command, once the gateway has said it; proven with the gateway's public key.
#[track_caller]
fn end_of(listener: &Listener, keys: &ReceiptKeys, command: &Command) -> (Receipt, Vec<u8>) {
    let find = || {
        let all = receipts_of(listener, keys, command.id).into_iter();
        let mut ends = all.filter(|(receipt, _)| receipt.state.is_final());
        ends.next()
    };
    let is_there = becomes(WITHIN, || find().is_some());
    assert!(is_there, "command {} does not end", command.id);
    find().expect("it was there")
}

struct Site {
    agent: Agent,
    dlms: DlmsInstrument,
    modbus: Arc<SettingsMeter>,
    _bus: Bus,
}

/// A gateway with a DLMS meter with keys and a Modbus meter on one line.
fn site(world: &World, office: &Office) -> Site {
    let bus = Bus::serial("main", world.folder(), 9600, 4);
    let two = pair(Suite::Two, 0x22);
    let access = DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(READER, Keys::new(Suite::Two, &two.0, &two.1).expect("keys"))],
    };
    let dlms = seat(&bus, 17, access);
    let kind = model("siemens-pac3200");
    let modbus = Arc::new(SettingsMeter::new(kind, 5, 5, 0).expect("a meter"));
    let healthy = ModelMeter::new(kind, 5, 5).expect("a meter").healthy();
    bus.wire.seat(modbus.on_wire(), healthy);
    let mut agent = world.gateway(GATEWAY, &[&bus], 60);
    agent.file.more = entry("feeder-17", 17, "association = \"secured\", suite = 2");
    agent.file.more.push_str(
        "\n[[meter]]\nid = \"hall-5\"\nbus = \"main\"\nmodel = \"siemens-pac3200\"\nunit = 5\n",
    );
    agent.file.more.push_str(&office.section(world.folder()));
    let credentials = credentials(world.folder());
    let variable = format!("CREDENTIALS_DIRECTORY={}", credentials.display());
    agent.run_under(&["env", &variable]);
    agent.start();
    import(&agent, world.folder(), "feeder-17", Suite::Two, &two);
    Site {
        agent,
        dlms,
        modbus,
        _bus: bus,
    }
}

/// What the published verifier, in another language, says of a receipt.
#[track_caller]
fn check_by_python(python: &Path, folder: &Path, (key, signed): (&str, &[u8]), expected: &str) {
    let (key_file, receipt) = (folder.join("receipt-key.pem"), folder.join("receipt.cbor"));
    std::fs::write(&key_file, key).expect("a file");
    std::fs::write(&receipt, signed).expect("a file");
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/uplink/verify_receipt.py"
    );
    let mut verify = Program::new(python);
    verify.arg(script).args(["--gateway", GATEWAY, "--key"]);
    let said = verify
        .arg(&key_file)
        .arg(&receipt)
        .output()
        .expect("a verifier");
    let words = String::from_utf8_lossy(&said.stdout).into_owned();
    let errors = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        said.status.success() && words.contains(expected),
        "{words}{errors}"
    );
    // One changed octet, and it is no receipt of this gateway.
    let mut changed = signed.to_vec();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    std::fs::write(&receipt, changed).expect("a file");
    let mut verify = Program::new(python);
    verify.arg(script).args(["--gateway", GATEWAY, "--key"]);
    let said = verify
        .arg(&key_file)
        .arg(&receipt)
        .output()
        .expect("a verifier");
    assert!(!said.status.success(), "a changed receipt is believed");
}

/// All that one gateway and its operators need.
struct Scene {
    world: World,
    office: Office,
    listener: Listener,
    site: Site,
    keys: ReceiptKeys,
    key_text: String,
}

impl Scene {
    fn new(mut world: World) -> Self {
        world.head_end.start();
        let mut office = Office::new(&world, GATEWAY, &ROLES);
        office.publish_key_set(&world);
        let filters = ["gw/v1/+/up/#"];
        let listener = Listener::start(world.folder(), &world.broker, &world.listener, &filters);
        let site = site(&world, &office);
        let (keys, key_text) = receipt_keys(&site.agent);
        office.epoch = epoch(&listener, GATEWAY);
        Self {
            world,
            office,
            listener,
            site,
            keys,
            key_text,
        }
    }

    /// How often each meter was written to.
    fn writes(&self) -> (u32, usize) {
        let waiting = Attribute {
            number: 6,
            ..CALENDAR
        };
        (
            self.site.dlms.written(waiting),
            self.site.modbus.done().len(),
        )
    }

    #[track_caller]
    fn must_succeed(&self, command: &Command) -> (Receipt, Vec<u8>) {
        let (receipt, signed) = end_of(&self.listener, &self.keys, command);
        assert_eq!(receipt.state, CommandState::Succeeded, "{receipt:#?}");
        (receipt, signed)
    }
}

fn tariff() -> Action {
    Action::TariffSet {
        scheme: "two-rate-all-year".parse().expect("a name"),
        meters: vec!["feeder-17".parse().expect("a name")],
    }
}

fn demand() -> Action {
    Action::SchemeProgram {
        scheme: "demand-30".parse().expect("a name"),
        meters: vec!["hall-5".parse().expect("a name")],
    }
}

/// Two operators sign a tariff; another scheme goes to the Modbus meter. Both as they were sent.
fn program(scene: &mut Scene, python: &Path) -> (Vec<u8>, Vec<u8>) {
    let office = &mut scene.office;
    for text in [TARIFF, DEMAND] {
        let put = office.command(put(text));
        office.send(&scene.world, &office.signed(&put));
    }
    let (tariff, demand) = (office.command(tariff()), office.command(demand()));
    let approved = office.shared(&tariff);
    office.send(&scene.world, &approved);
    let alone = office.signed(&demand);
    office.send(&scene.world, &alone);
    let (receipt, signed) = scene.must_succeed(&tariff);
    let in_force = scene.site.dlms.programmed(CALENDAR);
    assert_eq!(in_force, Some(Data::OctetString(b"DAYNIGHT".to_vec())));
    let proof = receipt.proof.expect("a proof");
    assert_eq!(proof.who, ["Anna A.", "Ben B."]);
    assert_ne!(proof.meters[0].before, proof.meters[0].after);
    let told = (scene.key_text.as_str(), signed.as_slice());
    check_by_python(python, scene.world.folder(), told, "succeeded");
    scene.must_succeed(&demand);
    assert_eq!(scene.writes().1, 1, "one setting was written, once");
    (approved, alone)
}

/// Whoever owns the broker: another signer, a changed octet, an old command, a retained one, a key set
/// of his own.
fn attack(scene: &mut Scene, old: &[u8]) {
    let before = scene.writes();
    let next = scene.office.command(tariff());
    let topic = format!("gw/v1/{GATEWAY}/dn/cmd");
    let (broker, intruder) = (&scene.world.broker, &scene.world.intruder);
    let send = |bytes: &[u8], retained| broker.publish(intruder, &topic, bytes, retained);
    let thief = OperatorKey::ed25519(&[66; 32]);
    send(&sign_command(&next, &thief).expect("a command"), false);
    let good = scene.office.signed(&next);
    let mut tampered = good.clone();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 4;
    send(&tampered, false);
    send(old, false);
    send(&good, true);
    let mut theft = Office::new(&scene.world, GATEWAY, &ROLES);
    theft.root = OperatorKey::ed25519(&[67; 32]);
    let fleet = FleetSubject::KeySet.topic();
    broker.publish(intruder, fleet, &theft.key_set(), false);
    wait_until("what cannot be believed is told", WITHIN, || {
        let word = b"command-refused";
        let events = scene.listener.heard_on("/up/ev").into_iter();
        let mut events = events.map(|heard| heard.payload);
        events.any(|payload| payload.windows(word.len()).any(|part| part == word))
    });
    pause(Duration::from_secs(20));
    assert_eq!(
        before,
        scene.writes(),
        "nobody but the operators changes a meter"
    );
    // The same command, sent by those who signed it, is done: none of that used its number.
    send(b"", true);
    scene.office.send(&scene.world, &good);
    scene.must_succeed(&next);
}

/// How often the gateway has said something of a command.
fn words(scene: &Scene) -> usize {
    words_of(&scene.listener, scene.keys.gateway()).len()
}

#[test]
fn signed_commands_end_in_proof_and_nobody_else_commands() {
    let Some(world) = World::new("remote commands") else {
        return;
    };
    let Some(python) = with_modules("remote commands", &["cbor2", "cryptography"]) else {
        return;
    };
    let mut scene = Scene::new(world);
    let (approved, alone) = program(&mut scene, &python);
    attack(&mut scene, &approved);
    // After kill -9 the journal knows all of it: the same again is answered, and not done again.
    let (counted, before) = (words(&scene), scene.writes());
    scene.site.agent.kill();
    scene.site.agent.start();
    scene.office.send(&scene.world, &alone);
    wait_until("the receipt comes again", WITHIN, || {
        words(&scene) > counted
    });
    assert_eq!(scene.writes(), before, "it is not done twice");
    scene.site.agent.stop();
}
