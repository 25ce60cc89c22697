//! A folder with a key, the file of trusted keys, something like a squashfs and a boot payload.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) const SALT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

pub(crate) struct Bench {
    folder: TempDir,
}

/// Bytes that look like chance and are the same each time.
pub(crate) fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut noise = seed;
    let next = || {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        noise.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let public = bench.good("keygen --out key.pem");
        bench.write("trust.keys", format!("current {public}").as_bytes());
        bench.write("squashfs", &bytes(300 * 4096 - 1000, 1));
        bench.write("payload", &bytes(54_321, 2));
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_bootloader-verify"))
            .current_dir(self.folder.path())
            .args(words)
            .output()
            .unwrap()
    }

    /// What it says, and that it ends with this code.
    #[track_caller]
    pub(crate) fn ends(&self, line: &str, code: i32) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let done = self.run(&words);
        let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        assert_eq!(done.status.code(), Some(code), "{line}\n{said}");
        said
    }

    #[track_caller]
    pub(crate) fn good(&self, line: &str) -> String {
        self.ends(line, 0)
    }

    #[track_caller]
    pub(crate) fn refused(&self, line: &str, reason: &str) {
        let said = self.ends(line, 1);
        let first = said.lines().next().unwrap();
        assert_eq!(
            first,
            format!("pmu-check 1 check=bad reason={reason}"),
            "{line}"
        );
        assert!(said.lines().nth(1).is_some(), "what to do about it");
    }

    /// Signs the squashfs and the payload of the bench; `more` comes last.
    #[track_caller]
    pub(crate) fn sign(&self, out: &str, more: &[&str]) {
        let more = more.join(" ");
        self.good(&format!("{} --out {out} {more}", Self::order("key.pem")));
    }

    #[track_caller]
    pub(crate) fn sign_with(&self, key: &str, out: &str) {
        self.good(&format!("{} --out {out}", Self::order(key)));
    }

    /// The order to sign, without its output.
    pub(crate) fn order(key: &str) -> String {
        format!(
            "sign --key {key} --role slot --board pc --arch amd64 --version 1.2.3 \
             --kernel 6.1.0-56-cloud-amd64 --counter 5 --squashfs squashfs --payload payload \
             --salt {SALT} --built 1790000000"
        )
    }
}
