//! The check of an image against `veritysetup verify` and `openssl dgst` on the same file, changed
//! bytes that pass it, and the size of the program that stands in the initramfs.

use std::path::Path;
use std::process::{Command, Stdio};

use hil_tests::binaries;
use hil_tests::process::run;
use hil_tests::signed_image::{SALT, SignedImage, program};
use hil_tests::skip::has_programs;
use tokio::time::Instant;

use crate::Ground;
use crate::table::{Limit, Row, Spread, short};

/// A slot of 64 MiB, its tree, manifest and one unused block included.
const DATA_BLOCKS: usize = 16_254;
const SLOT_BYTES: u64 = 64 << 20;
const CHANGES: usize = 2000;
/// Of `veritysetup` in the packages of Debian, whose folder is not in everybody's path.
const VERITYSETUP: &str = "/usr/sbin/veritysetup";
/// On amd64, without symbols: what the initramfs holds.
const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let mut rows = vec![changes(ground)];
    if has_programs("the pace of image checks", &["openssl", "veritysetup"]) {
        rows.extend(paces(ground));
    }
    rows.push(size_of_init());
    rows
}

fn changes(ground: &Ground) -> Row {
    let image = SignedImage::new(140, 20);
    let (tried, unnoticed) = image.unnoticed_changes(ground.by_pace(CHANGES, 10 * CHANGES));
    Row {
        figure: format!("changed bytes in a slot that pass unnoticed, of {tried}"),
        limit: Limit::NeverAbove(0.0),
        measured: Spread::one(unnoticed.len() as f64),
        unit: "",
        peer: "-".to_owned(),
    }
}

fn paces(ground: &Ground) -> Vec<Row> {
    let image = SignedImage::new(DATA_BLOCKS, 1);
    let slot = image.path("slot");
    assert_eq!(std::fs::metadata(&slot).unwrap().len(), SLOT_BYTES);
    let keys = image.path("trust.keys");
    let ours = |threads: &str| {
        let mut check = Command::new(program());
        check.args(["check", "--slot", "--threads", threads, "--keys"]);
        check.arg(&keys).arg(&slot);
        check
    };
    let (one, mut two) = (ours("1"), ours("2"));
    let mut verity = veritysetup(&image, &slot);
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256"]).arg(&slot);
    let (mut cores, mut walls) = (Vec::new(), Vec::new());
    // In turn, so that a busy moment of the machine is everybody's.
    for _ in 0..ground.by_pace(7, 15) {
        cores.push((processor(&openssl), processor(&one)));
    }
    for _ in 0..ground.by_pace(15, 40) {
        walls.push((wall(&mut verity), wall(&mut two)));
    }
    // Nobody is faster than the machine allows, and neighbours make everybody slower: the best run.
    let runs = walls.len();
    let best = |times: Vec<f64>| times.into_iter().fold(f64::INFINITY, f64::min);
    let (theirs, ours): (Vec<f64>, Vec<f64>) = walls.into_iter().unzip();
    let (verity, two) = (best(theirs), best(ours));
    let ratios = cores.iter().map(|(theirs, ours)| theirs / ours).collect();
    let (theirs, ours): (Vec<f64>, Vec<f64>) = cores.into_iter().unzip();
    vec![
        Row {
            figure: "check of a 64 MiB slot per core, against openssl dgst -sha256".to_owned(),
            limit: Limit::AtLeast(1.0),
            measured: Spread::of(ratios),
            unit: "x",
            peer: format!(
                "of a core: openssl {} ms, the check {} ms",
                short(Spread::of(theirs).median),
                short(Spread::of(ours).median)
            ),
        },
        Row {
            figure: "the same with two threads, against veritysetup verify".to_owned(),
            limit: Limit::AtLeast(1.8),
            measured: Spread::one(verity / two),
            unit: "x",
            peer: format!(
                "best of {}: veritysetup {} ms, the check {} ms",
                runs,
                short(verity),
                short(two)
            ),
        },
    ]
}

fn veritysetup(image: &SignedImage, slot: &Path) -> Command {
    let manifest = image.manifest();
    let blocks = manifest.geometry.data_blocks();
    let root: String = manifest.root.map(|byte| format!("{byte:02x}")).concat();
    let mut verify = Command::new(VERITYSETUP);
    verify.arg("verify").arg(slot).arg(slot).arg(root);
    verify.args(["--no-superblock", "--salt", SALT]);
    verify.arg(format!("--data-blocks={blocks}"));
    verify.arg(format!("--hash-offset={}", u64::from(blocks) * 4096));
    verify
}

/// Milliseconds of a processor that one run takes, the mean of some.
fn processor(command: &Command) -> f64 {
    let mut timed = Command::new("bash");
    timed.args([
        "-c",
        "TIMEFORMAT='%3U %3S'; time for _ in {1..8}; do \"$@\" >/dev/null || exit 1; done",
    ]);
    timed
        .arg("bash")
        .arg(command.get_program())
        .args(command.get_args());
    let done = timed.output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{command:?}\n{said}");
    let seconds = said
        .split_whitespace()
        .map(|word| word.parse::<f64>().unwrap());
    seconds.sum::<f64>() * 1e3 / 8.0
}

/// Milliseconds that one run takes.
fn wall(command: &mut Command) -> f64 {
    let begun = Instant::now();
    let done = command.stdout(Stdio::null()).status().unwrap();
    assert!(done.success(), "{command:?} refuses a good slot");
    begun.elapsed().as_secs_f64() * 1e3
}

/// The program of the initramfs, static, as an image is built with it.
fn size_of_init() -> Row {
    let folder = program().parent().and_then(Path::parent).unwrap();
    let folder = folder.join("boot-init");
    let mut cargo = binaries::cargo();
    cargo
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", &folder);
    cargo.args(["build", "--quiet", "--release", "--target", TARGET]);
    cargo.args([
        "-p",
        "bootloader-verify",
        "--bin",
        "boot-init",
        "--no-default-features",
    ]);
    run("building the program of the initramfs", &mut cargo);
    let built = folder.join(TARGET).join("release/boot-init");
    let stripped = folder.join("boot-init.stripped");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&stripped).arg(&built);
    run("stripping it", &mut strip);
    let bytes = |path: &Path| std::fs::metadata(path).unwrap().len() as f64 / 1e6;
    Row {
        figure: "program of the initramfs, static, amd64".to_owned(),
        limit: Limit::AtMost(1.5),
        measured: Spread::one(bytes(&stripped)),
        unit: "MB",
        peer: format!("with symbols {} MB", short(bytes(&built))),
    }
}
