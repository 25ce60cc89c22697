//! The product, whole: the image as it is flashed boots in a virtual machine, is provisioned with a
//! stick, reads a meter without keys and one with keys at its serial port, hands the readings to the
//! head-end, and is updated and brought back over the broker. The keys stay readable all the while.
#![cfg(test)]

use std::path::Path;
use std::time::Duration;

use dlms::security::{Keys, Suite};
use hil_tests::bus::Bus;
use hil_tests::clock::{becomes, pause};
use hil_tests::dlms::{READER, judge_dlms, pair, seat};
use hil_tests::hex::hex;
use hil_tests::judge::judge_within;
use hil_tests::product::{ProductBox, Stick, WITHIN};
use hil_tests::world::World;
use sha2::{Digest, Sha256};
use simulator::dlms::{DlmsAccess, DlmsInstrument};

const GATEWAY: &str = "pmu-vm";
/// The machine's clock begins with the whole seconds of its battery clock, and nobody sets it.
const CLOCKS: Duration = Duration::from_secs(3);
const METERS: &str = r#"
[store]
commit-every-seconds = 1

[[bus]]
id = "hall"
link = "serial"
device = "/dev/ttyS1"
baud = 9600

[[meter]]
id = "hall-1"
bus = "hall"
model = "abb-b23"
unit = 1
profile = { period-seconds = 60 }
instant = { every-seconds = 5 }

[[meter]]
id = "hall-2"
bus = "hall"
model = "dlms-generic"
dlms = { lower-address = 17, client = 1, association = "secured", suite = 2 }
collect = { every-seconds = 60 }
"#;

/// What a technician brings: all but the certificate, which the box has to ask for.
fn stick(world: &World, name: &str, meters: &str) -> Stick {
    let folder = world.folder();
    let stick = Stick::new(&folder.join(name));
    let port = world.broker.port();
    let text = format!(
        "[gateway]\nid = \"{GATEWAY}\"\n\n[time]\nservers = [\"10.0.2.2\"]\n\n\
         [broker]\nhost = \"10.0.2.2\"\nport = {port}\n"
    );
    let put = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::write(&file, text).expect("a file");
        stick.put(name, &file);
    };
    put("provision.toml", &text);
    put("meters.toml", meters);
    stick.put("ca.pem", &world.authority.certificate());
    stick.put("ingest-keys.pem", &world.key.public);
    let operators = hil_tests::openssl::ingest_key(folder, "operators");
    stick.put("operators.pem", &operators.public);
    stick
}

/// A stick with a mistake is refused. First visit: the box asks for its certificate. Second visit: it
/// gets it.
fn provision(world: &World, flashed: &mut ProductBox) {
    let wrong = METERS.replace("period-seconds = 60", "period-seconds = 10");
    let wrong = stick(world, "wrong.img", &wrong);
    flashed.plug(&wrong);
    flashed.expect(&["nothing was taken from the stick: meters.toml:16:"]);
    wait_for_answer(&wrong, "10 s is not a load-profile period");
    flashed.pull();

    let first = stick(world, "first.img", METERS);
    flashed.plug(&first);
    wait_for_answer(&first, "next: have pmu-vm.csr.pem signed");
    let request = world.folder().join("request.pem");
    let text = first.get("pmu-vm.csr.pem").expect("a request");
    std::fs::write(&request, text).expect("a file");
    flashed.pull();
    let certificate = world.folder().join("client.pem");
    world.authority.sign_request(&request, &certificate);

    let second = Stick::new(&world.folder().join("second.img"));
    second.put("client.pem", &certificate);
    flashed.plug(&second);
    wait_for_answer(&second, "pmu-vm is provisioned");
    flashed.pull();
}

/// Waits until the box has put these words on the stick.
fn wait_for_answer(stick: &Stick, words: &str) {
    let answer = || stick.get("answer.txt").unwrap_or_default();
    let is_there = becomes(WITHIN, || answer().contains(words));
    assert!(is_there, "no `{words}` on the stick: {}", answer());
    // As long as a person takes to read it.
    pause(Duration::from_secs(3));
}

/// An image file: what `pmuctl update fetch` is told of it.
fn order(file: &Path) -> String {
    let image = std::fs::read(file).expect("an image");
    let sha256 = bootloader_verify::to_hex(&Sha256::digest(&image));
    format!("{sha256} {}", image.len())
}

/// Waits until the system in this slot is kept, by the word of the box.
fn wait_until_kept(flashed: &ProductBox, slot: &str, version: &str) {
    let is_kept = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.starts_with(&[slot, "good", version])
    };
    let look = || {
        pause(Duration::from_secs(3));
        let (_, text) = flashed.shell("pmuctl update status");
        text.starts_with(&format!("slot {slot} runs")) && text.lines().any(is_kept)
    };
    if !becomes(WITHIN, look) {
        let (_, why) =
            flashed.shell("pmuctl status; df /data; journalctl -u pmu-agent -n 80 --no-pager");
        panic!("slot {slot} is not kept: {why}");
    }
}

/// The second meter, with keys of suite 2.
fn seat_with_keys(bus: &Bus) -> DlmsInstrument {
    let (encryption, authentication) = pair(Suite::Two, 0x22);
    let keys = Keys::new(Suite::Two, &encryption, &authentication).expect("keys");
    let access = DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(READER, keys)],
    };
    seat(bus, 17, access)
}

