//! Frames as others have published them, and what is none.

use line::{Find, Pattern};

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn client() -> Address {
    Address::one(16).unwrap()
}

fn meter() -> Address {
    Address::one(1).unwrap()
}

#[track_caller]
fn check(wire: &str, frame: &Frame) {
    let wire = hex(wire);
    assert_eq!(frame.encode(), wire);
    assert_eq!(Frame::decode(&wire[1..wire.len() - 1]).as_ref(), Ok(frame));
}

#[test]
fn frames_are_those_that_others_send() {
    let out = |control| Frame::bare(meter(), client(), control);
    check("7EA0070321930F017E", &out(Control::SetNormalResponseMode));
    check("7EA00703215303C77E", &out(Control::Disconnect));
    let agreed = Frame::bare(client(), meter(), Control::UnnumberedAcknowledge);
    check(
        "7EA01E210373C37A8180120501800601800704000000010804000000 01533B7E",
        &agreed.with(&Parameters::default()),
    );
    let aarq = "E6E600 601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0";
    let information = Frame {
        information: hex(aarq),
        ..out(Control::Information {
            send: 0,
            receive: 0,
            is_final: true,
        })
    };
    let wire = information.encode();
    assert_eq!(wire[..6], [0x7e, 0xa0, 0x2b, 0x03, 0x21, 0x10]);
    assert_eq!(Frame::decode(&wire[1..wire.len() - 1]), Ok(information));
}

#[test]
fn addresses_have_one_two_or_four_octets() {
    assert_eq!(Address::one(1).unwrap().octets(), [0x03]);
    assert_eq!(Address::two(1, 17).unwrap().octets(), [0x02, 0x23]);
    let far = Address::four(1, 0x3fff).unwrap();
    assert_eq!(far.octets(), [0x00, 0x02, 0xfe, 0xff]);
    assert_eq!((far.logical(), far.physical()), (1, Some(0x3fff)));
    assert_eq!(far.to_string(), "1/16383");
    assert_eq!(Address::one(0x80), None);
    assert_eq!(Address::two(1, 0x80), None);
    assert_eq!(Address::four(0x4000, 1), None);
    for address in [Address::one(5), Address::two(5, 6), Address::four(5, 700)] {
        let address = address.unwrap();
        assert_eq!(Address::read(address.octets()), Some(address));
    }
    // Three octets, five octets.
    assert_eq!(Address::read(&[2, 2, 3, 5]), None);
    assert_eq!(Address::read(&[2, 2, 2, 2, 3]), None);
}

#[test]
fn every_control_octet_is_read_as_it_is_written() {
    for octet in 0..=255 {
        if let Some(control) = Control::of(octet) {
            assert_eq!(Control::of(control.octet()), Some(control), "{octet:02x}");
        }
    }
}

#[test]
fn parameters_are_taken_only_if_they_make_sense() {
    let wide = Parameters {
        transmit_octets: 2030,
        receive_octets: 200,
        transmit_window: 7,
        receive_window: 2,
    };
    assert_eq!(Parameters::decode(&wide.encode()), Some(wide));
    assert_eq!(Parameters::decode(&[]), Some(Parameters::default()));
    for wrong in [
        "8180",
        "818003050180FF",
        "81800305010006",
        "8180040502FFFF",
        "818006070400000008",
        "818005 0505000000",
    ] {
        assert_eq!(Parameters::decode(&hex(wrong)), None, "{wrong}");
    }
    let narrow = Parameters::default();
    // What one sends the other must take.
    assert_eq!(wide.agreed(&narrow).transmit_octets, 128);
    assert_eq!(wide.agreed(&narrow).receive_octets, 128);
    assert_eq!(wide.agreed(&narrow).transmit_window, 1);
}

