//! DLMS clients that we did not write read our meters, the one of the tests and the simulated one, over
//! both roads and at every level of security that they speak.
#![cfg(test)]

use hil_tests::binaries::{cargo, root};
use hil_tests::process::run;
use hil_tests::python::with_modules;
use std::path::Path;
use std::process::Command;

/// Over the wrapper and over HDLC: Gurux's client at six levels and dlms-cosem at five with the meter
/// of the tests, both at four with the simulated one. Then a tariff that we write is read by Gurux's, and
/// the other way round, with suites 0 and 2.
const READINGS: usize = 2 * (6 + 5) + 2 * (4 + 4) + 2 * 2 * 2;

#[test]
fn two_clients_that_we_did_not_write_read_our_meters_at_every_level() {
    let Some(python) = with_modules("DLMS peers", &["dlms_cosem", "gurux_dlms"]) else {
        return;
    };
    let own = std::env::current_exe().expect("the path of this test");
    let target = own.ancestors().nth(3).unwrap_or(Path::new("target"));
    let script = root().join("agent/crates/dlms/tests/peers/run");
    let mut peers = Command::new(script);
    peers.arg(python).current_dir(root());
    peers.env("CARGO_TARGET_DIR", target);
    // Cargo's own word for where it is, so that the script finds the same one.
    let mut path = vec![Path::new(cargo().get_program()).with_file_name("")];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    peers.env("PATH", std::env::join_paths(path).expect("folders"));
    let said = run("DLMS peers", &mut peers);
    println!("{said}");
    let read = said.lines().filter(|line| line.contains("ok")).count();
    assert_eq!(read, READINGS, "{said}");
}
