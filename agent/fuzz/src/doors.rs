//! Every parser of foreign bytes, by name, and what it is fed to begin with.
//!
//! The fuzz targets and the smoke test of the suite share this file.

use authority::{IngestKeys, SigningKey};
use meters::catalogue::Catalogue;
use meters::catalogue::flag::FlagModel;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

#[path = "authority_doors.rs"]
mod authority_doors;
pub use authority_doors::{command_envelope, key_set, policy, receipt, roles_file};
#[path = "dlms_doors.rs"]
mod dlms_doors;
pub use dlms_doors::{dlms_apdu, dlms_data, dlms_hdlc, dlms_meter, dlms_profile, dlms_wrapper};
#[path = "image_doors.rs"]
mod images;
pub use images::{boot_report, boot_state, image_keys, image_manifest};
#[path = "scheme_doors.rs"]
mod scheme_doors;
pub use scheme_doors::{legacy_file, list_run, meter_list, site_csv};

/// A parser: whatever it is given, it must not panic, and must keep its own promises.
pub type Door = fn(&[u8]);

/// All of them.
pub const DOORS: &[(&str, Door)] = &[
    ("modbus_answer", modbus_answer),
    ("modbus_request", modbus_request),
    ("modbus_pdu", modbus_pdu),
    ("flag_answer", flag_answer),
    ("flag_request", flag_request),
    ("flag_meter", flag_meter),
    ("flag_profile", flag_profile),
    ("flag_identity", flag_identity),
    ("vdew_text", vdew_text),
    ("dlms_hdlc", dlms_hdlc),
    ("dlms_wrapper", dlms_wrapper),
    ("dlms_apdu", dlms_apdu),
    ("dlms_data", dlms_data),
    ("dlms_meter", dlms_meter),
    ("dlms_profile", dlms_profile),
    ("model_file", model_file),
    ("program_record", program_record),
    ("write_set", write_set),
    ("register", register),
    ("site_csv", site_csv),
    ("meter_list", meter_list),
    ("legacy_file", legacy_file),
    ("list_run", list_run),
    ("store_chunk", store_chunk),
    ("store_entry", store_entry),
    ("store_command", store_command),
    ("audit_segment", audit_segment),
    ("store_keys", store_keys),
    ("sealed_key", sealed_key),
    ("message_up", message_up),
    ("message_down", message_down),
    ("watermark", watermark),
    ("command_envelope", command_envelope),
    ("key_set", key_set),
    ("policy", policy),
    ("roles_file", roles_file),
    ("receipt", receipt),
    ("key_file", key_file),
    ("desk_line", desk_line),
    ("configuration", configuration),
    ("modem_result", modem_result),
    ("pad_signal", pad_signal),
    ("http_head", http_head),
    ("image_manifest", image_manifest),
    ("image_keys", image_keys),
    ("boot_state", boot_state),
    ("boot_report", boot_report),
    ("scheme_file", scheme_file),
];

/// A scheme.
pub fn scheme_file(data: &[u8]) {
    schemes::scheme::fuzz_scheme(&String::from_utf8_lossy(data));
}

/// What a server of images says.
pub fn http_head(data: &[u8]) {
    pmu_agent::adapters::image_source::fuzz_head(data);
}

/// What a line heard, searched for an answer.
pub fn modbus_answer(data: &[u8]) {
    meters::modbus::fuzz_match(data);
}

/// What the simulated meter's side hears.
pub fn modbus_request(data: &[u8]) {
    simulator::frame::fuzz_hear(data);
}

/// What a simulated meter answers.
pub fn modbus_pdu(data: &[u8]) {
    simulator::meter::fuzz_answer(data);
}

/// What a line heard of a FLAG meter: the first two octets choose what is expected.
pub fn flag_answer(data: &[u8]) {
    iec62056_21::fuzz_answer(data);
}

/// What a simulated FLAG meter hears.
pub fn flag_request(data: &[u8]) {
    iec62056_21::fuzz_request(data);
}

