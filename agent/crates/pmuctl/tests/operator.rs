//! Two operators from their keys to a proven order, with real files and without a broker.
#![cfg(test)]

use authority::{
    AuditSeal, CommandId, CommandState, MeterProof, Proof, Receipt, SigningKey, sign_receipt,
};
use metering::Timestamp;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use storage::{AuditHead, AuditLink, AuditRecord, AuditSegment};
use tempfile::TempDir;

fn pmuctl(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pmuctl"))
        .current_dir(folder)
        .args(line.split_whitespace())
        .output()
        .unwrap()
}

/// What it says, where it ends with this code.
#[track_caller]
fn says(folder: &Path, line: &str, code: i32) -> String {
    let output = pmuctl(folder, line);
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {text}");
    text
}

#[track_caller]
fn value(folder: &Path, line: &str, code: i32) -> serde_json::Value {
    let output = pmuctl(folder, &format!("{line} --json"));
    assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn public(folder: &Path, name: &str) -> String {
    let shown = value(folder, &format!("key show {name}.pem"), 0);
    shown.get("public").unwrap().as_str().unwrap().to_owned()
}

/// A folder with a root's, Anna's and Ben's keys, and a signed key set.
fn office() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    for name in ["root", "anna", "ben"] {
        says(place, &format!("key new --out {name}.pem --who {name}"), 0);
    }
    let mut text = "version = 1\nexpires = \"2999-01-01\"\n".to_owned();
    for (name, role) in [("anna", "operator"), ("ben", "approver")] {
        let entry = format!(
            "[[key]]\nwho = \"{name}\"\nroles = [\"{role}\"]\nfrom = \"2020-01-01\"\n\
             until = \"2999-01-01\"\npublic = \"{}\"\n",
            public(place, name)
        );
        text.push_str(&entry);
    }
    fs::write(place.join("keyset.toml"), text).unwrap();
    fs::write(place.join("root.pub"), public(place, "root")).unwrap();
    says(
        place,
        "keyset sign --root root.pem --from keyset.toml --out keyset.cbor",
        0,
    );
    folder
}

const SIGN: &str = "command sign --gateway pmu-001 --epoch 0011223344556677 --number 3";