/// Brings the keys of the second meter, as a person at the box would.
fn import_keys(flashed: &ProductBox) {
    let (encryption, authentication) = pair(Suite::Two, 0x22);
    let (encryption, authentication) = (hex(&encryption), hex(&authentication));
    flashed.must(&format!(
        "umask 077; printf {encryption} >/run/e.key; printf {authentication} >/run/a.key; \
         pmuctl meter keys import hall-2 --suite 2 --encryption-key-file /run/e.key \
         --authentication-key-file /run/a.key; rm /run/e.key /run/a.key"
    ));
    reads_with_keys(flashed);
}

/// The sealed keys open, and the meter takes the counters that come after all that it has seen.
fn reads_with_keys(flashed: &ProductBox) {
    let said = flashed.must("pmuctl meter keys status; pmuctl meter clock hall-2");
    assert!(!said.contains("refus"), "{said}");
}

/// A figure, of this very boot: what the full check of the slot adds to it.
fn print_share_of_check(flashed: &ProductBox, boot: &str) {
    let after = boot
        .split("check=ok")
        .nth(1)
        .and_then(|rest| rest.split("ms=").nth(1));
    let digits = after.and_then(|rest| rest.split_whitespace().next());
    let check: f64 = digits.and_then(|text| text.parse().ok()).expect("its ms=");
    let reached = flashed
        .must("systemctl show --property=ActiveEnterTimestampMonotonic --value multi-user.target");
    let reached: f64 = reached.trim().parse().expect("microseconds");
    let rest = reached / 1000.0 - check;
    println!(
        "figure: the check takes {check:.0} ms, the rest up to multi-user {rest:.0} ms: +{:.1} %",
        100.0 * check / rest
    );
}

#[test]
fn a_flashed_box_is_set_up_reads_its_meter_and_is_updated_over_the_broker_and_brought_back() {
    let Some(mut world) = World::new("whole product") else {
        return;
    };
    let mut bus = Bus::serial("hall", world.folder(), 9600, 1);
    bus.seat("abb-b23", 1);
    let meter = seat_with_keys(&bus);
    let Some(mut flashed) = ProductBox::flashed("whole product", &bus.device()) else {
        return;
    };
    let folder = flashed.path("").display().to_string();
    world
        .head_end
        .start_with(&["--images", &folder, "--image-rate", "65536"]);
    flashed.switch_on();
    let boot = flashed.expect(&[
        "pmu-boot 1 slot=A check=ok",
        "NOT COMPLETE: no meter is read until it is",
    ]);
    provision(&world, &mut flashed);
    print_share_of_check(&flashed, &boot);
    flashed.expect(&["set-up    complete", "head-end  connected"]);
    // A person would wait ten minutes for it.
    flashed.must(
        "for line in '' [update] 'healthy-for-seconds = 5' 'kibibytes-per-second = 65536'; \
         do echo \"$line\"; done >>/etc/pmu/agent.toml && systemctl restart pmu-agent",
    );

    flashed.must("journalctl -u pmu-master-key --no-pager | grep 'sealed by host+tpm2'");

    import_keys(&flashed);

    // Over the broker: no address is named.
    let fetch = |flashed: &ProductBox, version: &str| {
        let image = flashed.path(&format!("{version}.pmuimg"));
        flashed.must(&format!("pmuctl update fetch {}", order(&image)));
    };
    fetch(&flashed, "2");
    flashed.wait_for_reboot();
    flashed.expect(&["pmu-boot 1 result=boot slot=B"]);
    wait_until_kept(&flashed, "B", "2.0.0");
    reads_with_keys(&flashed);
    flashed.must("pmuctl update rollback");
    flashed.wait_for_reboot();
    flashed.expect(&["pmu-boot 1 result=boot slot=A"]);
    flashed.expect(&["head-end  connected"]);
    flashed.must("pmuctl update rollback");
    flashed.wait_for_reboot();
    flashed.expect(&["pmu-boot 1 result=boot slot=B"]);
    // A system on trial takes no other one; connected is not yet kept.
    wait_until_kept(&flashed, "B", "2.0.0");

    // Nothing fits on the data partition any more, and yet the box can be mended by an update.
    flashed.shell("dd if=/dev/zero of=/data/filled bs=1M; df /data");
    fetch(&flashed, "3");
    flashed.wait_for_reboot();
    flashed.expect(&["pmu-boot 1 result=boot slot=A"]);
    wait_until_kept(&flashed, "A", "3.0.0");
    flashed.must("rm /data/filled; df /data; pmuctl status");
    // Two whole intervals of a minute, also where a slow machine had a start in each one before.
    pause(Duration::from_secs(150));
    flashed.must("pmuctl status");
    reads_with_keys(&flashed);

    world.head_end.stop();
    assert!(judge_dlms(&world, GATEWAY, "hall-2", (&meter, &bus)) >= 90);
    let mut rows = world.head_end.rows(GATEWAY);
    rows.retain(|row| row.meter.as_str() == "hall-1");
    for row in &rows {
        println!("booked: {} {} {}", row.meter, row.end, row.flags);
    }
    let verdict = judge_within(&rows, &[&bus], CLOCKS);
    println!("{verdict}");
    verdict.must_be_clean();
    assert!(verdict.whole >= 2, "{verdict}");
}
