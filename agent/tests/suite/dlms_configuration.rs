//! What a person may write of a DLMS meter, and what is said of mistakes.

use pmu_agent::check;
use pmu_agent::config::{DlmsProof, Settings};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A meter behind a serial line, and one that reads with keys.
fn text(meter: &str) -> String {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/meter-models");
    format!(
        "[gateway]\nid = \"pmu-001\"\nmodel-folder = \"{models}\"\n[[bus]]\nid = \"main\"\n\
         link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600\n[[bus]]\nid = \"hall\"\n\
         link = \"serial-server\"\naddress = \"10.0.0.7:4059\"\nbaud = 9600\n{meter}\n"
    )
}

fn parse(folder: &Path, meter: &str) -> Result<Settings, String> {
    let name = folder.join("agent.toml").display().to_string();
    let parsed = Settings::parse(&name, &text(meter));
    parsed.map_err(|complaints| complaints.to_string().replace(&name, "agent.toml"))
}

const ENTRY: &str = "[[meter]]\nid = \"feeder-7\"\nbus = \"main\"\nmodel = \"dlms-generic\"\n";

#[track_caller]
fn refused(keys: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let told = parse(folder.path(), &format!("{ENTRY}{keys}")).expect_err("it is refused");
    assert!(told.contains(expected), "no `{expected}` in:\n{told}");
}

#[test]
fn a_meter_with_keys_is_read_without_a_key_in_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let meter = format!("{ENTRY}dlms = {{ association = \"secured\", suite = 2 }}\n");
    let settings = parse(folder.path(), &meter).unwrap();
    let dlms = settings.meters[0].dlms().unwrap();
    assert!(matches!(dlms.proof, DlmsProof::Keys(suite) if suite.number() == 2));
    let report = check::report(&settings);
    assert!(report.text.contains("ciphered, suite 2"), "{}", report.text);
    assert!(
        report.text.contains("its own load profile"),
        "{}",
        report.text
    );
}

#[test]
fn a_password_comes_from_a_private_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feeder-7.password");
    let meter = format!(
        "{ENTRY}dlms = {{ association = \"reader\", password-file = \"feeder-7.password\" }}\n"
    );
    let told = parse(folder.path(), &meter).expect_err("there is no such file");
    assert!(told.contains("feeder-7.password: cannot be read"), "{told}");
    std::fs::write(&file, "12345678\n").unwrap();
    let mode = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o644);
    let told = parse(folder.path(), &meter).expect_err("everybody can read it");
    assert!(told.contains("may be read by every user"), "{told}");
    assert!(!told.contains("12345678"), "{told}");
    mode(0o600);
    let settings = parse(folder.path(), &meter).unwrap();
    let shown = format!("{:?}", settings.meters[0]);
    assert!(!shown.contains("12345678"), "{shown}");
}

#[test]
fn a_mistake_names_its_line_and_what_would_be_right() {
    refused(
        "",
        "agent.toml:15: meter feeder-7.dlms.association: is missing; use one of: public, reader, secured",
    );
    refused(
        "dlms = { association = \"readers\" }",
        "agent.toml:18: meter feeder-7.dlms.association: dlms-generic has no association `readers`",
    );
    refused(
        "dlms = { association = \"secured\" }",
        "meter feeder-7.dlms.suite: is missing; use one of: 0, 1, 2",
    );
    refused(
        "dlms = { association = \"secured\", suite = 3 }",
        "association `secured` has no suite 3",
    );
    refused(
        "dlms = { association = \"public\", suite = 0 }",
        "association `public` has no keys; remove it",
    );
    refused(
        "dlms = { association = \"public\", wrapper = true }",
        "the wrapper runs over TCP",
    );
    refused(
        "unit = 3\ndlms = { association = \"public\" }",
        "meter feeder-7.unit: means nothing for dlms-generic; write dlms.lower-address",
    );
    refused(
        "profile = { period-seconds = 900 }\ndlms = { association = \"public\" }",
        "the meter's own load profile is read",
    );
}

#[test]
fn two_meters_at_one_place_are_refused() {
    let other = ENTRY.replace("feeder-7", "feeder-8");
    let keys = "dlms = { association = \"public\" }\n";
    let folder = tempfile::tempdir().unwrap();
    let told = parse(folder.path(), &format!("{ENTRY}{keys}{other}{keys}")).expect_err("twins");
    assert!(
        told.contains("`hdlc` is also the address of feeder-7"),
        "{told}"
    );
}
