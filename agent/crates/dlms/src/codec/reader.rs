//! Reading octets from the front, and lengths in both directions.

use super::fault::DecodeFault;

/// Octets that are still to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(
        &mut self,
        count: usize,
        part: &'static str,
    ) -> Result<&'a [u8], DecodeFault> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(DecodeFault::Short { part })?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        part: &'static str,
    ) -> Result<[u8; N], DecodeFault> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(DecodeFault::Short { part })?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, part: &'static str) -> Result<u8, DecodeFault> {
        self.array::<1>(part).map(|[octet]| octet)
    }

    pub(crate) fn u16(&mut self, part: &'static str) -> Result<u16, DecodeFault> {
        self.array(part).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, part: &'static str) -> Result<u32, DecodeFault> {
        self.array(part).map(u32::from_be_bytes)
    }

    /// A flag: zero or not.
    pub(crate) fn flag(&mut self, part: &'static str) -> Result<bool, DecodeFault> {
        match self.u8(part)? {
            0 => Ok(false),
            _ => Ok(true),
        }
    }

    /// A length: one octet below 128, else the number of octets that follow. Lengths with leading
    /// zeros are taken, as some meters send them.
    pub(crate) fn length(&mut self, part: &'static str, most: usize) -> Result<usize, DecodeFault> {
        let first = self.u8(part)?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x84 => {
                let octets = self.take(usize::from(first & 0x7f), part)?;
                octets
                    .iter()
                    .fold(0, |length, octet| (length << 8) | usize::from(*octet))
            }
            value => return Err(DecodeFault::Unexpected { part, value }),
        };
        if length > most {
            return Err(DecodeFault::TooLarge { part, most });
        }
        Ok(length)
    }

    /// A length, and so many octets.
    pub(crate) fn counted(
        &mut self,
        part: &'static str,
        most: usize,
    ) -> Result<&'a [u8], DecodeFault> {
        let length = self.length(part, most)?;
        self.take(length, part)
    }

    pub(crate) fn end(self) -> Result<(), DecodeFault> {
        match self.rest.len() {
            0 => Ok(()),
            octets => Err(DecodeFault::Trailing { octets }),
        }
    }
}

/// Writes a length in its shortest form.
pub(crate) fn write_length(out: &mut Vec<u8>, length: usize) {
    if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
        out.push(short);
        return;
    }
    let octets = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let used = octets.get(zeros..).unwrap_or_default();
    out.push(0x80 | u8::try_from(used.len()).unwrap_or(4));
    out.extend_from_slice(used);
}
