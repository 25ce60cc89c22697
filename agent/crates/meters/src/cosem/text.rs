//! Values as texts.

use dlms::codec::Data;

/// Characters of a text that are shown.
const SHOWN: usize = 80;

/// A value in a few characters, for people.
pub fn data_text(data: &Data) -> String {
    let text = match data {
        Data::Null => "nothing".to_owned(),
        Data::Boolean(value) => value.to_string(),
        Data::Float32(value) => value.to_string(),
        Data::Float64(value) => value.to_string(),
        Data::BitString(bits) => format!("{} bits {}", bits.bits(), hex(bits.octets())),
        Data::Array(items) => format!("array of {}", items.len()),
        Data::Structure(items) => format!("structure of {}", items.len()),
        Data::Bcd(value) => format!("bcd {value:02X}"),
        Data::DateTime(octets) => hex(octets),
        Data::Date(octets) => hex(octets),
        Data::Time(octets) => hex(octets),
        Data::DontCare => "any".to_owned(),
        other => match (other.integer(), other.octets()) {
            (Some(number), _) => number.to_string(),
            (_, Some(octets)) => printable(octets).unwrap_or_else(|| hex(octets)),
            _ => String::new(),
        },
    };
    text.chars().take(SHOWN).collect()
}

/// What a meter says of itself: a serial number, a device name. Octets that are no characters are
/// shown as hexadecimal digits; none where there is nothing.
pub fn identity_text(data: &Data) -> Option<String> {
    let text = match (data.integer(), data.octets()) {
        (Some(number), _) => number.to_string(),
        (_, Some(octets)) => {
            let end = octets.iter().rposition(|octet| !matches!(octet, 0 | b' '));
            let octets = octets.get(..=end?)?;
            printable(octets).unwrap_or_else(|| hex(octets))
        }
        _ => return None,
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(SHOWN).collect())
}

fn printable(octets: &[u8]) -> Option<String> {
    let is_plain = |octet: &u8| (0x20..0x7f).contains(octet);
    let text = || octets.iter().copied().map(char::from).collect();
    (!octets.is_empty() && octets.iter().all(is_plain)).then(text)
}

fn hex(octets: &[u8]) -> String {
    let digits = octets.iter().map(|octet| format!("{octet:02X}"));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_a_text_a_number_or_digits() {
        let octets = |octets: &[u8]| identity_text(&Data::OctetString(octets.to_vec()));
        assert_eq!(octets(b"ELS12345678\0\0").as_deref(), Some("ELS12345678"));
        assert_eq!(octets(b"ELS\x00\x01").as_deref(), Some("454C530001"));
        assert_eq!(octets(b"  ").as_deref(), None);
        assert_eq!(octets(b""), None);
        let number = Data::DoubleLongUnsigned(12_345);
        assert_eq!(identity_text(&number).as_deref(), Some("12345"));
        assert_eq!(identity_text(&Data::Null), None);
    }

    #[test]
    fn any_value_has_a_short_text() {
        assert_eq!(data_text(&Data::Array(vec![Data::Null])), "array of 1");
        assert_eq!(data_text(&Data::Integer(-3)), "-3");
        assert_eq!(data_text(&Data::OctetString(vec![1, 0xff])), "01FF");
        assert_eq!(
            data_text(&Data::VisibleString(vec![b'x'; 500])).len(),
            SHOWN
        );
    }
}
