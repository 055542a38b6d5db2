//! What was done at a connected store, in a sentence.

use domain::store::{CatalogueRead, CheckCause, OrdersCompared, StoreEvent, SubscriptionsChecked, Task};

use super::{counted, moment};

pub(super) fn of_store(event: &StoreEvent) -> String {
    match event {
        StoreEvent::StoreWatched { .. } => "The store is watched from now on.".to_owned(),
        StoreEvent::CheckRequested { cause, due_at, .. } => {
            format!("What the store sends is to be checked at {} ({}).", moment(*due_at), why(*cause))
        }
        StoreEvent::WorkStarted { task: Task::Check, worker, .. } => {
            format!("Worker {worker} begins to check what the store sends.")
        }
        StoreEvent::WorkStarted { task: Task::Compare, worker, .. } => {
            format!("Worker {worker} begins to compare the store's orders with what it sent.")
        }
        StoreEvent::WorkStarted { task: Task::Fill, worker, .. } => {
            format!("Worker {worker} begins to read what the store sells.")
        }
        StoreEvent::FillingRequested { .. } => "What the store sells is to be read.".to_owned(),
        StoreEvent::CatalogueRead(read) => of_catalogue(read),
        StoreEvent::CatalogueNotRead { reason, retry_at } => {
            format!("What the store sells could not be read: {reason}. It is tried again at {}.", moment(*retry_at))
        }
        StoreEvent::HandedBack { .. } => {
            "It was not done, and is to be at once: what it was begun with has changed.".to_owned()
        }
        StoreEvent::WatchPaused { .. } => {
            "The store cannot be called, or is not to be: nothing is done there until that changes.".to_owned()
        }
        StoreEvent::ComparisonBegun { from } => {
            format!("Orders that the store changes from {} on are compared with what it sends.", moment(*from))
        }
        StoreEvent::ComparisonRequested { .. } => "The store's orders are to be compared at once.".to_owned(),
        StoreEvent::OrdersCompared(found) => of_comparison(found),
        StoreEvent::OrdersNotCompared { reason, retry_at } => format!(
            "The store's orders could not be compared with what it sent: {reason}. It is tried again at {}.",
            moment(*retry_at)
        ),
        StoreEvent::SubscriptionMade { topics, address, .. } => {
            format!("The store was asked to send webhooks of {} to {address}.", topics.join(", "))
        }
        StoreEvent::SubscriptionEnabled { topics, .. } => {
            format!("The store had stopped sending webhooks of {}: it goes on.", topics.join(", "))
        }
        StoreEvent::SubscriptionRemoved { topics, .. } => {
            format!("The store does not send webhooks of {} any more: they are not needed.", topics.join(", "))
        }
        StoreEvent::SubscriptionRefused { topics, reason } => {
            format!("The store does not send webhooks of {}: {reason}.", topics.join(", "))
        }
        StoreEvent::SubscriptionsChecked(checked) => of_check(checked),
        StoreEvent::SubscriptionsNotChecked { cause, reason, retry_at, .. } => format!(
            "What the store sends could not be checked ({}): {reason}. It is tried again at {}.",
            why(*cause),
            moment(*retry_at)
        ),
    }
}

fn of_check(checked: &SubscriptionsChecked) -> String {
    let SubscriptionsChecked { cause, present, missing, disabled, at: _, integration_sequence: _ } = checked;
    let mut found = vec![format!("{present} of the needed webhooks were there")];
    if !missing.is_empty() {
        found.push(format!("missing were those of {}", missing.join(", ")));
    }
    if !disabled.is_empty() {
        found.push(format!("stopped were those of {}", disabled.join(", ")));
    }
    format!("What the store sends was checked ({}): {}.", why(*cause), found.join("; "))
}

fn of_comparison(found: &OrdersCompared) -> String {
    let OrdersCompared { changed, received, fetched, unchanged, unreadable, awaited, .. } = found;
    let orders = |number: u32| counted(number.into(), "order");
    let mut said = vec![format!(
        "The store's orders were compared with what it sent: it changed {}, and {received} had come.",
        orders(*changed)
    )];
    match fetched {
        0 => {}
        fetched if found.polled => {
            let were = if *fetched == 1 { "was" } else { "were" };
            said.push(format!("{} {were} fetched, as the store is asked in place of webhooks.", orders(*fetched)));
        }
        1 => said.push("1 order was fetched because the store never sent it.".to_owned()),
        fetched => said.push(format!("{} were fetched because the store never sent them.", orders(*fetched))),
    }
    if *unchanged > 0 {
        said.push(format!("{} said nothing new.", orders(*unchanged)));
    }
    if !awaited.is_empty() {
        said.push(format!("{} may be on the way.", counted(awaited.len() as u64, "order")));
    }
    let unread = unreadable.iter();
    said.extend(unread.map(|order| format!("Order {} could not be read: {}.", order.order_id, order.reason)));
    said.join(" ")
}

fn of_catalogue(read: &CatalogueRead) -> String {
    let CatalogueRead { products, collections, news, next, .. } = read;
    let (products, collections) =
        (counted((*products).into(), "product"), counted((*collections).into(), "collection"));
    let rest = if next.is_some() { "There is more." } else { "That was all of it." };
    format!("{products} and {collections} were read at the store; {news} were new or had changed. {rest}")
}

fn why(cause: CheckCause) -> &'static str {
    match cause {
        CheckCause::Connected => "it was connected",
        CheckCause::Changed => "what is needed has changed",
        CheckCause::Activated => "it was switched on again",
        CheckCause::Daily => "as every day",
        CheckCause::Silent => "nothing came for longer than usual",
        CheckCause::Missed => "something had not been reported",
        CheckCause::Revoked => "it said that the app is gone",
        CheckCause::Requested => "somebody wanted to know",
    }
}
