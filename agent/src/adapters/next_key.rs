//! The key that signs receipts, replaced: the next one is on the disk before anybody hears of it, and
//! takes the place of the present one in one step. Public halves stay: what was signed stays verifiable.

use super::command_keys::{FILE, PUBLIC_FILE, keep, keep_as, known, public_text};
use authority::SigningKey;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

const NEXT: &str = "receipt-key.next.pem";

/// The key that shall follow; the one that is ready, or else one from `seed`. What was announced once
/// is never exchanged for another one.
pub fn next_key(
    folder: &Path,
    seed: impl FnOnce() -> io::Result<[u8; 32]>,
) -> io::Result<SigningKey> {
    if let Some(ready) = ready(folder)? {
        return Ok(ready);
    }
    let key = SigningKey::from_seed(&Zeroizing::new(seed()?));
    let text = Zeroizing::new(key.to_pem().map_err(io::Error::other)?);
    keep(folder, &folder.join(NEXT), &text)?;
    Ok(key)
}

/// Whether one is ready that has not taken its place.
pub fn is_next_ready(folder: &Path) -> bool {
    folder.join(NEXT).exists()
}

/// The next key takes its place: from the next start on it signs. Whatever interrupts this, it can be
/// done once more.
pub fn take_next(folder: &Path) -> io::Result<()> {
    let Some(next) = ready(folder)? else {
        return Err(io::Error::other("there is no next key"));
    };
    // Those before it prove old receipts, and old rows of the journal.
    let mut all = known(folder);
    all.retain(|key| key.id() != next.id());
    all.insert(0, next.public_key());
    keep_as(folder, &folder.join(PUBLIC_FILE), &public_text(&all), 0o644)?;
    fs::rename(folder.join(NEXT), folder.join(FILE))?;
    File::open(folder)?.sync_all()
}

fn ready(folder: &Path) -> io::Result<Option<SigningKey>> {
    match fs::read_to_string(folder.join(NEXT)) {
        Ok(text) => {
            let text = Zeroizing::new(text);
            SigningKey::from_pem(&text)
                .map(Some)
                .map_err(io::Error::other)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::command_keys::{former_keys, receipt_key};
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn never() -> io::Result<[u8; 32]> {
        panic!("no key is made over one that is there")
    }

    fn seed(octet: u8) -> impl FnOnce() -> io::Result<[u8; 32]> {
        move || Ok([octet; 32])
    }

    /// Cut after every step: the next start finds a key, and every key that ever signed.
    #[test]
    fn a_key_that_is_replaced_leaves_its_public_half_wherever_the_power_goes() {
        for cut in 0..4 {
            let folder = tempfile::tempdir().unwrap();
            let at = folder.path();
            let first = receipt_key(at, seed(1)).unwrap();
            if cut > 0 {
                next_key(at, seed(2)).unwrap();
            }
            if cut == 2 {
                // Between the two writes of `take_next`.
                let all = [
                    SigningKey::from_seed(&[2; 32]).public_key(),
                    first.public_key(),
                ];
                keep(at, &at.join(PUBLIC_FILE), &public_text(&all)).unwrap();
            }
            if cut == 3 {
                take_next(at).unwrap();
            }
            let now = receipt_key(at, never).unwrap();
            assert_eq!(is_next_ready(at), cut == 1 || cut == 2, "{cut}");
            if cut > 0 && cut < 3 {
                assert_eq!(now.id(), first.id(), "{cut}");
                assert_eq!(
                    next_key(at, never).unwrap().id(),
                    SigningKey::from_seed(&[2; 32]).id()
                );
                take_next(at).unwrap();
            }
            let last = receipt_key(at, never).unwrap();
            let about = fs::metadata(at.join(PUBLIC_FILE)).unwrap();
            assert_ne!(about.permissions().mode() & 0o044, 0, "{cut}");
            let former: Vec<_> = former_keys(at, &last)
                .iter()
                .map(authority::PublicKey::id)
                .collect();
            let expected = if cut == 0 { vec![] } else { vec![first.id()] };
            assert_eq!(former, expected, "{cut}");
        }
    }

    #[test]
    fn nothing_takes_the_place_of_a_key_where_no_next_one_is_ready() {
        let folder = tempfile::tempdir().unwrap();
        receipt_key(folder.path(), seed(1)).unwrap();
        assert!(take_next(folder.path()).is_err());
        fs::write(folder.path().join(NEXT), "half").unwrap();
        assert!(take_next(folder.path()).is_err(), "a damaged one neither");
        assert!(receipt_key(folder.path(), never).is_ok());
    }
}