/// What the meter's side makes of it: the first octet chooses what kind of meter it is.
pub fn flag_meter(data: &[u8]) {
    iec62056_21::meter::fuzz_meter(data);
}

/// A load profile of a meter: the first octet chooses the model.
pub fn flag_profile(data: &[u8]) {
    if let Some((model, data)) = flag_model(data) {
        meters::elster::fuzz_profile(model, data);
    }
}

/// What an identity of a meter holds: the first octet chooses the model.
pub fn flag_identity(data: &[u8]) {
    if let Some((model, data)) = flag_model(data) {
        meters::elster::fuzz_content(model, data);
    }
}

/// A readout, or a load profile in data lines.
pub fn vdew_text(data: &[u8]) {
    let vdew = flag_models()
        .iter()
        .find_map(|model| model.vdew.as_ref()?.profile.as_ref());
    let profile = vdew.expect("a shipped model of that style has a profile");
    meters::vdew::fuzz_text(profile, &String::from_utf8_lossy(data));
}

fn flag_model(data: &[u8]) -> Option<(&'static FlagModel, &[u8])> {
    let (which, data) = data.split_first()?;
    let models = flag_models();
    Some((models.get(usize::from(*which) % models.len())?, data))
}

/// The shipped ones.
fn flag_models() -> &'static [FlagModel] {
    static MODELS: OnceLock<Vec<FlagModel>> = OnceLock::new();
    MODELS.get_or_init(|| {
        let catalogue = Catalogue::load(&root().join("config/meter-models"));
        let catalogue = catalogue.expect("the shipped models load");
        catalogue.flag_models().cloned().collect()
    })
}

/// A meter model file.
pub fn model_file(data: &[u8]) {
    meters::catalogue::fuzz_model(&String::from_utf8_lossy(data));
}

/// The record of a programming run.
pub fn program_record(data: &[u8]) {
    meters::program::fuzz_record(data);
}

/// A write set, an image of a golden meter, or a recording.
pub fn write_set(data: &[u8]) {
    meters::program::fuzz_files(&String::from_utf8_lossy(data));
}

/// Registers of a meter.
pub fn register(data: &[u8]) {
    meters::catalogue::fuzz_decode(data);
}

/// A chunk of the archive.
pub fn store_chunk(data: &[u8]) {
    storage::fuzz_chunk(data);
}

/// An entry of the log.
pub fn store_entry(data: &[u8]) {
    storage::fuzz_entry(data);
}

/// A piece with one record; its hash is right in form only.
fn audit_seed() -> String {
    let hash = "0".repeat(64);
    format!(
        "{{\"audit\":1,\"first\":1,\"before\":\"{hash}\"}}\n{{\"n\":1,\"at\":1,\"who\":\"a\",\
         \"what\":\"b\",\"detail\":\"c\\\"\",\"hash\":\"{hash}\"}}\n"
    )
}

/// A row of the command journal.
pub fn store_command(data: &[u8]) {
    storage::fuzz_command(data);
}

/// An exported piece of the audit chain.
pub fn audit_segment(data: &[u8]) {
    storage::fuzz_segment(data);
}

/// A row of the file of keys.
pub fn store_keys(data: &[u8]) {
    storage::keys::fuzz_key_rows(data);
}

/// A sealed key, a master key, a key that a person wrote.
pub fn sealed_key(data: &[u8]) {
    authority::fuzz_sealed(data);
}

/// What a head-end receives.
pub fn message_up(data: &[u8]) {
    head_end::fuzz_up(data);
}

/// What a gateway receives.
pub fn message_down(data: &[u8]) {
    head_end::fuzz_down(data);
}

/// A signed watermark.
pub fn watermark(data: &[u8]) {
    static KEYS: OnceLock<IngestKeys> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let public = SigningKey::from_seed(&[1; 32]).public_pem();
        IngestKeys::parse(&public.expect("a key has a public half")).expect("and it is read")
    });
    authority::fuzz_watermark(keys, &"pmu-001".parse().expect("a name"), data);
}

