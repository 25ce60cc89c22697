//! Who plays: the meters on the wire, their troubles, and what each of them really held.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use metering::{Obis, Quantity, Timestamp, rescale};
use meters::catalogue::Catalogue;
use simulator::meter::ModelMeter;
use simulator::trouble::{Doubled, Late, MeterTroubles, OneIn, Spread};
use simulator::wire::{Wire, WireSettings};

use super::clock::Began;
use super::dlms::{self, Dlms};
use super::elster::{self, Elster};
use super::judge::Truth;
use super::keeper::Keeper;
use super::limits::CLOCK_DRIFT_MAX;

/// Speed of the line.
pub(crate) const BAUD: u32 = 9600;
/// One start bit, eight data bits, one stop bit.
const BITS_PER_CHARACTER: u8 = 10;
/// About every tenth second one octet on the line is damaged.
const NOISE: OneIn = OneIn::times(4000);

/// What a meter is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Answers as it should.
    Healthy,
    /// Answers well, and now and then twice.
    Doubling,
    /// Answers after 0.6 to 1 s three times of four; its model gives it 0.3 s.
    Slow,
    /// Has no power.
    Dead,
}

/// A role, before anybody plays it.
#[derive(Debug, Clone, Copy)]
struct Role {
    id: &'static str,
    model: &'static str,
    part: Part,
    /// Instantaneous values that are read beside the load profile.
    instants: &'static [&'static str],
}

const fn role(
    id: &'static str,
    model: &'static str,
    part: Part,
    instants: &'static [&'static str],
) -> Role {
    Role {
        id,
        model,
        part,
        instants,
    }
}

const VOLTAGE: &str = "1-0:32.7.0";
const POWER: &str = "1-0:16.7.0";

const ROLES: [Role; 7] = [
    role(
        "feeder-1",
        "eastron-sdm630",
        Part::Healthy,
        &[VOLTAGE, POWER],
    ),
    role(
        "feeder-2",
        "eastron-sdm630",
        Part::Doubling,
        &[VOLTAGE, POWER],
    ),
    role("feeder-3", "abb-b23", Part::Healthy, &[VOLTAGE, POWER]),
    role(
        "feeder-4",
        "schneider-iem3155",
        Part::Healthy,
        &[VOLTAGE, POWER],
    ),
    role("feeder-5", "carlo-gavazzi-em340", Part::Healthy, &[POWER]),
    role("slow", "orno-we-516", Part::Slow, &[POWER]),
    role("dead", "eastron-sdm120", Part::Dead, &[POWER]),
];

/// The totals of which every meter gets a load profile.
pub(crate) const TOTALS: [&str; 2] = ["1-0:1.8.0", "1-0:2.8.0"];

/// A meter that plays its part, and knows what it held at any time.
#[derive(Debug, Clone)]
pub(crate) struct Player {
    /// Its name in the configuration.
    pub(crate) id: &'static str,
    /// Its model's name.
    pub(crate) model: &'static str,
    /// Its unit address.
    pub(crate) unit: u8,
    /// What it is there for.
    pub(crate) part: Part,
    /// Instantaneous values that are read from it.
    pub(crate) instants: &'static [&'static str],
    holds: Arc<ModelMeter>,
}

impl Player {
    /// Whether it can answer at all.
    pub(crate) fn is_alive(&self) -> bool {
        self.part != Part::Dead
    }

    /// The serial number that stands on it.
    pub(crate) fn serial(&self) -> Option<&str> {
        self.holds.serial()
    }

    fn troubles(&self) -> MeterTroubles {
        let healthy = self.holds.healthy();
        match self.part {
            Part::Healthy => healthy,
            Part::Doubling => MeterTroubles {
                doubled: Some(Doubled {
                    after: Duration::from_millis(40),
                    happens: OneIn::times(8),
                }),
                ..healthy
            },
            Part::Slow => MeterTroubles {
                turnaround: Spread::between(Duration::from_millis(600), Duration::from_secs(1)),
                late: Some(Late {
                    thinks: Spread::fixed(Duration::from_millis(50)),
                    happens: OneIn::times(4),
                }),
                ..healthy
            },
            Part::Dead => MeterTroubles::dead(),
        }
    }
}

/// The wire, everybody on it, and when it all began.
#[derive(Debug)]
pub(crate) struct Cast {
    /// The line between them and the gateway.
    pub(crate) wire: Wire,
    /// The Modbus meters.
    pub(crate) players: Vec<Player>,
    /// The Elster meters.
    pub(crate) elsters: Vec<Elster>,
    /// The DLMS meters.
    pub(crate) dlms: Vec<Dlms>,
    began: Began,
}

