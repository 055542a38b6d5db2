//! What comes late, once more, or after the store deleted what it is about.

use chrono::TimeDelta;

use super::fixtures::*;
use crate::commerce::CommerceEventType as Type;
use crate::resource::{Collection, Content, Happened, NewReport, ReportOutcome, ResourceCommand};

#[test]
fn the_same_webhook_again_is_not_recorded_and_a_changed_one_is() {
    let first = report(Happened::Updated, 0, product());
    given(vec![first.clone()]).when(ResourceCommand::Report(Box::new(first.clone()))).then_expect_events(vec![]);
    let same_moment = NewReport { identity: "another".to_owned(), ..first.clone() };
    assert_eq!(publishes(vec![first, same_moment]), [Type::ProductUpdated]);
}

#[test]
fn what_is_older_by_the_stores_clock_or_count_overwrites_nothing() {
    let newer = report(Happened::Updated, 5, product());
    let older = report(Happened::Updated, 4, product());
    let stale = last(vec![newer.clone(), older.clone()]);
    assert_eq!((stale.outcome, stale.publishes), (ReportOutcome::Stale, vec![]));
    // The count decides where there is one: two changes may have the same time, or a clock that was set.
    let counted = |version, of: &NewReport| NewReport { version: Some(version), ..of.clone() };
    assert_eq!(last(vec![counted(1, &newer), counted(2, &older)]).outcome, ReportOutcome::Current);
    assert_eq!(last(vec![counted(2, &older), counted(1, &newer)]).outcome, ReportOutcome::Stale);
    // What says neither counts as it arrives.
    let undated = NewReport { changed_at: None, identity: "undated".to_owned(), ..older };
    assert_eq!(last(vec![newer, undated]).outcome, ReportOutcome::Current);
}

#[test]
fn a_deletion_is_final_unless_the_store_restores_what_it_deleted() {
    let created = || report(Happened::Created, 0, product());
    let deleted = || report(Happened::Deleted, 1, product());
    assert_eq!(publishes(vec![created()]), [Type::ProductCreated]);
    assert_eq!(publishes(vec![created(), deleted()]), [Type::ProductDeleted]);
    let late = last(vec![created(), deleted(), report(Happened::Updated, 2, product())]);
    assert_eq!((late.outcome, late.publishes), (ReportOutcome::AfterDeletion, vec![]));
    for again in [Happened::Restored, Happened::Created] {
        assert_eq!(publishes(vec![created(), deleted(), report(again, 2, product())]), [Type::ProductCreated]);
    }
    // What was created before it was deleted, and arrives after that.
    assert_eq!(publishes(vec![deleted(), created()]), []);
}

#[test]
fn a_creation_from_before_a_deletion_without_a_time_brings_nothing_back() {
    let received_at = after(5) + TimeDelta::milliseconds(700);
    for content in [product(), Content::Collection(Collection::default()), Content::Customer {}] {
        let deleted = || NewReport { changed_at: None, received_at, ..report(Happened::Deleted, 5, content.clone()) };
        let created = |seconds| report(Happened::Created, seconds, content.clone());
        for before in [vec![deleted()], vec![report(Happened::Updated, 1, content.clone()), deleted()]] {
            let late = last([before.clone(), vec![created(4)]].concat());
            assert_eq!((late.outcome, late.publishes), (ReportOutcome::Stale, vec![]));
            // A store whose clock has whole seconds may have created it in the rest of that one.
            let again = last([before.clone(), vec![created(5)]].concat());
            assert_eq!((again.outcome, again.publishes.len()), (ReportOutcome::Current, 1));
            let restored = last([before, vec![report(Happened::Restored, 4, content.clone())]].concat());
            assert_eq!(restored.outcome, ReportOutcome::Current, "the store says so");
        }
        let restored = vec![deleted(), created(6), NewReport { identity: "late".to_owned(), ..created(7) }];
        assert_eq!(last(restored).outcome, ReportOutcome::Current);
    }
}

