use super::*;
use crate::catalogue::Catalogue;
use proptest::prelude::*;

fn object(class: u16, version: u8, name: [u8; 6], rights: Data) -> Data {
    Data::Structure(vec![
        Data::LongUnsigned(class),
        Data::Unsigned(version),
        Data::OctetString(name.to_vec()),
        rights,
    ])
}

fn right(number: i8, mode: Data) -> Data {
    Data::Structure(vec![Data::Integer(number), mode, Data::Null])
}

fn rights(attributes: Vec<Data>, methods: Vec<Data>) -> Data {
    Data::Structure(vec![Data::Array(attributes), Data::Array(methods)])
}

const TOTAL: [u8; 6] = [1, 0, 1, 8, 0, 255];

/// Rights of one object, as an association of a version writes them.
#[track_caller]
fn check_access(version: u8, given: Data, expected: &str) {
    let own = object(15, version, LogicalName::ASSOCIATION.0, Data::Null);
    let list = Data::Array(vec![own, object(3, 0, TOTAL, given)]);
    let found = read_objects(&list).unwrap();
    assert_eq!(found[1].access, expected);
}

#[test]
fn an_object_has_its_class_its_words_and_its_place_in_the_model() {
    let text = include_str!("../../../../../../config/meter-models/dlms-generic.toml");
    let catalogue = Catalogue::parse(&[("dlms-generic.toml", text)]).unwrap();
    let model = catalogue.dlms_model("dlms-generic").unwrap();
    let list = Data::Array(vec![
        object(3, 0, TOTAL, Data::Null),
        object(1, 0, TOTAL, Data::Null),
        object(64, 1, [0, 0, 43, 0, 0, 255], Data::Null),
        object(9999, 2, [128, 0, 7, 7, 7, 1], Data::Null),
    ]);
    let found = read_objects(&list).unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.class_name(), one.words(), one.is_used_by(model)))
        .collect();
    let energy = Some("active energy, from the grid".to_owned());
    let expected = [
        (Some("Register"), energy.clone(), true),
        // Of another class it is another object.
        (Some("Data"), energy, false),
        (
            Some("Security setup"),
            Some("security set-up".to_owned()),
            false,
        ),
        (None, None, false),
    ];
    assert_eq!(told, expected);
    assert_eq!(found[3].name.to_string(), "128-0:7.7.7*1");
    assert_eq!(found[3].version, 2);
}

#[test]
fn rights_are_a_choice_or_bits_by_the_version_of_the_association() {
    let choice = rights(
        vec![
            right(1, Data::Enum(1)),
            right(2, Data::Enum(1)),
            right(3, Data::Enum(6)),
        ],
        vec![right(1, Data::Boolean(true)), right(2, Data::Enum(2))],
    );
    let expected =
        "1 2 read; 3 read, write if authenticated; methods 1 run; methods 2 run if authenticated";
    check_access(1, choice, expected);
    let bits = rights(vec![right(2, Data::Enum(0x0d))], vec![]);
    let expected = "2 read (authenticated request, encrypted request)";
    check_access(3, bits, expected);
    check_access(1, rights(vec![], vec![]), "");
    check_access(1, Data::Unsigned(7), "rights not understood");
    check_access(1, rights(vec![Data::Null], vec![]), "rights not understood");
}

#[test]
fn what_is_no_list_is_told_and_not_skipped() {
    let wrong = |list: &Data| read_objects(list).unwrap_err().to_string();
    assert!(wrong(&Data::Null).contains("the object list is `nothing`"));
    let short = Data::Array(vec![Data::Structure(vec![Data::Unsigned(3)])]);
    assert!(wrong(&short).contains("class, version, name, rights"));
    let one = object(3, 0, TOTAL, Data::Null);
    let many = Data::Array(vec![one; COSEM_OBJECTS_MAX + 1]);
    assert!(wrong(&many).contains("2049 objects"));
}

#[test]
fn access_is_told_in_a_bounded_number_of_characters() {
    let all = (1..=100).map(|number| right(number, Data::Enum(number.unsigned_abs())));
    let own = object(
        15,
        3,
        LogicalName::ASSOCIATION.0,
        rights(all.collect(), vec![]),
    );
    let found = read_objects(&Data::Array(vec![own])).unwrap();
    assert!(found[0].access.len() <= crate::limits::COSEM_ACCESS_TEXT_MAX);
}

fn any_data() -> impl Strategy<Value = Data> {
    let leaf = prop_oneof![
        Just(Data::Null),
        any::<bool>().prop_map(Data::Boolean),
        any::<u8>().prop_map(Data::Enum),
        any::<i8>().prop_map(Data::Integer),
        any::<u16>().prop_map(Data::LongUnsigned),
        any::<i64>().prop_map(Data::Long64),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Data::OctetString),
    ];
    leaf.prop_recursive(4, 64, 5, |inner| {
        let items = || prop::collection::vec(inner.clone(), 0..5);
        prop_oneof![
            items().prop_map(Data::Array),
            items().prop_map(Data::Structure)
        ]
    })
}

proptest! {
    #[test]
    fn no_data_makes_it_panic(list in any_data(), given in any_data(), version: u8) {
        drop(read_objects(&list));
        let name = LogicalName::ASSOCIATION.0;
        let own = object(15, version, name, given);
        let found = read_objects(&Data::Array(vec![own])).unwrap();
        prop_assert_eq!(found.len(), 1);
    }
}
