//! An authority, and what a person would bring; and what comes of it.

use super::*;
use crate::provision::plan::plan;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

pub(crate) const WISH: &str = r#"[gateway]
id = "pmu-014"

[[network]]
interface = "enp1s0"
address = "10.20.0.14/24"
gateway = "10.20.0.1"
dns = ["10.20.0.1"]

[time]
servers = ["10.20.0.1", "ntp.example.org"]

[broker]
host = "broker.example.org"
"#;

/// 1 July 2026.
pub(crate) const NOW: u64 = 1_782_864_000;

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// What is asked of it.
pub(crate) struct Ask<'a> {
    pub(crate) name: &'a str,
    pub(crate) usage: ExtendedKeyUsagePurpose,
    pub(crate) years: (i32, i32),
}

pub(crate) const GOOD: Ask<'_> = Ask {
    name: "pmu-014",
    usage: ExtendedKeyUsagePurpose::ClientAuth,
    // Long enough for whoever runs this test by the real clock.
    years: (2024, 2049),
};

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = params("authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    pub(crate) fn sign(&self, key_pem: &str, ask: &Ask<'_>) -> String {
        let mut params = params(ask.name);
        params.extended_key_usages = vec![ask.usage.clone()];
        params.not_before = date_time_ymd(ask.years.0, 1, 1);
        params.not_after = date_time_ymd(ask.years.1, 1, 1);
        let key = KeyPair::from_pem(key_pem).unwrap();
        params.signed_by(&key, &self.issuer).unwrap().pem()
    }
}

/// The public half of a key, one for each number.
pub(crate) fn public_key(number: u8) -> String {
    let key = ::authority::SigningKey::from_seed(&[number; 32]);
    key.public_pem().unwrap()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every text of a box may be missing"
)]
fn text(file: &str, text: &str) -> Option<Text> {
    Some(Text {
        file: file.to_owned(),
        text: text.to_owned(),
    })
}

fn brought(authority: &Authority) -> Texts {
    Texts {
        wish: text("provision.toml", WISH),
        ca: text("ca.pem", &authority.pem),
        ingest: text("ingest-keys.pem", &public_key(1)),
        operators: text("operators.pem", &public_key(2)),
        ..Texts::default()
    }
}

/// A gateway that has everything.
fn complete(authority: &Authority) -> Kept {
    let key = Key::generate().unwrap();
    let certificate = authority.sign(&key.to_pem(), &GOOD);
    let mut kept = Kept {
        texts: brought(authority),
        key: Some(key),
        ..Kept::default()
    };
    kept.texts.certificate = text("client.pem", &certificate);
    let planned = plan(&Texts::default(), &kept, NOW).unwrap();
    kept.agent = planned.files.last().map(|file| Text {
        file: "agent.toml".to_owned(),
        text: file.text.clone(),
    });
    kept
}

fn words(refused: Result<Plan, Refusal>) -> String {
    refused.unwrap_err().complaints.to_string()
}

fn written<'a>(plan: &'a Plan, place: &str) -> &'a str {
    let file = plan.files.iter().find(|file| file.path == place);
    file.map_or("", |file| file.text.as_str())
}

#[test]
fn the_first_folder_sets_network_and_time_and_says_what_is_missing() {
    let authority = Authority::new();
    let planned = plan(&brought(&authority), &Kept::default(), NOW).unwrap();
    let paths: Vec<&str> = planned
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            places::OPERATORS,
            places::CA,
            places::INGEST,
            "/etc/systemd/network/50-pmu-enp1s0.network",
            places::TIME,
            places::WISH,
        ]
    );
    let status = Status::of(&planned, false, false);
    let there = |name: &str| {
        status
            .parts
            .iter()
            .any(|part| part.name == name && part.is_there)
    };
    assert!(there("ca.pem") && there("operators.pem") && !there("client.pem"));
    assert!(!status.is_complete);
    assert_eq!(
        status.next,
        "have pmu-014.csr.pem signed by the authority, put the certificate beside it as \
         client.pem, and bring the folder again"
    );
}

#[test]
fn with_the_certificate_the_agent_may_start() {
    let authority = Authority::new();
    let kept = complete(&authority);
    let planned = plan(&Texts::default(), &kept, NOW).unwrap();
    assert_eq!(planned.files.last().unwrap().path, places::AGENT);
    let agent: toml::Table = toml::from_str(written(&planned, places::AGENT)).unwrap();
    assert_eq!(agent["gateway"]["id"].as_str(), Some("pmu-014"));
    assert_eq!(agent["uplink"]["host"].as_str(), Some("broker.example.org"));
    assert_eq!(agent["uplink"]["port"].as_integer(), Some(8883));
    let status = Status::of(&planned, true, false);
    assert!(status.is_complete && status.next.is_empty(), "{status}");
    assert!(!Status::of(&planned, true, true).is_complete);
}

