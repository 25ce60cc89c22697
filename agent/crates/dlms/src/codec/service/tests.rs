//! Requests and responses as octets.

use super::*;
use crate::codec::{Column, LogicalName};

const ENERGY: Attribute = Attribute {
    class: 3,
    name: LogicalName([1, 0, 1, 8, 0, 255]),
    number: 2,
};

const ID: InvokeId = InvokeId(0xc1);

#[track_caller]
fn request(octets: &[u8], expected: &Request) {
    assert_eq!(Request::decode(octets).as_ref(), Ok(expected));
    assert_eq!(expected.encode(), octets);
    for len in 0..octets.len() {
        assert!(Request::decode(&octets[..len]).is_err());
    }
}

#[track_caller]
fn response(octets: &[u8], expected: &Response) {
    assert_eq!(Response::decode(octets).as_ref(), Ok(expected));
    assert_eq!(expected.encode(), octets);
}

#[test]
fn requests_are_read_and_written() {
    let read = GetRequest::Normal(ENERGY.into());
    request(
        &[0xc0, 1, 0xc1, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0],
        &Request::Get(ID, read),
    );
    request(
        &[0xc0, 2, 0xc1, 0, 0, 0, 7],
        &Request::Get(ID, GetRequest::Next(7)),
    );
    let entries = Asked {
        attribute: ENERGY,
        selection: Some(Selection::entries(3, 5)),
    };
    request(
        &[
            0xc0, 1, 0xc1, 0, 3, 1, 0, 1, 8, 0, 255, 2, 1, 2, 2, 4, 6, 0, 0, 0, 3, 6, 0, 0, 0, 5,
            18, 0, 1, 18, 0, 0,
        ],
        &Request::Get(ID, GetRequest::Normal(entries)),
    );
    request(
        &[0xc0, 3, 0xc1, 1, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0],
        &Request::Get(ID, GetRequest::List(vec![ENERGY.into()])),
    );
    let write = SetRequest::Normal(ENERGY.into(), Data::Unsigned(9));
    request(
        &[0xc1, 1, 0xc1, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0, 17, 9],
        &Request::Set(ID, write),
    );
    let block = Block {
        is_last: true,
        number: 2,
        octets: vec![1, 2],
    };
    request(
        &[0xc1, 3, 0xc1, 1, 0, 0, 0, 2, 2, 1, 2],
        &Request::Set(ID, SetRequest::Block(block)),
    );
    let method = Method {
        class: 9,
        name: LogicalName([0, 0, 10, 0, 100, 255]),
        number: 1,
    };
    request(
        &[0xc3, 1, 0xc1, 0, 9, 0, 0, 10, 0, 100, 255, 1, 1, 18, 0, 7],
        &Request::Action(
            ID,
            ActionRequest::Normal(method, Some(Data::LongUnsigned(7))),
        ),
    );
}

#[test]
fn responses_are_read_and_written() {
    let value = Ok(Data::DoubleLongUnsigned(5));
    response(
        &[0xc4, 1, 0xc1, 0, 6, 0, 0, 0, 5],
        &Response::Get(ID, GetResponse::Normal(value)),
    );
    let denied = Err(AccessResult::ReadWriteDenied);
    response(
        &[0xc4, 1, 0xc1, 1, 3],
        &Response::Get(ID, GetResponse::Normal(denied.clone())),
    );
    response(
        &[0xc4, 3, 0xc1, 2, 0, 17, 1, 1, 3],
        &Response::Get(ID, GetResponse::List(vec![Ok(Data::Unsigned(1)), denied])),
    );
    let block = GetResponse::Block {
        is_last: false,
        number: 1,
        piece: Ok(vec![1, 2, 3]),
    };
    response(
        &[0xc4, 2, 0xc1, 0, 0, 0, 0, 1, 0, 3, 1, 2, 3],
        &Response::Get(ID, block),
    );
    response(
        &[0xc5, 3, 0xc1, 0, 0, 0, 0, 4],
        &Response::Set(ID, SetResponse::LastBlock(AccessResult::Success, 4)),
    );
    response(
        &[0xc7, 1, 0xc1, 0, 1, 0, 17, 1],
        &Response::Action(
            ID,
            ActionResponse::Normal(ActionResult::Success, Some(Ok(Data::Unsigned(1)))),
        ),
    );
    response(
        &[0xd8, 1, 6, 0, 0, 1, 0],
        &Response::Exception(Exception {
            state: 1,
            error: crate::codec::ServiceError::InvocationCounter,
            expected_counter: Some(256),
        }),
    );
}

#[test]
fn a_range_is_selected_by_the_clock() {
    let clock = Column {
        attribute: Attribute {
            class: 8,
            name: LogicalName::CLOCK,
            number: 2,
        },
        index: 0,
    };
    let range = Asked {
        attribute: ENERGY,
        selection: Some(Selection::Range {
            by: clock,
            from: Data::OctetString(vec![1; 12]),
            to: Data::OctetString(vec![2; 12]),
            columns: vec![clock],
        }),
    };
    let request = Request::Get(ID, GetRequest::Normal(range));
    assert_eq!(Request::decode(&request.encode()), Ok(request));
}

#[test]
fn lists_have_an_end() {
    let mut octets = vec![0xc0, 3, 0xc1, 65];
    octets.extend([0, 3, 1, 0, 1, 8, 0, 255, 2, 0].repeat(65));
    let fault = Request::decode(&octets).unwrap_err();
    assert_eq!(fault.to_string(), "the number of items is larger than 64");
    assert!(Response::decode(&[0xc4, 1, 0xc1, 1, 3, 0]).is_err());
    assert!(Response::decode(&[0xc0, 1, 0xc1]).is_err());
}
