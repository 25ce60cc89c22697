use super::*;
use head_end::ImageChunk;

const TOTAL: u64 = 100_000;

fn id(number: u8) -> ImageId {
    ImageId::new([number; 32])
}

struct Bench {
    road: ImageRoad,
    images: Images,
    view: watch::Sender<UplinkView>,
}

fn bench() -> Bench {
    let (view, seen) = watch::channel(UplinkView::default());
    let (road, orders) = image_road(seen);
    let images = Images::of(orders);
    Bench { road, images, view }
}

fn chunk(at: u64, bytes: usize, value: u8) -> Vec<u8> {
    let chunk = ImageChunk {
        at,
        total: TOTAL,
        bytes: vec![value; bytes],
    };
    ImageAnswer::Chunk(chunk).encode().unwrap()
}

/// Asks as a session does, and says for what.
fn asked(images: &mut Images) -> Option<(u64, u64)> {
    images.look();
    let fetch = images.fetch.as_mut()?;
    fetch.deliver();
    let room = fetch.pieces.capacity();
    let wish = fetch.pull.wish(room, WISH_CHUNKS_MAX, Instant::now())?;
    Some((wish.from, wish.length))
}

#[tokio::test(start_paused = true)]
async fn what_was_ordered_is_handed_on_in_order_and_all_else_is_dropped() {
    let Bench {
        road, mut images, ..
    } = bench();
    let mut coming = road.open(id(1), TOTAL, 4096);
    images.due().await;
    assert_eq!(asked(&mut images), Some((4096, TOTAL - 4096)));
    let refused = |why: Option<String>| why.unwrap_or_default();
    let foreign = refused(images.take(id(2), &chunk(4096, 65536, 6)));
    assert!(foreign.contains("not ordered"), "{foreign}");
    let unread = refused(images.take(id(1), b"nonsense"));
    assert!(unread.contains("cannot be read"), "{unread}");
    let large = refused(images.take(id(1), &vec![0; 100_000]));
    assert!(large.contains("more than"), "{large}");
    let cut = refused(images.take(id(1), &chunk(4096, 9, 6)));
    assert!(cut.contains("another length"), "{cut}");
    assert!(coming.try_recv().is_err(), "nothing of that is handed on");

    assert_eq!(images.take(id(1), &chunk(4096 + 65536, 30368, 8)), None);
    assert_eq!(images.take(id(1), &chunk(4096, 65536, 7)), None);
    assert_eq!(asked(&mut images), None);
    assert_eq!(coming.recv().await.unwrap().unwrap(), vec![7; 65536]);
    assert_eq!(coming.recv().await.unwrap().unwrap(), vec![8; 30368]);
    // Complete: the last chunks of it raise no alarm, those of others do.
    assert_eq!(asked(&mut images), None);
    assert!(images.fetch.is_none());
    assert_eq!(images.take(id(1), &chunk(4096, 65536, 7)), None);
    assert!(images.take(id(2), &chunk(4096, 65536, 7)).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_no_is_told_in_words_and_floods_nothing() {
    let Bench {
        road, mut images, ..
    } = bench();
    let mut coming = road.open(id(1), TOTAL, 0);
    assert_eq!(asked(&mut images), Some((0, 4096)));
    let no = ImageAnswer::No(NoChunk::NotHeld).encode().unwrap();
    for _ in 0..100 {
        assert_eq!(images.take(id(1), &no), None);
    }
    let told = coming.recv().await.unwrap().unwrap_err();
    assert!(told.contains("has no such image"), "{told}");
    assert!(coming.len() < WISH_CHUNKS_MAX);
}

#[tokio::test(start_paused = true)]
async fn the_newest_order_counts_and_one_that_nobody_waits_for_ends() {
    let Bench {
        road, mut images, ..
    } = bench();
    let first = road.open(id(1), TOTAL, 0);
    assert_eq!(asked(&mut images), Some((0, 4096)));
    drop(first);
    let second = road.open(id(1), TOTAL, 50_000);
    assert_eq!(asked(&mut images), Some((50_000, 50_000)));
    drop(second);
    assert_eq!(asked(&mut images), None);
    assert!(images.fetch.is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_hears_why_nothing_comes() {
    let Bench { road, view, .. } = bench();
    view.send_modify(|view| view.state = "connection refused".to_owned());
    let expected = "the head-end is not connected: connection refused";
    assert_eq!(road.silence(), expected);
    view.send_modify(|view| view.state = "connected".to_owned());
    assert!(road.silence().contains("does not answer"));
}

#[tokio::test(start_paused = true)]
async fn a_document_comes_first_and_the_image_goes_on_where_it_was() {
    let Bench {
        road, mut images, ..
    } = bench();
    let mut image = road.open(id(1), TOTAL, 4096);
    images.due().await;
    assert_eq!(asked(&mut images), Some((4096, TOTAL - 4096)));
    let mut document = road.document(id(2), TOTAL).await.unwrap();
    let second = road.document(id(3), TOTAL).await.unwrap();
    while images.document.is_none() {
        images.due().await;
    }
    assert_eq!(asked(&mut images), Some((0, 4096)), "of the document");
    assert_eq!(images.take(id(1), &chunk(4096, 65536, 7)), None, "late");
    assert_eq!(images.take(id(2), &chunk(0, 4096, 9)), None);
    assert_eq!(asked(&mut images), Some((4096, TOTAL - 4096)));
    assert_eq!(document.recv().await.unwrap().unwrap(), vec![9; 4096]);
    drop(document);
    while images.document.is_none() {
        images.due().await;
    }
    assert_eq!(asked(&mut images), Some((0, 4096)), "of the second");
    drop(second);
    tokio::time::sleep(crate::limits::IMAGE_ASK_AGAIN_AFTER).await;
    assert_eq!(asked(&mut images), Some((4096, TOTAL - 4096)), "the image");
    assert_eq!(images.take(id(1), &chunk(4096, 65536, 7)), None);
    asked(&mut images);
    assert_eq!(image.recv().await.unwrap().unwrap(), vec![7; 65536]);
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_again_at_once_needs_no_new_subscription() {
    let Bench {
        road, mut images, ..
    } = bench();
    let first = road.open(id(1), TOTAL, 0);
    assert_eq!(asked(&mut images), Some((0, 4096)));
    images.filter = Some((id(1), "its filter".to_owned()));
    images.subscribed(true);
    drop(first);
    images.look();
    let _second = road.open(id(1), TOTAL, 0);
    images.look();
    assert!(images.fetch.as_ref().unwrap().is_open, "nobody subscribes");
    let _third = road.open(id(2), TOTAL, 0);
    images.look();
    assert!(!images.fetch.as_ref().unwrap().is_open);
}
