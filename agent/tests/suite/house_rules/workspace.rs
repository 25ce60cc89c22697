//! The crates of the workspace and what they depend on, as cargo tells it.

use serde::Deserialize;
use std::path::Path;
use std::process::Command;

/// What `cargo metadata` says; keys not named here are of no interest.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: String,
}

/// A member of the workspace.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest_path: String,
    pub(super) dependencies: Vec<Dependency>,
}

/// One line of a dependency table.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dependency {
    /// Name of the package, not what the manifest renames it to.
    pub(super) name: String,
    /// Where the package lies; only ours have a place.
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) kind: Kind,
    #[serde(rename = "uses_default_features")]
    pub(super) default_features: bool,
}

/// Which table of the manifest the dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    #[default]
    Normal,
    Dev,
    Build,
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None => Ok(Self::Normal),
            Some("dev") => Ok(Self::Dev),
            Some("build") => Ok(Self::Build),
            Some(other) => Err(serde::de::Error::custom(format!("unknown kind `{other}`"))),
        }
    }
}

/// Asks cargo for the members of the workspace at `root`.
pub(super) fn packages(root: &Path) -> Result<Vec<Package>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    parse(&output.stdout)
}

/// The members, with manifest paths relative to the root.
fn parse(json: &[u8]) -> Result<Vec<Package>, String> {
    let metadata: Metadata = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let root = format!("{}/", metadata.workspace_root);
    let mut packages = metadata.packages;
    for package in &mut packages {
        if let Some(inside) = package.manifest_path.strip_prefix(&root) {
            package.manifest_path = inside.to_owned();
        }
    }
    Ok(packages)
}

/// A made-up member for bad examples: ours are written `name`, foreign crates `crate:name`,
/// dev-dependencies `dev:name`.
pub(super) fn example(name: &str, uses: &[&str]) -> Package {
    let dependencies = uses.iter().map(|text| example_dependency(text)).collect();
    Package {
        name: name.to_owned(),
        manifest_path: format!("{name}/Cargo.toml"),
        dependencies,
    }
}

fn example_dependency(text: &str) -> Dependency {
    let (kind, text) = match text.strip_prefix("dev:") {
        Some(rest) => (Kind::Dev, rest),
        None => (Kind::Normal, text),
    };
    let (path, name) = match text.strip_prefix("crate:") {
        Some(rest) => (None, rest),
        None => (Some(text.to_owned()), text),
    };
    Dependency {
        name: name.to_owned(),
        path,
        kind,
        default_features: true,
    }
}

#[test]
fn cargo_metadata_is_understood() {
    let json = br#"{"workspace_root": "/w", "packages": [{"name": "a", "manifest_path": "/w/a/Cargo.toml",
        "dependencies": [{"name": "redb", "path": null, "kind": null, "uses_default_features": true},
                         {"name": "b", "path": "/w/b", "kind": "dev", "uses_default_features": false}]}]}"#;
    let packages = parse(json).unwrap();
    let package = packages.first().unwrap();
    assert_eq!(package.manifest_path, "a/Cargo.toml");
    let kinds: Vec<Kind> = package.dependencies.iter().map(|d| d.kind).collect();
    assert_eq!(kinds, [Kind::Normal, Kind::Dev]);
    assert!(parse(b"{}").is_err());
}
