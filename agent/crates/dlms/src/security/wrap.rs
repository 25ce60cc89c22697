//! The outside of a protected APDU.

use super::fault::SecurityFault;
use super::key::SystemTitle;
use crate::codec::{DecodeFault, Reader, write_length};
use crate::limits::APDU_OCTETS_MAX;

/// How a protected APDU shows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// Each service has a tag of its own: `glo-get-request` and the like.
    #[default]
    Service,
    /// `general-glo-ciphering` and `general-ded-ciphering`, for any service.
    General,
}

/// A protected APDU, taken apart.
pub(super) struct Wrapped<'a> {
    pub(super) form: Form,
    pub(super) is_dedicated: bool,
    /// What a general one says about its sender; none if it leaves it out.
    pub(super) title: Option<SystemTitle>,
    /// The plain tag that it must turn out to have.
    pub(super) tag: Option<u8>,
    pub(super) control: u8,
    pub(super) counter: u32,
    pub(super) text: &'a [u8],
}

const GENERAL_GLOBAL: u8 = 0xdb;
const GENERAL_DEDICATED: u8 = 0xdc;

/// The plain tags that have a ciphered form, with the global and the dedicated one.
const TAGS: [(u8, u8, Option<u8>); 8] = [
    (0x01, 0x21, None),
    (0x08, 0x28, None),
    (0xc0, 0xc8, Some(0xd0)),
    (0xc1, 0xc9, Some(0xd1)),
    (0xc3, 0xcb, Some(0xd3)),
    (0xc4, 0xcc, Some(0xd4)),
    (0xc5, 0xcd, Some(0xd5)),
    (0xc7, 0xcf, Some(0xd7)),
];

/// Whether an APDU says that it is protected.
pub(crate) fn is_protected(apdu: &[u8]) -> bool {
    apdu.first().is_some_and(|tag| kind(*tag).is_some())
}

/// Form, key and plain tag.
fn kind(tag: u8) -> Option<(Form, bool, Option<u8>)> {
    match tag {
        GENERAL_GLOBAL => Some((Form::General, false, None)),
        GENERAL_DEDICATED => Some((Form::General, true, None)),
        tag => TAGS.iter().find_map(|(plain, global, dedicated)| {
            if tag == *global {
                Some((Form::Service, false, Some(*plain)))
            } else if Some(tag) == *dedicated {
                Some((Form::Service, true, Some(*plain)))
            } else {
                None
            }
        }),
    }
}

/// The outside for a text. What has no tag of its own gets the general form.
pub(super) fn wrap(
    plain_tag: u8,
    form: Form,
    is_dedicated: bool,
    title: SystemTitle,
    body: &[u8],
) -> Vec<u8> {
    let own = TAGS.iter().find(|(plain, _, _)| *plain == plain_tag);
    let own = own.and_then(|(_, global, dedicated)| {
        if is_dedicated {
            *dedicated
        } else {
            Some(*global)
        }
    });
    let mut out = Vec::with_capacity(body.len() + 16);
    if let (Form::Service, Some(tag)) = (form, own) {
        out.push(tag);
    } else {
        out.push(if is_dedicated {
            GENERAL_DEDICATED
        } else {
            GENERAL_GLOBAL
        });
        write_length(&mut out, title.0.len());
        out.extend_from_slice(&title.0);
    }
    write_length(&mut out, body.len());
    out.extend_from_slice(body);
    out
}

/// Takes the outside off.
pub(super) fn unwrap(apdu: &[u8]) -> Result<Wrapped<'_>, SecurityFault> {
    let mut reader = Reader::new(apdu);
    let tag = reader.u8("the tag")?;
    let Some((form, is_dedicated, plain)) = kind(tag) else {
        return Err(SecurityFault::Weak);
    };
    let title = match form {
        Form::Service => None,
        Form::General => match reader.counted("the system title", 8)? {
            [] => None,
            title => Some(SystemTitle(title.try_into().map_err(|_| {
                DecodeFault::Length {
                    part: "the system title",
                }
            })?)),
        },
    };
    let mut body = Reader::new(reader.counted("the ciphered text", APDU_OCTETS_MAX)?);
    reader.end()?;
    let control = body.u8("the security control")?;
    let counter = body.u32("the invocation counter")?;
    Ok(Wrapped {
        form,
        is_dedicated,
        title,
        tag: plain,
        control,
        counter,
        text: body.rest(),
    })
}
