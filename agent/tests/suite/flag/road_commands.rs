//! The two roads for Elster meters whose layout nobody has published: a golden meter's pages go to
//! others, and recorded writes are replayed. Ordered by signed commands, under virtual time.

use crate::bench::{Bench, Seat};
use crate::dlms::commands::{Office, live_into_writing, live_until_final, offer, road};
use authority::{Action, Command, Document};
use desk::{GoldenResult, Outcome, WantedPage, Work};
use iec62056_21::codec::Identification;
use meters::program::GoldenImage;
use simulator::elster::{ElsterModel, Scenario};
use std::collections::BTreeMap;
use std::time::Duration;
use storage::CommandState;

/// Opens level 3, which takes programs.
const PASSWORD: &str = "FEDC0003\n";
const GOLDEN: &str = "golden-1";
pub(super) const OTHER: &str = "other-1";
/// Pages of the simulator's own; the shipped model does not know them.
const CALENDAR: u16 = 610;
const DATES: u16 = 611;

fn scenario(serial: &str) -> Scenario {
    Scenario {
        days: 2,
        ..Scenario::new(41, serial)
    }
}

pub(super) struct World {
    pub(super) bench: Bench,
    golden: Seat,
    pub(super) other: Seat,
    pub(super) office: Office,
}

impl World {
    pub(super) async fn new() -> Self {
        let mut bench = Bench::new(&scenario("90123456"));
        let keys = "collect = { every-seconds = 86400, days-max = 1 }";
        let mut seat = |name: &str, serial: &str| {
            let seat = bench.seat(name, ElsterModel::A1700, scenario(serial), keys);
            seat.meter.take_programs();
            seat
        };
        let golden = seat(GOLDEN, "90123456");
        let other = seat(OTHER, "80000771");
        bench.seat_modbus("modbus-1", "abb-b23", 9, "");
        bench.password(PASSWORD);
        let office = Office::new();
        office.provision(&bench);
        bench.start();
        bench.live(120).await;
        assert!(bench.desk().offer_key_set(office.key_set(&bench, 1)));
        bench.live(5).await;
        assert_eq!(bench.desk().view().key_set, 1);
        Self {
            bench,
            golden,
            other,
            office,
        }
    }

    fn holds(&self, seat: &Seat, identity: u16) -> Vec<u8> {
        let now = self.bench.wire.now();
        seat.meter.holds(identity, now).expect("such a page")
    }

    /// Ordered by one person.
    pub(super) async fn order(&mut self, action: Action) -> Command {
        let command = self.office.command(&self.bench, action);
        offer(&self.bench, self.office.signed(&command));
        live_until_final(&self.bench, &command).await;
        command
    }

    async fn state(&self, command: &Command) -> CommandState {
        let known = self.bench.command(command.id.bytes()).await;
        known.expect("it is known").progress.state
    }

    async fn read(&self, meter: &str, without: &[&str]) -> GoldenResult {
        let own = |name: &str, identity, octets| WantedPage {
            name: name.to_owned(),
            identity,
            octets,
        };
        let work = Work::GoldenPages {
            meter: meter.to_owned(),
            pages: vec![own("calendar", CALENDAR, 200), own("dates", DATES, 128)],
            without: without.iter().map(|page| (*page).to_owned()).collect(),
        };
        match self.bench.outcome(work).await {
            Outcome::GoldenPages(result) => result,
            other => panic!("{other:?}"),
        }
    }

    async fn image(&self, meter: &str) -> GoldenImage {
        let result = self.read(meter, &[]).await;
        assert_eq!(result.left_out, []);
        let image = GoldenImage::parse("golden.toml", &result.image).expect("an image");
        GoldenImage {
            name: "north/golden".to_owned(),
            ..image
        }
    }

