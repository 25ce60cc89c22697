//! Reading the pages of a golden meter, in as many sessions as that needs. Writes nothing.

use super::{ClonePage, GoldenImage, place};
use crate::catalogue::flag::FlagModel;
use crate::program::fault::PageFault;
use crate::program::pages::{MeterIdentity, Pages};
use crate::program::place::Place;
use crate::program::write_set::holds_one;
use std::collections::VecDeque;

/// A page that is not in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOutPage {
    /// Which.
    pub page: ClonePage,
    /// Why the meter did not give it; none where it holds the password.
    pub refused: Option<String>,
}

/// How far the reading of a golden meter is.
pub struct GoldenReading {
    variant: String,
    meter: Option<MeterIdentity>,
    /// Where it counts how often it was programmed, and how often that was.
    counter: Option<Place>,
    programmed: Option<Vec<u8>>,
    wanted: Vec<ClonePage>,
    todo: VecDeque<ClonePage>,
    /// What was read of the page that comes next.
    part: Vec<u8>,
    read: Vec<(ClonePage, Vec<u8>)>,
    left_out: Vec<LeftOutPage>,
    /// The password of the session: what holds it gets into no file.
    secret: Option<String>,
}

impl std::fmt::Debug for GoldenReading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoldenReading")
            .field("todo", &self.todo.len())
            .finish_non_exhaustive()
    }
}

impl GoldenReading {
    /// Of these pages.
    pub fn new(
        model: &FlagModel,
        variant: &str,
        pages: Vec<ClonePage>,
        secret: Option<&str>,
    ) -> Self {
        let counter = model.programming.as_ref().and_then(|known| known.counter);
        Self {
            variant: variant.to_owned(),
            meter: None,
            counter: counter.map(|identity| Place::Packets {
                identity,
                first: 1,
                octets: 2,
            }),
            programmed: None,
            todo: pages.clone().into(),
            wanted: pages,
            part: Vec::new(),
            read: Vec::new(),
            left_out: Vec::new(),
            secret: secret.map(str::to_owned),
        }
    }

    /// The page that is read next.
    pub fn next_page(&self) -> Option<&ClonePage> {
        self.todo.front()
    }

    /// Pages that are dealt with.
    pub fn done(&self) -> usize {
        self.read.len() + self.left_out.len()
    }

    /// Looks who the meter is, at the beginning of each session; false where it is another one than in
    /// the session before. One that was programmed in between is read from the first page again.
    pub async fn look_who_it_is<P: Pages>(&mut self, pages: &mut P) -> Result<bool, PageFault> {
        let now = pages.identity().await?;
        let is_same = self.meter.as_ref().is_none_or(|before| *before == now);
        self.meter = Some(now);
        let programmed = match &self.counter {
            None => None,
            Some(counter) => match pages.read(counter).await {
                Ok(octets) => Some(octets),
                Err(PageFault::Refused(_)) => None,
                Err(fault) => return Err(fault),
            },
        };
        if self.programmed != programmed {
            self.programmed = programmed;
            self.todo = self.wanted.clone().into();
            self.part.clear();
            self.read.clear();
            self.left_out.clear();
        }
        Ok(is_same)
    }

    /// Reads what goes into one answer of the next page. A page that the meter refuses is left out;
    /// after any other fault the same is read again.
    pub async fn read_next<P: Pages>(&mut self, pages: &mut P) -> Result<(), PageFault> {
        let Some(page) = self.todo.front().cloned() else {
            return Ok(());
        };
        let pieces = place(&page).pieces();
        let next = pieces
            .iter()
            .find(|(_, range)| range.start == self.part.len());
        let refused = match next {
            None => None,
            Some((piece, _)) => match pages.read(piece).await {
                Ok(octets) => {
                    self.part.extend(octets);
                    None
                }
                Err(PageFault::Refused(words)) => Some(words),
                Err(fault) => return Err(fault),
            },
        };
        if refused.is_none() && self.part.len() < usize::from(page.octets) && next.is_some() {
            return Ok(());
        }
        let octets = std::mem::take(&mut self.part);
        let secret = self.secret.as_deref().unwrap_or_default().as_bytes();
        let is_whole = octets.len() == usize::from(page.octets);
        self.todo.pop_front();
        if is_whole && !holds_one(&octets, &[secret]) {
            self.read.push((page, octets));
        } else {
            let short = || "it is not as long as was asked".to_owned();
            let refused = refused.or_else(|| (!is_whole).then(short));
            self.left_out.push(LeftOutPage { page, refused });
        }
        Ok(())
    }

    /// What was read; nothing before it is known who the meter is.
    pub fn finish(self) -> Option<(GoldenImage, Vec<LeftOutPage>)> {
        let meter = self.meter?;
        let image = GoldenImage {
            name: String::new(),
            model: meter.model,
            variant: self.variant,
            firmware: meter.firmware,
            meter: meter.meter,
            pages: self.read,
        };
        Some((image, self.left_out))
    }
}
