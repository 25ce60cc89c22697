//! The real programs: built in our own profile, beside us.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Where the programs and the shipped files lie.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The daemon.
    pub(crate) agent: PathBuf,
    /// The command line.
    pub(crate) pmuctl: PathBuf,
    /// The shipped meter models.
    pub(crate) models: PathBuf,
}

/// Where our own program lies, as cargo would say it.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    target: &'a Path,
    folder: &'a Path,
    profile: &'a str,
}

impl Programs {
    /// Builds them; nothing is done when they are fresh. Says so first, through `say`.
    pub(crate) fn build(say: impl FnOnce(&str)) -> Result<Self> {
        let own = env::current_exe().context("the path of this program is not known")?;
        let place = Place::of(&own)?;
        let root = root()?;
        say(&format!(
            "building pmu-agent and pmuctl ({} profile; the first time this takes minutes)",
            place.profile
        ));
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(&cargo);
        for name in env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
            if is_about_us(&name) {
                build.env_remove(name);
            }
        }
        let built = build
            .current_dir(&root)
            .env("CARGO_TARGET_DIR", place.target)
            .args(["build", "--profile", place.profile])
            .args(["-p", "pmu-agent", "-p", "pmuctl", "--bins"])
            .status()
            .with_context(|| {
                format!(
                    "{} cannot be started; install Rust (https://rustup.rs), or start this with \
                     `cargo run --release -p simulator -- demo`",
                    Path::new(&cargo).display()
                )
            })?;
        if !built.success() {
            bail!("pmu-agent and pmuctl were not built; cargo says why above");
        }
        let programs = Self {
            agent: place.folder.join("pmu-agent"),
            pmuctl: place.folder.join("pmuctl"),
            models: root.join("config/meter-models"),
        };
        for program in [&programs.agent, &programs.pmuctl] {
            if !program.is_file() {
                bail!("{} is not there although it was built", program.display());
            }
        }
        Ok(programs)
    }
}

/// Whether `cargo run` has set this variable to say which package we are. Build scripts of our
/// dependencies look at some of these: cargo, started with them, would build half of it again each
/// time.
fn is_about_us(variable: &str) -> bool {
    let beginnings = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    beginnings
        .iter()
        .any(|beginning| variable.starts_with(beginning))
        || variable == "CARGO_PRIMARY_PACKAGE"
}

impl<'a> Place<'a> {
    /// `<target>/<profile>/simulator`; the folder of the profile `dev` is called `debug`.
    fn of(program: &'a Path) -> Result<Self> {
        let parts = || {
            let folder = program.parent()?;
            let profile = folder.file_name()?.to_str()?;
            Some((folder.parent()?, folder, profile))
        };
        let Some((target, folder, profile)) = parts() else {
            bail!(
                "{} does not lie in a target folder of cargo",
                program.display()
            );
        };
        let profile = if profile == "debug" { "dev" } else { profile };
        Ok(Self {
            target,
            folder,
            profile,
        })
    }
}

/// The root of the project: of this checkout, or of the one in which this program was built.
fn root() -> Result<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let found = manifest
        .ancestors()
        .find(|folder| folder.join("config/meter-models").is_dir());
    found
        .map(Path::to_path_buf)
        .with_context(|| format!("{} is not part of the project any more", manifest.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_read_from_our_own_path() {
        let place = |path: &'static str| {
            Place::of(Path::new(path))
                .map(|place| (place.target.display().to_string(), place.profile))
        };
        assert_eq!(
            place("/t/release/simulator").unwrap(),
            ("/t".to_owned(), "release")
        );
        assert_eq!(
            place("/t/debug/simulator").unwrap(),
            ("/t".to_owned(), "dev")
        );
        assert!(place("/simulator").is_err());
    }

    #[test]
    fn a_build_is_not_told_which_package_started_it() {
        for variable in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
            assert!(is_about_us(variable), "{variable}");
        }
        for variable in [
            "CARGO",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "PATH",
            "RUSTFLAGS",
        ] {
            assert!(!is_about_us(variable), "{variable}");
        }
    }

    #[test]
    fn the_project_is_found() {
        assert!(root().unwrap().join("README.md").is_file());
    }
}
