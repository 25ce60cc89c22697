//! A USB stick with the folder `provision`, as an installer makes it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::run;

const MEBIBYTES: &str = "64M";

/// A stick.
#[derive(Debug)]
pub struct Stick(PathBuf);

impl Stick {
    /// An empty one, as this file.
    pub fn new(file: &Path) -> Self {
        run(
            "making a stick",
            Command::new("truncate")
                .args(["--size", MEBIBYTES])
                .arg(file),
        );
        run(
            "formatting a stick",
            Command::new("mkfs.vfat")
                .args(["-n", "PMU-SETUP"])
                .arg(file),
        );
        let stick = Self(file.to_path_buf());
        run(
            "making a folder on a stick",
            stick.tool("mmd").arg("::provision"),
        );
        stick
    }

    /// The file that plays it.
    pub fn file(&self) -> &Path {
        &self.0
    }

    /// Puts a file into its folder.
    pub fn put(&self, name: &str, file: &Path) {
        let to = format!("::provision/{name}");
        run(
            "writing to a stick",
            self.tool("mcopy").arg("-o").arg(file).arg(to),
        );
    }

    /// What is in a file of its folder; none if there is no such file.
    pub fn get(&self, name: &str) -> Option<String> {
        let from = format!("::provision/{name}");
        let read = self.tool("mtype").arg(from).output().expect("mtools");
        read.status
            .success()
            .then(|| String::from_utf8_lossy(&read.stdout).into_owned())
    }

    fn tool(&self, name: &str) -> Command {
        let mut tool = Command::new(name);
        tool.arg("-i").arg(&self.0);
        tool
    }
}
