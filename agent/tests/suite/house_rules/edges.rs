//! Which crate may use which: rules D1, D3, D4, D5 and D6, from the manifests.

use super::breach::{Breach, places};
use super::workspace::{Kind, Package, example};

/// A room of the house: a crate, its floor, and which of our crates it may use.
struct Room {
    name: &'static str,
    floor: u8,
    uses: Uses,
}

enum Uses {
    Only(&'static [&'static str]),
    EverythingBelow,
}

const fn room(name: &'static str, floor: u8, uses: &'static [&'static str]) -> Room {
    Room {
        name,
        floor,
        uses: Uses::Only(uses),
    }
}

const fn attic(name: &'static str) -> Room {
    Room {
        name,
        floor: 5,
        uses: Uses::EverythingBelow,
    }
}

/// Section 3 of `docs/architecture.md`; rooms that later issues fill are in the table already, so
/// that they are built where they were planned.
const TABLE: [Room; 17] = [
    room("metering", 1, &[]),
    room("line", 1, &[]),
    room("bootloader-verify", 2, &[]),
    room("iec62056-21", 2, &["line"]),
    room("dlms", 2, &["line"]),
    room("authority", 2, &["metering"]),
    room("schemes", 2, &["metering"]),
    room("storage", 3, &["metering"]),
    room("head-end", 3, &["metering", "authority"]),
    room("desk", 3, &["metering", "authority", "schemes"]),
    room(
        "meters",
        3,
        &[
            "metering",
            "line",
            "authority",
            "schemes",
            "iec62056-21",
            "dlms",
        ],
    ),
    room("ota", 3, &["bootloader-verify"]),
    room("web", 4, &["desk", "metering", "authority", "schemes"]),
    room(
        "simulator",
        4,
        &[
            "metering",
            "line",
            "authority",
            "schemes",
            "iec62056-21",
            "dlms",
            "storage",
            "head-end",
            "meters",
        ],
    ),
    room(
        "pmuctl",
        5,
        &[
            "desk",
            "metering",
            "authority",
            "schemes",
            "meters",
            "head-end",
            "storage",
            "ota",
        ],
    ),
    attic("pmu-agent"),
    attic("hil-tests"),
];

fn find(name: &str) -> Option<&'static Room> {
    TABLE.iter().find(|room| room.name == name)
}

fn breach(rule: &'static str, package: &Package, problem: String, remedy: &'static str) -> Breach {
    Breach {
        rule,
        place: package.manifest_path.clone(),
        problem,
        remedy,
    }
}

/// D1, and with it D2: what the table does not list is not used.
pub(super) fn lower_floors_only(packages: &[Package]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in packages {
        let Some(room) = find(&package.name) else {
            breaches.push(breach(
                "D1",
                package,
                format!("{} has no room in the table of floors", package.name),
                "write a decision page, then add it to docs/architecture.md and to edges.rs",
            ));
            continue;
        };
        let ours = package
            .dependencies
            .iter()
            .filter(|used| used.path.is_some());
        for used in ours.filter(|used| used.kind != Kind::Dev || used.name != "simulator") {
            if !may_use(room, &used.name) {
                breaches.push(breach(
                    "D1",
                    package,
                    format!("{} may not use {}", package.name, used.name),
                    "join the two further up, or write a decision page for the new edge",
                ));
            }
        }
    }
    breaches
}

fn may_use(room: &Room, name: &str) -> bool {
    let below = find(name).is_some_and(|used| used.floor < room.floor);
    below
        && match room.uses {
            Uses::Only(list) => list.contains(&name),
            Uses::EverythingBelow => true,
        }
}

/// D3: whoever owns a wire or disk format owns its shape; `metering` stays plain.
pub(super) fn metering_stays_plain(packages: &[Package]) -> Vec<Breach> {
    let foreign = ["serde", "tokio", "futures", "async"];
    forbidden(
        "D3",
        packages,
        &["metering"],
        &foreign,
        "convert where the format is owned",
    )
}