#[test]
fn no_flipped_bit_passes_for_a_frame() {
    let frame = Frame {
        information: vec![0xe6, 0xe7, 0x00, 0x7e, 0xa0, 0x07, 1, 2, 3],
        ..Frame::bare(
            client(),
            meter(),
            Control::Information {
                send: 3,
                receive: 4,
                is_final: true,
            },
        )
    };
    let wire = frame.encode();
    for bit in 8..(wire.len() - 1) * 8 {
        let mut flipped = wire.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!matches!(seen(&flipped[1..]), Seen::Whole(..)), "bit {bit}");
    }
    for len in 1..wire.len() {
        assert!(matches!(seen(&wire[1..len]), Seen::Begun(_)), "{len}");
    }
}

#[test]
fn a_wrong_header_checksum_is_found_though_the_frame_checksum_is_right() {
    let check = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC);
    let mut wire = answer(0, 1);
    wire[6] ^= 1;
    let end = wire.len() - 3;
    let right = check.checksum(&wire[1..end]).to_le_bytes();
    wire[end..end + 2].copy_from_slice(&right);
    assert_eq!(
        Frame::decode(&wire[1..wire.len() - 1]),
        Err(FrameFault::HeaderCheck)
    );
}

fn answer(send: u8, receive: u8) -> Vec<u8> {
    Frame {
        information: vec![0xe6, 0xe7, 0x00, 1],
        ..Frame::bare(
            client(),
            meter(),
            Control::Information {
                send,
                receive,
                is_final: true,
            },
        )
    }
    .encode()
}

#[track_caller]
fn find(awaited: Awaited, heard: &[u8], expected: Find) {
    let pattern = ExpectedFrame {
        own: client(),
        peer: meter(),
        awaited,
        longest: 200,
    };
    assert_eq!(pattern.find(heard), expected, "{heard:02x?}");
}

#[test]
fn only_the_answer_with_the_right_numbers_counts() {
    let awaited = Awaited::Numbered {
        receive: 3,
        sent: 5,
    };
    let len = answer(3, 6).len();
    find(awaited, &answer(3, 6), Find::Found { at: 0, len });
    for (send, receive) in [(2, 5), (4, 6), (3, 5), (3, 7), (2, 6)] {
        find(awaited, &answer(send, receive), Find::NotYet);
    }
    let mut both = answer(2, 5);
    let at = both.len();
    both.extend(answer(3, 6));
    find(awaited, &both, Find::Found { at, len });
    // One flag between two frames.
    let mut both = answer(2, 5);
    let at = both.len() - 1;
    both.extend(&answer(3, 6)[1..]);
    find(awaited, &both, Find::Found { at, len });
    // The flag in front was taken with the frame before.
    find(
        awaited,
        &answer(3, 6)[1..],
        Find::Found {
            at: 0,
            len: len - 1,
        },
    );
    let mut damaged = answer(3, 6);
    damaged[len - 4] ^= 1;
    find(awaited, &damaged, Find::Damaged { at: 0, len });
    // This side's own frame, as an echo.
    let echo = Frame::bare(
        meter(),
        client(),
        Control::Information {
            send: 3,
            receive: 6,
            is_final: true,
        },
    );
    find(awaited, &echo.encode(), Find::NotYet);
}

#[test]
fn a_word_about_the_link_counts_as_an_answer() {
    let awaited = Awaited::Numbered {
        receive: 3,
        sent: 5,
    };
    let say = |control| Frame::bare(client(), meter(), control).encode();
    let found = Find::Found { at: 0, len: 9 };
    let ready = |receive| Control::ReceiveReady {
        receive,
        is_final: true,
    };
    find(awaited, &say(ready(6)), found);
    find(awaited, &say(ready(5)), found);
    find(awaited, &say(ready(4)), Find::NotYet);
    find(awaited, &say(Control::DisconnectedMode), found);
    find(awaited, &say(Control::UnnumberedAcknowledge), Find::NotYet);
    find(
        Awaited::Unnumbered,
        &say(Control::UnnumberedAcknowledge),
        found,
    );
    find(Awaited::Unnumbered, &answer(3, 6), Find::NotYet);
}
