//! What there is of an item, as its reports come one after the other.

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
    assert_eq!(after(&[&first[..], &[Level(2, 0, 3), Product(2, 9)], &restock, &move_away].concat()), (Some(14), 0));
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
