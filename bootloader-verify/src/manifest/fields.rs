//! Fields of fixed form: integers little-endian, names with their length before them.

use crate::limits::NAME_BYTES_MAX;

pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// The length stands behind the magic and is filled in at the end.
    pub(super) fn new(magic: &[u8]) -> Self {
        let mut bytes = magic.to_vec();
        bytes.extend_from_slice(&[0, 0]);
        Self(bytes)
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn name(&mut self, name: &str) -> Option<()> {
        let length = u8::try_from(name.len()).ok().filter(|_| is_name(name))?;
        self.u8(length);
        self.bytes(name.as_bytes());
        Some(())
    }

    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        let length = u16::try_from(self.0.len()).ok()?;
        self.0
            .get_mut(8..10)?
            .copy_from_slice(&length.to_le_bytes());
        Some(self.0)
    }
}

/// Whether a manifest may hold it: a space would break the lines that say it.
pub(super) fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(what)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), &'static str> {
        self.take(count, "length").map(drop)
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], &'static str> {
        let taken = self.take(N, what)?;
        taken.try_into().map_err(|_| what)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, &'static str> {
        self.array(what).map(u8::from_le_bytes)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, &'static str> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, &'static str> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub(super) fn name(&mut self, what: &'static str) -> Result<String, &'static str> {
        let length = self.u8(what)?;
        let taken = self.take(usize::from(length), what)?;
        let name = std::str::from_utf8(taken).map_err(|_| what)?;
        is_name(name).then(|| name.to_owned()).ok_or(what)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
