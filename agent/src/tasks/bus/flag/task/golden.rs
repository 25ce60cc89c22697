//! The pages of a golden meter, read for others of its kind. Writes nothing.

use super::super::round::Sitting;
use super::Slice;
use desk::{GoldenLeftOut, GoldenResult, Outcome, Progress, WantedPage};
use iec62056_21::codec::Password;
use line::Line;
use meters::catalogue::Phase;
use meters::flag::VisitFault;
use meters::program::{ClonePage, FlagPages, GoldenReading, PageFault, clone_pages};

/// Pages that a site may name itself.
const OWN_PAGES_MAX: usize = 200;
/// Octets of one of them: more than any known page has.
const OWN_PAGE_OCTETS_MAX: u16 = 8192;
/// The highest identity.
const IDENTITY_MAX: u16 = 999;

/// What is read, and how far that is.
#[derive(Debug)]
pub(in super::super) struct Golden {
    own: Vec<ClonePage>,
    without: Vec<String>,
    reading: Option<GoldenReading>,
}

impl Golden {
    /// A model's settings and a site's own pages, without some. What cannot be is told in words.
    pub(super) fn new(own: &[WantedPage], without: &[String]) -> Result<Self, String> {
        if own.len() > OWN_PAGES_MAX {
            return Err(format!("more than {OWN_PAGES_MAX} pages at once"));
        }
        let mut pages = Vec::new();
        for page in own {
            if page.identity > IDENTITY_MAX || !(1..=OWN_PAGE_OCTETS_MAX).contains(&page.octets) {
                return Err(format!(
                    "there is no page {} of {} octets; identities go to {IDENTITY_MAX}, pages of one to \
                     {OWN_PAGE_OCTETS_MAX} octets",
                    page.identity, page.octets
                ));
            }
            pages.push(ClonePage {
                name: page.name.clone(),
                identity: page.identity,
                octets: page.octets,
                phase: Phase::Tariff,
                clears_profile: false,
            });
        }
        Ok(Self {
            own: pages,
            without: without.to_vec(),
            reading: None,
        })
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Reads pages as long as the session has time.
    pub(super) async fn golden_pages(
        &mut self,
        golden: &mut Golden,
        progress: &mut Progress,
    ) -> Result<Slice, VisitFault> {
        let (model, variant) = (self.visit.model(), self.visit.variant().id.clone());
        let Golden {
            own,
            without,
            reading,
        } = golden;
        let password = self.book.flag.access.password.as_ref();
        let password = password.map(Password::reveal);
        let running = reading.get_or_insert_with(|| {
            let mut pages = clone_pages(model, &variant, own);
            pages.retain(|page| !without.iter().any(|name| is_named(page, name)));
            progress.total = u64::try_from(pages.len()).unwrap_or(0);
            GoldenReading::new(model, &variant, pages, password)
        });
        let mut pages = FlagPages::new(&mut self.visit);
        let is_same = running.look_who_it_is(&mut pages).await;
        if !is_same.map_err(fault_of)? {
            return Err(VisitFault::WrongMeter);
        }
        while let Some(page) = running.next_page() {
            progress.words = format!("identity {}: {}", page.identity, page.name);
            progress.done = u64::try_from(running.done()).unwrap_or(0);
            self.desk.report(progress);
            if !self.has_room(1) {
                return Ok(Slice::More);
            }
            self.desk.pulse.beat();
            let mut pages = FlagPages::new(&mut self.visit);
            running.read_next(&mut pages).await.map_err(fault_of)?;
        }
        let read = reading.take().and_then(GoldenReading::finish);
        let (image, left_out) = read.ok_or(VisitFault::Unknown("who the meter is"))?;
        let left_out = left_out.into_iter().map(|left| GoldenLeftOut {
            name: left.page.name,
            identity: left.page.identity,
            refused: left.refused,
        });
        Ok(Slice::Done(Outcome::GoldenPages(GoldenResult {
            image: image.to_text(),
            left_out: left_out.collect(),
        })))
    }
}

/// People name a page by its name or its number.
fn is_named(page: &ClonePage, name: &str) -> bool {
    page.name == name || name.parse() == Ok(page.identity)
}

fn fault_of(fault: PageFault) -> VisitFault {
    match fault {
        PageFault::Flag(fault) => fault,
        PageFault::Refused(_) | PageFault::Modbus(_) | PageFault::OtherProtocol => {
            VisitFault::Unknown("who the meter is")
        }
    }
}