/// A file of ingest keys.
pub fn key_file(data: &[u8]) {
    authority::fuzz_keys(&String::from_utf8_lossy(data));
}

/// A line on the local socket, either way.
pub fn desk_line(data: &[u8]) {
    if let Ok(request) = desk::decode::<desk::Request>(data) {
        let line = desk::encode(&request).expect("what was read can be written");
        let again: desk::Request = desk::decode(&line).expect("and read again");
        assert_eq!(again, request);
    }
    drop(desk::decode::<Result<desk::Answer, desk::Refusal>>(data));
}

/// The configuration of the daemon.
pub fn configuration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // A model folder of the text's own choice would make the run depend on this machine.
    let text = text.replace("model-folder", "model-folder-of-none");
    let text = text.replacen("[gateway]", "[gateway]\nmodel-folder = \"fuzz-models\"", 1);
    let name = models().join("agent.toml");
    match pmu_agent::config::Settings::parse(&name.display().to_string(), &text) {
        Ok(settings) => {
            for meter in &settings.meters {
                assert!(settings.buses.iter().any(|bus| bus.id == meter.bus));
            }
        }
        Err(complaints) => assert!(!complaints.to_string().is_empty(), "a refusal says why"),
    }
}

/// What a modem says.
pub fn modem_result(data: &[u8]) {
    pmu_agent::adapters::modem::fuzz_result(data);
}

/// What a PAD says.
pub fn pad_signal(data: &[u8]) {
    pmu_agent::adapters::pad::fuzz_signal(data);
}

/// A folder with one small model, so that a round costs microseconds.
fn models() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("pmu-fuzz-{}", std::process::id()));
        let models = folder.join("fuzz-models");
        fs::create_dir_all(&models).expect("a folder");
        let shipped = root().join("config/meter-models/eastron-sdm630.toml");
        fs::copy(shipped, models.join("eastron-sdm630.toml")).expect("a shipped model");
        folder
    })
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here
        .ancestors()
        .find(|folder| folder.join("config/agent.toml").exists());
    found.expect("the tree has a configuration").to_owned()
}

/// The vectors of the contract, sound and hostile.
fn contract(root: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let mut corpus = Vec::new();
    for (name, text) in texts(&root.join("docs/uplink/vectors")) {
        let Some(bytes) = unhex(&text) else {
            continue;
        };
        // Signatures are slow to check: each door gets what it is for.
        let signed = match name.get(..3) {
            Some("cmd") => Some("command_envelope"),
            Some("key") => Some("key_set"),
            Some("pol") => Some("policy"),
            Some("rs-") => Some("receipt"),
            _ => None,
        };
        let doors = ["message_up", "message_down", "watermark"].into_iter();
        corpus.extend(doors.chain(signed).map(|door| (door, bytes.clone())));
    }
    for line in lines(&root.join("agent/crates/head-end/tests/vectors")) {
        if let Some(bytes) = line.split_whitespace().last().and_then(unhex) {
            corpus.extend(
                ["message_up", "message_down", "watermark"].map(|door| (door, bytes.clone())),
            );
        }
    }
    corpus
}

