//! How much there is of what a store sells, from two kinds of reports: of a product, which states what there is in all locations
//! together, and of a level, which is what there is at one.

use commerce::reported::OfProduct;
use sqlx::FromRow;

use crate::table::table_row;

table_row!(StockItem, "stock_items", key id; once; changing product_id, variant_id, sku, available, levels, counted, ahead, is_out, is_out_unnamed);

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
    pub sku: Option<String>,
    /// In all locations together; none where no report says.
    pub available: Option<i64>,
    /// The sum of what locations reported last.
    pub levels: i64,
    /// Locations that count it.
    pub counted: i64,
    /// By how much what the product's own reports stated is more than was known, or less, as far as no location has reported it.
    pub ahead: i64,
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

/// The locations of a store that reported any stock. One that is the only one has all there is, whatever a product's report
/// said before it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StockLocations {
    pub integration_id: String,
    pub first: String,
    /// 1 once another one reported too.
    pub are_several: i64,
}

/// How few left of a product count as out of stock for an account.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StockAlert {
    pub account_id: String,
    pub threshold: Option<i64>,
}

/// The id of what a level is of. None where the report names nothing.
pub(super) fn item_id(
    integration_id: &str,
    inventory_item: Option<&str>,
    variant: Option<&str>,
    product: Option<&str>,
) -> Option<String> {
    let (kind, id) = match (inventory_item, variant, product) {
        (Some(id), _, _) => ("item", id),
        (None, Some(id), _) => ("variant", id),
        (None, None, Some(id)) => ("product", id),
        (None, None, None) => return None,
    };
    Some(format!("{integration_id} {kind} {id}"))
}

impl StockLocations {
    /// Notes that this one reported. Returns whether it is the only one so far.
    pub(super) fn note(&mut self, location: &str) -> bool {
        if self.first != location {
            self.are_several = 1;
        }
        self.are_several == 0
    }
}

impl StockItem {
    /// A product's report states what there is in all locations together.
    pub(super) fn state(&mut self, stock: i64) {
        let change = self.available.map_or(0, |available| stock.saturating_sub(available));
        self.ahead = self.ahead.saturating_add(change);
        self.set(Some(stock));
    }

    /// The store does not count it.
    pub(super) fn uncount(&mut self) {
        self.set(None);
    }

    /// A location reports what there is at it; none where it is not counted there any more. The store sends the product's report beside
    /// it, before or after: as far as the product's own stated the same change, it is known. Of a location that reports for the first
    /// time the product's report stated what it had, together with what others have; where the store has no other, all there is.
    pub(super) fn report_level(&mut self, before: Option<i64>, now: Option<i64>, is_only: bool) {
        if before.is_none() && now.is_none() {
            return;
        }
        let elsewhere = self.available.map_or(0, |available| available.saturating_sub(self.levels).max(0));
        let at_it = now.unwrap_or(0);
        self.levels = self.levels.saturating_sub(before.unwrap_or(0)).saturating_add(at_it);
        self.counted += i64::from(now.is_some()) - i64::from(before.is_some());
        let available = match (self.available, before) {
            // What was not counted before is what locations say.
            (None, _) => now.map(|_| self.levels),
            (Some(_), None) if is_only => {
                self.ahead = 0;
                now
            }
            (Some(available), None) => {
                self.explain(at_it);
                Some(available.saturating_add(at_it.saturating_sub(elsewhere).max(0)))
            }
            (Some(available), Some(before)) => {
                let change = at_it.saturating_sub(before);
                let known = self.explain(change);
                let available = available.saturating_add(change.saturating_sub(known));
                Some(available).filter(|available| *available != 0 || self.counted > 0)
            }
        };
        self.set(available);
    }

    /// How much of a change was stated by the product's own reports. It is none of what they are ahead of then.
    fn explain(&mut self, change: i64) -> i64 {
        let known = if change < 0 { self.ahead.clamp(change, 0) } else { self.ahead.clamp(0, change) };
        self.ahead = self.ahead.saturating_sub(known);
        known
    }

