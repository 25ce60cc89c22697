//! Whether a meter holds what was written to it.

use dlms::codec::{Attribute, Data};

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Likeness {
    /// To the octet.
    Same,
    /// They mean the same: the meter has filled in what was left open, or writes it in another form.
    /// That is told.
    Alike,
    /// They do not.
    Different,
}

/// Compares what an attribute should hold with what it does.
pub fn compare(attribute: Attribute, wanted: &Data, found: &Data) -> Likeness {
    let plain = likeness(wanted, found);
    match (wanted, found) {
        (Data::Array(wanted), Data::Array(found))
            if plain == Likeness::Different && has_no_order(attribute) =>
        {
            unordered(wanted, found)
        }
        _ => plain,
    }
}

/// Tables whose entries are found by what they are called, not by their place. The registers of an
/// activation are not among them: masks count their places.
fn has_no_order(attribute: Attribute) -> bool {
    matches!(
        (attribute.class, attribute.number),
        (6, 3) | (9 | 11, 2) | (20, 3..=5 | 7..=9)
    )
}

fn unordered(wanted: &[Data], found: &[Data]) -> Likeness {
    let mut left: Vec<&Data> = found.iter().collect();
    for item in wanted {
        let place = left
            .iter()
            .position(|other| likeness(item, other) != Likeness::Different);
        match place {
            Some(place) => left.swap_remove(place),
            None => return Likeness::Different,
        };
    }
    if left.is_empty() {
        Likeness::Alike
    } else {
        Likeness::Different
    }
}

fn likeness(wanted: &Data, found: &Data) -> Likeness {
    if wanted == found {
        return Likeness::Same;
    }
    match (wanted, found) {
        (Data::Array(wanted), Data::Array(found))
        | (Data::Structure(wanted), Data::Structure(found))
            if wanted.len() == found.len() =>
        {
            let pairs = wanted.iter().zip(found);
            let worst = pairs.map(|(wanted, found)| likeness(wanted, found)).max();
            worst.unwrap_or(Likeness::Same)
        }
        _ => scalar(wanted, found),
    }
}

fn scalar(wanted: &Data, found: &Data) -> Likeness {
    let is_alike = match (wanted.integer(), found.integer()) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => match (string(wanted), string(found)) {
            (Some(wanted), Some(found)) => {
                is_filled_in(wanted, found) || trimmed(wanted) == trimmed(found)
            }
            _ => false,
        },
    };
    if is_alike {
        Likeness::Alike
    } else {
        Likeness::Different
    }
}

/// Octets of a string, or of a time in a type of its own.
fn string(data: &Data) -> Option<&[u8]> {
    match data {
        Data::DateTime(octets) => Some(octets),
        Data::Date(octets) => Some(octets),
        Data::Time(octets) => Some(octets),
        other => other.octets(),
    }
}

/// A name without what a meter fills it up with.
fn trimmed(octets: &[u8]) -> &[u8] {
    let end = octets.iter().rposition(|octet| !matches!(octet, 0 | b' '));
    end.and_then(|end| octets.get(..=end)).unwrap_or_default()
}

/// Whether only parts were filled in that change no meaning: hundredths, seconds, deviation, status,
/// and the weekday of a whole date. A year that was left open and is given now is another time.
fn is_filled_in(wanted: &[u8], found: &[u8]) -> bool {
    let fillable: &[usize] = match (wanted.len(), found.len()) {
        (12, 12) if is_whole(wanted) => &[4, 7, 8, 9, 10, 11],
        (12, 12) => &[7, 8, 9, 10, 11],
        (5, 5) if is_whole(wanted) => &[4],
        (4, 4) => &[2, 3],
        _ => return false,
    };
    // The deviation has its own way to say nothing: 0x8000.
    let is_open = |place: usize, octet: u8| match (wanted.len(), place) {
        (12, 9 | 10) => wanted.get(9..11) == Some(&[0x80, 0]),
        _ => octet == 0xff,
    };
    let mut pairs = wanted.iter().zip(found).enumerate();
    pairs.all(|(place, (one, other))| {
        one == other || fillable.contains(&place) && is_open(place, *one)
    })
}

/// Year, month and day are given.
fn is_whole(octets: &[u8]) -> bool {
    matches!(octets, [y1, y0, month, day, ..]
        if [*y1, *y0] != [0xff, 0xff] && *month < 0xfd && *day < 0xfd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::codec::LogicalName;

    #[track_caller]
    fn check(place: (u16, i8), wanted: &str, found: &str, expected: Likeness) {
        let data = |hex: &str| {
            let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
            let octets = digits.chunks(2).map(|pair| {
                let pair = std::str::from_utf8(pair).unwrap();
                u8::from_str_radix(pair, 16).unwrap()
            });
            dlms::codec::decode_all(&octets.collect::<Vec<u8>>()).unwrap()
        };
        let attribute = Attribute {
            class: place.0,
            name: LogicalName([0, 0, 13, 0, 0, 255]),
            number: place.1,
        };
        assert_eq!(compare(attribute, &data(wanted), &data(found)), expected);
    }

    #[test]
    fn what_was_left_open_may_be_filled_in_and_nothing_else() {
        use Likeness::{Alike, Different, Same};
        let at = |wanted, found, expected| check((20, 10), wanted, found, expected);
        let wanted = "090c 07eb0101ff000000ff8000ff";
        at(wanted, wanted, Same);
        at(wanted, "090c 07eb0101050000000000 3c00", Alike);
        at(wanted, "19 07eb0101ff000000ff8000ff", Alike);
        at(wanted, "090c 07eb0102ff000000ff8000ff", Different);
        at(wanted, "090c ffff0101ff000000ff8000ff", Different);
        // Each year is not this year, and each weekday not this one.
        at(
            "090c ffff0101ff000000008000ff",
            "090c 07eb0101ff000000008000ff",
            Different,
        );
        at(
            "090c ffff0101ff000000008000ff",
            "090c ffff010105000000008000ff",
            Different,
        );
        at(
            "090c 07eb0101ff00000000ffc400",
            "090c 07eb0101ff00000000003c00",
            Different,
        );
        at("0905 07eb0c19ff", "0905 07eb0c1906", Alike);
        at("0905 ffff0c19ff", "0905 ffff0c1906", Different);
        at("0904 0600ffff", "0904 06000000", Alike);
        at("0904 06000000", "0904 0600ffff", Different);
    }

    #[test]
    fn names_may_be_filled_up_and_numbers_written_wider() {
        use Likeness::{Alike, Different};
        check((20, 6), "0902 5431", "0904 54310000", Alike);
        check((20, 6), "0902 5431", "0a04 54312020", Alike);
        check((20, 6), "0902 5431", "0902 5432", Different);
        check((7, 4), "0600000384", "120384", Alike);
        check((7, 4), "0600000384", "120385", Different);
    }

    #[test]
    fn order_counts_only_where_places_do() {
        use Likeness::{Alike, Different};
        let (one, other) = ("0102 1101 1102", "0102 1102 1101");
        check((20, 9), one, other, Alike);
        check((11, 2), one, other, Alike);
        check((6, 2), one, other, Different);
        check((20, 9), "0102 1101 1101", "0102 1101 1102", Different);
        check((20, 9), "0101 1101", one, Different);
    }
}