/// What each door is fed to begin with: the vectors and the shipped files.
pub fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let root = root();
    let mut corpus = contract(&root);
    for line in lines(&root.join("agent/crates/meters/tests/vectors/modbus")) {
        let Some(bytes) = line.get(1..).and_then(unhex) else {
            continue;
        };
        corpus.push(("modbus_request", bytes.clone()));
        corpus.push(("modbus_pdu", bytes.iter().skip(1).copied().collect()));
        let mut heard = vec![1, 4, 2, 0, 0x48];
        heard.extend(&bytes);
        corpus.push(("modbus_answer", heard));
        corpus.push(("register", bytes));
    }
    corpus.extend(flag(&root));
    corpus.extend(flag_models_corpus(&root));
    for (name, text) in texts(&root.join("config/meter-models")) {
        corpus.push(("model_file", text.clone().into_bytes()));
        corpus.push(("store_chunk", text.into_bytes()));
        corpus.push(("store_entry", name.into_bytes()));
    }
    for (_, text) in texts(&root.join("config/schemes")) {
        corpus.push(("scheme_file", text.into_bytes()));
    }
    for (_, text) in texts(&root.join("config")) {
        corpus.push(("configuration", text.clone().into_bytes()));
        corpus.push(("roles_file", text.into_bytes()));
    }
    let small = "[gateway]\nid = \"pmu-001\"\n[[bus]]\nid = \"main\"\nlink = \"serial\"\n\
                 device = \"/dev/a\"\nbaud = 9600\n[[meter]]\nid = \"m\"\nbus = \"main\"\n\
                 model = \"eastron-sdm630\"\nunit = 1\n";
    corpus.push(("configuration", small.into()));
    corpus.extend(links());
    let key = SigningKey::from_seed(&[2; 32])
        .public_pem()
        .expect("a public half");
    corpus.push(("key_file", format!("# one\n{key}\n").into_bytes()));
    corpus.push((
        "key_file",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".into(),
    ));
    for line in [
        r#"{"ask":"status"}"#,
        r#"{"ask":"read-meter","meter":"feeder-1"}"#,
        r#"{"ask":"start","what":{"work":"read","meter":"feeder-1","part":"status"}}"#,
        r#"{"Ok":{"answer":"job","is":{"number":7,"words":"w","state":{"state":"waiting","is":"x"}}}}"#,
        r#"{"Ok":{"is":"done","text":"x"}}"#,
        r#"{"Err":{"problem":"p","remedy":"r"}}"#,
    ] {
        corpus.push(("desk_line", line.into()));
    }
    corpus.extend(programs());
    corpus.extend(images::corpus());
    corpus.extend(dlms_doors::corpus());
    corpus.extend(authority_doors::corpus());
    corpus.extend(scheme_doors::corpus(&root));
    corpus.push(("store_chunk", (0..=255).collect()));
    corpus.push(("store_entry", vec![0; 64]));
    corpus.push(("store_command", (0..=255).collect()));
    corpus.push(("audit_segment", audit_seed().into()));
    corpus.push(("store_keys", (1..=40).collect()));
    corpus.push(("sealed_key", vec![1; 61]));
    corpus.push(("sealed_key", "000102030405060708090A0B0C0D0E0F\n".into()));
    corpus
}

/// Records of programming runs and the files that they are made of.
fn programs() -> Vec<(&'static str, Vec<u8>)> {
    let record = "000000016d000000013100000100000000000000000000000000000001000000017001\
                  00029b000100020000000002010200000000000000000000000000010000000203040000\
                  00000100000009";
    let set = "format = \"pmu-write-set/1\"\nname = \"n\"\nmodel = \"m\"\nfirmware = \"f\"\n\
               source = \"s\"\n[[page]]\nidentity = 610\npacket = 1\ndata = \"0102\"\n";
    let image = "format = \"pmu-golden-image/1\"\nname = \"n\"\nmodel = \"m\"\nvariant = \"v\"\n\
                 firmware = \"f\"\nsource = \"1\"\ndigest = \"00\"\n[[page]]\nidentity = 610\n\
                 data = \"0102\"\nphase = \"destructive\"\nclears-profile = true\n";
    let frame = "> 01573102363130303031283031303229034e\n";
    vec![
        ("program_record", unhex(record).unwrap_or_default()),
        ("write_set", set.into()),
        ("write_set", image.into()),
        ("write_set", frame.into()),
    ]
}

