//! Keys and small images for the tests of this crate.

use crate::content::tree_of;
use crate::keys::TrustedKeys;
use crate::limits::BLOCK;
use crate::manifest::{Geometry, KeyId, Manifest, Role};
use crate::signing::ImageKey;
use crate::verdict::Expected;
use sha2::{Digest, Sha256};

/// A key of a test: each number another one.
pub(crate) fn key(number: u8) -> ImageKey {
    ImageKey::from_seed(&[number; 32])
}

/// Keys 1 and 2 sign images, key 3 is the root key.
pub(crate) fn trusted() -> TrustedKeys {
    let public = |number| key(number).public();
    TrustedKeys::new(public(1).unwrap(), public(2), public(3))
}

pub(crate) fn manifest() -> Manifest {
    Manifest {
        role: Role::Slot,
        product: "pmu".to_owned(),
        board: "pc".to_owned(),
        arch: "amd64".to_owned(),
        version: "1.2.3".to_owned(),
        kernel: "6.1.0-56-amd64".to_owned(),
        counter: 5,
        close_door: false,
        geometry: Geometry::of_data(300).unwrap(),
        salt: [7; 32],
        root: [0; 32],
        image_sha256: [0; 32],
        payload_bytes: 0,
        payload_sha256: [0; 32],
        key: KeyId([0; 8]),
        built: 1_795_000_000,
        expires: 0,
    }
}

pub(crate) fn expected() -> Expected {
    Expected {
        role: Role::Slot,
        product: "pmu".to_owned(),
        board: "pc".to_owned(),
        arch: "amd64".to_owned(),
        floor: 5,
    }
}

/// File system and tree of so many blocks, and what its manifest says.
pub(crate) fn image(data_blocks: u32) -> (Vec<u8>, Manifest) {
    let geometry = Geometry::of_data(data_blocks).unwrap();
    let mut bytes: Vec<u8> = (0..data_blocks)
        .flat_map(|number| {
            let octet = u8::try_from(number % 251).unwrap();
            vec![octet; BLOCK]
        })
        .collect();
    let (tree, root) = tree_of(bytes.as_slice(), geometry, &[7; 32]).unwrap();
    bytes.extend_from_slice(&tree);
    let manifest = Manifest {
        geometry,
        root,
        image_sha256: Sha256::digest(&bytes).into(),
        ..manifest()
    };
    (bytes, manifest)
}