    fn set(&mut self, available: Option<i64>) {
        self.available = available;
        if available.is_none() {
            self.ahead = 0;
        }
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

    /// The store's own id of the item, where its reports of stock name one.
    fn inventory_item_id(&self) -> Option<String> {
        let (_, named) = self.id.split_once(' ')?;
        named.strip_prefix("item ").map(str::to_owned)
    }

    /// `product_available` is that of all variants of the product.
    pub(super) fn of_product(&self, product_available: Option<i64>, threshold: Option<i64>) -> OfProduct {
        OfProduct {
            product_available,
            product_id: self.product_id.clone(),
            variant_id: self.variant_id.clone(),
            sku: self.sku.clone(),
            inventory_item_id: self.inventory_item_id(),
            available: self.available,
            threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    enum Report {
        Product(i64),
        Level { before: Option<i64>, now: i64 },
    }

    /// In a store of several locations.
    fn after(reports: &[Report]) -> Option<i64> {
        after_of(reports, false)
    }

    fn after_of(reports: &[Report], is_only: bool) -> Option<i64> {
        let mut item = StockItem::default();
        for report in reports {
            match *report {
                Product(stock) => item.state(stock),
                Level { before, now } => item.report_level(before, Some(now), is_only),
            }
        }
        item.available
    }

    use Report::{Level, Product};

    #[test]
    fn a_sale_is_counted_once_whichever_of_its_two_reports_is_first() {
        let five = Level { before: None, now: 5 };
        assert_eq!(after(&[five, Product(4), Level { before: Some(5), now: 4 }]), Some(4));
        let five = Level { before: None, now: 5 };
        assert_eq!(after(&[five, Level { before: Some(5), now: 4 }, Product(4)]), Some(4));
    }

    #[test]
    fn what_comes_in_is_counted_once_whichever_of_its_two_reports_is_first() {
        let one = || Level { before: None, now: 1 };
        assert_eq!(after(&[one(), Product(9), Level { before: Some(1), now: 9 }]), Some(9));
        assert_eq!(after(&[one(), Level { before: Some(1), now: 9 }, Product(9)]), Some(9));
    }

    #[test]
    fn what_lies_at_a_location_that_never_reported_counts_once_the_product_states_it() {
        let sold_out_here = Level { before: None, now: 0 };
        assert_eq!(after(&[Product(7), sold_out_here]), Some(7));
        let (sold_out_here, there) = (Level { before: None, now: 0 }, Level { before: None, now: 7 });
        assert_eq!(after(&[Product(7), sold_out_here, there]), Some(7));
    }

    #[test]
    fn the_only_location_has_all_there_is() {
        let only = |reports: &[Report]| after_of(reports, true);
        assert_eq!(only(&[Product(7), Level { before: None, now: 0 }]), Some(0));
        assert_eq!(only(&[Product(7), Level { before: None, now: 3 }, Level { before: Some(3), now: 0 }]), Some(0));
        let five = || Level { before: None, now: 5 };
        assert_eq!(only(&[five(), Product(4), Level { before: Some(5), now: 4 }]), Some(4));
        assert_eq!(only(&[five(), Product(9), Level { before: Some(5), now: 9 }]), Some(9));
        assert_eq!(only(&[five(), Product(4)]), Some(4), "the product's report was first");
    }

    #[test]
    fn what_the_product_states_beyond_the_only_location_is_elsewhere() {
        let one = || Level { before: None, now: 1 };
        assert_eq!(after_of(&[Product(51), one(), Product(50), Level { before: Some(1), now: 0 }], true), Some(49));
    }

    #[test]
    fn a_sale_that_the_product_states_first_leaves_what_lies_elsewhere() {
        let sold = || Level { before: Some(1), now: 0 };
        let one = || Level { before: None, now: 1 };
        assert_eq!(after(&[Product(2), one(), Product(1), sold()]), Some(1));
        assert_eq!(after(&[Product(2), one(), sold(), Product(1)]), Some(1));
        let sales = [Product(4), Product(3), Level { before: Some(5), now: 4 }, Level { before: Some(4), now: 3 }];
        assert_eq!(after(&[[Level { before: None, now: 5 }].as_slice(), &sales].concat()), Some(3));
    }

    #[test]
    fn what_is_not_counted_any_more_is_none_until_it_is_counted_again() {
        let mut item = StockItem::default();
        item.report_level(None, Some(5), false);
        item.report_level(None, Some(4), false);
        item.uncount();
        item.report_level(Some(5), None, false);
        assert_eq!(item.available, None);
        assert!(!item.runs_out(Some(9), false));
        item.report_level(None, Some(3), false);
        assert_eq!(item.available, Some(7));
    }

    #[test]
    fn what_no_location_has_any_more_is_not_counted() {
        let mut item = StockItem::default();
        item.report_level(None, Some(5), true);
        item.report_level(Some(5), None, true);
        assert_eq!(item.available, None);
        item.report_level(None, Some(3), true);
        item.report_level(None, Some(4), false);
        item.report_level(Some(3), None, false);
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
            item.state(stock);
            item.runs_out(Some(2), false)
        };
        assert_eq!([3, 2, 1, 3, 0].map(&mut at), [false, true, false, false, true]);
        assert!(!item.runs_out(None, false), "no alert");
    }

    #[test]
    fn what_ran_out_before_its_product_was_known_is_published_once_more_with_it() {
        let mut item = StockItem { id: "shop item 70000".to_owned(), ..StockItem::default() };
        item.state(4);
        assert!(!item.runs_out(Some(0), true));
        item.state(0);
        assert!(item.runs_out(Some(0), false) && !item.runs_out(Some(0), false));
        let named = item.of_product(None, Some(0));
        assert_eq!((named.product_id, named.inventory_item_id.as_deref()), (None, Some("70000")));
        item.product_id = Some("700".to_owned());
        assert!(item.runs_out(Some(0), false) && !item.runs_out(Some(0), false));
    }

    #[test]
    fn what_was_not_published_is_not_published_once_more() {
        let mut item = StockItem::default();
        item.state(0);
        assert!(!item.runs_out(Some(0), true), "it was first listed so");
        item.product_id = Some("700".to_owned());
        assert!(!item.runs_out(Some(0), false));
        let mut item = StockItem::default();
        for stock in [4, 0, 4] {
            item.state(stock);
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
        let reports = [Level { before: None, now: i64::MAX }, Level { before: None, now: i64::MAX }, Product(i64::MIN)];
        assert_eq!(after(&reports), Some(i64::MIN));
    }
}
