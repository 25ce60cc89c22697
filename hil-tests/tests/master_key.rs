//! On the disk image nothing but the data partition outlives a boot. The master key of the meters' keys
//! does, sealed; one that does not open is never replaced.
#![cfg(test)]

use std::path::Path;
use std::process::{Command, Output};

use hil_tests::skip::skipped;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../image/rootfs/usr/lib/pmu/master-key"
);
const SEALED: &str = "pmu-master-key";

/// A boot: another machine id, an empty `/var/lib/systemd`, an empty `/run`. The key that systemd would
/// hand over is printed.
const BOOT: &str = "set -e
    id=$(mktemp); tr -d - </proc/sys/kernel/random/uuid >$id
    mount --bind $id /etc/machine-id
    mount -t tmpfs tmpfs /var/lib/systemd
    mkdir -p /run/credstore.encrypted; mount -t tmpfs tmpfs /run/credstore.encrypted
    code=0; bash \"$1\" >&2 || code=$?
    ls /run/credstore.encrypted >&2
    [ $code = 0 ] || exit $code
    exec systemd-creds decrypt --transcode=hex --name=pmu-master-key /run/credstore.encrypted/pmu-master-key -";

fn boot(partition: &Path) -> Output {
    let mut boot = Command::new("unshare");
    boot.args(["--mount", "bash", "-c", BOOT, "boot", SCRIPT]);
    let said = boot.env("PMU_SECRETS", partition).output().expect("a boot");
    println!("{}", String::from_utf8_lossy(&said.stderr));
    said
}

/// The key as systemd gets it.
#[track_caller]
fn key(partition: &Path) -> String {
    let said = boot(partition);
    assert!(said.status.success(), "{said:?}");
    let key = String::from_utf8(said.stdout).expect("hexadecimal digits");
    assert_eq!(key.trim().len(), 64, "{key}");
    key
}

/// The script ends with an error, systemd gets nothing, and what was sealed is as it was.
#[track_caller]
fn check_kept_shut(partition: &Path, why: &str) {
    let before = std::fs::read(partition.join(SEALED)).expect("a sealed key");
    let said = boot(partition);
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!said.status.success() && said.stdout.is_empty(), "{why}");
    assert!(
        words.contains("does not open on this box"),
        "{why}: {words}"
    );
    assert!(!words.lines().any(|line| line == SEALED), "{why}: {words}");
    let after = std::fs::read(partition.join(SEALED)).expect("a sealed key");
    assert!(before == after, "{why}");
}

#[test]
fn the_master_key_outlives_boots_and_is_never_replaced() {
    let promise = "the master key on the disk image";
    let namespaces = Command::new("unshare").args(["--mount", "true"]).output();
    if !namespaces.is_ok_and(|said| said.status.success()) {
        return skipped(promise, "mount namespaces cannot be made here");
    }
    let version = Command::new("systemd-creds").arg("--version").output();
    if version.is_err() {
        return skipped(promise, "systemd-creds is not installed");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let box_one = folder.path().join("one");
    let first = key(&box_one);
    assert_eq!(key(&box_one), first, "another boot, another machine id");

    // A power cut before the key was sealed leaves nothing that counts.
    let box_two = folder.path().join("two");
    std::fs::create_dir_all(box_two.join("host")).expect("a folder");
    for left in [
        "machine-id",
        "machine-id.new",
        "pmu-master-key.new",
        "host/credential.secret",
    ] {
        std::fs::write(box_two.join(left), "").expect("a file");
    }
    let second = key(&box_two);
    assert_ne!(second, first);
    assert_eq!(key(&box_two), second);

    // A key of another box, and one of this box that was damaged.
    let sealed = std::fs::read(box_one.join(SEALED)).expect("a sealed key");
    std::fs::copy(box_two.join(SEALED), box_one.join(SEALED)).expect("a copy");
    check_kept_shut(&box_one, "of another box");
    std::fs::write(box_one.join(SEALED), &sealed[..sealed.len() - 9]).expect("a file");
    check_kept_shut(&box_one, "damaged");
    std::fs::write(box_one.join(SEALED), &sealed).expect("a file");
    assert_eq!(key(&box_one), first, "put back");

    // Whoever takes the secret of the box away takes the key away.
    std::fs::remove_dir_all(box_one.join("host")).expect("a folder");
    std::fs::create_dir(box_one.join("host")).expect("a folder");
    check_kept_shut(&box_one, "without the box's secret");
}
