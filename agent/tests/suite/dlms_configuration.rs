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
fn a_sign_on_comes_from_the_file_or_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let meter = |model: &str, keys: &str| {
        let entry = ENTRY.replace("dlms-generic", model);
        let settings = parse(folder.path(), &format!("{entry}dlms = {{ {keys} }}\n")).unwrap();
        (
            settings.meters[0].dlms().unwrap().clone(),
            check::report(&settings).text,
        )
    };
    let (mode_e, report) = meter(
        "dlms-generic",
        "association = \"public\", sign-on = \"mode-e\", sign-on-address = \"001\", lower-address = 17",
    );
    let sign_on = mode_e.sign_on.clone().unwrap();
    assert_eq!(sign_on.address.unwrap().text(), "001");
    assert_eq!(sign_on.usual.baud, 9600);
    assert_eq!(mode_e.line_name(), "mode-e 001 hdlc 17");
    assert!(report.contains("mode-e 001 hdlc 17"), "{report}");
    assert!(
        meter("dlms-generic", "association = \"public\"")
            .0
            .sign_on
            .is_none()
    );
    std::fs::write(folder.path().join("password"), "12345678\n").unwrap();
    std::fs::set_permissions(
        folder.path().join("password"),
        PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let reader = "association = \"reader\", password-file = \"password\"";
    let by_model = meter("dlms-as220", reader).0.sign_on.unwrap();
    assert_eq!(by_model.address, None);
    let direct = meter("dlms-as220", &format!("{reader}, sign-on = \"none\"")).0;
    assert!(direct.sign_on.is_none());
}

#[test]
fn a_sign_on_that_cannot_be_is_refused_where_it_stands() {
    let dlms = |keys: &str| format!("dlms = {{ association = \"public\", {keys} }}");
    refused(
        &dlms("sign-on = \"mode-c\""),
        "agent.toml:18: meter feeder-7.dlms.sign-on: `mode-c` is no sign-on; use mode-e or none",
    );
    refused(
        &dlms("sign-on-address = \"001\""),
        "meter feeder-7.dlms.sign-on-address: means nothing without a sign-on; remove it, or write \
         sign-on = \"mode-e\"",
    );
    refused(
        &dlms("sign-on = \"mode-e\", sign-on-address = \"0-1\""),
        "agent.toml:18: meter feeder-7.dlms.sign-on-address: the address of a meter",
    );
    let hall = |keys: &str| ENTRY.replace("main", "hall") + &dlms(keys);
    let folder = tempfile::tempdir().unwrap();
    for (keys, expected) in [
        (
            "sign-on = \"mode-e\"",
            "bus hall cannot change its speed, and a sign-on of mode E begins at 300 baud; put the \
             meter on a serial line",
        ),
        (
            "wrapper = true, sign-on = \"mode-e\"",
            "dlms.sign-on: means nothing behind the wrapper, which runs over TCP; remove it",
        ),
    ] {
        let told = parse(folder.path(), &hall(keys)).expect_err("it is refused");
        assert!(told.contains(expected), "no `{expected}` in:\n{told}");
    }
    let twin = |name: &str, address: &str| {
        ENTRY.replace("feeder-7", name) + &dlms(&format!("sign-on = \"mode-e\"{address}")) + "\n"
    };
    let (one, two) = (", sign-on-address = \"1\"", ", sign-on-address = \"2\"");
    let both = |first: &str, second: &str| {
        let text = twin("feeder-7", first) + &twin("feeder-8", second);
        parse(folder.path(), &text)
    };
    both(one, two).unwrap();
    for (first, second) in [(one, one), (one, ""), ("", "")] {
        let told = both(first, second).expect_err("twins");
        assert!(told.contains("is also the address of feeder-7"), "{told}");
    }
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
