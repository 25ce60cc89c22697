//! Against AARQ and AARE as the Green Book shows them, and against what is none.

use super::*;
use crate::codec::{Conformance, InitiateResponse};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

const LOW: &str = "6036 A109060760857405080101 8A020780 8B0760857405080201 \
    AC0A80083132333435363738 BE10040E01000000065F1F0400007E1F04B0";
const PUBLIC: &str = "601D A109060760857405080101 BE10040E01000000065F1F0400007E1F04B0";
const GMAC: &str = "6142 A109060760857405080101 A203020100 A305A10302010E 88020780 \
    8907608574050802 05 AA0A8008503677524A323146 BE10040E0800065F1F040000501F01F40007";

#[test]
fn the_associations_of_the_green_book_are_read_and_written() {
    let low = Aarq::decode(&hex(LOW)).unwrap();
    assert_eq!(low.mechanism, Some(Mechanism::Low));
    assert_eq!(low.proof.as_deref().unwrap().as_slice(), b"12345678");
    assert_eq!(low.encode().as_slice(), hex(LOW));
    let public = Aarq::decode(&hex(PUBLIC)).unwrap();
    assert_eq!((public.mechanism, public.context), (None, Context::Plain));
    assert_eq!(public.encode().as_slice(), hex(PUBLIC));
}

#[test]
fn the_first_pass_of_high_level_security_brings_a_challenge() {
    let aare = Aare::decode(&hex(GMAC)).unwrap();
    assert_eq!(aare.diagnostic, Diagnostic::AuthenticationRequired);
    assert_eq!(aare.mechanism, Some(Mechanism::Gmac));
    assert_eq!(aare.challenge.as_deref(), Some(&b"P6wRJ21F"[..]));
    assert_eq!(aare.encode(), hex(GMAC));
    let response = InitiateResponse::decode(&aare.user_information.unwrap()).unwrap();
    assert_eq!(response.pdu_octets, 500);
    assert!(response.conformance.has(Conformance::GET));
    assert!(!response.conformance.has(Conformance::ACTION_BLOCKS));
}

#[track_caller]
fn refused(aare: &str, words: &str) {
    let fault = Aare::decode(&hex(aare)).unwrap_err();
    assert_eq!(fault.to_string(), words);
}

#[test]
fn what_is_no_aare_is_refused() {
    refused("", "message ends within a field");
    refused("60020500", "the tag 0x60 is not allowed there");
    refused("6104A2030201", "message ends within a field");
    refused("6105A203020100", "message ends within the context");
    refused(
        "610BA109060760857405080102",
        "the context 0x02 is not allowed there",
    );
    refused(
        "6110A109060760857405080101A203020100",
        "message ends within the diagnostic",
    );
    refused(
        "6116A109060760857405080101A109060760857405080101",
        "a second field 0xa1 is not allowed there",
    );
    refused("6103800100FF", "1 octets left behind the message");
}

#[test]
fn every_cut_of_an_association_is_refused() {
    for whole in [hex(LOW), hex(PUBLIC), hex(GMAC)] {
        for len in 0..whole.len() {
            assert!(Aarq::decode(&whole[..len]).is_err());
            assert!(Aare::decode(&whole[..len]).is_err());
        }
    }
}

#[test]
fn a_release_is_one_whatever_it_carries() {
    assert!(is_release(RLRE, &release_response()));
    assert!(is_release(RLRE, &[RLRE, 0]));
    assert!(!is_release(RLRE, &release_request()));
    assert!(!is_release(RLRE, &[RLRE, 3, 0x80]));
}