/// D4: the crates marked pure know no runtime.
pub(super) fn pure_crates_know_no_runtime(packages: &[Package]) -> Vec<Breach> {
    let pure = [
        "metering",
        "authority",
        "schemes",
        "head-end",
        "desk",
        "ota",
        "bootloader-verify",
    ];
    let foreign = ["tokio", "futures", "async", "mio", "socket2"];
    forbidden(
        "D4",
        packages,
        &pure,
        &foreign,
        "do the IO in agent/src/adapters",
    )
}

/// Breaches for crates among `names` that depend on a family of foreign crates.
fn forbidden(
    rule: &'static str,
    packages: &[Package],
    names: &[&str],
    families: &[&str],
    remedy: &'static str,
) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in packages
        .iter()
        .filter(|package| names.contains(&package.name.as_str()))
    {
        for used in package
            .dependencies
            .iter()
            .filter(|used| used.kind != Kind::Dev)
        {
            if families
                .iter()
                .any(|family| is_of_family(&used.name, family))
            {
                let problem = format!("{} depends on {}", package.name, used.name);
                breaches.push(breach(rule, package, problem, remedy));
            }
        }
    }
    breaches
}

/// `serde_bytes` and `serde-foo` are of the family `serde`; `serdex` is not.
fn is_of_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

/// D4: which crates may touch the store's file, the broker and the ports. Tests count too: a
/// second user would freeze what only the owner should know.
pub(super) fn io_crates_have_owners(packages: &[Package]) -> Vec<Breach> {
    let owners: [(&str, &[&str]); 5] = [
        ("redb", &["storage"]),
        ("rumqttc", &["pmu-agent", "pmuctl", "simulator"]),
        ("tokio-serial", &["pmu-agent", "hil-tests"]),
        ("mio-serial", &["pmu-agent"]),
        ("serialport", &["pmu-agent"]),
    ];
    let mut breaches = Vec::new();
    for package in packages {
        for used in &package.dependencies {
            let owner = owners.iter().find(|(name, _)| *name == used.name);
            if owner.is_some_and(|(_, may)| !may.contains(&package.name.as_str())) {
                breaches.push(breach(
                    "D4",
                    package,
                    format!("{} depends on {}", package.name, used.name),
                    "go through the crate that owns it (table of D4 in docs/architecture.md)",
                ));
            }
        }
    }
    breaches
}

/// D5: no test code on the gateway.
pub(super) fn simulator_is_for_tests(packages: &[Package]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in packages
        .iter()
        .filter(|package| package.name != "hil-tests")
    {
        for used in package
            .dependencies
            .iter()
            .filter(|used| used.name == "simulator")
        {
            let floor = find(&package.name).map_or(0, |room| room.floor);
            let problem = if used.kind != Kind::Dev {
                "uses the simulator outside of tests"
            } else if floor < 4 && package.name != "meters" {
                "is below floor 4 and uses the simulator"
            } else if package.name == "meters" && used.default_features {
                "uses the simulator with its broker"
            } else {
                continue;
            };
            breaches.push(breach(
                "D5",
                package,
                format!("{} {problem}", package.name),
                "make it a dev-dependency of floor 4 or 5, or of meters without default features",
            ));
        }
    }
    breaches
}

/// D6: the trusted base of the boot path stays small enough to read.
pub(super) fn boot_verifier_is_small(packages: &[Package]) -> Vec<Breach> {
    const DIRECT_MAX: usize = 4;
    let mut breaches = Vec::new();
    for package in packages
        .iter()
        .filter(|package| package.name == "bootloader-verify")
    {
        let direct = package.dependencies.iter().filter(|used| {
            used.kind != Kind::Dev && !["libc", "rustix"].contains(&used.name.as_str())
        });
        let (ours, foreign): (Vec<_>, Vec<_>) = direct.partition(|used| used.path.is_some());
        if !ours.is_empty() || foreign.len() > DIRECT_MAX {
            let problem = format!(
                "{} of ours and {} foreign crates",
                ours.len(),
                foreign.len()
            );
            breaches.push(breach(
                "D6",
                package,
                problem,
                "use none of ours and at most four",
            ));
        }
    }
    breaches
}

