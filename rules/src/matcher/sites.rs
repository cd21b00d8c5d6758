//! Sites: where tests look, each distinct one with a number. A site is a place, which one walk over the document visits,
//! or a path that selects by more than names, which is evaluated when it is needed.

use std::collections::HashMap;
use std::sync::Arc;

use super::place::{Place, exact, is_single};
use crate::condition::Test;
use crate::mixer::Mixing;

/// The number of a site.
pub(super) type SiteId = u32;

/// Where a test looks.
#[derive(Debug)]
pub(super) enum Spot {
    Place(Place),
    /// The path of the test, and of all others that spell it so.
    Path(Arc<Test>),
}

/// A site, compiled.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) spot: Spot,
    /// Whether the walk visits it.
    pub(super) is_walked: bool,
}

impl Site {
    /// Whether a document has one node at most there.
    pub(super) fn is_single(&self) -> bool {
        match &self.spot {
            Spot::Place(place) => is_single(place),
            Spot::Path(_) => false,
        }
    }
}

/// The sites, as they are collected.
#[derive(Debug, Default)]
pub(super) struct Sites {
    pub(super) all: Vec<Site>,
    places: HashMap<Place, SiteId, Mixing>,
    paths: HashMap<Box<str>, SiteId, Mixing>,
}

impl Sites {
    /// The site at which the test's path selects its nodes.
    pub(super) fn of(&mut self, test: &Arc<Test>) -> SiteId {
        if let Some(place) = exact(&test.path().query().segments) {
            return self.at_place(&place);
        }
        match self.paths.get(test.path().text()) {
            Some(site) => *site,
            None => {
                let site = self.push(Spot::Path(Arc::clone(test)));
                self.paths.insert(test.path().text().into(), site);
                site
            },
        }
    }

    /// The site at a place.
    pub(super) fn at_place(&mut self, place: &Place) -> SiteId {
        match self.places.get(place) {
            Some(site) => *site,
            None => {
                let site = self.push(Spot::Place(place.clone()));
                self.places.insert(place.clone(), site);
                site
            },
        }
    }

    fn push(&mut self, spot: Spot) -> SiteId {
        self.all.push(Site { spot, is_walked: false });
        SiteId::try_from(self.all.len() - 1).expect("no machine holds 2^32 sites")
    }
}
