//! What DLMS meters and clients may say.

use meters::catalogue::Catalogue;
use meters::catalogue::dlms::DlmsModel;
use std::sync::OnceLock;

/// What a line heard.
pub fn dlms_hdlc(data: &[u8]) {
    dlms::fuzz_hdlc(data);
}

/// What a connection brought.
pub fn dlms_wrapper(data: &[u8]) {
    dlms::fuzz_wrapper(data);
}

/// An APDU, perhaps protected.
pub fn dlms_apdu(data: &[u8]) {
    dlms::fuzz_apdu(data);
}

/// A value.
pub fn dlms_data(data: &[u8]) {
    dlms::fuzz_data(data);
}

/// What the simulated meter hears.
pub fn dlms_meter(data: &[u8]) {
    dlms::fuzz_meter(data);
}

/// What a profile says of itself, and its rows: the first octet chooses the model.
pub fn dlms_profile(data: &[u8]) {
    static MODELS: OnceLock<Vec<DlmsModel>> = OnceLock::new();
    let models = MODELS.get_or_init(|| {
        let catalogue = Catalogue::load(&super::root().join("config/meter-models"));
        let catalogue = catalogue.expect("the shipped models load");
        catalogue.dlms_models().cloned().collect()
    });
    if let Some((which, data)) = data.split_first()
        && let Some(model) = models.get(usize::from(*which) % models.len())
    {
        meters::cosem::fuzz_profile(model, data);
    }
}

/// A profile with a clock and a total: captured objects, period, order, two rows.
const PROFILE: &str = "02040102020412000809060000010000ff0f02120000\
    020412000309060100010800ff0f02120000060000038416010102\
    0202090c07ea0a19ff012d000080000006000003e802020006000003fb";

/// Four parts that are tables of a tariff: a calendar, special days, scripts, registers.
const TARIFF: &str = "020402040902543101010203090159090cffff0101ff000000008000ff0901570101020809015711011101110111\
    0111011102110201020202110101010203090400000000090600000a0064ff120002020211020101020309040000\
    0000090600000a0064ff120002010102031200070905ffff0c19ff11020101020212000101010205160112000609\
    0600000e0000ff0f040902686902030101020212000309060100010801ff01010202090268690101110109026869";

/// APDUs as the Green Book shows them.
const APDUS: [&str; 9] = [
    "601da109060760857405080101be10040e01000000065f1f0400007e1f04b0",
    "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0",
    "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000501f01f40007",
    "c0010000080000010000ff0200",
    "c001c100070100630100ff020102020406000000030600000005120001120000",
    "c401c1000600bc614e",
    "c402c1000000000100080102030405060708",
    "c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b",
    "db084d4d4d0000bc614e1e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b",
];

/// Frames: SNRM, UA with parameters, DISC.
const FRAMES: [&str; 3] = [
    "7ea0070321930f017e",
    "7ea01e210373c37a818012050180060180070400000001080400000001533b7e",
    "7ea00703215303c77e",
];

/// Values: a row of a profile, a unit, a compact array.
const VALUES: [&str; 3] = [
    "01010202090c07ea0601ff000f0000ff88800600bc614e",
    "02020fff161e",
    "130202121106000102000304",
];

pub(super) fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let unhex = |text: &str| super::unhex(&text.replace(' ', "")).unwrap_or_default();
    let mut corpus = Vec::new();
    for apdu in APDUS.map(unhex) {
        let length = u8::try_from(apdu.len()).unwrap_or(u8::MAX);
        let wrapped = [&[0, 1, 0, 16, 0, 1, 0, length], apdu.as_slice()].concat();
        corpus.push(("dlms_meter", [&[0], wrapped.as_slice()].concat()));
        corpus.push(("dlms_wrapper", wrapped));
        corpus.push(("dlms_apdu", apdu));
    }
    for frame in FRAMES.map(unhex) {
        corpus.push(("dlms_meter", [&[1], frame.as_slice()].concat()));
        // As a line hears it, and as it is searched behind its flag.
        corpus.push(("dlms_hdlc", frame.iter().skip(1).copied().collect()));
        corpus.push(("dlms_hdlc", frame));
    }
    corpus.extend(VALUES.map(|value| ("dlms_data", unhex(value))));
    for text in [PROFILE, TARIFF] {
        corpus.push(("dlms_profile", [&[0], unhex(text).as_slice()].concat()));
    }
    corpus
}
