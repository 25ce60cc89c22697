//! Every boot reads the whole image: what is damaged, altered, foreign or too old is not started; the
//! other slot is, then recovery, or nothing. Each case is a virtual machine with a kernel of Debian's
//! and the boot program as it is on the gateway.
#![cfg(test)]

use bootloader_verify::{BootState, Refusal, Role, Slot, SlotState};
use hil_tests::boot::{Arch, BootDisk, Guest, Part, SECOND_FLOOR, Said, run_machines};

/// One disk, and what the boot program must say of it.
struct Case {
    name: &'static str,
    prepare: fn(&mut BootDisk, &Guest),
    floor: u64,
    /// Lines, in their order; a line counts if it begins so.
    says: &'static [&'static str],
}

const fn case(
    name: &'static str,
    prepare: fn(&mut BootDisk, &Guest),
    says: &'static [&'static str],
) -> Case {
    Case {
        name,
        prepare,
        floor: 0,
        says,
    }
}

fn check(case: &Case, guest: &Guest) -> Result<(), String> {
    let mut disk = BootDisk::good(guest, &case.name.replace(' ', "-"));
    (case.prepare)(&mut disk, guest);
    let said = disk.machine(guest).with_floor(case.floor).run();
    judge(case.name, case.says, &said)
}

fn judge(name: &str, expected: &[&str], said: &Said) -> Result<(), String> {
    let found = said.boot();
    println!("{name}: {found:?} {:?}", said.tiny());
    let fits = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(found, wanted)| found.starts_with(wanted));
    let started = expected.last().is_some_and(|last| {
        let label = match *last {
            "result=boot slot=A" => "label=a",
            "result=boot slot=B" => "label=b",
            last if last.starts_with("result=recovery") => "label=r",
            _ => return said.tiny().is_empty(),
        };
        said.tiny().iter().any(|line| line.starts_with(label))
    });
    if fits && started {
        Ok(())
    } else {
        let tail: Vec<&str> = said.0.lines().rev().take(30).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Err(format!(
            "{name}: expected {expected:?}, found {found:?}\n{}",
            tail.join("\n")
        ))
    }
}

