//! Writes what each target is fed to begin with, from the vectors of the tree, to `corpus/`.

use pmuctl::backup::{Backup, Identity};
use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let seeds = pmu_fuzz::doors::corpus().into_iter();
    let own = [
        ("backup_file", backup()),
        ("provision_file", PROVISION.to_vec()),
        ("stored_profile", STORED.to_vec()),
    ];
    for (number, (door, bytes)) in seeds.chain(own).enumerate() {
        let folder = here.join(door);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{number:04}")), bytes)?;
    }
    Ok(())
}

/// What makes a gateway of a box.
const PROVISION: &[u8] = b"[gateway]
id = \"pmu-014\"
[[network]]
interface = \"enp1s0\"
address = \"10.20.0.14/24\"
gateway = \"10.20.0.1\"
dns = [\"10.20.0.1\"]
[[network]]
interface = \"en*\"
dhcp = true
[time]
servers = [\"ntp.example.org\"]
[broker]
host = \"broker.example.org\"
port = 8883
";

/// What `pmuctl head-end export` writes.
const STORED: &[u8] = b"# device: feeder-1
start_utc,end_utc,meter_stamp,channel,obis,value,unit,raw,quality,flags,version
2027-01-12T06:00:00Z,2027-01-12T06:30:00Z,2027-01-12T06:30:00Z,2,1-0:1.29.0,50,Wh,5,valid,,1
2027-01-12T06:30:00Z,2027-01-12T07:00:00Z,2027-01-12T07:00:00Z,2,1-0:1.29.0,100,Wh,10,valid,,1
2027-01-12T07:00:00Z,2027-01-12T07:30:00Z,2027-01-12T07:30:00Z,2,1-0:1.29.0,,,,missing,,1
";

/// A sound backup; its hashes are those of one octet and of none.
fn backup() -> Vec<u8> {
    let identity = |place: &str, hex: &str, sha256: &str, refused: &str| Identity {
        place: place.to_owned(),
        name: "scheme".to_owned(),
        runs: false,
        hex: hex.to_owned(),
        sha256: sha256.to_owned(),
        refused: refused.to_owned(),
    };
    let one = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    let none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let backup = Backup {
        meter: "feeder-1".to_owned(),
        model: "elster-a1700".to_owned(),
        identification: "/GEC5090100100400@000".to_owned(),
        serial: "12345678".to_owned(),
        taken: "2026-11-23T05:00:00Z".to_owned(),
        level: Some(1),
        identities: vec![
            identity("795", "00", one, ""),
            identity("667", "", none, ""),
            identity("600", "", "", "ERR5"),
        ],
    };
    backup.text().expect("a backup has a text").into_bytes()
}