#[test]
fn a_key_is_its_owners_and_is_never_overwritten() {
    let folder = office();
    let path = folder.path().join("anna.pem");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(&path).unwrap();
    assert!(says(folder.path(), "key new --out anna.pem", 1).contains("move an old file away"));
    assert_eq!(fs::read(&path).unwrap(), before);
    let shown = says(folder.path(), "key show anna.pem", 0);
    assert!(
        shown.contains("-----BEGIN PUBLIC KEY-----") && !shown.contains("PRIVATE"),
        "{shown}"
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = says(folder.path(), &format!("{SIGN} --key anna.pem nop"), 1);
    assert!(refused.contains("chmod 600"), "{refused}");
}

#[test]
fn a_key_set_is_believed_if_the_root_signed_it() {
    let folder = office();
    let shown = says(folder.path(), "keyset show keyset.cbor --root root.pub", 0);
    assert!(
        shown.contains("key set 1") && shown.contains("anna  operator"),
        "{shown}"
    );
    fs::write(
        folder.path().join("other.pub"),
        public(folder.path(), "anna"),
    )
    .unwrap();
    let refused = says(folder.path(), "keyset show keyset.cbor --root other.pub", 1);
    assert!(
        refused.contains("keyset.cbor") && refused.contains("not trusted"),
        "{refused}"
    );
    let bad =
        "version = 1\nexpires = \"2999-01-01\"\n[[rule]]\noperation = \"nop\"\nneed = [\"x\"]\n";
    fs::write(folder.path().join("policy.toml"), bad).unwrap();
    let sign = "policy sign --root root.pem --from policy.toml --out policy.cbor";
    let refused = says(folder.path(), sign, 1);
    assert!(
        refused.contains("policy.toml:5: rule.need: `x` is no role"),
        "{refused}"
    );
    fs::write(
        folder.path().join("policy.toml"),
        bad.replace("\"x\"", "\"operator\""),
    )
    .unwrap();
    says(folder.path(), sign, 0);
    let shown = says(folder.path(), "policy show policy.cbor --root root.pub", 0);
    assert!(shown.contains("nop               operator\n"), "{shown}");
}

#[test]
fn the_second_person_sees_and_signs_the_very_same_order() {
    let folder = office();
    let place = folder.path();
    let order = "tariff.set --scheme north/summer --meter feeder-1 feeder-2";
    says(
        place,
        &format!("{SIGN} --key anna.pem --shared --out half.cbor {order}"),
        0,
    );
    let asked = says(
        place,
        "command approve half.cbor --key ben.pem --out whole.cbor",
        1,
    );
    assert!(asked.contains("nobody can be asked"), "{asked}");
    assert!(!place.join("whole.cbor").exists());
    let once_more = says(
        place,
        "command approve half.cbor --key anna.pem --out x.cbor --yes",
        1,
    );
    assert!(once_more.contains("signed already"), "{once_more}");
    let seen = says(
        place,
        "command approve half.cbor --key ben.pem --out whole.cbor --yes",
        0,
    );
    assert!(
        seen.contains("WRITE the calendar of the scheme north/summer"),
        "{seen}"
    );
    assert!(seen.contains("meters     2: feeder-1, feeder-2"), "{seen}");
    assert!(seen.contains("(unverified"), "{seen}");
    let proven = "command show whole.cbor --key-set keyset.cbor --root root.pub";
    let shown = says(place, proven, 0);
    assert!(
        shown.contains("signed by  anna (operator) and ben (approver) (proven"),
        "{shown}"
    );
    let alone =
        "command sign --gateway pmu-001 --epoch 0011223344556677 --number 4 --key anna.pem nop";
    says(place, alone, 0);
    let refused = says(
        place,
        "command approve pmu-001-4-nop.cbor --key ben.pem --out y.cbor --yes",
        1,
    );
    assert!(refused.contains("sign it with --shared"), "{refused}");
}

#[test]
fn the_next_order_goes_on_from_the_file_of_the_one_before() {
    let folder = office();
    let place = folder.path();
    says(
        place,
        &format!("{SIGN} --key anna.pem --shared --out a.cbor nop"),
        0,
    );
    says(
        place,
        "command approve a.cbor --key ben.pem --out b.cbor --yes",
        0,
    );
    let next = "command sign --gateway pmu-001 --after b.cbor";
    let said = says(place, &format!("{next} --key anna.pem --out c.cbor nop"), 0);
    assert!(
        said.contains("0011223344556677 (epoch)") && said.contains("number     4 of"),
        "{said}"
    );
    // Numbers are Anna's, who signed it first, and one gateway's.
    let refused = says(place, &format!("{next} --key ben.pem --out d.cbor nop"), 1);
    assert!(refused.contains("that this key signed first"), "{refused}");
    let other = next.replace("pmu-001", "pmu-002");
    says(
        place,
        &format!("{other} --key anna.pem --out d.cbor nop"),
        1,
    );
    says(
        place,
        &format!("{next} --number 9 --key anna.pem --out d.cbor nop"),
        64,
    );
}

#[test]
fn a_changed_order_is_shown_as_not_proven() {
    let folder = office();
    let place = folder.path();
    says(
        place,
        &format!("{SIGN} --key anna.pem --out a.cbor meter.ping feeder-1"),
        0,
    );
    let mut bytes = fs::read(place.join("a.cbor")).unwrap();
    let at = bytes
        .windows(8)
        .position(|part| part == b"feeder-1")
        .unwrap()
        + 7;
    *bytes.get_mut(at).unwrap() = b'2';
    fs::write(place.join("a.cbor"), bytes).unwrap();
    let shown = says(
        place,
        "command show a.cbor --key-set keyset.cbor --root root.pub",
        1,
    );
    assert!(
        shown.contains("feeder-2") && shown.contains("NOT PROVEN"),
        "{shown}"
    );
    let shown = value(
        place,
        "command show a.cbor --key-set keyset.cbor --root root.pub",
        1,
    );
    assert_eq!(shown.get("proven").unwrap(), false);
    fs::write(place.join("a.cbor"), "hello").unwrap();
    assert!(says(place, "command show a.cbor", 1).contains("a.cbor: this is no command"));
}

#[test]
fn what_is_long_travels_beside_the_command() {
    let folder = office();
    let place = folder.path();
    fs::write(place.join("long.toml"), "# long\n".repeat(4000)).unwrap();
    let signed = says(
        place,
        &format!("{SIGN} --key anna.pem scheme.put long.toml"),
        0,
    );
    assert!(
        signed.contains("blob       28000 bytes with SHA-256"),
        "{signed}"
    );
    fs::write(place.join("short.toml"), "# short\n").unwrap();
    let signed = says(
        place,
        &format!("{SIGN} --key anna.pem --out s.cbor list.put short.toml"),
        0,
    );
    assert!(signed.contains("  | # short"), "{signed}");
}

#[test]
fn receipts_are_proven_offline_and_a_changed_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let key = SigningKey::from_seed(&[5; 32]);
    let at = Timestamp::from_seconds(1_795_000_000);
    let receipt = Receipt {
        id: CommandId::new([7; 16]),
        number: 3,
        state: CommandState::Succeeded,
        at,
        step: 2,
        steps: 2,
        code: None,
        text: None,
        now: None,
        evidence: None,
        proof: Some(Proof {
            who: vec!["anna".to_owned(), "ben".to_owned()],
            door: authority::Door::HeadEnd,
            begun: at,
            ended: at,
            meters: vec![MeterProof {
                meter: "feeder-1".parse().unwrap(),
                state: CommandState::Succeeded,
                steps: 2,
                before: Some([1; 32]),
                after: Some([2; 32]),
                programmed: Some((4, 5)),
            }],
        }),
        next_key: None,
    };
    let gateway = "pmu-001".parse().unwrap();
    let bytes = sign_receipt(&key, &gateway, &receipt).unwrap();
    fs::write(place.join("gateway.pub"), key.public_pem().unwrap()).unwrap();
    let verify = "receipt verify --gateway pmu-001 --key gateway.pub r.cbor";
    fs::write(place.join("r.cbor"), &bytes).unwrap();
    let shown = says(place, verify, 0);
    assert!(
        shown.contains("ordered by anna and ben over head-end"),
        "{shown}"
    );
    assert!(
        shown.contains("programmed 4 times before, 5 after"),
        "{shown}"
    );
    let foreign = says(place, &verify.replace("pmu-001", "pmu-002"), 1);
    assert!(foreign.contains("r.cbor: NOT PROVEN"), "{foreign}");
    for at in (0..bytes.len()).step_by(5) {
        let mut changed = bytes.clone();
        *changed.get_mut(at).unwrap() ^= 1;
        fs::write(place.join("r.cbor"), changed).unwrap();
        assert!(says(place, verify, 1).contains("NOT PROVEN"), "byte {at}");
    }
    // The gateway's own key was replaced: the old one announces the new one, whatever comes first.
    let next = SigningKey::from_seed(&[6; 32]);
    let announcing = Receipt {
        state: CommandState::Executing,
        next_key: Some(next.public_key()),
        ..receipt.clone()
    };
    let announced = sign_receipt(&key, &gateway, &announcing).unwrap();
    fs::write(place.join("a.cbor"), announced).unwrap();
    let by_next = sign_receipt(&next, &gateway, &receipt).unwrap();
    fs::write(place.join("r.cbor"), by_next).unwrap();
    assert!(says(place, verify, 1).contains("NOT PROVEN"));
    let shown = says(place, &format!("{verify} a.cbor"), 0);
    assert!(shown.contains("announces the next key"), "{shown}");
    let both = key.public_pem().unwrap() + &next.public_pem().unwrap();
    fs::write(place.join("gateway.pub"), both).unwrap();
    says(place, verify, 0);
}