/// Conversations with FLAG meters.
fn flag(root: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let mut corpus = Vec::new();
    for line in lines(&root.join("agent/crates/iec62056-21/tests/vectors")) {
        let Some(bytes) = line.get(1..).and_then(unhex) else {
            continue;
        };
        // Every kind of answer; the last four are reads of so many octets.
        let kinds = (0..9).map(|kind| [kind, 1]);
        for kind in kinds.chain([2, 3, 16, 64].map(|octets| [9, octets])) {
            corpus.push(("flag_answer", [&kind, bytes.as_slice()].concat()));
        }
        let opened = [
            &[2],
            &b"/?!\r\n\x06056\r\n"[..],
            bytes.as_slice(),
            b"\xff\xff",
        ]
        .concat();
        corpus.push(("flag_meter", opened));
        corpus.push(("flag_request", bytes));
    }
    corpus
}

/// Configurations of links, and what is said at their ends.
fn links() -> Vec<(&'static str, Vec<u8>)> {
    let mut corpus: Vec<(&str, Vec<u8>)> = Vec::new();
    for link in [
        "link = \"modem\"\ndevice = \"/dev/a\"\nbaud = 9600\ninit = [\"ATX4\"]\nretries = 1\n",
        "link = \"pad\"\naddress = \"h:1\"\npad = { call = \"A{number}\", recall = \"dle\" }\n",
        "link = \"optical\"\ndevice = \"/dev/a\"\ndtr = \"off\"\nsession-seconds-max = 9\n",
        "link = \"serial-server\"\naddress = \"h:1\"\nframing = \"7E1\"\n",
    ] {
        let text = format!("[gateway]\nid = \"pmu-001\"\n[[bus]]\nid = \"main\"\n{link}");
        corpus.push(("configuration", text.into()));
    }
    for said in [
        "ATE0V1\r\r\nOK\r\n",
        "\r\nCONNECT 9600/ARQ\r\n",
        "\r\nNO CARRIER\r\n\r\nBUSY\r\n\r\nNO DIALTONE\r\n",
        "0\r1\r3\r6\r7\r8\r12\r",
    ] {
        corpus.push(("modem_result", said.into()));
    }
    for said in [
        "\r\n*SET 1:1\r\r\n*",
        "\r\n2353199+COM\r\n",
        "\r\nCLR OCC C:1 D:0\r\n*\r\nCLR CONF\r\n",
        "\r\nERR\r\nFREE\r\nENGAGED\r\n",
    ] {
        corpus.push(("pad_signal", said.into()));
    }
    let head = "HTTP/1.1 206 Partial\r\nContent-Range: bytes 10-999/1000\r\n\r\n";
    corpus.push(("http_head", head.into()));
    corpus
}

/// Vectors of the FLAG models.
fn flag_models_corpus(root: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let mut corpus = Vec::new();
    for (which, model) in (0..).zip(flag_models()) {
        let vectors = format!("agent/crates/meters/tests/vectors/models/{}.txt", model.id);
        let text = fs::read_to_string(root.join(vectors)).expect("each model has vectors");
        let heard = |case: &str| -> String {
            let lines = case.lines().filter_map(|line| line.strip_prefix("< "));
            lines.flat_map(|line| [line, "\r\n"]).collect()
        };
        for case in text.split("> ").map(heard) {
            if let Some(octets) = unhex(&case) {
                let profile = [&[which, 7, 0], octets.as_slice()].concat();
                corpus.push(("flag_profile", profile));
                corpus.push(("flag_identity", [&[which, 3], octets.as_slice()].concat()));
            } else {
                corpus.push(("vdew_text", case.into_bytes()));
            }
        }
    }
    corpus
}

fn texts(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder).expect("a folder of the tree");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let read = |path: PathBuf| {
        fs::read_to_string(&path)
            .ok()
            .map(|text| (name(&path), text))
    };
    paths.into_iter().filter_map(read).collect()
}

fn lines(folder: &Path) -> Vec<String> {
    let texts = texts(folder).into_iter();
    texts
        .flat_map(|(_, text)| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_whitespace().collect();
    let whole = !digits.is_empty() && digits.is_ascii() && digits.len().is_multiple_of(2);
    let pairs = (0..digits.len()).step_by(2).filter(|_| whole);
    let bytes: Option<Vec<u8>> = pairs
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect();
    bytes.filter(|bytes| !bytes.is_empty())
}