/// Damage in A and another damage in B: both must be seen, and recovery comes.
const CASES: [Case; 14] = [
    case(
        "a whole disk",
        |_, _| (),
        &[
            "slot=A check=ok version=1.0-a counter=5",
            "result=boot slot=A",
        ],
    ),
    case(
        "first block and a block that nobody reads",
        |disk, _| {
            disk.flip(Part::A, 1);
            // Blocks in the middle of `bulk`: a lazy check would not see them.
            disk.flip(Part::B, disk.tree_at() / 2);
        },
        &[
            "slot=A check=bad reason=verity",
            "slot=B check=bad reason=verity",
            "slot=recovery check=ok version=1.0-r",
            "result=recovery reason=verity",
        ],
    ),
    case(
        "last block and root of the tree",
        |disk, _| {
            disk.flip(Part::A, disk.tree_at() - 1);
            disk.flip(Part::B, disk.tree_at() + 5);
        },
        &[
            "slot=A check=bad reason=verity",
            "slot=B check=bad reason=verity",
            "slot=recovery check=ok",
            "result=recovery reason=verity",
        ],
    ),
    case(
        "leaf of the tree and gap",
        |disk, _| {
            disk.flip(Part::A, disk.gap_at() - 3000);
            disk.flip(Part::B, disk.gap_at() + 70_000);
        },
        &[
            "slot=A check=bad reason=verity",
            "slot=B check=bad reason=gap",
            "slot=recovery check=ok",
            "result=recovery reason=verity",
        ],
    ),
    case(
        "manifest and its padding",
        |disk, _| {
            // The counter, and the last octet.
            disk.flip(Part::A, disk.manifest_at() + 60);
            disk.flip(Part::B, disk.manifest_at() + 4095);
        },
        &[
            "slot=A check=bad reason=signature",
            "slot=B check=bad reason=manifest-form",
            "slot=recovery check=ok",
            "result=recovery reason=signature",
        ],
    ),
    case(
        "manifests exchanged",
        |disk, _| {
            let [a, b] = [Part::A, Part::B].map(|part| disk.manifest_of(part));
            disk.manifest(Part::A, &b);
            disk.manifest(Part::B, &a);
        },
        &[
            "slot=A check=bad reason=verity",
            "slot=B check=bad reason=verity",
            "slot=recovery check=ok",
            "result=recovery reason=verity",
        ],
    ),
    case(
        "unsigned and a foreign key",
        |disk, guest| {
            let (_, mut unsigned) = guest.image('a', &guest.signer());
            let length = usize::from(u16::from_le_bytes([unsigned[8], unsigned[9]]));
            unsigned[length..length + 64].fill(0);
            disk.manifest(Part::A, &unsigned);
            let (_, foreign) = guest.image('b', &guest.signer().with_key(9));
            disk.manifest(Part::B, &foreign);
        },
        &[
            "slot=A check=bad reason=signature",
            "slot=B check=bad reason=key",
            "slot=recovery check=ok",
            "result=recovery reason=signature",
        ],
    ),
    case(
        "recovery in a slot and another board",
        |disk, guest| {
            let (content, manifest) = guest.image('r', &guest.signer());
            disk.place(Part::A, &content, &manifest);
            let other = guest
                .signer()
                .saying(|manifest| "rpi4".clone_into(&mut manifest.board));
            let (_, manifest) = guest.image('b', &other);
            disk.manifest(Part::B, &manifest);
        },
        &[
            "slot=A check=bad reason=role",
            "slot=B check=bad reason=board",
            "slot=recovery check=ok",
            "result=recovery reason=role",
        ],
    ),
    Case {
        floor: 6,
        ..case(
            "too old for the payload",
            |disk, guest| {
                let newer = guest.signer().saying(|manifest| manifest.counter = 6);
                let (_, manifest) = guest.image('b', &newer);
                disk.manifest(Part::B, &manifest);
            },
            &[
                "slot=A check=bad reason=floor",
                "slot=B check=ok version=1.0-b counter=6",
                "result=boot slot=B",
            ],
        )
    },
    case(
        "too old for the state and another kernel",
        |disk, guest| {
            disk.set_state(&BootState {
                floor: 7,
                ..BootState::default()
            });
            let other = guest.signer().saying(|manifest| {
                manifest.counter = 7;
                "6.0.0".clone_into(&mut manifest.kernel);
            });
            let (_, manifest) = guest.image('b', &other);
            disk.manifest(Part::B, &manifest);
        },
        &[
            "slot=A check=bad reason=floor",
            "slot=B check=bad reason=kernel",
            "slot=recovery check=ok",
            "result=recovery reason=floor",
        ],
    ),
    case(
        "nothing whole",
        |disk, _| {
            for part in [Part::A, Part::B, Part::Recovery] {
                disk.flip(part, 4096);
            }
        },
        &[
            "slot=A check=bad reason=verity",
            "slot=B check=bad reason=verity",
            "slot=recovery check=bad reason=verity",
            "result=refuse",
        ],
    ),
    case(
        "an unreadable state",
        |disk, _| disk.fill(Part::State, 0xa5),
        &["slot=A check=ok", "result=boot slot=A"],
    ),
    case(
        "nothing but a slot in trial",
        |disk, _| {
            disk.fill(Part::A, 0);
            let mut state = BootState::default();
            state.begin_trial(Slot::B);
            disk.set_state(&state);
        },
        &["slot=B check=ok version=1.0-b", "result=boot slot=B"],
    ),
    case(
        "a disk that ends too early",
        |disk, _| disk.cut_in(Part::A),
        &["result=refuse problem=no-disk"],
    ),
];

fn guests() -> impl Iterator<Item = Guest> {
    [Arch::Amd64, Arch::Arm64]
        .into_iter()
        .filter_map(|arch| Guest::prepare("verified boot", arch))
}

#[test]
fn only_what_is_whole_signed_and_meant_for_this_box_is_started() {
    for guest in guests() {
        println!("{}:", guest.arch.word());
        run_machines(&CASES, |case| check(case, &guest));
    }
}

/// Whoever takes the check out of a payload has one that starts nothing, rather than one that starts
/// unchecked. Each place is looked at for itself, and says why it is not started. What the state keeps of that is no verdict: a whole payload starts the same disk.
#[test]
fn a_payload_that_lacks_a_module_starts_nothing() {
    let cases = [
        ("dm-verity", "step=map error=invalid-argument"),
        ("squashfs", "step=mount error=no-such-device"),
    ];
    for guest in guests() {
        run_machines(&cases, |(module, word)| {
            let disk = BootDisk::good(&guest, module);
            let nothing = [
                word,
                "slot=A check=bad reason=mount",
                word,
                "slot=B check=bad reason=mount",
                word,
                "slot=recovery check=bad reason=mount",
                "result=refuse problem=nothing-whole",
            ];
            let said = disk.machine(&guest).without_module(module).run();
            judge(&format!("without {module}"), &nothing, &said)?;
            let whole = ["slot=A check=ok", "result=boot slot=A"];
            judge(
                &format!("with {module} again"),
                &whole,
                &disk.machine(&guest).run(),
            )
        });
    }
}

