//! The real programs, built in the profile of the tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::process::run;

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the folder of the project")
}

/// The daemon.
pub fn agent() -> PathBuf {
    built().join("pmu-agent")
}

/// The command line.
pub fn pmuctl() -> PathBuf {
    built().join("pmuctl")
}

/// The shipped models.
pub fn models() -> PathBuf {
    root().join("config/meter-models")
}

/// The shipped models, for simulated FLAG meters that need no rest before a request: a promise about
/// what is read need not wait for what meters wait for.
pub fn brisk_models(folder: &Path) -> PathBuf {
    let brisk = folder.join("brisk-models");
    std::fs::create_dir_all(&brisk).expect("a folder");
    for entry in std::fs::read_dir(models()).expect("the models") {
        let path = entry.expect("a model").path();
        let text = std::fs::read_to_string(&path).expect("a model");
        let lines = text.lines().map(|line| {
            if line.starts_with("gap-ms = ") {
                "gap-ms = 5"
            } else {
                line
            }
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let name = path.file_name().expect("a file");
        std::fs::write(brisk.join(name), text).expect("a file");
    }
    brisk
}

/// A program of another package, built in the same profile.
pub fn another(package: &str, program: &str) -> PathBuf {
    built_with(&["-p", package, "--bin", program]).join(program)
}

/// The folder of the programs: built once, nothing to do when they are fresh. `PMU_PROGRAMS` names
/// a folder with programs to be tried as they are: those of an image, for example.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = std::env::var_os("PMU_PROGRAMS") {
            return PathBuf::from(folder);
        }
        built_with(&["-p", "pmu-agent", "-p", "pmuctl"])
    })
}

/// Builds what is named, and returns the folder of the programs.
fn built_with(names: &[&str]) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this test");
    let folder = own
        .parent()
        .and_then(Path::parent)
        .expect("<target>/<profile>/deps");
    let profile = folder
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a profile");
    let target = folder.parent().expect("the target folder");
    // The folder of the profile `dev` is called `debug`.
    let profile = if profile == "debug" { "dev" } else { profile };
    let mut cargo = cargo();
    cargo
        .env("CARGO_TARGET_DIR", target)
        .args(["build", "--quiet", "--profile", profile])
        .args(names);
    run("building our programs", &mut cargo);
    folder.to_path_buf()
}

/// Cargo, at the root of the project.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root());
    // What cargo told this test about its own package would make every build look stale.
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let of_this_package = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    for name in names.filter(|name| of_this_package.iter().any(|head| name.starts_with(head))) {
        cargo.env_remove(name);
    }
    cargo
}
