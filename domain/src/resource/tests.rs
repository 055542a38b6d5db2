//! The rules of a resource, as given, when, then.

mod fixtures;
mod late;
mod laws;
mod orders;
mod reading;
mod stored;
mod syncing;

use self::fixtures::*;
use super::*;
use crate::commerce::CommerceEventType as Type;

#[test]
fn a_product_that_is_first_known_by_an_update_was_there_before() {
    assert_eq!(publishes(vec![report(Happened::Updated, 0, product())]), [Type::ProductUpdated]);
    // The store sent both in the same second, in any order.
    let both = vec![report(Happened::Updated, 0, product()), report(Happened::Created, 0, product())];
    assert_eq!(publishes(both), [Type::ProductCreated]);
}

#[test]
fn collections_customers_and_checkouts_publish_what_there_is_a_word_for() {
    let collection = || Content::Collection(Collection::default());
    let customer = || Content::Customer {};
    let checkout = |completed| Content::Checkout(Checkout { completed, ..Checkout::default() });
    for (happened, content, types) in [
        (Happened::Created, collection(), vec![Type::CollectionUpdated]),
        (Happened::Deleted, collection(), vec![Type::CollectionDeleted]),
        (Happened::Created, customer(), vec![Type::CustomerCreated]),
        (Happened::Updated, customer(), vec![Type::CustomerUpdated]),
        (Happened::Deleted, customer(), vec![]),
        (Happened::Updated, checkout(false), vec![]),
        (Happened::Updated, checkout(true), vec![Type::CheckoutCompleted]),
        (Happened::Updated, stock("here", Some(3)), vec![Type::InventoryUpdated]),
    ] {
        assert_eq!(publishes(vec![report(happened, 0, content)]), types);
    }
    let twice = vec![report(Happened::Updated, 0, checkout(true)), report(Happened::Updated, 1, checkout(true))];
    assert_eq!(publishes(twice), []);
}
