use super::*;
use authority::OperatorKey;

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

fn hex(key: &PublicKey) -> String {
    crate::words::hex(&key.bytes())
}

fn good() -> String {
    let anna = OperatorKey::ed25519(&[1; 32]).public();
    let ben = OperatorKey::es256(&[2; 32]).unwrap().public();
    format!(
        "version = 3\nexpires = \"2027-06-01\"\n\n[[key]]\nwho = \"Anna\"\nroles = [\"operator\"]\n\
         from = \"2026-11-01\"\nuntil = \"2027-11-01\"\npublic = \"{}\"\n\n[[key]]\nwho = \"Ben\"\n\
         roles = [\"approver\"]\nfrom = \"2026-11-01\"\nuntil = \"2027-11-01\"\nrevoked = true\n\
         public = \"\"\"\n{}\"\"\"\n",
        hex(&anna),
        ben.to_pem().unwrap()
    )
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let complaint = key_set_content("k.toml", text, NOW)
        .unwrap_err()
        .to_string();
    assert!(complaint.starts_with(expected), "{complaint}");
}

#[test]
fn keys_are_read_as_digits_and_as_pem() {
    let set = key_set_content("k.toml", &good(), NOW).unwrap();
    assert_eq!(set.version, 3);
    assert_eq!(set.issued, NOW);
    let who: Vec<(&str, bool)> = set
        .keys
        .iter()
        .map(|key| (key.who.as_str(), key.is_revoked))
        .collect();
    assert_eq!(who, [("Anna", false), ("Ben", true)]);
    let root = OperatorKey::ed25519(&[9; 32]);
    set.sign(&root).unwrap();
    assert!(
        key_set_lines(&set)
            .join("\n")
            .contains("approver  2026-11-01T00:00:00Z to"),
        "{:?}",
        key_set_lines(&set)
    );
}

#[test]
fn a_mistake_is_named_by_file_line_key_and_remedy() {
    let good = good();
    check(
        &good.replace("version = 3", "version = 0"),
        "k.toml:1: version: 0 is no version; count",
    );
    check(
        &good.replace("2027-06-01", "2020-06-01"),
        "k.toml:2: expires: this key set has expired",
    );
    check(
        &good.replace("\"operator\"", "\"boss\""),
        "k.toml:6: key.roles: `boss` is no role; use",
    );
    check(
        &good.replace("[\"operator\"]", "[]"),
        "k.toml:5: key.roles: Anna has no roles",
    );
    check(
        &good.replacen("2026-11-01", "soon", 1),
        "k.toml:7: key.from: `soon` is not a time",
    );
    check(
        &good.replacen("2027-11-01", "2026-10-01", 1),
        "k.toml:8: key.until: the key is never",
    );
    check(
        &good.replace("who = \"Anna\"", "who = \"\""),
        "k.toml:5: key.who: this is no name",
    );
    check(
        &good.replace("until", "til"),
        "k.toml:8: unknown field `til`",
    );
    let anna = hex(&OperatorKey::ed25519(&[1; 32]).public());
    check(
        &good.replace(&anna, &anna[2..]),
        "k.toml:9: key.public: this is no public key",
    );
    check(
        &good.replace(&anna, &"0".repeat(64)),
        "k.toml:9: key.public: this key is weak",
    );
    let private = OperatorKey::ed25519(&[1; 32]).to_pem().unwrap();
    let text = good.replace(&format!("\"{anna}\""), &format!("'''\n{private}'''"));
    check(
        &text,
        "k.toml:9: key.public: this is a private key; remove it",
    );
    let twice = good.replace("who = \"Anna\"", "who = \"Eve\"");
    let both = format!(
        "{good}{}",
        &twice[twice.find("[[key]]").unwrap()..twice.rfind("[[key]]").unwrap()]
    );
    check(
        &both,
        "k.toml:28: key.public: this key is already that of Anna",
    );
}
