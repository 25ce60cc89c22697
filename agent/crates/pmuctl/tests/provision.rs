//! The whole road with the programs that an installer and an authority use.

#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const WISH: &str = r#"[gateway]
id = "pmu-014"

[[network]]
interface = "en*"
dhcp = true

[time]
servers = ["ntp.example.org"]

[broker]
host = "broker.example.org"
"#;

/// An Ed25519 public key, as 64 hex digits: a file may hold these instead of PEM.
const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n";

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("openssl is one of the programs that hil-tests/setup.sh installs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {words}");
}

fn provision(root: &Path, what: &str) -> Output {
    provision_with(root, what, Path::new("/nonexistent"))
}

fn provision_with(root: &Path, what: &str, agent: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pmuctl"))
        .args(["provision", "--root", root.to_str().unwrap(), what])
        .env("PMU_AGENT", agent)
        .output()
        .unwrap()
}

#[test]
fn an_authority_of_openssl_signs_the_request_and_the_box_is_a_gateway() {
    let [root, stick, office] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let at = |name: &str| stick.path().join(name);
    openssl(
        office.path(),
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem \
         -subj /CN=authority -days 30",
    );
    fs::copy(office.path().join("ca.pem"), at("ca.pem")).unwrap();
    fs::write(at("provision.toml"), WISH).unwrap();
    fs::write(at("ingest-keys.pem"), KEY).unwrap();
    fs::write(at("operators.pem"), KEY).unwrap();

    let first = provision(root.path(), stick.path().to_str().unwrap());
    let said = String::from_utf8_lossy(&first.stdout);
    assert_eq!(first.status.code(), Some(1), "not complete yet: {said}");
    assert!(said.contains("client.pem       MISSING"), "{said}");
    assert_eq!(provision(root.path(), "--status").status.code(), Some(1));

    fs::copy(at("pmu-014.csr.pem"), office.path().join("request.pem")).unwrap();
    openssl(office.path(), "req -verify -in request.pem -noout");
    fs::write(
        office.path().join("client.cnf"),
        "extendedKeyUsage = clientAuth\n",
    )
    .unwrap();
    openssl(
        office.path(),
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 \
         -extfile client.cnf -out client.pem",
    );
    fs::copy(office.path().join("client.pem"), at("client.pem")).unwrap();

    let second = provision(root.path(), stick.path().to_str().unwrap());
    let said = String::from_utf8_lossy(&second.stdout);
    assert_eq!(second.status.code(), Some(0), "{said}");
    assert!(said.contains("pmu-014 is provisioned\n"), "{said}");
    let status = provision(root.path(), "--status");
    assert_eq!(status.status.code(), Some(0));
    assert!(root.path().join("etc/pmu/agent.toml").is_file());
}

#[test]
fn a_wrong_file_is_named_and_the_exit_code_says_so() {
    let [root, stick] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    fs::write(
        stick.path().join("provision.toml"),
        WISH.replace("dhcp = true", "dhcp = 1"),
    )
    .unwrap();
    let output = provision(root.path(), stick.path().to_str().unwrap());
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    let expected = "/provision.toml:6: network.dhcp: is a number; write true or false\n";
    assert!(words.contains(expected), "{words}");
    assert!(!root.path().join("etc/systemd").exists());
}

#[test]
fn what_the_agent_says_of_the_meters_is_about_the_file_that_was_brought() {
    let [root, stick] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let at = |name: &str| stick.path().join(name);
    // It says on which line the meter stands that it finds.
    let agent = at("agent");
    let script = "#!/bin/sh\nprintf '%s:%s: meter a.unit: no\\n' \"$3\" \
                  \"$(grep -n '^unit' \"$3\" | cut -d: -f1)\" >&2\nexit 78\n";
    fs::write(&agent, script).unwrap();
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at("provision.toml"), WISH).unwrap();
    fs::write(at("meters.toml"), "[[bus]]\n\n[[meter]]\nunit = 300\n").unwrap();
    let output = provision_with(root.path(), stick.path().to_str().unwrap(), &agent);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        words.contains("/meters.toml:4: meter a.unit: no\n"),
        "{words}"
    );
    assert!(!root.path().join("etc/pmu/provision.toml").exists());
}
