use super::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const CHUNK: u64 = 64 * 1024;

struct Shop {
    folder: TempDir,
    images: Images,
    image: ImageId,
}

/// Five and a half chunks; a gateway gets one a second once its first four are used up.
fn shop() -> Shop {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..360_448_u32).map(|at| at.to_le_bytes()[1]).collect();
    std::fs::write(folder.path().join("a.pmuimg"), &bytes).unwrap();
    let image = ImageId::new(Sha256::digest(&bytes).into());
    let images = Images::new(ImageFolder::open(folder.path()).unwrap(), CHUNK);
    Shop {
        folder,
        images,
        image,
    }
}

impl Shop {
    fn wish(&mut self, second: u64, gateway: &str, from: u64, length: u64) {
        let wish = ImageWish {
            image: self.image,
            total: 360_448,
            from,
            length,
        };
        self.images
            .wish(gateway.parse().unwrap(), &wish, at(second));
    }

    #[track_caller]
    fn check(&mut self, second: u64, expected: Option<&str>) {
        let found = self.images.next(at(second)).unwrap().map(|due| {
            let what = match due.answer {
                ImageAnswer::Chunk(chunk) => format!("{}+{}", chunk.at, chunk.bytes.len()),
                ImageAnswer::No(why) => why.word().to_owned(),
            };
            format!("{} {what}", due.gateway)
        });
        assert_eq!(found.as_deref(), expected, "at {second} s");
    }
}

fn at(second: u64) -> Moment {
    Moment::new(Duration::from_secs(1000 + second))
}

#[test]
fn a_wish_is_served_chunk_by_chunk_at_the_pace_of_its_gateway() {
    let mut shop = shop();
    shop.wish(0, "pmu-001", 0, 4 * CHUNK);
    shop.wish(0, "pmu-001", 4 * CHUNK, 360_448 - 4 * CHUNK);
    for from in ["0", "65536", "131072", "196608"] {
        shop.check(0, Some(&format!("pmu-001 {from}+65536")));
    }
    shop.check(0, None);
    assert!(shop.images.is_waited_for());
    shop.check(1, Some("pmu-001 262144+65536"));
    shop.check(1, None);
    shop.check(2, Some("pmu-001 327680+32768"));
    shop.check(9, None);
    assert!(!shop.images.is_waited_for());
}

#[test]
fn gateways_are_served_in_turn() {
    let mut shop = shop();
    shop.wish(0, "pmu-001", 0, 2 * CHUNK);
    shop.wish(0, "pmu-002", 0, 2 * CHUNK);
    shop.check(0, Some("pmu-001 0+65536"));
    shop.check(0, Some("pmu-002 0+65536"));
    shop.check(0, Some("pmu-001 65536+65536"));
    shop.check(0, Some("pmu-002 65536+65536"));
    shop.check(0, None);
}

#[test]
fn a_wish_that_comes_again_is_not_served_twice_and_no_queue_grows() {
    let mut shop = shop();
    for _ in 0..100 {
        shop.wish(0, "pmu-001", 0, 2 * CHUNK);
    }
    for from in 0..100 {
        shop.wish(0, "pmu-001", from, 4 * CHUNK);
    }
    let due = shop.images.readers.values().map(|reader| reader.due.len());
    assert_eq!(due.sum::<usize>(), IMAGE_QUEUE_MAX);
    for number in 0..2000 {
        shop.wish(number, &format!("pmu-{number:04}"), 0, CHUNK);
    }
    assert_eq!(shop.images.readers.len(), IMAGE_READERS_MAX);
}

#[test]
fn what_is_not_there_is_said_and_found_once_it_is_there() {
    let mut shop = shop();
    let file = shop.folder.path().join("a.pmuimg");
    let aside = shop.folder.path().join("aside");
    std::fs::rename(&file, &aside).unwrap();
    shop.wish(0, "pmu-001", 0, CHUNK);
    shop.check(0, Some("pmu-001 not-held"));
    shop.check(0, None);
    shop.wish(1, "pmu-001", 0, CHUNK);
    shop.check(1, Some("pmu-001 not-held"));
    std::fs::rename(&aside, &file).unwrap();
    shop.wish(2, "pmu-001", 0, CHUNK);
    let later = 3 + IMAGE_LOOK_EVERY.as_secs();
    shop.check(later, Some("pmu-001 0+65536"));

    let other = ImageWish {
        image: shop.image,
        total: 360_449,
        from: 0,
        length: CHUNK,
    };
    let gateway = "pmu-001".parse().unwrap();
    shop.images.wish(gateway, &other, at(later));
    shop.check(later, Some("pmu-001 other-length"));
}

#[test]
fn a_person_is_told_once_who_fetches_what() {
    let mut shop = shop();
    let mut remarks = Vec::new();
    shop.wish(0, "pmu-001", 0, 4 * CHUNK);
    shop.wish(0, "pmu-001", 4 * CHUNK, 360_448 - 4 * CHUNK);
    for second in 0..10 {
        while let Some(due) = shop.images.next(at(second)).unwrap() {
            remarks.extend(due.remark);
        }
    }
    let image = shop.image;
    let expected = [
        format!("pmu-001: fetches image {image}"),
        format!("pmu-001: has been sent all of image {image}"),
    ];
    assert_eq!(remarks, expected);
}
