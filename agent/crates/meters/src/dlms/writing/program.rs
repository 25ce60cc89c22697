//! What a meter should hold.

use super::fault::WriteFault;
use super::record::{Activated, Item, Role};
use crate::catalogue::dlms::{SpecialDaysBy, WritingModel};
use crate::cosem::{
    CALENDAR_TIME, CalendarField, CalendarPart, CosemTime, NO_TIME, RegisterActivation,
    RegisterField, Script, SpecialDay, TariffComplaint, TariffSet, check, data_text,
};
use ::dlms::codec::{Attribute, Data, DateTime, LogicalName};

/// When a calendar comes into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Not by this program: it waits in the passive part, and an activation that was set is off.
    Off,
    /// At a time of the meter's own clock.
    At(DateTime),
    /// As soon as all of the program is written and read back.
    Now,
}

/// Somebody agrees that rows of a profile are lost. There is no other way to get one, so whoever asks
/// for a write that loses rows has to say this line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    meter: String,
}

impl Consent {
    /// To lose all rows that are in the profile of this meter.
    pub fn to_lose_the_profile_of(meter: &str) -> Self {
        Self {
            meter: meter.to_owned(),
        }
    }
}

/// What is written to one meter, in the order in which it is: scripts, registers, the passive part of
/// the calendar, special days, clock settings, profiles; last of all the calendar's activation.
#[derive(Debug, Clone)]
pub struct Program {
    meter: String,
    scripts: Option<(LogicalName, Vec<Script>)>,
    registers: Option<(LogicalName, RegisterActivation)>,
    calendar: Option<(LogicalName, CalendarPart, Activation)>,
    special_days: Option<(LogicalName, Vec<SpecialDay>)>,
    settings: Vec<(Attribute, Data)>,
    periods: Vec<(LogicalName, u32)>,
    resets: Vec<LogicalName>,
}

/// A program that fits together, ready to be looked at in a meter.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub(super) meter: String,
    pub(super) calendar: Option<(LogicalName, Activated)>,
    /// Without what was there before: that is for the look.
    pub(super) items: Vec<Item>,
    /// Profiles whose rows go.
    pub(super) profiles: Vec<(LogicalName, Option<u32>, bool)>,
}

impl Program {
    /// For the meter that says this of itself.
    pub fn new(meter: &str) -> Self {
        Self {
            meter: meter.to_owned(),
            scripts: None,
            registers: None,
            calendar: None,
            special_days: None,
            settings: Vec::new(),
            periods: Vec::new(),
            resets: Vec::new(),
        }
    }

    /// All scripts of a table.
    #[must_use]
    pub fn scripts(mut self, table: LogicalName, scripts: Vec<Script>) -> Self {
        self.scripts = Some((table, scripts));
        self
    }

    /// Registers and choices of them.
    #[must_use]
    pub fn registers(mut self, name: LogicalName, registers: RegisterActivation) -> Self {
        self.registers = Some((name, registers));
        self
    }

    /// A calendar.
    #[must_use]
    pub fn calendar(mut self, name: LogicalName, part: CalendarPart, when: Activation) -> Self {
        self.calendar = Some((name, part, when));
        self
    }

    /// All special days of a table. Whatever plan of a day they name is that of the calendar in force:
    /// new special days come into force at once.
    #[must_use]
    pub fn special_days(mut self, table: LogicalName, days: Vec<SpecialDay>) -> Self {
        self.special_days = Some((table, days));
        self
    }

    /// The rule of a clock's summer time: its beginning and end, the minutes between both, and
    /// whether it is in use (class 8, attributes 5 to 8).
    #[must_use]
    pub fn summer_time(
        mut self,
        clock: LogicalName,
        [begin, end]: [DateTime; 2],
        minutes: i8,
        is_used: bool,
    ) -> Self {
        let of = |number| Attribute {
            class: 8,
            name: clock,
            number,
        };
        let time = |time: DateTime| Data::OctetString(time.encode().to_vec());
        // In use only once its rule is written.
        self.settings.extend([
            (of(5), time(begin)),
            (of(6), time(end)),
            (of(7), Data::Integer(minutes)),
            (of(8), Data::Boolean(is_used)),
        ]);
        self
    }

    /// A clock's minutes from local time to UTC (class 8, attribute 3).
    #[must_use]
    pub fn time_zone(mut self, clock: LogicalName, minutes: i16) -> Self {
        let attribute = Attribute {
            class: 8,
            name: clock,
            number: 3,
        };
        self.settings.push((attribute, Data::Long(minutes)));
        self
    }

    /// The period of a profile in seconds. A meter that changes it loses all rows of the profile, and
    /// changing it back does not bring them back.
    pub fn capture_period(
        mut self,
        profile: LogicalName,
        seconds: u32,
        consent: &Consent,
    ) -> Result<Self, WriteFault> {
        self.must_be_agreed(consent)?;
        self.periods.push((profile, seconds));
        Ok(self)
    }

    /// All rows of a profile are thrown away; nothing brings them back.
    pub fn profile_reset(
        mut self,
        profile: LogicalName,
        consent: &Consent,
    ) -> Result<Self, WriteFault> {
        self.must_be_agreed(consent)?;
        self.resets.push(profile);
        Ok(self)
    }

