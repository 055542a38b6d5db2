//! How much there is of what a store sells, from two kinds of reports: of a product, which states what there is in all locations
//! together, and of a level, which is what there is at one.
//!
//! A store sends both of one sale, in either order and by two clocks, so neither is added to the other. What a product's own
//! reports state is its stock. Locations count where those state none, and where the store has only one: then the later of both.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    enum Report {
        /// At this second, so many.
        Product(i64, i64),
        /// At this second, the location, so many.
        Level(i64, usize, i64),
    }

    use Report::{Level, Product};

    /// What there is, and how often it ran out.
    fn after(reports: &[Report]) -> (Option<i64>, usize) {
        let mut item = StockItem::default();
        let mut locations = StockLocations { integration_id: "shop".to_owned(), first: String::new(), are_several: 0 };
        let (mut levels, mut ran_out) = ([None; 3], 0);
        for report in reports {
            let is_first = item.available.is_none();
            let count = |at, available| Count { available: Some(available), at: DateTime::from_timestamp(at, 0) };
            match *report {
                Product(at, stock) => {
                    if item.state(count(at, stock)) {
                        locations.are_several = 1;
                    }
                }
                Level(at, location, available) => {
                    if locations.first.is_empty() {
                        locations.first = location.to_string();
                    }
                    let is_only = locations.note(&location.to_string());
                    item.report_level(levels[location].replace(available), count(at, available), is_only);
                }
            }
            ran_out += usize::from(item.runs_out(Some(0), is_first));
        }
        (item.available, ran_out)
    }

    #[test]
    fn a_change_is_counted_once_whichever_of_its_two_reports_is_first() {
        for now in [4, 9, 0] {
            let is_out = usize::from(now == 0);
            for first in [vec![Level(1, 0, 5)], vec![Product(1, 5), Level(1, 0, 5)]] {
                let reports = [Product(2, now), Level(2, 0, now)];
                assert_eq!(after(&[&first[..], &reports].concat()), (Some(now), is_out));
                let reports = [Level(2, 0, now), Product(2, now)];
                assert_eq!(after(&[&first[..], &reports].concat()), (Some(now), is_out));
            }
        }
    }

    #[test]
    fn the_only_location_has_all_there_is() {
        assert_eq!(after(&[Product(1, 7), Level(2, 0, 0)]), (Some(0), 1));
        assert_eq!(after(&[Product(1, 7), Level(2, 0, 3), Level(3, 0, 0)]), (Some(0), 1));
    }

    #[test]
    fn what_the_product_states_beyond_the_only_location_is_elsewhere() {
        let first = [Product(1, 51), Level(2, 0, 1), Product(3, 51)];
        assert_eq!(after(&[&first[..], &[Product(4, 50), Level(4, 0, 0)]].concat()), (Some(50), 0));
        assert_eq!(after(&[&first[..], &[Level(4, 0, 0), Product(4, 50)]].concat()), (Some(50), 0));
    }

    #[test]
    fn of_several_locations_the_product_s_own_reports_count() {
        let first = [Product(1, 10), Level(1, 0, 4), Level(1, 1, 6)];
        let (restock, move_away) = ([Product(3, 14), Level(3, 0, 8)], [Level(4, 0, 0), Level(4, 1, 14)]);
        assert_eq!(
            after(&[&first[..], &[Level(2, 0, 3), Product(2, 9)], &restock, &move_away].concat()),
            (Some(14), 0)
        );
        // Of a location that never reported, the product's own reports say what it has.
        let first = [Level(1, 0, 9), Level(1, 1, 9), Product(1, 1)];
        let reports = [Level(2, 2, 1), Product(2, 2), Product(3, 1), Level(3, 2, 0)];
        assert_eq!(after(&[&first[..], &reports].concat()), (Some(1), 0));
    }

    #[test]
    fn where_no_report_states_all_there_is_locations_do_together() {
        assert_eq!(after(&[Product(1, 9), Level(2, 0, 5), Level(3, 1, 4)]), (Some(9), 0));
        assert_eq!(after(&[Product(1, 7), Level(2, 0, 0), Level(3, 1, 3)]), (Some(3), 1));
        assert_eq!(after(&[Level(1, 0, 4), Level(2, 1, 3), Level(3, 0, 0)]), (Some(3), 0));
        assert_eq!(after(&[Level(1, 0, 4), Level(2, 1, 3), Level(3, 0, 0), Level(4, 1, 0)]), (Some(0), 1));
    }

    #[test]
    fn what_is_older_by_the_store_s_clock_does_not_overwrite() {
        let reports = [Product(1, 5), Level(1, 0, 5), Level(2, 0, 0), Level(3, 0, 5)];
        assert_eq!(after(&[&reports[..], &[Product(2, 0)]].concat()), (Some(5), 1));
        assert_eq!(after(&[&reports[..], &[Product(2, 0), Product(4, 6)]].concat()), (Some(6), 1));
        assert_eq!(after(&[Product(4, 6), Level(3, 0, 0)]), (Some(6), 0));
    }

    fn counted(available: i64) -> Count {
        Count { available: Some(available), at: None }
    }

    const UNCOUNTED: Count = Count { available: None, at: None };

    #[test]
    fn what_is_not_counted_any_more_is_none_until_it_is_counted_again() {
        for now in [0, 9] {
            let mut item = StockItem::default();
            item.state(counted(5));
            item.report_level(None, counted(5), true);
            item.state(UNCOUNTED);
            assert_eq!(item.available, None);
            item.state(counted(now));
            item.report_level(Some(5), counted(now), true);
            assert_eq!(item.available, Some(now));
        }
        let mut item = StockItem::default();
        item.report_level(None, counted(5), false);
        item.report_level(None, counted(4), false);
        item.state(UNCOUNTED);
        item.report_level(Some(5), UNCOUNTED, false);
        assert_eq!(item.available, None);
        assert!(!item.runs_out(Some(9), false));
        item.report_level(None, counted(3), false);
        assert_eq!(item.available, Some(7));
    }

    #[test]
    fn what_no_location_has_any_more_is_not_counted() {
        let mut item = StockItem::default();
        item.report_level(None, counted(5), true);
        item.report_level(Some(5), UNCOUNTED, true);
        assert_eq!(item.available, None);
        item.report_level(None, counted(3), true);
        item.report_level(None, counted(4), false);
        item.report_level(Some(3), UNCOUNTED, false);
        assert_eq!(item.available, Some(4), "another one counts it");
    }

    #[test]
    fn a_location_is_the_only_one_until_another_reports() {
        let mut locations = StockLocations { integration_id: "shop".to_owned(), first: "1".to_owned(), are_several: 0 };
        assert_eq!(["1", "1", "2", "1"].map(|location| locations.note(location)), [true, true, false, false]);
    }

    #[test]
    fn stock_runs_out_once_until_it_has_been_above() {
        let mut item = StockItem::default();
        let mut at = |stock| {
            item.state(counted(stock));
            item.runs_out(Some(2), false)
        };
        assert_eq!([3, 2, 1, 3, 0].map(&mut at), [false, true, false, false, true]);
        assert!(!item.runs_out(None, false), "no alert");
    }

    #[test]
    fn what_ran_out_before_its_product_was_known_is_published_once_more_with_it() {
        let mut item = StockItem { inventory_item_id: Some("70000".to_owned()), ..StockItem::default() };
        item.state(counted(4));
        assert!(!item.runs_out(Some(0), true));
        item.state(counted(0));
        assert!(item.runs_out(Some(0), false) && !item.runs_out(Some(0), false));
        let named = item.of_product(None, Some(0));
        assert_eq!((named.product_id, named.inventory_item_id.as_deref()), (None, Some("70000")));
        item.product_id = Some("700".to_owned());
        assert!(item.runs_out(Some(0), false) && !item.runs_out(Some(0), false));
    }

    #[test]
    fn what_was_not_published_is_not_published_once_more() {
        let mut item = StockItem::default();
        item.state(counted(0));
        assert!(!item.runs_out(Some(0), true), "it was first listed so");
        item.product_id = Some("700".to_owned());
        assert!(!item.runs_out(Some(0), false));
        let mut item = StockItem::default();
        for stock in [4, 0, 4] {
            item.state(counted(stock));
            item.runs_out(Some(0), false);
        }
        item.product_id = Some("700".to_owned());
        assert!(!item.runs_out(Some(0), false), "there is some again");
    }

    #[test]
    fn what_nobody_counts_never_runs_out() {
        assert!(!StockItem::default().runs_out(Some(0), false));
    }

    #[test]
    fn stock_beyond_all_bounds_is_bounded() {
        assert_eq!(after(&[Level(1, 0, i64::MAX), Level(1, 1, i64::MAX)]).0, Some(i64::MAX));
        assert_eq!(after(&[Level(1, 0, i64::MIN), Level(1, 1, i64::MIN)]).0, Some(i64::MIN));
    }
}
