//! Reading the catalogue of a store: what it sells, part by part, so that who is interrupted goes on where it was.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CatalogueRead, Store, StoreEvent, Task};

/// How far the catalogue of a store is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filling {
    /// Whether all of it is still to be read: it is being read, or is about to be, or cannot be for the time being.
    pub is_under_way: bool,
    /// When it is to be gone on with, or begun again. None while that is being done, and where nothing is to be read.
    pub fill_at: Option<DateTime<Utc>>,
    /// Where it is gone on with. None at the beginning.
    pub cursor: Option<String>,
    pub began_at: Option<DateTime<Utc>>,
    /// When all of it was last read.
    pub done_at: Option<DateTime<Utc>>,
    /// Of this reading, or else of the latest.
    pub products: u32,
    pub collections: u32,
    /// Of these, so many were new here, or had changed.
    pub news: u32,
    /// Failures in a row, and why the last one was.
    pub failures: u32,
    pub failure: Option<String>,
}

impl Filling {
    pub(super) fn apply_requested(&mut self, due_at: DateTime<Utc>) {
        if !self.is_under_way {
            *self = Self { is_under_way: true, done_at: self.done_at, ..Self::default() };
        }
        self.failure = None;
        self.fill_at = Some(due_at);
    }

    /// After a time in which the store could not be called.
    pub(super) fn go_on(&mut self, at: DateTime<Utc>) {
        if self.is_under_way {
            self.fill_at.get_or_insert(at);
        }
    }

    pub(super) fn apply(&mut self, read: CatalogueRead) {
        let CatalogueRead { products, collections, news, next, began_at, at } = read;
        if self.cursor.is_none() {
            self.began_at = Some(began_at);
        }
        self.products = self.products.saturating_add(products);
        self.collections = self.collections.saturating_add(collections);
        self.news = self.news.saturating_add(news);
        (self.failures, self.failure) = (0, None);
        if next.is_none() {
            (self.is_under_way, self.done_at) = (false, Some(at));
        } else {
            self.fill_at = Some(at);
        }
        self.cursor = next;
    }

    pub(super) fn apply_failure(&mut self, reason: String, retry_at: DateTime<Utc>) {
        self.failures = self.failures.saturating_add(1);
        self.failure = Some(reason);
        self.fill_at = Some(retry_at);
    }
}

impl Store {
    /// Nothing where it is about to be done.
    pub(super) fn request_filling(&self, now: DateTime<Utc>) -> Option<StoreEvent> {
        let is_coming = self.fill_at().is_some_and(|at| at <= now);
        let is_being_read = self.lease.as_ref().is_some_and(|lease| lease.task == Task::Fill);
        (!is_coming && !is_being_read).then_some(StoreEvent::FillingRequested { due_at: now })
    }
}