#[test]
fn a_certificate_that_does_not_fit_is_named_with_its_remedy() {
    let (authority, other) = (Authority::new(), Authority::new());
    let key = Key::generate().unwrap().to_pem();
    let foreign = Key::generate().unwrap().to_pem();
    let ask = |name: &'static str, years| Ask {
        name,
        years,
        ..GOOD
    };
    let server = Ask {
        usage: ExtendedKeyUsagePurpose::ServerAuth,
        ..GOOD
    };
    let table = [
        (
            authority.sign(&key, &ask("pmu-015", (2024, 2049))),
            "is for `pmu-015`, and this gateway is pmu-014; have",
        ),
        (
            authority.sign(&foreign, &GOOD),
            "is for another key than the one that this box has made; have",
        ),
        (
            other.sign(&key, &GOOD),
            "is not signed by an authority of ca.pem; put",
        ),
        (
            authority.sign(&key, &ask("pmu-014", (2024, 2025))),
            "has expired, by this box's clock; have",
        ),
        (
            authority.sign(&key, &server),
            "is not for a client of TLS; have",
        ),
        (
            key.clone(),
            "holds a private key, which belongs to nobody but its maker; take",
        ),
        ("pmu-014".to_owned(), "holds no certificate; put"),
    ];
    for (certificate, expected) in table {
        let mut texts = brought(&authority);
        texts.certificate = text("client.pem", &certificate);
        let kept = Kept {
            key: Some(Key::from_pem(&key).unwrap()),
            ..Kept::default()
        };
        let refusal = plan(&texts, &kept, NOW).unwrap_err();
        let words = refusal.complaints.to_string();
        assert!(
            words.starts_with(&format!("client.pem: {expected}")),
            "{words}"
        );
        // The box's own request is handed out all the same.
        assert_eq!(refusal.request_for, "pmu-014".parse().ok());
    }
}

#[test]
fn a_certificate_that_was_taken_and_has_expired_is_missing_and_no_mistake() {
    let authority = Authority::new();
    let kept = complete(&authority);
    let in_thirty_years = NOW + 30 * 366 * 86_400;
    let planned = plan(&Texts::default(), &kept, in_thirty_years).unwrap();
    let part = planned.parts.last().unwrap();
    assert_eq!(
        (part.is_there, part.words.as_str()),
        (false, "has expired, by this box's clock")
    );
    assert_eq!(written(&planned, places::AGENT), "");
}

#[test]
fn a_box_that_thinks_it_is_1970_takes_its_certificate() {
    let authority = Authority::new();
    let planned = plan(&Texts::default(), &complete(&authority), 0).unwrap();
    assert!(planned.is_complete());
    assert!(planned.remarks[0].starts_with("the certificate is not valid yet by this box's clock"));
}

#[test]
fn operators_are_taken_once() {
    let authority = Authority::new();
    let kept = complete(&authority);
    let mut again = brought(&authority);
    again.operators = text("operators.pem", &format!("# the same\n{}", public_key(2)));
    plan(&again, &kept, NOW).unwrap();
    again.operators = text("operators.pem", &public_key(3));
    let words = words(plan(&again, &kept, NOW));
    assert!(
        words.starts_with("operators.pem: other root keys were taken before ("),
        "{words}"
    );
    assert!(
        words.ends_with("a box for other operators is flashed anew"),
        "{words}"
    );
}

#[test]
fn readings_of_one_gateway_are_never_sent_as_another() {
    let authority = Authority::new();
    let mut other = brought(&authority);
    other.wish = text("provision.toml", &WISH.replace("pmu-014", "pmu-015"));
    let words = words(plan(&other, &complete(&authority), NOW));
    let expected = "provision.toml:2: gateway.id: this box is pmu-014 already, and this is for \
                    pmu-015; bring this box's own folder";
    assert!(words.starts_with(expected), "{words}");
    // Before there is anything to be sent a slip of the pen is corrected.
    let kept = Kept {
        texts: brought(&authority),
        ..Kept::default()
    };
    assert_eq!(
        plan(&other, &kept, NOW).unwrap().id.unwrap().as_str(),
        "pmu-015"
    );
}