#[test]
fn the_same_bytes_delete_and_restore_again_what_was_restored_and_deleted_since() {
    let bare = |happened, content: Content| NewReport {
        changed_at: None,
        identity: "the same bytes".to_owned(),
        ..report(happened, 0, content)
    };
    let deleted = || bare(Happened::Deleted, product());
    let restored = || NewReport { identity: "others".to_owned(), ..report(Happened::Restored, 1, product()) };
    assert_eq!(publishes(vec![deleted(), restored(), deleted()]), [Type::ProductDeleted]);
    given(vec![deleted(), restored(), deleted()])
        .when(ResourceCommand::Report(Box::new(deleted())))
        .then_expect_events(vec![]);
    assert_eq!(publishes(vec![deleted(), restored(), deleted(), restored()]), [Type::ProductCreated]);
    // An order that is brought back from the trash may be put there again.
    let thin = || bare(Happened::Deleted, order(|order| order.thin = true));
    let back = || NewReport { identity: "back".to_owned(), ..report(Happened::Restored, 2, order(|_| {})) };
    let created = || report(Happened::Created, 0, order(|_| {}));
    let twice = vec![created(), thin(), back(), thin()];
    assert_eq!(publishes(twice), [Type::OrderUpdated, Type::OrderCancelled]);
}

#[test]
fn a_creation_that_arrives_after_a_change_is_published_and_overwrites_nothing() {
    for (content, created) in [(product(), Type::ProductCreated), (Content::Customer {}, Type::CustomerCreated)] {
        let late = || report(Happened::Created, 1, content.clone());
        let reports = vec![report(Happened::Updated, 5, content.clone()), late()];
        assert_eq!((last(reports.clone()).outcome, publishes(reports.clone())), (ReportOutcome::Stale, vec![created]));
        let again = NewReport { identity: "again".to_owned(), ..late() };
        assert_eq!(publishes([reports, vec![again]].concat()), []);
    }
}

#[test]
fn changes_of_stock_by_a_number_count_in_any_order_since_it_was_counted() {
    let counted = |seconds| report(Happened::Updated, seconds, stock("here", Some(10)));
    let counts = |reports: Vec<NewReport>| {
        let last = last(reports);
        (last.outcome, last.publishes)
    };
    let (does, does_not) =
        ((ReportOutcome::Current, vec![Type::InventoryUpdated]), (ReportOutcome::Stale, Vec::<Type>::new()));
    assert_eq!(counts(vec![counted(1), change(-9, 3), change(-1, 2)]), does);
    assert_eq!(counts(vec![change(-9, 3), change(-1, 2)]), does, "it was never counted");
    assert_eq!(counts(vec![counted(1), change(-9, 4), change(-1, 3), change(-1, 2)]), does);
    assert_eq!(counts(vec![counted(2), change(-9, 3), change(-1, 1)]), does_not);
    assert_eq!(counts(vec![change(-9, 1), counted(3), change(-1, 2)]), does_not);
    // Of a count, and of what was gone in between, an older one says nothing.
    assert_eq!(counts(vec![counted(1), change(-9, 3), counted(2)]), does_not);
    assert_eq!(counts(vec![report(Happened::Deleted, 3, stock("here", None)), change(-1, 2)]), does_not);
    assert_eq!(events(vec![counted(1), change(-9, 3), change(-1, 2), change(-1, 2)]).len(), 3, "a repetition");
}

#[test]
fn a_late_change_of_stock_that_may_be_a_forgotten_one_does_not_count_twice() {
    let all = |count: i64| (0..count).map(|seconds| change(-1, seconds)).collect::<Vec<_>>();
    let again = |count, seconds| [all(count), vec![change(-1, seconds)]].concat();
    assert_eq!(events(again(50, 0)).len(), 50, "it is remembered");
    assert_eq!(last(again(51, 0)).outcome, ReportOutcome::Stale);
    let other = NewReport { identity: "another".to_owned(), ..change(-1, 1) };
    assert_eq!(last([all(51), vec![other]].concat()).outcome, ReportOutcome::Current);
}
