use super::*;
use std::os::unix::fs::MetadataExt;

fn planned(path: &str, text: &str, is_private: bool) -> Planned {
    Planned {
        path: path.to_owned(),
        text: text.to_owned(),
        is_private,
    }
}

/// Nobody cuts the power.
const NOTHING: fn(Step) -> io::Result<()> = |_| Ok(());

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn private_files_are_for_the_agent_and_the_others_for_all() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    fs::write(
        root.path().join("etc/group"),
        "adm:x:4:\npmu:x:4711:installer\n",
    )
    .unwrap();
    let disk = Disk::new(root.path());
    let files = [
        planned(places::CA, "a", true),
        planned(places::TIME, "b", false),
    ];
    let changed = disk.change(&files, &[], &mut { NOTHING }).unwrap();
    assert_eq!(changed.written, [places::CA, places::TIME]);
    disk.make_key(&mut { NOTHING }).unwrap();
    let table = [
        (places::KEY, 0o640),
        (places::CA, 0o640),
        ("/etc/pmu/tls", 0o750),
        ("/etc/pmu", 0o750),
        (places::TIME, 0o644),
        ("/etc/systemd/timesyncd.conf.d", 0o755),
    ];
    for (place, expected) in table {
        let path = disk.path(place);
        assert_eq!(mode(&path), expected, "{place}");
        if rustix::process::geteuid().is_root() {
            let group = if place.starts_with("/etc/pmu") {
                4711
            } else {
                fs::metadata(root.path()).unwrap().gid()
            };
            assert_eq!(fs::metadata(&path).unwrap().gid(), group, "{place}");
        }
    }
}

#[test]
fn what_is_as_it_should_be_is_not_written_again() {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::new(root.path());
    let files = [planned(places::TIME, "b", false)];
    let gone = [places::METERS.to_owned()];
    let changed = disk.change(&files, &gone, &mut { NOTHING }).unwrap();
    assert_eq!((changed.written.len(), changed.removed.len()), (1, 0));
    let mut never = |step: Step| -> io::Result<()> { panic!("{step:?}") };
    assert_eq!(
        disk.change(&files, &gone, &mut never).unwrap(),
        Changed::default()
    );
    assert!(disk.make_key(&mut { NOTHING }).unwrap());
    assert!(!disk.make_key(&mut never).unwrap());
}

#[test]
fn only_one_run_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::new(root.path());
    let lock = disk.lock().unwrap();
    let words = disk.lock().unwrap_err().to_string();
    assert_eq!(
        words,
        "another pmuctl is provisioning this gateway; wait for it"
    );
    drop(lock);
    disk.lock().unwrap();
}

#[test]
fn a_note_of_another_version_is_named() {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::new(root.path());
    drop(disk.lock().unwrap());
    fs::write(
        disk.path(CHANGE),
        "{\"form\":\"other\",\"files\":[],\"removed\":[]}",
    )
    .unwrap();
    let words = disk.finish(&mut { NOTHING }).unwrap_err().to_string();
    assert!(
        words.ends_with("/etc/pmu/.provision: cannot be read; remove it and try again"),
        "{words}"
    );
}