#[test]
fn what_people_wrote_below_the_line_is_kept() {
    let authority = Authority::new();
    let mut kept = complete(&authority);
    let agent = kept.agent.as_mut().unwrap();
    agent.text.push_str("[[bus]]\nid = \"main\"\n");
    let mut again = brought(&authority);
    again.wish = text(
        "provision.toml",
        &WISH.replace("broker.example.org", "other.example.org"),
    );
    let planned = plan(&again, &kept, NOW).unwrap();
    let agent = written(&planned, places::AGENT);
    assert!(agent.contains("other.example.org") && agent.ends_with("[[bus]]\nid = \"main\"\n"));
    again.meters = text("meters.toml", "[[bus]]\nid = \"hall\"\n");
    assert_eq!(
        words(plan(&again, &kept, NOW)),
        "meters.toml: buses or meters have been changed on the gateway since; take it out of the \
         folder, or correct /etc/pmu/agent.toml itself"
    );
}

#[test]
fn meters_that_were_brought_are_replaced_by_newer_ones_while_nobody_has_changed_them() {
    let authority = Authority::new();
    let mut kept = complete(&authority);
    for (meters, is_new) in [
        ("[[bus]]\nid = \"a\"\n", true),
        ("[[bus]]\nid = \"b\"\n", true),
        ("[[bus]]\nid = \"b\"\n", false),
    ] {
        let mut again = brought(&authority);
        again.meters = text("meters.toml", meters);
        let planned = plan(&again, &kept, NOW).unwrap();
        assert_eq!(planned.unchecked.is_some(), is_new);
        let agent = written(&planned, places::AGENT);
        assert!(agent.ends_with(meters), "{agent}");
        kept.agent = text("agent.toml", agent);
    }
}

#[test]
fn meters_wait_until_the_gateway_is_complete() {
    let authority = Authority::new();
    let mut texts = brought(&authority);
    texts.meters = text("meters.toml", "[[bus]]\nid = \"a\"\n");
    let planned = plan(&texts, &Kept::default(), NOW).unwrap();
    assert_eq!(written(&planned, places::METERS), "[[bus]]\nid = \"a\"\n");
    let mut kept = complete(&authority);
    kept.agent = None;
    kept.texts.meters = text("meters.toml", "[[bus]]\nid = \"a\"\n");
    let planned = plan(&Texts::default(), &kept, NOW).unwrap();
    assert!(written(&planned, places::AGENT).ends_with("[[bus]]\nid = \"a\"\n"));
    assert_eq!(planned.removed, [places::METERS]);
}

#[test]
fn a_configuration_of_somebody_else_is_not_overwritten() {
    let authority = Authority::new();
    let mut kept = complete(&authority);
    let ours = kept.agent.clone().unwrap().text;
    let table = [
        (
            "[gateway]\nid = \"pmu-014\"\n".to_owned(),
            "was not written by pmuctl provision",
        ),
        (
            ours.replace("port = 8883", "port = 8884"),
            "was changed above its long line",
        ),
    ];
    for (agent, expected) in table {
        kept.agent = text("agent.toml", &agent);
        let words = words(plan(&brought(&authority), &kept, NOW));
        assert!(
            words.starts_with(&format!("agent.toml: {expected}; move it away")),
            "{words}"
        );
    }
}

#[test]
fn all_mistakes_of_all_files_are_named_at_once() {
    let authority = Authority::new();
    let mut texts = brought(&authority);
    texts.wish = text(
        "provision.toml",
        &WISH.replace("enp1s0", "eth/0").replace("pmu-014", "P"),
    );
    texts.ca = text("ca.pem", "nothing");
    texts.ingest = text("ingest-keys.pem", "\nnothing\n");
    texts.operators = text("operators.pem", "# none yet\n");
    texts.meters = text("meters.toml", "[[bus]]\n[gateway]\n");
    let words = words(plan(&texts, &Kept::default(), NOW));
    let begins: Vec<&str> = words
        .lines()
        .map(|line| line.split(';').next().unwrap())
        .collect();
    assert_eq!(
        begins,
        [
            "provision.toml:2: gateway.id: `P` is not a name",
            "provision.toml:5: network.interface: `eth/0` is no port",
            "ca.pem: holds no certificate",
            "ingest-keys.pem:2: this is not an Ed25519 public key",
            "operators.pem: holds no key",
            "meters.toml:2: gateway: does not belong here",
        ]
    );
}

#[test]
fn nothing_at_all_is_no_mistake_and_is_said_in_plain_words() {
    let planned = plan(&Texts::default(), &Kept::default(), NOW).unwrap();
    let status = Status::of(&planned, false, false).to_string();
    assert!(
        status.starts_with("this box is not provisioned yet: it reads no meter\n"),
        "{status}"
    );
    assert!(
        status.contains(
            "next: bring provision.toml, ca.pem, ingest-keys.pem, operators.pem: put them into"
        ),
        "{status}"
    );
}
