//! Which meter it is: serial numbers, as meters and people write them.

use crate::catalogue::flag::{FlagModel, VdewWhat};

/// The data set with the serial number, for meters of the VDEW style.
pub(crate) fn serial_set(model: &FlagModel) -> Option<&str> {
    let sets = model.vdew.as_ref().map(|vdew| vdew.sets.as_slice())?;
    let set = sets.iter().find(|set| set.what == VdewWhat::Serial)?;
    Some(&set.address)
}

/// A text as meters send it, without its padding; none if nothing is left.
pub(crate) fn text(octets: &[u8]) -> Option<String> {
    let shown = octets.iter().map(|octet| match octet {
        b' '..=b'~' => char::from(*octet),
        0 => ' ',
        _ => '?',
    });
    let text: String = shown.collect();
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The value of a data set, `C.1.0(12345678)`.
pub(crate) fn serial_of_set(said: &str) -> Option<String> {
    let (_, value) = said.split_once('(')?;
    let (value, _) = value.split_once(')')?;
    text(value.as_bytes())
}

/// Whether a meter's serial number is the one that a person wrote: meters pad it with zeros.
pub(crate) fn is_same_serial(found: &str, written: &str) -> bool {
    let bare = |text: &str| {
        let text = text.trim().trim_start_matches('0');
        text.to_ascii_uppercase()
    };
    bare(found) == bare(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_their_padding() {
        assert_eq!(
            text(b"0000000012345678").as_deref(),
            Some("0000000012345678")
        );
        assert_eq!(text(b"K03A01234       ").as_deref(), Some("K03A01234"));
        assert_eq!(text(b"A\0\0\0").as_deref(), Some("A"));
        assert_eq!(text(b"A\xffB").as_deref(), Some("A?B"));
        assert_eq!(text(b"    "), None);
        assert_eq!(
            serial_of_set("C.1.0(12345678)").as_deref(),
            Some("12345678")
        );
        assert_eq!(serial_of_set("(12345678)").as_deref(), Some("12345678"));
        assert_eq!(serial_of_set("C.1.0"), None);
    }

    #[track_caller]
    fn check(found: &str, written: &str, same: bool) {
        assert_eq!(is_same_serial(found, written), same, "{found} {written}");
    }

    #[test]
    fn zeros_before_a_serial_number_do_not_count() {
        check("0000000012345678", "12345678", true);
        check("12345678", "0012345678 ", true);
        check("K03a01234", "K03A01234", true);
        check("12345678", "2345678", false);
        check("0", "00", true);
    }
}
