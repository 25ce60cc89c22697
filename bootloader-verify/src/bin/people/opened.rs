//! An image's file or a slot, opened: where its manifest stands and where its content begins.

use crate::fault::Fault;
use bootloader_verify::limits::{BLOCK, BLOCK_U64};
use bootloader_verify::{Manifest, ReadAt};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Both forms in which an image is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Manifest, file system, tree, boot payload: what is sent.
    Image,
    /// File system, tree, zeros, manifest: what boots.
    Slot,
}

pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) form: Form,
    /// Of the file or device, bytes.
    pub(crate) length: u64,
    /// What should be a manifest.
    pub(crate) block: Vec<u8>,
}

impl Form {
    pub(crate) fn of(is_slot: bool) -> Self {
        if is_slot { Self::Slot } else { Self::Image }
    }
}

impl Opened {
    pub(crate) fn open(path: &Path, form: Form) -> Result<Self, Fault> {
        let file = File::open(path).map_err(Fault::unreadable(path))?;
        Self::of(file, path, form)
    }

    pub(crate) fn of(mut file: File, path: &Path, form: Form) -> Result<Self, Fault> {
        // A device has no length in its entry; its end can be sought.
        let length = file.seek(SeekFrom::End(0));
        let length = length.map_err(Fault::unreadable(path))?;
        if length < BLOCK_U64 {
            let problem = format!("{length} bytes hold no manifest; is the file cut off?");
            return Err(Fault::unusable(path, problem));
        }
        let at = match form {
            Form::Image => 0,
            Form::Slot => length - BLOCK_U64,
        };
        let mut block = vec![0; BLOCK];
        let read = file.read_at(at, &mut block);
        read.map_err(Fault::unreadable(path))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            form,
            length,
            block,
        })
    }

    /// Where the file system begins, bytes.
    pub(crate) fn base(&self) -> u64 {
        match self.form {
            Form::Image => BLOCK_U64,
            Form::Slot => 0,
        }
    }

    /// Whether there is room for what the manifest describes; an image's file has no byte more.
    pub(crate) fn has_length_of(&self, manifest: &Manifest) -> bool {
        let content = manifest.geometry.bytes() + BLOCK_U64;
        match self.form {
            Form::Image => self.length == content + manifest.payload_bytes,
            Form::Slot => self.length >= content && self.length.is_multiple_of(BLOCK_U64),
        }
    }

    /// Where the boot payload begins in an image's file, bytes.
    pub(crate) fn payload_at(&self, manifest: &Manifest) -> u64 {
        self.base() + manifest.geometry.bytes()
    }
}
