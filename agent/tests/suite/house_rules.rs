//! The rules of the house, checked from `cargo metadata` and file text, not by memory.
//!
//! What the rules are and why they exist stands in `docs/architecture.md`. Each rule is a pure
//! function from what it looks at to the breaches it finds, and has a bad example of its own: a
//! rule that cannot fail protects nothing.

mod breach;
mod documents;
mod edges;
mod files;
mod io_places;
mod source;
mod workspace;

use breach::report;
use source::SourceFile;
use std::io::Write as _;
use workspace::Package;

#[test]
fn d1_every_crate_uses_lower_floors_and_what_the_table_allows() {
    report(&edges::lower_floors_only(&packages()));
}

#[test]
fn d3_metering_has_no_serde_and_no_async() {
    report(
        &[
            edges::metering_stays_plain(&packages()),
            io_places::metering_has_no_async(&files()),
        ]
        .concat(),
    );
}

#[test]
fn d4_io_is_where_the_tree_says() {
    let files = files();
    report(
        &[
            edges::io_crates_have_owners(&packages()),
            edges::pure_crates_know_no_runtime(&packages()),
            io_places::clients_have_one_place(&files),
            io_places::sockets_are_in_adapters(&files),
            io_places::pure_modules_know_no_runtime(&files),
        ]
        .concat(),
    );
}

#[test]
fn d5_the_simulator_is_for_tests() {
    report(
        &[
            edges::simulator_is_for_tests(&packages()),
            io_places::simulator_is_used_from_tests(&files()),
        ]
        .concat(),
    );
}

#[test]
fn d6_the_boot_verifier_depends_on_little() {
    report(&edges::boot_verifier_is_small(&packages()));
}

#[test]
fn no_file_is_longer_than_its_limit() {
    let files = files();
    for remark in files::soft_length(&files) {
        // Straight to the stream: the test harness hides what a passing test prints.
        drop(writeln!(std::io::stderr(), "{remark}"));
    }
    report(&files::length(&files));
}

#[test]
fn files_keep_the_habits_of_the_house() {
    let files = files();
    report(
        &[
            files::unfinished_work_has_an_owner(&files),
            files::no_blanket_exceptions(&files),
            files::unsafe_code_is_listed(&files),
            files::names_say_what_is_inside(&files),
            files::lint_table_is_inherited(&files),
        ]
        .concat(),
    );
}

#[test]
fn documents_are_complete() {
    let files = files();
    report(
        &[
            documents::decisions_are_linked(&files),
            documents::dependencies_are_recorded(&files),
            documents::exceptions_expire(&files),
            documents::meter_models_have_vectors(&files),
            documents::links_lead_somewhere(&files),
        ]
        .concat(),
    );
}

fn packages() -> Vec<Package> {
    workspace::packages(&source::root()).expect("cargo metadata describes the workspace")
}

fn files() -> Vec<SourceFile> {
    let files = source::read_tree(&source::root()).expect("the tree can be read");
    assert!(
        files.len() > 30,
        "the tree was not found: {} files",
        files.len()
    );
    files
}