    /// What a maker's program wrote to the golden meter, as a write set.
    async fn write_set(&self) -> String {
        let firmware = self.image(GOLDEN).await.firmware;
        let page = |identity: u16, packet: u16, octet: u8, octets: usize| {
            let data = format!("{octet:02x}").repeat(octets);
            format!("[[page]]\nidentity = {identity}\npacket = {packet}\ndata = \"{data}\"\n")
        };
        format!(
            "format = \"pmu-write-set/1\"\nname = \"holidays\"\nmodel = \"elster-a1700\"\n\
             firmware = \"{firmware}\"\nsource = \"a test\"\n{}{}{}",
            page(CALENDAR, 1, 0xa5, 64),
            page(CALENDAR, 3, 0x5a, 64),
            page(DATES, 2, 0x17, 20)
        )
    }

    /// The golden meter is set up by a write set, and its image is in the library.
    pub(super) async fn with_image(&mut self) -> GoldenImage {
        let set = self.write_set().await;
        self.order(put(&set)).await;
        let played = self.order(program("holidays", GOLDEN)).await;
        assert_eq!(self.state(&played).await, CommandState::Succeeded);
        let image = self.image(GOLDEN).await;
        let kept = self.order(put(&image.to_text())).await;
        assert_eq!(self.state(&kept).await, CommandState::Succeeded);
        image
    }

    /// Lives until so many packets of the clone are written to the other meter, and a moment more.
    async fn live_until_written(&self, command: &Command, packets: usize, millis: u64) {
        live_into_writing(&self.bench, command, 0).await;
        for _ in 0..6000 {
            if self.other.meter.programmed().len() >= packets {
                return self.bench.live_ms(millis).await;
            }
            self.bench.live_ms(20).await;
        }
        panic!("not so many packets are written");
    }

    fn plug(&self, is_in: bool) {
        let place = self.other.place;
        self.bench
            .wire
            .change_flag(place, |troubles| troubles.dead = !is_in);
    }
}

fn put(text: &str) -> Action {
    Action::SchemePut {
        document: Document::Inline(text.to_owned()),
    }
}

pub(super) fn program(scheme: &str, meter: &str) -> Action {
    Action::SchemeProgram {
        scheme: scheme.parse().expect("a name"),
        meters: vec![meter.parse().expect("a name")],
    }
}

#[tokio::test(start_paused = true)]
async fn a_golden_meters_pages_are_read_put_and_written_to_another() {
    let mut world = World::new().await;
    let image = world.with_image().await;
    assert_eq!(world.holds(&world.golden, CALENDAR)[..2], [0xa5, 0xa5]);
    assert_ne!(
        world.holds(&world.golden, CALENDAR),
        world.holds(&world.other, CALENDAR)
    );
    let cloned = world.order(program("north/golden", OTHER)).await;
    assert_eq!(world.state(&cloned).await, CommandState::Succeeded);
    for identity in [CALENDAR, DATES] {
        assert_eq!(
            world.holds(&world.golden, identity),
            world.holds(&world.other, identity)
        );
    }
    // The same by what a person reads.
    let other = world.image(OTHER).await;
    assert_eq!(image.differences(&other), []);
    assert_ne!(image.meter, other.meter);
    assert_eq!(world.bench.kept("program/").await, Vec::<String>::new());
    // Nothing but what differs was written, and nothing twice.
    let written = world.other.meter.programmed();
    let places: Vec<(u16, u16)> = written
        .iter()
        .map(|(id, packet, _)| (*id, *packet))
        .collect();
    let whole = [(610, 1), (610, 2), (610, 3), (610, 4), (611, 1), (611, 2)];
    assert_eq!(places, whole);
    let again = world.order(program("north/golden", OTHER)).await;
    assert_eq!(world.state(&again).await, CommandState::Succeeded);
    assert_eq!(world.other.meter.programmed().len(), whole.len());
    world.bench.stop().await;
    let receipts = world.bench.receipts();
    let last = receipts.iter().rev().find(|one| one.id == cloned.id);
    let proof = last.and_then(|one| one.proof.as_ref()).expect("a proof");
    let [one] = proof.meters.as_slice() else {
        panic!("{proof:#?}");
    };
    assert!(one.before.is_some() && one.before != one.after, "{one:#?}");
    assert!(one.programmed.is_some_and(|(before, after)| after > before));
}

