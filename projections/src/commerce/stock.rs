//! How much there is of what a store sells, from two kinds of reports: of a product, which states what there is in all locations
//! together, and of a level, which is what there is at one.
//!
//! A store sends both of one sale, in either order and by two clocks, so neither is added to the other. What a product's own
//! reports state is its stock. Locations count where those state none, and where the store has only one: then the later of both.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use commerce::reported::OfProduct;
use event_log::Position;
use sqlx::FromRow;

use crate::table::table_row;

table_row!(StockItem, "stock_items", key id; once; changing product_id, variant_id, inventory_item_id, sku, available, said_at, is_stated, reported_by, levels, counted, is_out, is_out_unnamed);

table_row!(StockLevel, "stock_levels", key id; once; changing available);

table_row!(StockLocations, "stock_locations", key integration_id; once first; changing are_several);

table_row!(StockAlert, "stock_alerts", key account_id; once; changing threshold);

/// What stock is counted of: an item of an inventory, a variant or a product, whichever the store names.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct StockItem {
    /// Of the integration, and what names the item.
    pub id: String,
    pub product_id: Option<String>,
    pub variant_id: Option<String>,
    pub inventory_item_id: Option<String>,
    pub sku: Option<String>,
    /// In all locations together; none where no report says.
    pub available: Option<i64>,
    /// When the latest report was that alone said how many, by the store's clock, in microseconds since 1970.
    pub said_at: Option<i64>,
    /// 1 if that is what a report stated of all locations together, and not what locations reported.
    pub is_stated: i64,
    /// The position of the event by which anything of it was reported last.
    pub reported_by: Position,
    /// The sum of what locations reported last.
    pub levels: i64,
    /// Locations that count it.
    pub counted: i64,
    /// 1 if it is out of stock, as it was published.
    pub is_out: i64,
    /// 1 if that was published before its product was known.
    pub is_out_unnamed: i64,
}

/// What a location reported last.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StockLevel {
    pub id: String,
    pub available: Option<i64>,
}

/// The locations of a store that reported any stock. One that is the only one has all there is.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StockLocations {
    pub integration_id: String,
    pub first: String,
    /// 1 once another one reported too, or a product's own report stated something else than the first had.
    pub are_several: i64,
}

/// How few left of a product count as out of stock for an account.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StockAlert {
    pub account_id: String,
    pub threshold: Option<i64>,
}

/// How many there are by a report, and when that was by the store's clock. None where the store does not count it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    pub(super) available: Option<i64>,
    pub(super) at: Option<DateTime<Utc>>,
}

impl StockLocations {
    /// Notes that this one has or had stock. Returns whether it is the only one so far.
    pub(super) fn note(&mut self, location: &str) -> bool {
        if self.first != location {
            self.are_several = 1;
        }
        self.are_several == 0
    }
}

impl StockItem {
    /// Which of both was reported later: by the store's clock, where both have a time of it.
    pub(super) fn compare_age(&self, other: &Self) -> Ordering {
        match self.said_at.zip(other.said_at) {
            Some((one, other)) if one != other => one.cmp(&other),
            Some(_) | None => self.reported_by.cmp(&other.reported_by),
        }
    }

    /// What was known of it by another name, but for how many there are.
    pub(super) fn is_also(&mut self, other: Self) {
        self.product_id = self.product_id.take().or(other.product_id);
        self.variant_id = self.variant_id.take().or(other.variant_id);
        self.inventory_item_id = self.inventory_item_id.take().or(other.inventory_item_id);
        self.sku = self.sku.take().or(other.sku);
    }

    /// A product's report states what there is in all locations together. Returns whether locations had reported something else
    /// before it.
    pub(super) fn state(&mut self, count: Count) -> bool {
        if !self.say(count) {
            return false;
        }
        self.is_stated = i64::from(count.available.is_some());
        self.counted > 0 && count.available.is_some_and(|available| available != self.levels)
    }

    /// A report of stock says how many there are in all locations together.
    pub(super) fn report_all(&mut self, count: Count) {
        if self.say(count) {
            self.is_stated = 0;
        }
    }

    /// There are so many more, or fewer, than were known. Such changes add up in any order; one that is older than what was said
    /// is in it already.
    pub(super) fn adjust(&mut self, by: i64, at: Option<DateTime<Utc>>) {
        if !self.is_outdated(at) {
            self.available = self.available.map(|available| available.saturating_add(by));
        }
    }

    /// There are so many more, or fewer, at a location of which it was known how many there are.
    pub(super) fn adjust_level(&mut self, by: i64, at: Option<DateTime<Utc>>, is_only: bool) {
        self.levels = self.levels.saturating_add(by);
        if is_only || self.is_stated == 0 {
            self.adjust(by, at);
        }
    }

    /// A location reports what there is at it, where it reported `before`; none where it is not counted there any more.
    pub(super) fn report_level(&mut self, before: Option<i64>, now: Count, is_only: bool) {
        if before.is_none() && now.available.is_none() {
            return;
        }
        self.levels = self.levels.saturating_sub(before.unwrap_or(0)).saturating_add(now.available.unwrap_or(0));
        self.counted += i64::from(now.available.is_some()) - i64::from(before.is_some());
        if is_only {
            self.report_all(now);
        } else if self.is_stated == 0 {
            // What is not counted stays so while a location only takes back what it had.
            let is_counted = now.available.is_some() || self.available.is_some();
            self.available = Some(self.levels).filter(|_| self.counted > 0 && is_counted);
        }
    }

    /// Unless a later report said something. Returns whether it counts.
    fn say(&mut self, Count { available, at }: Count) -> bool {
        if self.is_outdated(at) {
            return false;
        }
        self.available = available;
        self.said_at = at.map_or(self.said_at, |at| Some(at.timestamp_micros()));
        true
    }

    /// Whether a later report said something, by the store's clock.
    fn is_outdated(&self, at: Option<DateTime<Utc>>) -> bool {
        at.zip(self.said_at).is_some_and(|(at, said_at)| at.timestamp_micros() < said_at)
    }

    /// Whether it is published with this that it is out: it is at or below the threshold, and was not, or it was published
    /// without its product, which is known now. What is counted for the first time, or again, without any did not run out, and neither
    /// did what the report says nothing of.
    pub(super) fn runs_out(&mut self, threshold: Option<i64>, is_no_news: bool) -> bool {
        let is_out = threshold.zip(self.available).is_some_and(|(threshold, available)| available <= threshold);
        let was_out = std::mem::replace(&mut self.is_out, i64::from(is_out)) == 1;
        let ran_out = is_out && !was_out && !is_no_news;
        let is_named = self.product_id.is_some();
        let was_unnamed = self.is_out_unnamed == 1;
        self.is_out_unnamed = i64::from(is_out && !is_named && (ran_out || was_unnamed));
        ran_out || (is_out && is_named && was_unnamed)
    }

    /// Whether it is a product that is counted as a whole, and not one of its variants.
    pub(super) fn is_of_whole_product(&self) -> bool {
        self.variant_id.is_none() && self.inventory_item_id.is_none()
    }

    /// `product_available` is that of all variants of the product.
    pub(super) fn of_product(&self, product_available: Option<i64>, threshold: Option<i64>) -> OfProduct {
        OfProduct {
            product_available,
            product_id: self.product_id.clone(),
            variant_id: self.variant_id.clone(),
            sku: self.sku.clone(),
            inventory_item_id: self.inventory_item_id.clone(),
            available: self.available,
            threshold,
        }
    }
}
