//! The key that opens passwords sealed for this gateway. It is made at the first start and never leaves
//! this machine; its public half lies beside it, for whoever carries it to the head-end.

use super::command_keys::keep;
use authority::SealingKey;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const FILE: &str = "sealing-key.pem";
const PUBLIC_FILE: &str = "sealing-key.pub.pem";

/// Why there is no such key.
#[derive(Debug, thiserror::Error)]
pub enum SealingKeyFault {
    /// The disk.
    #[error("{}: {source}; without it no sealed password is opened", .file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else may have read it.
    #[error(
        "{}: other users may read this key; `chmod 600` it if none has, or take it away and start the agent anew: the \
         head-end must then be told the new public key", .0.display()
    )]
    Open(PathBuf),
    /// It is no key. It is not replaced: somebody may have sealed a password with it.
    #[error(
        "{}: this is no X25519 key; bring the file back, or take it away and start the agent anew: the head-end must \
         then be told the new public key", .0.display()
    )]
    Damaged(PathBuf),
}

/// The key in `folder`; made from `seed` where there is none.
pub fn sealing_key(
    folder: &Path,
    seed: impl FnOnce() -> io::Result<[u8; 32]>,
) -> Result<SealingKey, SealingKeyFault> {
    let file = folder.join(FILE);
    let io = |source| SealingKeyFault::Io {
        file: file.clone(),
        source,
    };
    let damaged = |_| SealingKeyFault::Damaged(file.clone());
    let key = match fs::metadata(&file) {
        Ok(about) if about.mode() & 0o077 != 0 => return Err(SealingKeyFault::Open(file)),
        Ok(_) => {
            let text = Zeroizing::new(fs::read_to_string(&file).map_err(io)?);
            SealingKey::from_pem(&text).map_err(damaged)?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = SealingKey::from_seed(&Zeroizing::new(seed().map_err(io)?));
            keep(folder, &file, &key.to_pem().map_err(damaged)?).map_err(io)?;
            key
        }
        Err(error) => return Err(io(error)),
    };
    let public = key.public().to_pem().map_err(damaged)?;
    let place = folder.join(PUBLIC_FILE);
    let is_there = fs::read_to_string(&place).is_ok_and(|there| there == public);
    if !is_there && let Err(error) = fs::write(&place, public) {
        let place = place.display();
        log::warn!("{place}: {error}; the public key for sealed passwords is not shown there");
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn never() -> io::Result<[u8; 32]> {
        panic!("no key is made over one that is there")
    }

    #[test]
    fn a_key_is_made_once_shown_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let first = sealing_key(folder.path(), || Ok([7; 32])).unwrap().public();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        let shown = fs::read_to_string(folder.path().join(PUBLIC_FILE)).unwrap();
        assert_eq!(authority::SealingPublicKey::from_pem(&shown), Ok(first));
        assert_eq!(sealing_key(folder.path(), never).unwrap().public(), first);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, &text[..40]).unwrap();
        let fault = sealing_key(folder.path(), never).err().unwrap();
        assert!(matches!(fault, SealingKeyFault::Damaged(_)), "{fault}");
        fs::write(&file, &text).unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        let fault = sealing_key(folder.path(), never).err().unwrap();
        assert!(matches!(fault, SealingKeyFault::Open(_)), "{fault}");
    }
}
