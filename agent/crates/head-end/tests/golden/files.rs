//! Comparing what this program makes with what is published.

use crate::records;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/uplink/vectors")
}

/// Hex, 32 bytes a line.
fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(32).map(|line| {
        let digits: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.concat() + "\n"
    });
    lines.collect()
}

#[track_caller]
fn check_file(name: &str, content: &str) {
    let path = folder().join(name);
    if std::env::var_os("PMU_WRITE_VECTORS").is_some() {
        fs::write(&path, content).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, content, "{name} is not what this program makes");
}

#[test]
fn the_bytes_of_the_contract_have_not_changed() {
    let vectors = records::all();
    for vector in &vectors {
        let json = serde_json::json!({
            "topic": vector.topic,
            "bytes": vector.bytes.len(),
            "decoded": vector.explanation,
        });
        let text = serde_json::to_string_pretty(&json).unwrap() + "\n";
        check_file(&format!("{}.hex", vector.name), &hex(&vector.bytes));
        check_file(&format!("{}.json", vector.name), &text);
    }
    let files = fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, 2 * vectors.len(), "a vector that nothing makes");
}
