use super::*;
use coset::CborSerializable;
use coset::cbor::Value;
use proptest::prelude::*;

const PAYLOAD: &[u8] = b"\xa0";

fn gateway(name: &str) -> GatewayId {
    name.parse().unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn trusted() -> IngestKeys {
    let text: String = [1, 2].map(|seed| key(seed).public_pem().unwrap()).concat();
    IngestKeys::parse(&text).unwrap()
}

fn good_header() -> Header {
    HeaderBuilder::new()
        .algorithm(iana::Algorithm::EdDSA)
        .content_type(WATERMARK_CONTENT_TYPE.to_owned())
        .key_id(key(1).id().bytes().to_vec())
        .build()
}

/// An envelope with a correct signature over whatever headers it has.
fn signed(protected: Header, unprotected: Header) -> CoseSign1 {
    CoseSign1Builder::new()
        .protected(protected)
        .unprotected(unprotected)
        .payload(PAYLOAD.to_vec())
        .create_signature(b"gw-ack/1pmu-001", |data| key(1).sign(data))
        .build()
}

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    let found = match trusted().open_watermark(&gateway("pmu-001"), bytes) {
        Ok(mark) => {
            assert_eq!(mark.payload(), PAYLOAD);
            "authentic"
        }
        Err(rejection) => rejection.code(),
    };
    assert_eq!(found, expected);
}

#[track_caller]
fn check_header_case(protected: Header, expected: &str) {
    let bytes = signed(protected, Header::default())
        .to_tagged_vec()
        .unwrap();
    check(&bytes, expected);
}

#[test]
fn a_trusted_signature_for_this_gateway_is_believed() {
    let bytes = sign_watermark(&key(2), &gateway("pmu-001"), PAYLOAD).unwrap();
    let mark = trusted()
        .open_watermark(&gateway("pmu-001"), &bytes)
        .unwrap();
    assert_eq!(mark.payload(), PAYLOAD);
    assert_eq!(mark.signer(), key(2).id());
}

#[test]
fn a_signature_for_another_gateway_key_or_purpose_is_not() {
    check(
        &sign_watermark(&key(1), &gateway("pmu-001"), PAYLOAD).unwrap(),
        "authentic",
    );
    check(
        &sign_watermark(&key(1), &gateway("pmu-002"), PAYLOAD).unwrap(),
        "bad-sig",
    );
    check(
        &sign_watermark(&key(3), &gateway("pmu-001"), PAYLOAD).unwrap(),
        "unknown-key",
    );
    let command = CoseSign1Builder::new()
        .protected(good_header())
        .payload(PAYLOAD.to_vec())
        .create_signature(b"gw-cmd/1pmu-001", |data| key(1).sign(data))
        .build();
    check(&command.to_tagged_vec().unwrap(), "bad-sig");
}

#[test]
fn every_protected_header_is_held_to_the_contract() {
    check_header_case(good_header(), "authentic");

    let mut wrong = good_header();
    wrong.alg = Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::ES256));
    check_header_case(wrong, "wrong-algorithm");
    let mut none = good_header();
    none.alg = None;
    check_header_case(none, "wrong-algorithm");

    let mut other = good_header();
    other.content_type = Some(RegisteredLabel::Text("application/cbor".to_owned()));
    check_header_case(other, "wrong-content-type");
    let mut nameless = good_header();
    nameless.key_id.clear();
    check_header_case(nameless, "unknown-key");

    let mut critical = good_header();
    critical.crit = vec![RegisteredLabelWithPrivate::Assigned(
        iana::HeaderParameter::X5Chain,
    )];
    check_header_case(critical, "critical-header");
    let mut private = good_header();
    private.crit = vec![RegisteredLabelWithPrivate::Text("two-person".to_owned())];
    check_header_case(private, "critical-header");
    let mut known = good_header();
    known.crit = vec![RegisteredLabelWithPrivate::Assigned(
        iana::HeaderParameter::Kid,
    )];
    check_header_case(known, "authentic");
}

