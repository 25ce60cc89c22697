//! Fields from octets.

use super::super::place::Place;
use super::super::plan::{Announcement, Guard, PagePlan, PlanItem, Role, Subject};
use super::super::record::{BackupPage, PageRecord, ProgramRecord, RecordWork};
use super::{ENTRIES_MAX, RecordFault};
use crate::catalogue::Phase;
use crate::modbus::WriteFunction;

type Read<T> = Result<T, RecordFault>;

pub(super) fn record(octets: &[u8]) -> Read<ProgramRecord> {
    let mut reader = Reader { rest: octets };
    let subject = reader.subject()?;
    let work = match reader.octet("kind")? {
        0 => RecordWork::Pages(Box::new(reader.page_record()?)),
        1 => {
            let text = reader.text("record of DLMS")?;
            let record = toml::from_str(&text);
            RecordWork::Dlms(Box::new(
                record.map_err(|_| RecordFault::Field("record of DLMS"))?,
            ))
        }
        _ => return Err(RecordFault::Field("kind")),
    };
    if !reader.rest.is_empty() {
        return Err(RecordFault::Field("end"));
    }
    Ok(ProgramRecord { subject, work })
}

struct Reader<'o> {
    rest: &'o [u8],
}

impl<'o> Reader<'o> {
    fn take(&mut self, count: usize, what: &'static str) -> Read<&'o [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(RecordFault::Field(what))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Read<[u8; N]> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(RecordFault::Field(what))?;
        self.rest = rest;
        Ok(*taken)
    }

    fn octet(&mut self, what: &'static str) -> Read<u8> {
        let [octet] = self.array(what)?;
        Ok(octet)
    }

    fn number(&mut self, what: &'static str) -> Read<u16> {
        self.array(what).map(u16::from_be_bytes)
    }

    fn flag(&mut self, what: &'static str) -> Read<bool> {
        match self.octet(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RecordFault::Field(what)),
        }
    }

    fn length(&mut self, what: &'static str) -> Read<usize> {
        let length = self.array(what).map(u32::from_be_bytes)?;
        usize::try_from(length).map_err(|_| RecordFault::Field(what))
    }

    fn octets(&mut self, what: &'static str) -> Read<Vec<u8>> {
        let length = self.length(what)?;
        self.take(length, what).map(<[u8]>::to_vec)
    }

    fn text(&mut self, what: &'static str) -> Read<String> {
        let octets = self.octets(what)?;
        String::from_utf8(octets).map_err(|_| RecordFault::Field(what))
    }

    fn optional<T>(
        &mut self,
        what: &'static str,
        read: impl Fn(&mut Self) -> Read<T>,
    ) -> Read<Option<T>> {
        if self.flag(what)? {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }

    fn list<T>(&mut self, what: &'static str, read: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.length(what)?;
        if count > ENTRIES_MAX {
            return Err(RecordFault::Field(what));
        }
        (0..count).map(|_| read(self)).collect()
    }

    fn subject(&mut self) -> Read<Subject> {
        Ok(Subject {
            model: self.text("model")?,
            meter: self.text("meter")?,
            firmware: self.optional("firmware", |reader| reader.text("firmware"))?,
        })
    }

    fn page_record(&mut self) -> Read<PageRecord> {
        let is_restoring = self.flag("direction")?;
        let plan = self.plan()?;
        let before = self.list("values before", |reader| reader.octets("values before"))?;
        let backup = self.list("backup", Self::backup)?;
        let counter_before = self.optional("counter", |reader| {
            reader.array("counter").map(u32::from_be_bytes)
        })?;
        let fits = plan.items.iter().zip(&before).all(|(item, held)| {
            let watched = match item.role {
                Role::Keep => item.place,
                Role::Act { witness, .. } => witness,
            };
            held.len() == watched.octets()
        });
        if before.len() != plan.items.len() || !fits {
            return Err(RecordFault::Field("values before"));
        }
        Ok(PageRecord {
            plan,
            before,
            backup,
            counter_before,
            is_restoring,
        })
    }

    fn plan(&mut self) -> Read<PagePlan> {
        let plan = PagePlan {
            guards: self.list("guards", Self::guard)?,
            provisional: self.optional("mark", Self::guard)?,
            backup: self.list("list of the backup", |reader| {
                Ok((reader.text("list of the backup")?, reader.place()?))
            })?,
            unlock: self.list("words before", Self::announcement)?,
            items: self.list("writes", Self::item)?,
            apply: self.list("words behind", Self::announcement)?,
            counter: self.optional("counter", Self::place)?,
        };
        if plan.items.is_sorted_by_key(|item| item.phase) {
            Ok(plan)
        } else {
            Err(RecordFault::Field("order"))
        }
    }

    fn guard(&mut self) -> Read<Guard> {
        Ok(Guard {
            name: self.text("guard")?,
            place: self.place()?,
            octets: self.octets("guard")?,
        })
    }

    fn announcement(&mut self) -> Read<Announcement> {
        Ok(Announcement {
            name: self.text("word")?,
            place: self.place()?,
            octets: self.optional("word", |reader| reader.octets("word"))?,
        })
    }

    fn item(&mut self) -> Read<PlanItem> {
        let name = self.text("name")?;
        let phase = usize::from(self.octet("phase")?);
        let phase = *Phase::ALL.get(phase).ok_or(RecordFault::Field("phase"))?;
        let place = self.place()?;
        let role = if self.flag("role")? {
            Role::Act {
                witness: self.place()?,
                at: self.number("witness")?,
            }
        } else {
            Role::Keep
        };
        let wanted = self.octets("value")?;
        if role == Role::Keep && wanted.len() != place.octets() {
            return Err(RecordFault::Field("value"));
        }
        Ok(PlanItem {
            name,
            phase,
            place,
            role,
            wanted,
            words: self.text("words")?,
            clears_profile: self.flag("profile")?,
        })
    }

    fn backup(&mut self) -> Read<BackupPage> {
        let name = self.text("backup")?;
        let place = self.place()?;
        let held = if self.flag("backup")? {
            Ok(self.octets("backup")?)
        } else {
            Err(self.text("backup")?)
        };
        Ok(BackupPage { name, place, held })
    }

    fn place(&mut self) -> Read<Place> {
        let kind = self.octet("place")?;
        let [first, second, third] = [
            self.number("place")?,
            self.number("place")?,
            self.number("place")?,
        ];
        let registers = |function| Place::Registers {
            address: first,
            count: second,
            function,
        };
        match kind {
            0 => Ok(Place::Packets {
                identity: first,
                first: second,
                octets: third,
            }),
            5 if second == 0 && third == 0 => Ok(Place::Coil { address: first }),
            6 if third == 0 => Ok(registers(WriteFunction::Single)),
            16 if third == 0 => Ok(registers(WriteFunction::Several)),
            _ => Err(RecordFault::Field("place")),
        }
    }
}