#[test]
fn a_changed_byte_of_the_audit_chain_is_found_and_located() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let start = AuditHead {
        number: 0,
        hash: [0; 32],
    };
    let mut segment = AuditSegment {
        before: start,
        links: Vec::new(),
    };
    for number in 1..=5_u64 {
        let record = AuditRecord {
            at: Timestamp::from_seconds(1_795_000_000 + number),
            who: "anna".to_owned(),
            what: "command accepted".to_owned(),
            detail: format!("tariff.set \"{number}\""),
        };
        let head = segment.links.last().map_or(start, AuditLink::head);
        segment.links.push(AuditLink::after(head, record));
    }
    let text = segment.to_lines();
    fs::write(place.join("audit.jsonl"), &text).unwrap();
    let whole = says(place, "audit verify audit.jsonl", 0);
    assert!(whole.contains("follow each other"), "{whole}");
    let bytes = text.as_bytes();
    for at in (0..bytes.len()).step_by(17) {
        let mut changed = bytes.to_vec();
        *changed.get_mut(at).unwrap() ^= 1;
        fs::write(place.join("audit.jsonl"), &changed).unwrap();
        let found = says(place, "audit verify audit.jsonl", 1);
        assert!(
            found.contains("line ") || found.contains("record "),
            "byte {at}: {found}"
        );
    }
    cut_end_is_found_by_the_seal(place, &segment, &text);
}

