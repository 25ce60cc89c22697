//! A folder with images, found by their hash. Each file is hashed once, and again when it has
//! changed; what is served is read piece by piece.

use crate::limits::IMAGES_MAX;
use anyhow::{Context, Result};
use head_end::ImageId;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Of the files that are served: images, and the documents of commands that are too long for them.
const ENDINGS: [&str; 3] = ["pmuimg", "toml", "csv"];

/// What is in the folder.
#[derive(Debug)]
pub struct ImageFolder {
    folder: PathBuf,
    found: BTreeMap<PathBuf, Held>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    image: ImageId,
    stamp: Stamp,
}

/// A file with another stamp is another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    changed: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            changed: metadata.modified().ok(),
        }
    }
}

impl ImageFolder {
    /// Opens a folder and hashes what is in it.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut this = Self {
            folder: folder.to_owned(),
            found: BTreeMap::new(),
        };
        this.look().with_context(|| {
            format!(
                "{}: cannot be read; name a folder with `.pmuimg` files, or with documents of commands",
                folder.display()
            )
        })?;
        Ok(this)
    }

    /// Which folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Images in it.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Looks for files that came, went or changed.
    pub fn look(&mut self) -> io::Result<()> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        files.retain(|file| {
            let ending = file.extension().and_then(|ending| ending.to_str());
            ending.is_some_and(|ending| ENDINGS.contains(&ending))
        });
        files.sort();
        files.truncate(IMAGES_MAX);
        let mut found = BTreeMap::new();
        for file in files {
            let Ok(stamp) = file.metadata().map(|metadata| Stamp::of(&metadata)) else {
                continue;
            };
            let known = self.found.get(&file).filter(|held| held.stamp == stamp);
            let held = match known {
                Some(held) => *held,
                // One that cannot be read, or is being copied here, is looked at again.
                None => match hash(&file) {
                    Ok(image) => Held { image, stamp },
                    Err(_) => continue,
                },
            };
            found.insert(file, held);
        }
        self.found = found;
        Ok(())
    }

    /// Length of an image, if it is there.
    pub fn length(&self, image: ImageId) -> Option<u64> {
        self.file(image).map(|(_, held)| held.stamp.bytes)
    }

    /// So many bytes of an image; none if its file has changed or gone since it was hashed.
    pub fn read(&self, image: ImageId, at: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        let Some((path, held)) = self.file(image) else {
            return Ok(None);
        };
        let mut file = match File::open(path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if Stamp::of(&file.metadata()?) != held.stamp {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn file(&self, image: ImageId) -> Option<(&PathBuf, &Held)> {
        self.found.iter().find(|(_, held)| held.image == image)
    }
}

fn hash(file: &Path) -> io::Result<ImageId> {
    let mut file = File::open(file)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = file.read(&mut buffer)?;
        let (read, _) = buffer.split_at_checked(length).unwrap_or((&[], &[]));
        if read.is_empty() {
            return Ok(ImageId::new(hash.finalize().into()));
        }
        hash.update(read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(bytes: &[u8]) -> ImageId {
        ImageId::new(Sha256::digest(bytes).into())
    }

    #[test]
    fn images_are_found_by_their_hash_and_read_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.pmuimg"), b"0123456789").unwrap();
        std::fs::write(folder.path().join("notes.txt"), b"none").unwrap();
        std::fs::write(folder.path().join("tariff.toml"), b"long").unwrap();
        let mut images = ImageFolder::open(folder.path()).unwrap();
        let image = id(b"0123456789");
        assert_eq!((images.count(), images.length(image)), (2, Some(10)));
        assert_eq!(images.length(id(b"long")), Some(4));
        assert_eq!(images.length(id(b"none")), None);
        assert_eq!(images.read(image, 3, 4).unwrap().unwrap(), b"3456");
        assert!(images.read(image, 8, 4).is_err(), "beyond its end");

        std::fs::write(folder.path().join("b.pmuimg"), b"new").unwrap();
        assert_eq!(images.length(id(b"new")), None);
        images.look().unwrap();
        assert_eq!(images.length(id(b"new")), Some(3));
        std::fs::remove_file(folder.path().join("b.pmuimg")).unwrap();
        assert_eq!(images.read(id(b"new"), 0, 3).unwrap(), None);
    }

    #[test]
    fn a_file_that_changed_is_not_served_under_its_old_hash() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.pmuimg");
        std::fs::write(&file, b"0123456789").unwrap();
        let mut images = ImageFolder::open(folder.path()).unwrap();
        std::fs::write(&file, b"abc").unwrap();
        assert_eq!(images.read(id(b"0123456789"), 0, 3).unwrap(), None);
        images.look().unwrap();
        assert_eq!(images.length(id(b"0123456789")), None);
        assert_eq!(images.length(id(b"abc")), Some(3));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let fault = ImageFolder::open(Path::new("/nonexistent/images")).unwrap_err();
        assert!(fault.to_string().contains("/nonexistent/images"), "{fault}");
    }
}