/// How long a check took is said, so that a slow card shows.
#[test]
fn a_good_check_says_how_long_it_took() {
    let Some(guest) = guests().next() else { return };
    let said = BootDisk::good(&guest, "duration").machine(&guest).run();
    let line = said.boot().first().copied().unwrap_or_default();
    let took: Option<u32> = line
        .rsplit_once(" ms=")
        .and_then(|(_, took)| took.parse().ok());
    assert!(
        took.is_some_and(|took| (1..60_000).contains(&took)),
        "{line}"
    );
}

/// On QEMU's Raspberry Pi 3 the slots lie on a card; nothing models a Pi 4 or 5, and what only their
/// firmware does is listed in `hil-tests/HARDWARE.md`.
#[test]
fn a_card_is_checked_as_a_disk_is() {
    let Some(guest) = Guest::prepare("verified boot from a card", Arch::Pi3) else {
        return;
    };
    let disk = BootDisk::good(&guest, "card");
    disk.flip(Part::A, disk.tree_at() / 2);
    let expected = [
        "slot=A check=bad reason=verity",
        "slot=B check=ok version=1.0-b counter=5",
        "result=boot slot=B",
    ];
    judge("a damaged card", &expected, &disk.machine(&guest).run()).unwrap();
}

/// What is left in the state after a boot.
fn after(disk: &BootDisk, slot: Slot) -> (SlotState, u8) {
    let state = disk.state();
    let record = state.slot(slot);
    (record.state, record.streak)
}

/// An image that never comes to health is tried three times, and the former one comes back; one that
/// was committed loses nothing. A root that ends at once is a kernel that stops.
#[test]
fn a_trial_ends_and_the_former_image_comes_back() {
    for guest in guests() {
        let disk = BootDisk::good(&guest, "trial");
        let mut state = BootState::default();
        state.begin_writing(Slot::B);
        state.begin_trial(Slot::B);
        disk.set_state(&state);
        let mut started = Vec::new();
        for _ in 0..4 {
            let said = disk.machine(&guest).with_words("tiny=exit").run();
            let result = said.boot().last().map(|line| (*line).to_owned());
            started.push(result.unwrap_or_default());
        }
        let expected = [
            "result=boot slot=B",
            "result=boot slot=B",
            "result=boot slot=B",
            "result=boot slot=A",
        ];
        assert_eq!(started, expected);
        assert_eq!(after(&disk, Slot::B), (SlotState::Trial { left: 0 }, 0));
        assert_eq!(after(&disk, Slot::A), (SlotState::Good, 1));

        let mut state = disk.state();
        state.commit(Slot::B, 5, Some(5), false);
        disk.set_state(&state);
        let said = disk.machine(&guest).run();
        assert_eq!(said.boot().last(), Some(&"result=boot slot=B"));
        assert_eq!(after(&disk, Slot::B), (SlotState::Good, 1));
    }
}

/// A refused slot is remembered with the reason, for the report to the head-end; the running system is
/// told what was tried.
#[test]
fn a_refusal_is_told_to_the_running_system() {
    for guest in guests() {
        let disk = BootDisk::good(&guest, "report");
        disk.flip(Part::A, disk.manifest_at() + 20);
        let said = disk.machine(&guest).run();
        let told = said.tiny().join(" ");
        for words in ["slot:B", "counter:5", "attempt:A:"] {
            assert!(told.contains(words), "{told}");
        }
        let state = disk.state();
        assert_eq!(state.slot(Slot::A).state, SlotState::Bad);
        assert!(state.slot(Slot::A).refused.is_some());
    }
}

/// What changes after the check stops the kernel, which starts anew; there the check finds it.
#[test]
fn damage_under_a_running_system_stops_it() {
    for guest in guests() {
        let disk = BootDisk::good(&guest, "damage");
        let said = disk.machine(&guest).with_words("tiny=damage").run();
        assert_eq!(said.boot().last(), Some(&"result=boot slot=A"));
        assert!(said.0.contains("dm-verity device corrupted"), "{}", said.0);
        let again = disk.machine(&guest).run();
        let expected = [
            "slot=A check=bad reason=verity",
            "slot=B check=ok",
            "result=boot slot=B",
        ];
        judge("after the damage", &expected, &again).unwrap();
        let refused = disk.state().slot(Slot::A).refused;
        assert_eq!(refused, Some(Refusal::Content));
    }
}

