//! Work at meters and lines: it is handed to its bus, and looked at until it has ended.

use super::{Front, Permitted, refusal};
use crate::tasks::bus::{BusHandle, BusRequest};
use crate::tasks::storekeeper::{Record, Urgency};
use desk::{Answer, Refusal, Work};

impl Front {
    /// Starts a piece of work.
    pub(super) async fn start(&self, permitted: &Permitted, what: Work) -> Result<Answer, Refusal> {
        let bus = self.bus_for(&what)?;
        let words = words(&what);
        let ticket = self.jobs.open(words.clone())?;
        let number = ticket.number();
        bus.request(BusRequest::Work { ticket, what })?;
        self.audit(permitted, "job started", format!("job {number}: {words}"))
            .await;
        Ok(Answer::Job(Box::new(self.jobs.job(number)?)))
    }

    /// Ends a piece of work at its next step.
    pub(super) async fn cancel(
        &self,
        permitted: &Permitted,
        number: u64,
    ) -> Result<Answer, Refusal> {
        let job = self.jobs.cancel(number)?;
        let detail = format!("job {number}: {}", job.words);
        self.audit(permitted, "job cancelled", detail).await;
        Ok(Answer::Job(Box::new(job)))
    }

    fn bus_for(&self, what: &Work) -> Result<&BusHandle, Refusal> {
        match what {
            Work::Scan { bus, .. } | Work::Listen { bus, .. } => self.bus(bus),
            Work::Ping { meter }
            | Work::Poll { meter }
            | Work::Read { meter, .. }
            | Work::Instant { meter }
            | Work::Collect { meter, .. }
            | Work::Gather { meter, .. }
            | Work::Clock { meter }
            | Work::Objects { meter }
            | Work::DryRun { meter, .. }
            | Work::ChangeKeys { meter, .. }
            | Work::GoldenPages { meter, .. }
            | Work::Backup { meter } => Ok(self.bus_of(meter)?.0),
        }
    }

    pub(super) fn bus(&self, name: &str) -> Result<&BusHandle, Refusal> {
        let found = self.buses.iter().find(|found| found.id.as_str() == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.buses.iter().map(|bus| bus.id.as_str()).collect();
            let remedy = format!("name one of: {}", names.join(", "));
            refusal(format!("there is no bus `{name}`"), &remedy)
        })
    }

    async fn audit(&self, permitted: &Permitted, what: &str, detail: String) {
        let record = Record::Audit {
            who: permitted.who().to_owned(),
            what: what.to_owned(),
            detail,
        };
        self.store.keep(vec![record], Urgency::Soon).await;
    }
}

/// What it is, for people.
fn words(what: &Work) -> String {
    match what {
        Work::Scan { bus, .. } => format!("scan of bus {bus}"),
        Work::Ping { meter } => format!("ping of {meter}"),
        Work::Poll { meter } => format!("poll of {meter}"),
        Work::Read { meter, part } => format!("read of {meter}: {}", part_word(*part)),
        Work::Instant { meter } => format!("instantaneous values of {meter}"),
        Work::Collect { meter, .. } => format!("load profile of {meter}"),
        Work::Gather { meter, .. } => format!("what a scheme reads of {meter}"),
        Work::Clock { meter } => format!("clock of {meter}"),
        Work::Objects { meter } => format!("objects of {meter}"),
        Work::DryRun { meter, .. } => format!("dry run at {meter}: nothing is written"),
        Work::ChangeKeys { meter, .. } => format!("new keys for {meter}"),
        Work::Backup { meter } => format!("backup of {meter}"),
        Work::GoldenPages { meter, .. } => format!("pages of the golden meter {meter}"),
        Work::Listen { bus, seconds } => format!("listening to bus {bus} for {seconds} s"),
    }
}

fn part_word(part: desk::Part) -> &'static str {
    match part {
        desk::Part::Registers => "registers",
        desk::Part::Billing => "billing",
        desk::Part::Events => "events",
        desk::Part::Status => "status",
        desk::Part::Identity => "identity",
    }
}