/// Only the gateway's signature shows that the end was cut off.
fn cut_end_is_found_by_the_seal(place: &Path, segment: &AuditSegment, text: &str) {
    let key = SigningKey::from_seed(&[5; 32]);
    let head = segment.links.last().unwrap().head();
    let seal = AuditSeal {
        epoch: [1; 8],
        first: 1,
        last: head.number,
        before: segment.before.hash,
        head: head.hash,
        at: Timestamp::from_seconds(1_795_000_100),
    };
    let bytes = seal.sign(&key, &"pmu-001".parse().unwrap()).unwrap();
    fs::write(place.join("seal.cbor"), bytes).unwrap();
    fs::write(place.join("gateway.pub"), key.public_pem().unwrap()).unwrap();
    let verify = "audit verify audit.jsonl --seal seal.cbor --gateway pmu-001 --key gateway.pub";
    fs::write(place.join("audit.jsonl"), text).unwrap();
    assert!(says(place, verify, 0).contains("the end that the gateway signed"));
    let cut = text.lines().take(5).collect::<Vec<_>>().join("\n") + "\n";
    fs::write(place.join("audit.jsonl"), cut).unwrap();
    says(place, "audit verify audit.jsonl", 0);
    assert!(says(place, verify, 1).contains("cut off"));
}