    fn must_be_agreed(&self, consent: &Consent) -> Result<(), WriteFault> {
        if consent.meter == self.meter {
            return Ok(());
        }
        Err(WriteFault::NoConsent {
            meter: self.meter.clone(),
            given: consent.meter.clone(),
        })
    }

    /// The plan, or all that is wrong with it. Scripts that the meter has, where none are written,
    /// are those of `known`.
    pub fn plan(
        self,
        model: &WritingModel,
        known: Option<(LogicalName, &[Script])>,
    ) -> Result<Plan, Vec<TariffComplaint>> {
        let set = TariffSet {
            calendar: self.calendar.as_ref().map(|(_, part, _)| part),
            special_days: self.special_days.as_ref().map(|(_, days)| days.as_slice()),
            scripts: match &self.scripts {
                Some((table, scripts)) => Some((*table, scripts.as_slice())),
                None => known,
            },
            registers: self.registers.as_ref().map(|(_, registers)| registers),
        };
        let mut complaints = check(&set, model);
        if let Some((_, _, Activation::At(time))) = &self.calendar
            && CosemTime::whole(time).is_none()
        {
            complaints.push(TariffComplaint {
                place: "the activation time".to_owned(),
                problem: "it has no year, month, day, hour or minute".to_owned(),
                remedy: "give all of them".to_owned(),
            });
        }
        for (_, seconds) in &self.periods {
            if *seconds == 0 || 86_400 % *seconds != 0 {
                complaints.push(TariffComplaint {
                    place: "the capture period".to_owned(),
                    problem: format!("{seconds} s do not divide a day"),
                    remedy: "use a part of an hour, or hours".to_owned(),
                });
            }
        }
        if complaints.is_empty() {
            Ok(self.planned(model.special_days_by))
        } else {
            Err(complaints)
        }
    }

    fn planned(self, by: SpecialDaysBy) -> Plan {
        let mut items = Vec::new();
        if let Some((table, scripts)) = &self.scripts {
            let wanted = Script::encode_all(scripts);
            items.push(Item::new(Role::Value, Script::table(*table), wanted));
        }
        if let Some((name, registers)) = &self.registers {
            let fields = RegisterField::ALL.into_iter();
            items.extend(fields.filter_map(|field| {
                let wanted = registers.field(field)?;
                Some(Item::new(Role::Value, field.attribute(*name), wanted))
            }));
        }
        let calendar = self.calendar.as_ref().map(|(name, part, when)| {
            items.extend(calendar_items(*name, part, *when));
            let activated = match when {
                Activation::Off => Activated::Off,
                Activation::At(_) => Activated::AtTime,
                Activation::Now => Activated::Now,
            };
            (*name, activated)
        });
        if let Some((table, days)) = &self.special_days {
            let role = match by {
                SpecialDaysBy::Table => Role::Value,
                SpecialDaysBy::Entry => Role::Entries,
            };
            let wanted = SpecialDay::encode_all(days);
            items.push(Item::new(role, SpecialDay::table(*table), wanted));
        }
        let settings = self.settings.into_iter();
        items.extend(settings.map(|(attribute, wanted)| Item::new(Role::Value, attribute, wanted)));
        let mut profiles = Vec::new();
        for (name, seconds) in &self.periods {
            let is_reset = self.resets.contains(name);
            profiles.push((*name, Some(*seconds), is_reset));
        }
        for name in &self.resets {
            if !profiles.iter().any(|(known, ..)| known == name) {
                profiles.push((*name, None, true));
            }
        }
        Plan {
            meter: self.meter,
            calendar,
            items,
            profiles,
        }
    }
}

impl Plan {
    /// Whether rows of profiles are lost with it.
    pub fn loses_rows(&self) -> bool {
        !self.profiles.is_empty()
    }

    /// What is written, for people.
    pub fn lines(&self) -> Vec<String> {
        let items = self.items.iter().filter(|item| item.role != Role::Active);
        let items = items.map(|item| {
            let wanted = data_text(&item.wanted.0);
            format!("{} = {wanted}", item.attribute())
        });
        let rows = self.profiles.iter();
        let rows = rows.map(|(profile, ..)| format!("profile {profile}: all rows are lost"));
        items.chain(rows).collect()
    }
}

fn calendar_items(name: LogicalName, part: &CalendarPart, when: Activation) -> Vec<Item> {
    let of = |number| CalendarPart::attribute(name, number);
    let passive = CalendarField::ALL
        .map(|field| Item::new(Role::Passive, of(field.passive()), part.field(field)));
    let active = CalendarField::ALL
        .map(|field| Item::new(Role::Active, of(field.active()), part.field(field)));
    let time = match when {
        Activation::At(time) => time,
        Activation::Off | Activation::Now => NO_TIME,
    };
    let time = Data::OctetString(time.encode().to_vec());
    let time = Item::new(Role::Time, of(CALENDAR_TIME), time);
    passive.into_iter().chain(active).chain([time]).collect()
}