#[test]
fn an_edge_that_points_up_or_sideways_is_found() {
    let packages = [
        example("metering", &["line"]),
        example("line", &["crate:tokio", "dev:meters"]),
        example("storage", &["metering", "crate:redb"]),
        example("head-end", &["metering", "dev:storage"]),
        example("pmuctl", &["storage", "line"]),
        example("pmu-agent", &["storage", "line", "dev:simulator"]),
        example("teapot", &[]),
    ];
    let found = lower_floors_only(&packages);
    let places_expected = [
        "metering/Cargo.toml",
        "line/Cargo.toml",
        "head-end/Cargo.toml",
        "pmuctl/Cargo.toml",
        "teapot/Cargo.toml",
    ];
    assert_eq!(places(&found), places_expected, "{found:?}");
}

#[test]
fn the_table_itself_points_downwards() {
    for room in &TABLE {
        let Uses::Only(list) = room.uses else {
            continue;
        };
        for name in list {
            assert!(may_use(room, name), "{} may not use {name}", room.name);
        }
    }
}

#[test]
fn serde_in_metering_and_a_runtime_in_a_pure_crate_are_found() {
    let packages = [
        example(
            "metering",
            &["crate:serde_bytes", "crate:thiserror", "dev:crate:serde"],
        ),
        example("desk", &["crate:serde", "crate:tokio-util"]),
        example("line", &["crate:tokio"]),
    ];
    assert_eq!(
        places(&metering_stays_plain(&packages)),
        ["metering/Cargo.toml"]
    );
    assert_eq!(
        places(&pure_crates_know_no_runtime(&packages)),
        ["desk/Cargo.toml"]
    );
}

#[test]
fn a_second_owner_of_store_broker_or_port_is_found() {
    let packages = [
        example("storage", &["crate:redb"]),
        example(
            "pmu-agent",
            &["dev:crate:redb", "crate:rumqttc", "crate:tokio-serial"],
        ),
        example("simulator", &["crate:rumqttc", "crate:tokio-serial"]),
        example("meters", &["crate:rumqttc"]),
    ];
    let found = io_crates_have_owners(&packages);
    let expected = [
        "pmu-agent/Cargo.toml",
        "simulator/Cargo.toml",
        "meters/Cargo.toml",
    ];
    assert_eq!(places(&found), expected);
}

#[test]
fn the_simulator_in_production_code_or_too_far_down_is_found() {
    let mut without_broker = example("meters", &["dev:simulator"]);
    for used in &mut without_broker.dependencies {
        used.default_features = false;
    }
    let packages = [
        example("pmu-agent", &["simulator"]),
        example("pmuctl", &["dev:simulator"]),
        example("hil-tests", &["simulator"]),
        example("storage", &["dev:simulator"]),
        example("meters", &["dev:simulator"]),
        without_broker,
    ];
    let found = simulator_is_for_tests(&packages);
    let expected = [
        "pmu-agent/Cargo.toml",
        "storage/Cargo.toml",
        "meters/Cargo.toml",
    ];
    assert_eq!(places(&found), expected);
}

#[test]
fn a_boot_verifier_that_grows_is_found() {
    let lean = [
        "crate:sha2",
        "crate:ed25519-dalek",
        "crate:libc",
        "dev:crate:proptest",
    ];
    assert!(boot_verifier_is_small(&[example("bootloader-verify", &lean)]).is_empty());
    let fat = ["crate:a", "crate:b", "crate:c", "crate:d", "crate:e"];
    assert_eq!(
        boot_verifier_is_small(&[example("bootloader-verify", &fat)]).len(),
        1
    );
    assert_eq!(
        boot_verifier_is_small(&[example("bootloader-verify", &["line"])]).len(),
        1
    );
}