/// A shipped file.
fn shipped(name: &str) -> String {
    format!("{}/../../../config/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn lists_are_looked_at_before_any_gateway_sees_them() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    says(place, "list new mine.toml", 0);
    says(place, "list new mine.toml", 1);
    assert!(says(place, "list validate mine.toml", 0).contains("my-list is well formed"));
    assert!(says(place, "list show mine.toml", 0).contains("# fingerprint "));
    // The clock goes forward on 28 March: each evening is at its own hour, none twice. The window of that
    // weekend has 60 hours, and no write begins in its last twelve.
    let plan = "list schedule mine.toml --from 2027-03-27 --days 3";
    let found = says(place, plan, 0);
    let expected = [
        "Sat 2027-03-27 19:30:00 GMT  runs     its time has come",
        "Sun 2027-03-28 19:30:00 BST  runs     no write begins in the last part of a window; its meters wait for the next one",
        "Mon 2027-03-29 19:30:00 BST  runs     its time has come",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    let noon = fs::read_to_string(place.join("mine.toml")).unwrap();
    fs::write(place.join("noon.toml"), noon.replace("19:30", "12:00")).unwrap();
    let found = says(
        place,
        "list schedule noon.toml --from 2027-04-05 --days 1 --zone UTC",
        0,
    );
    let expected = [
        "Mon 2027-04-05 11:00:00 UTC  skipped  its window is closed; it waits for the next opening",
        "Mon 2027-04-05 17:00:00 UTC  runs     its window opens; its time was before that",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    let found = says(
        place,
        "--json list schedule noon.toml --from 2027-04-05 --days 1",
        0,
    );
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found[0]["runs"], false);
    fs::write(place.join("bad.toml"), "version = 1\nname = 7\n").unwrap();
    assert!(says(place, "list validate bad.toml", 1).contains("bad.toml:2: "));
}

#[test]
fn schemes_are_looked_at_before_any_meter_sees_them() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    says(place, "scheme new mine.toml", 0);
    says(place, "scheme new mine.toml", 1);
    let three = shipped("schemes/seasonal-three-rate.toml");
    let limits = shipped("capabilities/elster-a1700.toml");
    let verdict = says(
        place,
        &format!("scheme validate {three} --limits {limits} --on 2027-01-05"),
        0,
    );
    assert!(verdict.contains("it can be transferred"), "{verdict}");
    let rates = says(
        place,
        &format!("scheme rate-at {three} 2027-01-05 17:00"),
        0,
    );
    assert!(
        rates.contains("season winter -> tuesday -> day type"),
        "{rates}"
    );
    let year = says(place, "scheme year mine.toml 2027 --zone Europe/London", 0);
    assert!(year.lines().count() > 700, "{}", year.lines().count());
    let refused = says(place, "scheme year mine.toml 2027 --zone Mars/North", 1);
    assert!(
        refused.contains("is not a zone that this machine knows"),
        "{refused}"
    );
    assert!(says(place, "scheme diff mine.toml mine.toml", 0).contains("the same"));
    let differs = says(place, &format!("scheme diff mine.toml {three}"), 1);
    assert!(differs.contains("calendar."), "{differs}");
    assert!(says(place, "scheme show mine.toml", 0).contains("# fingerprint "));
    fs::write(place.join("bad.toml"), "format = 1\nname = 7\n").unwrap();
    let refused = says(place, "scheme show bad.toml", 1);
    assert!(refused.contains("bad.toml:2: name: "), "{refused}");
}

#[test]
fn a_network_map_is_shown_before_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let map = shipped("network-map.csv");
    let dry = says(place, &format!("meters import {map}"), 0);
    assert!(
        dry.contains("nothing was written") && dry.contains("add "),
        "{dry}"
    );
    says(place, &format!("meters import {map} --out map.csv"), 0);
    let again = value(place, &format!("meters import {map} --into map.csv"), 0);
    assert_eq!(again.get("added").unwrap(), 0);
    assert_eq!(again.get("changed").unwrap(), 0);
    assert!(says(place, "meters tree map.csv", 0).lines().count() > 3);
    fs::write(place.join("bad.csv"), "meter,what\na,b\n").unwrap();
    assert!(says(place, "meters import bad.csv", 1).contains("bad.csv:1: "));
}

#[test]
fn a_scheme_is_found_where_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let (map, spring, month) = (
        shipped("network-map.csv"),
        shipped("meter-lists/spring-tariff.toml"),
        shipped("meter-lists/month-end.toml"),
    );
    let all = format!("scheme where-used uk/half-hourly --map {map} --list {spring} {month}");
    let found = says(place, &all, 0);
    for part in [
        "should hold it",
        "tariff by list spring-tariff",
        "read by list month-end",
    ] {
        assert!(found.contains(part), "{found}");
    }
    let found = value(place, &all, 0);
    let uses = found["uses"].as_array().unwrap();
    assert_eq!(uses.len(), 3, "{found}");
    assert_eq!(uses[1]["meters"], serde_json::json!(["farm", "incomer"]));
    // Without the map only what a list names is known.
    let named = format!("scheme where-used uk/half-hourly --list {spring}");
    assert!(says(place, &named, 0).contains("2 meters use uk/half-hourly"));
    let folder_of = format!("scheme where-used uk/half-hourly --list {month}");
    assert!(says(place, &folder_of, 1).contains("name the map with --map"));
    let unused = format!("scheme where-used summer --map {map} --list {spring}");
    assert!(says(place, &unused, 0).contains("nothing of this uses summer"));
    says(place, "scheme where-used summer", 64);
}
