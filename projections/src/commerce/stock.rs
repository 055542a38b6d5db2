//! How much there is of what a store sells, from two kinds of reports: of a product, which states what there is in all locations
//! together, and of a level, which is what there is at one.

use commerce::reported::OfProduct;
use sqlx::FromRow;

use crate::table::table_row;

table_row!(StockItem, "stock_items", key id; once; changing product_id, variant_id, sku, levels, counted, beyond, is_out, is_out_unnamed);

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
    /// The sum of what locations reported; none if none did, and once none counts it any more.
    pub levels: Option<i64>,
    /// Locations that count it.
    pub counted: i64,
    /// What the product's own report states beyond these: of locations that never reported.
    pub beyond: i64,
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
    /// In all locations together; none where no report says.
    pub(super) fn available(&self) -> Option<i64> {
        self.levels.map(|levels| levels.saturating_add(self.beyond))
    }

    /// A product's report states what there is in all locations together.
    pub(super) fn state(&mut self, stock: i64) {
        let levels = self.levels.unwrap_or(0);
        self.levels = Some(levels);
        self.beyond = stock.saturating_sub(levels);
    }

    /// A location reports what there is at it; none where it is not counted. The store sends the product's report beside it, before or after: what that stated
    /// beyond the levels is in this one as far as this one grows, and what it stated less is in it wholly. Where the store has no other location,
    /// all of it is in this one when it reports first.
    pub(super) fn report_level(&mut self, before: Option<i64>, now: Option<i64>, is_only: bool) {
        if before.is_none() && now.is_none() {
            return;
        }
        let is_first = before.is_none();
        self.counted += i64::from(now.is_some()) - i64::from(before.is_some());
        let is_uncounted = now.is_none() && self.counted <= 0;
        let (before, now) = (before.unwrap_or(0), now.unwrap_or(0));
        let grown = now.saturating_sub(before).max(0);
        self.levels = Some(self.levels.unwrap_or(0).saturating_sub(before).saturating_add(now));
        self.beyond = if is_only && is_first { 0 } else { self.beyond.saturating_sub(grown).max(0) };
        if is_uncounted && self.beyond == 0 {
            self.levels = None;
        }
    }

    /// Whether it is published with this that it is out: it is at or below the threshold, and was not, or it was published
    /// without its product, which is known now. What is there for the first time without any stock did not run out, and neither did
    /// what the report says nothing of.
    pub(super) fn runs_out(&mut self, threshold: Option<i64>, is_no_news: bool) -> bool {
        let is_out = threshold.zip(self.available()).is_some_and(|(threshold, available)| available <= threshold);
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
            available: self.available(),
            threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        item.available()
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
    fn what_no_location_counts_any_more_is_not_counted() {
        let mut item = StockItem::default();
        item.report_level(None, Some(5), true);
        item.report_level(Some(5), None, true);
        assert_eq!(item.available(), None);
        assert!(!item.runs_out(Some(0), false));
        item.report_level(None, Some(3), true);
        assert_eq!(item.available(), Some(3));
        item.report_level(None, Some(4), false);
        item.report_level(Some(3), None, false);
        assert_eq!(item.available(), Some(4), "another one counts it");
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
        assert_eq!(after(&reports), Some(-1));
    }
}