#[tokio::test(start_paused = true)]
async fn what_is_of_another_kind_is_refused_before_any_write() {
    let mut world = World::new().await;
    let image = world.with_image().await;
    // A calendar alone is not in it.
    let calendar = world
        .order(Action::TariffSet {
            scheme: "north/golden".parse().expect("a name"),
            meters: vec![OTHER.parse().expect("a name")],
        })
        .await;
    let modbus = world.order(program("north/golden", "modbus-1")).await;
    // A changed octet of a page, and a name that could not be ordered.
    let text = image.to_text();
    let tampered = text.replacen("a5a5", "a5a6", 1);
    assert_ne!(tampered, text);
    let tampered = world.order(put(&tampered)).await;
    let nameless = world
        .order(put(&text.replace("north/golden", "../golden")))
        .await;
    let secret = text.replacen("phase = \"tariff\"", "phase = \"password\"", 1);
    let secret = world.order(put(&secret)).await;
    // The other meter gets another firmware.
    let line = ElsterModel::A1700
        .identification()
        .replace("0400@", "0500@");
    let line = format!("{line}\r\n");
    let identification = Identification::decode(line.as_bytes()).expect("an identification");
    assert_ne!(line.trim(), ElsterModel::A1700.identification());
    let place = world.other.place;
    world.bench.wire.change_flag_settings(place, |settings| {
        settings.identification = identification;
    });
    let other = world.order(program("north/golden", OTHER)).await;
    let set = world.order(program("holidays", OTHER)).await;
    assert!(world.other.meter.programmed().is_empty());
    world.bench.stop().await;
    let receipts = world.bench.receipts();
    for command in [&calendar, &modbus, &other, &set] {
        let expected = Some("failed does-not-fit".to_owned());
        assert_eq!(road(&receipts, command).last().cloned(), expected);
    }
    for command in [&tampered, &nameless, &secret] {
        let expected = Some("failed bad-scheme".to_owned());
        assert_eq!(road(&receipts, command).last().cloned(), expected);
    }
}

/// What the file of an image shows is seen by many; the password that read it is not in it.
#[tokio::test(start_paused = true)]
async fn a_page_with_the_password_gets_into_no_image() {
    let mut world = World::new().await;
    let firmware = world.image(GOLDEN).await.firmware;
    let set = format!(
        "format = \"pmu-write-set/1\"\nname = \"x\"\nmodel = \"elster-a1700\"\n\
         firmware = \"{firmware}\"\nsource = \"a test\"\n[[page]]\nidentity = 611\n\
         data = \"01 4645444330303033 02\"\n"
    );
    world.order(put(&set)).await;
    let played = world.order(program("x", GOLDEN)).await;
    assert_eq!(world.state(&played).await, CommandState::Succeeded);
    let read = world.read(GOLDEN, &["calendar"]).await;
    let [left] = read.left_out.as_slice() else {
        panic!("{read:?}");
    };
    assert_eq!((left.identity, &left.refused), (DATES, &None));
    assert!(!read.image.contains("4645444330303033"), "{}", read.image);
    assert!(!read.image.contains("calendar"), "{}", read.image);
    // Whoever opens no level 3 reads less, and is told.
    world.bench.stop().await;
    world.bench.password("0001ABCD\n");
    world.bench.start();
    world.bench.live(60).await;
    let modbus = Work::GoldenPages {
        meter: "modbus-1".to_owned(),
        pages: Vec::new(),
        without: Vec::new(),
    };
    assert_eq!(world.bench.failure(modbus).await.code, "J03");
    let page = WantedPage {
        name: "x".to_owned(),
        identity: 1000,
        octets: 1,
    };
    let strange = Work::GoldenPages {
        meter: GOLDEN.to_owned(),
        pages: vec![page],
        without: Vec::new(),
    };
    let told = world.bench.failure(strange).await;
    assert!(told.happened.contains("no page 1000"), "{told:?}");
    let unknown = world.image_with_unknown().await;
    assert!(unknown.left_out.iter().any(|left| {
        left.identity == 888 && left.refused.as_ref().is_some_and(|words| !words.is_empty())
    }));
}

