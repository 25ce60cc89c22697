//! Commands about the network map: where each meter of a site is, and how it is reached.

use super::hands::Hands;
use super::outcome::Outcome;
use crate::tasks::list_keeper::{MAP, site_map};
use authority::Document;
use metering::MeterId;
use schemes::site::{ImportPlan, SiteMap};
use storage::Remembered;

impl Hands {
    /// Adds the meters of a map, or takes them for those of their names. One mistake, and nothing is
    /// changed.
    pub(super) async fn put_meters(&self, document: &Document) -> Option<Outcome> {
        Some(match self.text_of(document).await? {
            Ok(text) => self.put_map(&text).await,
            Err(outcome) => outcome,
        })
    }

    async fn put_map(&self, text: &str) -> Outcome {
        let map = site_map(&self.store).await;
        let plan = match ImportPlan::of("map", text.as_bytes(), &map) {
            Ok(plan) => plan,
            Err(complaints) => return Outcome::failed("bad-map", complaints.to_string()),
        };
        let words = plan.to_string();
        match self.keep_map(&plan.after()).await {
            Ok(()) => Outcome::succeeded(words),
            Err(outcome) => outcome,
        }
    }

    pub(super) async fn remove_meter(&self, meter: &MeterId) -> Outcome {
        let mut map = site_map(&self.store).await;
        if map.remove(meter).is_none() {
            let words = format!("the map has no meter `{meter}`; nothing was changed");
            return Outcome::failed("no-such-meter", words);
        }
        match self.keep_map(&map).await {
            Ok(()) => Outcome::succeeded(format!("meter {meter} is taken out of the map")),
            Err(outcome) => outcome,
        }
    }

    async fn keep_map(&self, map: &SiteMap) -> Result<(), Outcome> {
        let value = Remembered {
            version: 1,
            bytes: map.to_csv().into_bytes(),
        };
        let values = vec![(MAP.to_owned(), Some(value))];
        self.keep_values(values).await
    }
}
