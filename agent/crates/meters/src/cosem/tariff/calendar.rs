//! The activity calendar (class 20).

use super::super::fault::CosemFault;
use super::form::{array, fault, logical_name, name, number, octets, string, structure};
use dlms::codec::{Attribute, Data, DateTime, LogicalName, Method};

/// The class of activity calendars.
const CALENDAR: u16 = 20;
/// The attribute with the time at which the passive part becomes the active one.
pub const CALENDAR_TIME: i8 = 10;
/// The time that never comes: nothing of it is given.
pub const NO_TIME: DateTime = DateTime {
    year: None,
    month: None,
    day: None,
    weekday: None,
    hour: None,
    minute: None,
    second: None,
    hundredths: None,
    deviation: None,
    status: None,
};

/// From a time of the day on, a script is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayAction {
    /// Hour, minute, second and hundredths; 0xFF where the last two are not given.
    pub start: [u8; 4],
    /// The script table.
    pub script: LogicalName,
    /// Which of its scripts.
    pub selector: u16,
}

/// The plan of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayPlan {
    /// What weeks and special days call it.
    pub id: u8,
    /// Its switching times.
    pub actions: Vec<DayAction>,
}

/// The plan of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeekPlan {
    /// What seasons call it.
    pub name: Vec<u8>,
    /// The plans of its days, from Monday on.
    pub days: [u8; 7],
}

/// A season.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Season {
    /// Its name.
    pub name: Vec<u8>,
    /// When it begins; without a year in each one.
    pub start: DateTime,
    /// The plan of its weeks.
    pub week: Vec<u8>,
}

/// One half of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarPart {
    /// Its name.
    pub name: Vec<u8>,
    /// Its seasons.
    pub seasons: Vec<Season>,
    /// Plans of weeks.
    pub weeks: Vec<WeekPlan>,
    /// Plans of days.
    pub days: Vec<DayPlan>,
}

/// A quarter of each half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalendarField {
    /// Plans of days.
    Days,
    /// Plans of weeks.
    Weeks,
    /// Seasons.
    Seasons,
    /// The name.
    Name,
}

impl CalendarField {
    /// All of them, in the order in which they are written: what is referred to comes first.
    pub const ALL: [Self; 4] = [Self::Days, Self::Weeks, Self::Seasons, Self::Name];

    /// The attribute of the half that is in force.
    pub const fn active(self) -> i8 {
        match self {
            Self::Name => 2,
            Self::Seasons => 3,
            Self::Weeks => 4,
            Self::Days => 5,
        }
    }

    /// The attribute of the half that waits.
    pub const fn passive(self) -> i8 {
        self.active() + 4
    }
}

impl CalendarPart {
    /// An attribute of a calendar.
    pub const fn attribute(name: LogicalName, number: i8) -> Attribute {
        Attribute {
            class: CALENDAR,
            name,
            number,
        }
    }

    /// The method that puts the passive part in force at once.
    pub const fn activation(name: LogicalName) -> Method {
        Method {
            class: CALENDAR,
            name,
            number: 1,
        }
    }

    /// One of its attributes, as a meter takes it.
    pub fn field(&self, field: CalendarField) -> Data {
        match field {
            CalendarField::Name => string(&self.name),
            CalendarField::Seasons => {
                Data::Array(self.seasons.iter().map(Season::encode).collect())
            }
            CalendarField::Weeks => Data::Array(self.weeks.iter().map(WeekPlan::encode).collect()),
            CalendarField::Days => Data::Array(self.days.iter().map(DayPlan::encode).collect()),
        }
    }

    /// From the four attributes of a half, each asked for by its field.
    pub fn decode<'d>(of: impl Fn(CalendarField) -> &'d Data) -> Result<Self, CosemFault> {
        Ok(Self {
            name: name(of(CalendarField::Name), "the name of the calendar")?,
            seasons: array(of(CalendarField::Seasons), "the seasons", Season::decode)?,
            weeks: array(of(CalendarField::Weeks), "the weeks", WeekPlan::decode)?,
            days: array(of(CalendarField::Days), "the days", DayPlan::decode)?,
        })
    }
}

impl Season {
    fn encode(&self) -> Data {
        Data::Structure(vec![
            string(&self.name),
            string(&self.start.encode()),
            string(&self.week),
        ])
    }

    pub(in super::super) fn decode(data: &Data) -> Result<Self, CosemFault> {
        let part = "a season";
        let [season, start, week] = structure(data, part)?;
        let begins = start
            .date_time()
            .ok_or_else(|| fault(part, start, "date and time"))?;
        Ok(Self {
            name: name(season, part)?,
            start: begins.map_err(|fault| CosemFault::Time { part, fault })?,
            week: name(week, part)?,
        })
    }
}

impl WeekPlan {
    fn encode(&self) -> Data {
        let days = self.days.iter().copied().map(Data::Unsigned);
        let fields = [string(&self.name)].into_iter().chain(days);
        Data::Structure(fields.collect())
    }

    pub(in super::super) fn decode(data: &Data) -> Result<Self, CosemFault> {
        let part = "a week";
        let [week, days @ ..] = structure::<8>(data, part)?;
        let mut ids = [0; 7];
        for (id, day) in ids.iter_mut().zip(days) {
            *id = number(day, part)?;
        }
        Ok(Self {
            name: name(week, part)?,
            days: ids,
        })
    }
}

impl DayPlan {
    fn encode(&self) -> Data {
        let actions = self.actions.iter().map(DayAction::encode);
        Data::Structure(vec![
            Data::Unsigned(self.id),
            Data::Array(actions.collect()),
        ])
    }

    pub(in super::super) fn decode(data: &Data) -> Result<Self, CosemFault> {
        let part = "a day";
        let [id, actions] = structure(data, part)?;
        Ok(Self {
            id: number(id, part)?,
            actions: array(actions, part, DayAction::decode)?,
        })
    }
}

impl DayAction {
    fn encode(&self) -> Data {
        Data::Structure(vec![
            string(&self.start),
            string(&self.script.0),
            Data::LongUnsigned(self.selector),
        ])
    }

    fn decode(data: &Data) -> Result<Self, CosemFault> {
        let part = "a switching time";
        let [start, script, selector] = structure(data, part)?;
        let start = match start {
            Data::Time(octets) => *octets,
            other => octets(other, part)?,
        };
        Ok(Self {
            start,
            script: logical_name(script, part)?,
            selector: number(selector, part)?,
        })
    }
}