#[test]
fn what_is_unknown_and_not_critical_is_ignored() {
    let header = HeaderBuilder::new()
        .algorithm(iana::Algorithm::EdDSA)
        .content_type(WATERMARK_CONTENT_TYPE.to_owned())
        .key_id(key(1).id().bytes().to_vec())
        .text_value("note".to_owned(), Value::Bool(true))
        .build();
    check_header_case(header, "authentic");
}

#[test]
fn nothing_may_stand_in_the_unprotected_header() {
    let mut with_kid = good_header();
    with_kid.key_id.clear();
    let kid = HeaderBuilder::new()
        .key_id(key(1).id().bytes().to_vec())
        .build();
    check(
        &signed(with_kid, kid).to_tagged_vec().unwrap(),
        "unprotected-header",
    );
    let mut without_alg = good_header();
    without_alg.alg = None;
    let alg = HeaderBuilder::new()
        .algorithm(iana::Algorithm::EdDSA)
        .build();
    check(
        &signed(without_alg, alg).to_tagged_vec().unwrap(),
        "unprotected-header",
    );
}

#[test]
fn only_exactly_one_tagged_envelope_is_read() {
    let envelope = signed(good_header(), Header::default());
    let good = envelope.clone().to_tagged_vec().unwrap();
    check(&good, "authentic");
    check(&envelope.clone().to_vec().unwrap(), "malformed");
    check(&[good.as_slice(), b"\x00"].concat(), "malformed");
    check(&good[..good.len() - 1], "malformed");
    check(b"", "malformed");
    check(&[b'\x81'; 1000], "malformed");
    check(&vec![0; ENVELOPE_BYTES_MAX + 1], "too-large");
    let mut detached = envelope;
    detached.payload = None;
    detached.signature = key(1).sign(&detached.tbs_detached_data(b"", b"gw-ack/1pmu-001"));
    check(&detached.to_tagged_vec().unwrap(), "malformed");
}

#[test]
fn a_header_that_is_encoded_in_another_order_is_verified_as_received() {
    // The protected header as another library may write it: kid (4) before alg (1), and the
    // length of the key id not in its shortest form.
    let id = key(1).id().bytes();
    let text = WATERMARK_CONTENT_TYPE.as_bytes();
    let length = u8::try_from(text.len()).unwrap();
    let protected = [
        b"\xa3\x04\x58\x08",
        id.as_slice(),
        b"\x01\x27\x03\x78",
        &[length],
        text,
    ]
    .concat();
    let structure = Value::Array(vec![
        Value::Text("Signature1".to_owned()),
        Value::Bytes(protected.clone()),
        Value::Bytes(b"gw-ack/1pmu-001".to_vec()),
        Value::Bytes(PAYLOAD.to_vec()),
    ]);
    let signature = key(1).sign(&structure.to_vec().unwrap());
    let envelope = Value::Array(vec![
        Value::Bytes(protected),
        Value::Map(Vec::new()),
        Value::Bytes(PAYLOAD.to_vec()),
        Value::Bytes(signature),
    ]);
    let bytes = Value::Tag(18, Box::new(envelope)).to_vec().unwrap();
    check(&bytes, "authentic");
}

#[test]
fn a_payload_beyond_the_limit_is_not_signed() {
    let large = vec![0; ENVELOPE_BYTES_MAX];
    assert!(matches!(
        sign_watermark(&key(1), &gateway("pmu-001"), &large),
        Err(Rejection::TooLarge { .. })
    ));
}

proptest! {
    // Signatures are slow without optimisation.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_changed_bit_is_never_believed(position: prop::sample::Index, bit in 0..8_u32) {
        let mut bytes = sign_watermark(&key(1), &gateway("pmu-001"), b"payload of some length").unwrap();
        let at = position.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(trusted().open_watermark(&gateway("pmu-001"), &bytes).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut tagged = vec![0xd2, 0x84];
        tagged.extend(&bytes);
        crate::fuzz_watermark(&trusted(), &gateway("pmu-001"), &bytes);
        crate::fuzz_watermark(&trusted(), &gateway("pmu-001"), &tagged);
    }
}
