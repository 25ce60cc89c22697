//! Documents that must keep up with the tree.

use super::breach::{Breach, places};
use super::source::SourceFile;

const DECISIONS: &str = "docs/decisions/";
const DECISION_INDEX: &str = "docs/decisions/README.md";
const DEPENDENCY_RECORD: &str = "docs/decisions/0002-dependencies.md";
const MODELS: &str = "config/meter-models/";
const VECTORS: &str = "agent/crates/meters/tests/vectors/models/";

fn text_of<'a>(files: &'a [SourceFile], path: &str) -> &'a str {
    files
        .iter()
        .find(|file| file.path == path)
        .map_or("", |file| &file.text)
}

fn breach(
    rule: &'static str,
    place: impl Into<String>,
    problem: String,
    remedy: &'static str,
) -> Breach {
    Breach {
        rule,
        place: place.into(),
        problem,
        remedy,
    }
}

/// A decision that nobody finds is taken again.
pub(super) fn decisions_are_linked(files: &[SourceFile]) -> Vec<Breach> {
    let index = text_of(files, DECISION_INDEX);
    files
        .iter()
        .filter(|file| file.path.starts_with(DECISIONS) && file.path != DECISION_INDEX)
        .filter(|file| !index.contains(&format!("({}.md)", file.stem())))
        .map(|file| {
            let problem = "the page is not linked from the index of decisions".to_owned();
            breach(
                "decisions",
                &file.path,
                problem,
                "link it from docs/decisions/README.md",
            )
        })
        .collect()
}

/// A dependency is a decision: why, what it pulls in, how we would leave it.
pub(super) fn dependencies_are_recorded(files: &[SourceFile]) -> Vec<Breach> {
    let record = text_of(files, DEPENDENCY_RECORD);
    workspace_dependencies(text_of(files, "Cargo.toml"))
        .filter(|name| {
            !record
                .lines()
                .any(|line| line.starts_with(&format!("### {name}")))
        })
        .map(|name| {
            let problem = format!("{name} has no record");
            let remedy = "add its three lines to docs/decisions/0002-dependencies.md";
            breach("dependencies", "Cargo.toml", problem, remedy)
        })
        .collect()
}

/// Names in `[workspace.dependencies]` that are not ours.
fn workspace_dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.contains("path ="))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim())
        .filter(|name| !name.starts_with('#'))
}

/// What is let through is let through for a reason and a time.
pub(super) fn exceptions_expire(files: &[SourceFile]) -> Vec<Breach> {
    let lines: Vec<&str> = text_of(files, "deny.toml").lines().map(str::trim).collect();
    let mut breaches = Vec::new();
    for (number, pair) in (2..).zip(lines.windows(2)) {
        let [above, line] = pair else { continue };
        let excepted =
            line.starts_with("{ id =") || line.starts_with("{ crate =") && line.contains("allow =");
        let says = |text: &str| text.contains("expires 20");
        if excepted && !says(line) && !(above.starts_with('#') && says(above)) {
            breaches.push(breach(
                "exceptions",
                format!("deny.toml:{number}"),
                "an exception without an end".to_owned(),
                "write why, and `expires` with a date, in its reason or in the line above",
            ));
        }
    }
    breaches
}

/// A model file without a conversation is an assertion nobody checked.
pub(super) fn meter_models_have_vectors(files: &[SourceFile]) -> Vec<Breach> {
    let models = files
        .iter()
        .filter(|file| file.path.starts_with(MODELS) && file.is("toml"));
    let mut breaches = Vec::new();
    for model in models {
        let vector = text_of(files, &format!("{VECTORS}{}.txt", model.stem()));
        let said = vector
            .lines()
            .filter(|line| line.starts_with('#'))
            .any(says_its_origin);
        if !said {
            breaches.push(breach(
                "meter models",
                &model.path,
                format!(
                    "no vector {}.txt says whether it was recorded or computed",
                    model.stem()
                ),
                "record a conversation, or compute one from the datasheet and say so in a comment",
            ));
        }
    }
    breaches
}

