//! When the catalogue of a store is read, and how far that has come.

use super::*;

#[test]
fn the_catalogue_is_read_part_by_part_once_a_store_is_connected() {
    let fills = || command(Step::Checked { checked: checked(), compares_from: None, fills: true });
    let (check, requested) =
        (StoreEvent::SubscriptionsChecked(checked()), StoreEvent::FillingRequested { due_at: noon() });
    given([watched()]).when(fills()).then_expect_events(vec![check.clone(), requested.clone()]);
    let mut history = vec![watched(), check, requested, started(Task::Fill, "a", noon())];
    let read = |next| StoreEvent::CatalogueRead(part(50, next, noon()));
    history.push(read(Some("abc")));
    let store = fold(history.clone());
    assert_eq!(store.filling().unwrap().cursor.as_deref(), Some("abc"));
    assert_eq!(store.due(noon()), Some((Task::Fill, CheckCause::Daily)), "it goes on at once");
    history.extend([started(Task::Fill, "a", noon()), read(None)]);
    let store = fold(history.clone());
    let filling = store.filling().unwrap();
    assert_eq!((filling.products, filling.collections, filling.done_at), (100, 2, Some(noon())));
    assert!(!filling.is_under_way && !store.is_being_filled(noon()));
    // On demand it begins from the beginning.
    let again = StoreEvent::FillingRequested { due_at: noon() + GRACE };
    given(history.clone())
        .when(command(Step::RequestFilling { now: noon() + GRACE }))
        .then_expect_events(vec![again.clone()]);
    history.push(again);
    let filling = fold(history.clone()).filling().unwrap().clone();
    assert_eq!((filling.products, filling.cursor, filling.fill_at), (0, None, Some(noon() + GRACE)));
    // It is being read.
    history.push(started(Task::Fill, "a", noon() + GRACE));
    given(history.clone()).when(command(Step::RequestFilling { now: noon() + GRACE })).then_expect_events(vec![]);
    // Where the store could not be called for a time, it goes on once it can.
    history.push(StoreEvent::CatalogueRead(part(50, Some("abc"), noon())));
    history.extend([StoreEvent::WatchPaused { integration_sequence: 4 }, StoreEvent::SubscriptionsChecked(checked())]);
    let filling = fold(history).filling().unwrap().clone();
    assert_eq!((filling.products, filling.cursor.as_deref(), filling.fill_at), (50, Some("abc"), Some(noon())));
}

#[test]
fn what_was_read_of_a_catalogue_counts_where_the_rest_cannot_be() {
    let mut history =
        vec![watched(), StoreEvent::FillingRequested { due_at: noon() }, started(Task::Fill, "a", noon())];
    history.push(StoreEvent::CatalogueRead(part(50, Some("abc"), noon())));
    for minutes in [1, 5, 30] {
        history.push(started(Task::Fill, "a", noon()));
        let fail = by_worker("a", Step::NotRead { reason: "timed out".to_owned(), now: noon(), retry_after: None });
        let failed = not_read(minutes);
        given(history.clone()).when(fail).then_expect_events(vec![failed.clone()]);
        history.push(failed);
    }
    let filling = fold(history).filling().unwrap().clone();
    assert_eq!((filling.cursor.as_deref(), filling.products, filling.failures), (Some("abc"), 50, 3));
}