impl Cast {
    /// Makes the wire and seats every meter, from the shipped models.
    pub(crate) fn seat(models: &Path, seed: u64) -> Result<Self> {
        let catalogue = match Catalogue::load(models) {
            Ok(catalogue) => catalogue,
            Err(complaints) => {
                let words: Vec<String> = complaints.iter().map(ToString::to_string).collect();
                bail!("the meter models do not load: {}", words.join("; "));
            }
        };
        let wire = Wire::new(WireSettings::serial(BAUD, BITS_PER_CHARACTER), seed);
        let began = Began::of(&wire);
        let mut players = Vec::with_capacity(ROLES.len());
        for (unit, role) in (1..).zip(ROLES) {
            let model = catalogue.model(role.model).with_context(|| {
                format!("{}: there is no model {}", models.display(), role.model)
            })?;
            let holds = ModelMeter::new(model, unit, seed)
                .with_context(|| format!("no meter of model {} can be made", role.model))?;
            let player = Player {
                id: role.id,
                model: role.model,
                unit,
                part: role.part,
                instants: role.instants,
                holds: Arc::new(holds),
            };
            wire.seat(player.holds.on_wire(), player.troubles());
            players.push(player);
        }
        let elsters = elster::seat(&wire, began.utc(), seed)?;
        let dlms = dlms::seat(&wire, began.utc(), seed)?;
        Ok(Self {
            wire,
            players,
            elsters,
            dlms,
            began,
        })
    }

    /// Fails if the machine's clock was set meanwhile: values could not be judged any more.
    pub(crate) fn check_clock(&self) -> Result<()> {
        let drift = self.began.drift(&self.wire);
        if drift > CLOCK_DRIFT_MAX {
            bail!(
                "the clock of this machine was set by {} ms during the demonstration, so that no \
                 value can be judged by its time; run it again",
                drift.as_millis()
            );
        }
        Ok(())
    }

    /// The meters that keep their load profiles themselves.
    pub(crate) fn keepers(&self) -> impl Iterator<Item = &dyn Keeper> {
        let elsters = self.elsters.iter().map(|meter| -> &dyn Keeper { meter });
        elsters.chain(self.dlms.iter().map(|meter| -> &dyn Keeper { meter }))
    }

    /// What such a meter's clock showed at an instant of UTC.
    pub(crate) fn shown_at(&self, keeper: &dyn Keeper, at: Timestamp) -> Timestamp {
        keeper.shown_at(self.began.time_at(at))
    }

    /// From now on octets get damaged.
    pub(crate) fn disturb(&self) {
        self.wire.change_wire(|troubles| troubles.noise = NOISE);
    }

    /// UTC now.
    pub(crate) fn utc(&self) -> Timestamp {
        self.began.utc().after(self.wire.now())
    }

    /// Share of the time since `start`, by the time of the wire, that the line was in use, in
    /// thousandths, as the wire itself saw it. Nothing was said on it before.
    pub(crate) fn busy_per_mille(&self, start: Duration) -> u32 {
        let span = self.wire.now().saturating_sub(start).as_millis().max(1);
        let busy = self.wire.counters().busy.as_millis();
        u32::try_from(busy * 1000 / span).unwrap_or(u32::MAX)
    }
}

impl Truth for Cast {
    fn is_alive(&self, meter: &str) -> Option<bool> {
        let player = self.players.iter().find(|player| player.id == meter)?;
        Some(player.is_alive())
    }

    fn showed(
        &self,
        meter: &str,
        obis: Obis,
        quantity: Quantity,
        (from, to): (Timestamp, Timestamp),
    ) -> bool {
        let Some(player) = self.players.iter().find(|player| player.id == meter) else {
            return false;
        };
        let (from, to) = (self.began.time_at(from), self.began.time_at(to));
        passed(&player.holds, obis, quantity, from, to)
            || player.holds.showed(obis, quantity, from, to)
    }
}

