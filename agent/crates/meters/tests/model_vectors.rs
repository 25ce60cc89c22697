//! Every shipped Modbus model loads, and decodes its vectors in `tests/vectors/models`.
//!
//! `<model>.txt`, or `<model>+<case>.txt`, holds exchanges as frames of Modbus RTU: `>` request,
//! `<` answer, then one `=` line a value of the answer (`-` = not available), an identity, or a
//! refusal. The first line says whether they were recorded or computed.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test binary: the exemption for tests does not reach its helper functions"
)]

use meters::catalogue::{Catalogue, Decoded, Identify, Model, Register, Step, SunSpecWalk};
use meters::{Span, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Memory = BTreeMap<(Table, u16), u16>;

struct Exchange {
    span: Span,
    /// What the meter answered, or the code of its refusal.
    answer: Result<Vec<u16>, u8>,
    expected: Vec<String>,
}

fn catalogue() -> Catalogue {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/meter-models");
    Catalogue::load(&folder).unwrap_or_else(|complaints| {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

fn vector_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/models");
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The model a vector file is about.
fn model_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    stem.split('+').next().unwrap().to_owned()
}

fn frame(text: &str) -> Vec<u8> {
    let octets: Vec<u8> = text
        .split_whitespace()
        .map(|octet| u8::from_str_radix(octet, 16).unwrap())
        .collect();
    let (body, sum) = octets.split_last_chunk::<2>().unwrap();
    let mut expected = 0xFFFF_u16;
    for octet in body {
        expected ^= u16::from(*octet);
        for _ in 0..8 {
            let low = expected & 1;
            expected >>= 1;
            if low == 1 {
                expected ^= 0xA001;
            }
        }
    }
    assert_eq!(u16::from_le_bytes(*sum), expected, "checksum of {text}");
    body.to_vec()
}

fn words(octets: &[u8]) -> Vec<u16> {
    let (pairs, rest) = octets.as_chunks::<2>();
    assert!(rest.is_empty(), "an odd number of octets");
    pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}

fn exchanges(text: &str) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    let mut request = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (mark, rest) = line.split_at(2);
        match mark {
            "# " => {}
            "> " => request = frame(rest),
            "< " => {
                let [unit, function, high, low, ..] = request[..] else {
                    panic!("{line} has no request")
                };
                let table = match function {
                    3 => Table::Holding,
                    4 => Table::Input,
                    other => panic!("function {other}"),
                };
                let address = u16::from_be_bytes([high, low]);
                let count = words(&request[4..])[0];
                let answer = match &frame(rest)[..] {
                    [from, code, reason] if *code == function | 0x80 && *from == unit => {
                        Err(*reason)
                    }
                    [from, same, length, data @ ..] => {
                        assert_eq!((*from, *same), (unit, function), "{line}");
                        assert_eq!(usize::from(*length), data.len(), "{line}");
                        assert_eq!(data.len(), usize::from(count) * 2, "{line}");
                        Ok(words(data))
                    }
                    _ => panic!("{line}"),
                };
                let span = Span {
                    table,
                    address,
                    count,
                };
                found.push(Exchange {
                    span,
                    answer,
                    expected: Vec::new(),
                });
            }
            "= " => found.last_mut().unwrap().expected.push(rest.to_owned()),
            _ => panic!("`{line}` begins with none of `# `, `> `, `< `, `= `"),
        }
    }
    assert!(!found.is_empty(), "no exchange");
    found
}

fn memory(exchanges: &[Exchange]) -> Memory {
    let mut memory = Memory::new();
    for exchange in exchanges {
        let addresses = exchange.span.address..=u16::MAX;
        let words = exchange.answer.as_deref().unwrap_or_default();
        memory.extend(
            addresses
                .zip(words)
                .map(|(address, word)| ((exchange.span.table, address), *word)),
        );
    }
    memory
}

fn read(memory: &Memory, span: Span) -> Vec<u16> {
    let addresses = span.address..=u16::MAX;
    let addresses = addresses.take(usize::from(span.count));
    addresses
        .map(|address| {
            *memory
                .get(&(span.table, address))
                .unwrap_or_else(|| panic!("{span} is not in the vector"))
        })
        .collect()
}

/// The registers of a model; for SunSpec those that the walk finds, exchange by exchange.
fn registers(model: &Model, exchanges: &[Exchange]) -> Vec<Register> {
    let Some(plan) = model.sunspec.clone() else {
        return model.registers.clone();
    };
    let mut walk = SunSpecWalk::new(plan);
    let mut answer: Option<&[u16]> = None;
    for exchange in exchanges {
        match walk.next(answer) {
            Step::Read(span) => assert_eq!(span, exchange.span, "the walk asks something else"),
            Step::Found(registers) => return registers,
            Step::NotFound(why) => panic!("{why}"),
        }
        answer = exchange.answer.as_deref().ok();
    }
    panic!("the walk does not end within the vector")
}

fn shown(register: &Register, memory: &Memory) -> String {
    let scale = register
        .scale_register
        .map(|scale| read(memory, scale.span));
    let decoded = register
        .decode(&read(memory, register.span()), scale.as_deref())
        .unwrap();
    let obis = register.obis;
    match decoded {
        None => format!("{obis} -"),
        Some(Decoded {
            quantity,
            coarse: true,
        }) => format!("{obis} {quantity} coarse"),
        Some(Decoded {
            quantity,
            coarse: false,
        }) => format!("{obis} {quantity}"),
    }
}

fn check(path: &Path, model: &Model) {
    let text = fs::read_to_string(path).unwrap();
    let origin = text.lines().next().unwrap();
    let known = ["# computed from the datasheet", "# recorded"];
    assert!(
        known.iter().any(|known| origin.starts_with(known)),
        "{}: {origin}",
        path.display()
    );
    let exchanges = exchanges(&text);
    let memory = memory(&exchanges);
    let registers = registers(model, &exchanges);
    let mut seen = BTreeSet::new();
    for exchange in &exchanges {
        let mut found = Vec::new();
        if let Err(code) = exchange.answer {
            found.push(format!("refused {code}"));
        } else {
            for register in &registers {
                if exchange.span.contains(register.span()) {
                    found.push(shown(register, &memory));
                    seen.insert(register.span());
                }
            }
            let asked = |item: &&Identify| item.span == exchange.span;
            for item in model.identify.iter().filter(asked) {
                let value = item.identity(&read(&memory, item.span)).unwrap();
                found.push(format!("identify {} {value}", item.what));
                seen.insert(item.span);
            }
        }
        let mut expected = exchange.expected.clone();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{} at {}", path.display(), exchange.span);
    }
    let all = registers.iter().map(Register::span);
    let all: BTreeSet<Span> = all
        .chain(model.identify.iter().map(|item| item.span))
        .collect();
    let missing: Vec<String> = all.difference(&seen).map(ToString::to_string).collect();
    assert!(
        missing.is_empty(),
        "{} leaves out {}",
        path.display(),
        missing.join(", ")
    );
}

#[test]
fn every_vector_is_decoded_as_it_says() {
    let catalogue = catalogue();
    for path in vector_files() {
        let id = model_of(&path);
        // What is about these is not made of Modbus frames: `flag_model_vectors.rs` and
        // `dlms_model_vectors.rs` read it.
        if catalogue.flag_model(&id).is_some() || catalogue.dlms_model(&id).is_some() {
            continue;
        }
        let model = catalogue.model(&id);
        check(
            &path,
            model.unwrap_or_else(|| panic!("{} is about no model", path.display())),
        );
    }
}

#[test]
fn every_model_has_a_vector() {
    let with: BTreeSet<String> = vector_files().iter().map(|path| model_of(path)).collect();
    let catalogue = catalogue();
    let without: Vec<&str> = catalogue
        .models()
        .map(|model| model.id.as_str())
        .filter(|id| !with.contains(*id))
        .collect();
    assert!(without.is_empty(), "no vector for {}", without.join(", "));
    assert!(catalogue.models().count() >= 16);
}