/// The image of the other role is as foreign as one without a signature, whatever its counter.
#[test]
fn a_slot_image_is_no_recovery() {
    let Some(guest) = guests().next() else { return };
    let mut disk = BootDisk::good(&guest, "role");
    let slot = guest.signer().saying(|manifest| manifest.role = Role::Slot);
    let (content, manifest) = guest.image('r', &slot);
    disk.place(Part::Recovery, &content, &manifest);
    disk.fill(Part::A, 0);
    disk.fill(Part::B, 0xff);
    let said = disk.machine(&guest).run();
    let expected = [
        "slot=A check=bad reason=empty",
        "slot=B check=bad reason=empty",
        "slot=recovery check=bad reason=role",
        "result=refuse",
    ];
    judge("a slot's image for recovery", &expected, &said).unwrap();
}

/// With keys of our own in the firmware nothing runs that was not signed with them, and the command
/// line is part of what was signed.
#[test]
fn firmware_starts_only_the_payload_that_was_signed_for_it() {
    let Some(guest) = Guest::prepare("Secure Boot", Arch::Amd64) else {
        return;
    };
    if !guest.add_secure_boot("Secure Boot") {
        return;
    }
    let cases = [
        ("good", true),
        ("foreign", false),
        ("changed", false),
        ("unsigned", false),
    ];
    // Both need the same payloads, which take a while.
    a_slot_with_another_kernel_is_started_by_its_own_payload(&guest);
    the_payload_of_the_other_slot_may_be_lost(&guest);
    run_machines(&cases, |(payload, starts)| {
        let disk = BootDisk::good(&guest, payload);
        let said = disk.machine(&guest).by_firmware(payload).run();
        let told = said.tiny().join(" ");
        println!("{payload}: {:?} {told}", said.boot());
        let is_right = if *starts {
            told.starts_with("label=a") && told.contains("anchored:yes")
        } else {
            said.boot().is_empty() && said.0.contains("Access Denied")
        };
        if is_right {
            Ok(())
        } else {
            Err(format!("{payload}: {}", said.0))
        }
    });
}

/// Kernel and modules come as a pair. The second payload shows itself by its floor; that the firmware
/// brought it and its kernel does not fit either costs one try, and the next candidate comes.
fn a_slot_with_another_kernel_is_started_by_its_own_payload(guest: &Guest) {
    let disk = BootDisk::with_payloads(guest, "pair", &["good", "second"]);
    let other = guest.signer().saying(|manifest| {
        manifest.counter = SECOND_FLOOR;
        "6.0.0".clone_into(&mut manifest.kernel);
    });
    let (_, manifest) = guest.image('b', &other);
    disk.manifest(Part::B, &manifest);
    let mut state = BootState::default();
    state.begin_trial(Slot::B);
    disk.set_state(&state);
    let run = || disk.machine(guest).by_own_firmware().run();
    judge(
        "asks for the other payload",
        &["result=reboot next=B"],
        &run(),
    )
    .unwrap();
    let left = |left| (SlotState::Trial { left }, 0);
    assert_eq!(after(&disk, Slot::B), left(3));
    let second = [
        "slot=B check=bad reason=kernel",
        "slot=A check=bad reason=floor",
        "slot=recovery check=ok",
        "result=recovery reason=kernel",
    ];
    judge("the other payload", &second, &run()).unwrap();
    assert_eq!(after(&disk, Slot::B), left(2));
}

/// While an update writes the payload of the slot that does not run, the power may go: the firmware
/// begins with that of the slot that was committed.
fn the_payload_of_the_other_slot_may_be_lost(guest: &Guest) {
    let disk = BootDisk::with_payloads(guest, "order", &["good", "good"]);
    disk.set_state(&BootState {
        preferred: Slot::B,
        ..BootState::default()
    });
    let starts_b = ["slot=B check=ok", "result=boot slot=B"];
    let run = || disk.machine(guest).by_own_firmware().run();
    judge("tells the firmware", &starts_b, &run()).unwrap();
    disk.fill(Part::PayloadA, 0);
    judge("without the other payload", &starts_b, &run()).unwrap();
}