fn says_its_origin(line: &str) -> bool {
    line.contains("recorded") || line.contains("computed")
}

/// Links between our own files are kept when files move.
pub(super) fn links_lead_somewhere(files: &[SourceFile]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.is("md")) {
        for target in links(&file.text) {
            if !leads_to_a_file(files, &file.path, target) {
                let problem = format!("the link to `{target}` leads nowhere");
                breaches.push(breach("links", &file.path, problem, "correct or remove it"));
            }
        }
    }
    breaches
}

/// Targets of inline links that are paths, without their anchors. Fenced examples are skipped.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines()
        .filter(move |line| {
            fenced ^= line.trim_start().starts_with("```");
            !fenced
        })
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

fn leads_to_a_file(files: &[SourceFile], from: &str, target: &str) -> bool {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    let folder = format!("{path}/");
    files
        .iter()
        .any(|file| file.path == path || file.path.starts_with(&folder))
}

#[test]
fn a_decision_missing_from_the_index_is_found() {
    let files = [
        SourceFile::example(DECISION_INDEX, "- [Small crates](0001-small-crates.md)"),
        SourceFile::example("docs/decisions/0001-small-crates.md", ""),
        SourceFile::example("docs/decisions/0009-lost.md", ""),
    ];
    assert_eq!(
        places(&decisions_are_linked(&files)),
        ["docs/decisions/0009-lost.md"]
    );
}

#[test]
fn a_dependency_without_a_record_is_found() {
    let manifest = "[workspace.dependencies]\n# ours\nline = { path = \"x\" }\nredb = \"=4\"\n\
                    crc = { version = \"3\" }\n\n[workspace.lints.rust]\nunsafe_code = \"deny\"\n";
    let files = [
        SourceFile::example("Cargo.toml", manifest),
        SourceFile::example(DEPENDENCY_RECORD, "### redb\n"),
    ];
    let found = dependencies_are_recorded(&files);
    assert_eq!(found.len(), 1);
    assert!(
        found
            .iter()
            .all(|breach| breach.problem == "crc has no record")
    );
}

#[test]
fn an_exception_without_an_end_is_found() {
    let text = "ignore = [\n{ id = \"A\", reason = \"none\" },\n\
                { id = \"B\", reason = \"x; expires 2027-06-30\" },\n\
                # Linked unchanged; expires 2027-06-30\n{ crate = \"c\", allow = [\"D\"] },\n\
                { crate = \"d\", allow = [\"E\"] },\n{ crate = \"e\", reason = \"banned\" },\n";
    let found = exceptions_expire(&[SourceFile::example("deny.toml", text)]);
    assert_eq!(places(&found), ["deny.toml:2", "deny.toml:6"]);
}

#[test]
fn a_model_without_a_vector_is_found() {
    let files = [
        SourceFile::example("config/meter-models/a.toml", ""),
        SourceFile::example("config/meter-models/b.toml", ""),
        SourceFile::example("config/meter-models/c.toml", ""),
        SourceFile::example(
            &format!("{VECTORS}a.txt"),
            "# computed from the datasheet\n> 01\n",
        ),
        SourceFile::example(&format!("{VECTORS}b.txt"), "> 01 recorded\n"),
    ];
    let expected = ["config/meter-models/b.toml", "config/meter-models/c.toml"];
    assert_eq!(places(&meter_models_have_vectors(&files)), expected);
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let good =
        "[a](glossary.md#bus) [b](../README.md) [c](https://example.org) [d](#here) [e](how-to/)";
    let files = [
        SourceFile::example("docs/architecture.md", good),
        SourceFile::example("docs/glossary.md", "```\n[x](gone.md)\n```\n"),
        SourceFile::example("docs/how-to/a.md", "[x](../gone.md)"),
        SourceFile::example("README.md", ""),
    ];
    assert_eq!(places(&links_lead_somewhere(&files)), ["docs/how-to/a.md"]);
}