impl World {
    async fn image_with_unknown(&self) -> GoldenResult {
        let page = WantedPage {
            name: "no such page".to_owned(),
            identity: 888,
            octets: 8,
        };
        let work = Work::GoldenPages {
            meter: GOLDEN.to_owned(),
            pages: vec![page],
            without: Vec::new(),
        };
        match self.bench.outcome(work).await {
            Outcome::GoldenPages(result) => result,
            other => panic!("{other:?}"),
        }
    }
}

/// Both pages as they were, or as the golden meter has them.
fn whole(world: &World, before: &[Vec<u8>; 2]) -> Option<bool> {
    let now = [CALENDAR, DATES].map(|identity| world.holds(&world.other, identity));
    let golden = [CALENDAR, DATES].map(|identity| world.holds(&world.golden, identity));
    match now {
        now if now == golden => Some(true),
        now if now == *before => Some(false),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_killed_while_it_clones_neither_forgets_nor_repeats() {
    let mut ends = BTreeMap::new();
    for (packets, cut_ms) in [
        (0, 0),
        (0, 900),
        (1, 0),
        (2, 150),
        (3, 300),
        (4, 450),
        (5, 0),
        (6, 900),
    ] {
        let mut world = World::new().await;
        world.with_image().await;
        let before = [CALENDAR, DATES].map(|identity| world.holds(&world.other, identity));
        let clone = program("north/golden", OTHER);
        let clone = world.office.command(&world.bench, clone);
        let bytes = world.office.signed(&clone);
        offer(&world.bench, bytes.clone());
        world.live_until_written(&clone, packets, cut_ms).await;
        world.bench.kill().await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        world.bench.start();
        world.bench.live(10).await;
        offer(&world.bench, bytes);
        live_until_final(&world.bench, &clone).await;
        let state = world.state(&clone).await;
        match state {
            CommandState::Succeeded => assert_eq!(whole(&world, &before), Some(true), "{packets}"),
            CommandState::Failed => assert_eq!(whole(&world, &before), Some(false), "{packets}"),
            CommandState::Partial => {
                let of = clone.id;
                let (again, is_new) = if packets % 2 == 0 {
                    (Action::SchemeRestore { of }, false)
                } else {
                    (Action::SchemeResume { of }, true)
                };
                let again = world.office.command(&world.bench, again);
                offer(&world.bench, world.office.approved(&again));
                live_until_final(&world.bench, &again).await;
                assert_eq!(whole(&world, &before), Some(is_new), "{packets}");
            }
            other => panic!("{packets} packets: {other}"),
        }
        *ends.entry(state.word()).or_insert(0) += 1;
        world.bench.stop().await;
        assert!(!road(&world.bench.receipts(), &clone).is_empty());
    }
    println!("killed at 8 moments of a clone: {ends:?}");
    assert!(ends.len() >= 2, "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_is_cut_off_in_the_middle_of_a_clone_is_gone_on_with_or_turned_back() {
    let mut partial = 0;
    for (packets, is_restore) in (0..=6).zip([false, true].into_iter().cycle()) {
        let mut world = World::new().await;
        world.with_image().await;
        let before = [CALENDAR, DATES].map(|identity| world.holds(&world.other, identity));
        let clone = program("north/golden", OTHER);
        let mut clone = world.office.command(&world.bench, clone);
        clone.bounds.attempts = Some(1);
        offer(&world.bench, world.office.signed(&clone));
        world.live_until_written(&clone, packets, 30).await;
        world.plug(false);
        world.bench.live(60).await;
        world.plug(true);
        live_until_final(&world.bench, &clone).await;
        if world.state(&clone).await == CommandState::Partial {
            partial += 1;
            assert_eq!(whole(&world, &before), None, "{packets}");
            let of = clone.id;
            let again = if is_restore {
                Action::SchemeRestore { of }
            } else {
                Action::SchemeResume { of }
            };
            let again = world.office.command(&world.bench, again);
            offer(&world.bench, world.office.approved(&again));
            live_until_final(&world.bench, &again).await;
            assert_eq!(whole(&world, &before), Some(!is_restore), "{packets}");
        } else {
            assert!(whole(&world, &before).is_some(), "{packets}");
        }
        world.bench.stop().await;
        road(&world.bench.receipts(), &clone);
    }
    assert!(partial > 0, "the line was cut where it hurts");
}