/// Looks for a total by halving the time, since totals never fall: over hours of intervals, looking
/// at each millisecond would take longer than the demonstration. `false` proves nothing.
fn passed(
    meter: &ModelMeter,
    obis: Obis,
    quantity: Quantity,
    from: Duration,
    to: Duration,
) -> bool {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (mut low, mut high) = (millis(from), millis(to));
    while low <= high {
        let middle = low + (high - low) / 2;
        let Some(shown) = meter.shows(obis, Duration::from_millis(middle)) else {
            return false;
        };
        let wanted = rescale(quantity.digits, quantity.exponent, shown.exponent);
        let Some(wanted) = wanted.filter(|_| shown.unit == quantity.unit) else {
            return false;
        };
        match shown.digits.cmp(&wanted) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = middle.saturating_add(1),
            std::cmp::Ordering::Greater if middle == 0 => return false,
            std::cmp::Ordering::Greater => high = middle - 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::export::Booking;
    use super::super::judge::{Made, judge};
    use super::super::limits::PERIOD_S;
    use super::*;

    fn cast() -> Cast {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        Cast::seat(&root.join("../../../config/meter-models"), 1).unwrap()
    }

    #[test]
    fn the_cast_is_what_the_readme_promises() {
        let cast = cast();
        let models: BTreeSet<&str> = cast.players.iter().map(|player| player.model).collect();
        assert!(cast.players.len() >= 6 && models.len() >= 4, "{models:?}");
        for part in [Part::Slow, Part::Dead] {
            let count = cast.players.iter().filter(|player| player.part == part);
            assert_eq!(count.count(), 1, "{part:?}");
        }
        assert_eq!((cast.elsters.len(), cast.dlms.len()), (2, 2));
        assert_eq!(cast.keepers().count(), 4);
        for player in &cast.players {
            for obis in TOTALS.iter().chain(player.instants) {
                let obis = obis.parse().unwrap();
                let shown = player.holds.shows(obis, Duration::from_secs(1));
                assert!(shown.is_some(), "{} has no {obis}", player.id);
            }
        }
    }

    #[test]
    fn a_value_is_found_where_it_was_and_nowhere_else() {
        let cast = cast();
        let obis: Obis = TOTALS[0].parse().unwrap();
        let at = |seconds| cast.began.after(Duration::from_secs(seconds));
        for player in cast.players.iter().filter(|player| player.is_alive()) {
            let held = player.holds.shows(obis, Duration::from_mins(1)).unwrap();
            let showed = |from, to| cast.showed(player.id, obis, held, (at(from), at(to)));
            assert!(showed(58, 62), "{}", player.id);
            assert!(!showed(66, 70), "{}", player.id);
            let wrong = Quantity {
                digits: held.digits + 1_000_000,
                ..held
            };
            assert!(!cast.showed(player.id, obis, wrong, (at(58), at(62))));
        }
        let held = cast.players[0].holds.shows(obis, Duration::ZERO).unwrap();
        assert!(!cast.showed("nobody", obis, held, (at(0), at(60))));
    }
    /// What a gateway books of the fourth and fifth interval if it samples `off` after each mark
    /// and does not say so.
    fn booked(cast: &Cast, off: Duration) -> (Vec<Booking>, Made) {
        let (player, obis): (_, Obis) = (&cast.players[0], TOTALS[0].parse().unwrap());
        let period = Duration::from_secs(u64::from(PERIOD_S));
        let at = |mark: u32| period * mark;
        let shown = |mark: u32| player.holds.shows(obis, at(mark) + off).unwrap();
        let booking = |mark, obis, value: Option<Quantity>| Booking {
            meter: player.id.to_owned(),
            profile: "1-0:99.1.0".to_owned(),
            start: cast.began.after(at(mark - 1)),
            end: cast.began.after(at(mark)),
            sampled: cast.began.after(at(mark)),
            obis,
            value,
            flags: "missing".to_owned(),
        };
        let grown = Quantity {
            digits: shown(5).digits - shown(4).digits,
            ..shown(4)
        };
        let bookings = vec![
            booking(4, obis, Some(shown(4))),
            booking(4, obis.as_increment(), None),
            booking(5, obis, Some(shown(5))),
            booking(5, obis.as_increment(), Some(grown)),
        ];
        let made = Made {
            meter: player.id.to_owned(),
            intervals: 2,
            last: Some(cast.began.after(at(5))),
        };
        (bookings, made)
    }

    #[test]
    fn the_judge_believes_the_meters_and_nobody_else() {
        let cast = cast();
        let wrong = |off| {
            let (bookings, made) = booked(&cast, off);
            judge(&bookings, &[made], &cast).wrong
        };
        assert!(wrong(Duration::ZERO).is_empty());
        assert!(wrong(Duration::from_secs(2)).is_empty());
        let stale = wrong(Duration::from_secs(5));
        assert_eq!(stale.len(), 2, "both totals are of another mark: {stale:?}");
        // Another meter's total under this meter's name.
        let (mut bookings, made) = booked(&cast, Duration::ZERO);
        let other = cast.players[1]
            .holds
            .shows(bookings[0].obis, Duration::from_secs(20));
        bookings[0].value = other;
        let foreign = judge(&bookings, &[made], &cast).wrong;
        assert_eq!(
            foreign.len(),
            2,
            "the total, and the increment after it: {foreign:?}"
        );
    }
}
