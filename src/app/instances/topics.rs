//! What a store is asked to report for an instance, in the words of its platform, and what is sent of that.

use std::collections::BTreeSet;

use domain::commerce::CommerceEventType as Type;
use domain::integration::Purpose;
use providers::StoreApi;

use super::PROVIDER;
use crate::app::error::Refused;
use crate::ports::stores::api_of;

/// Topics that are asked for in any case, and nothing is sent of.
const OWN: &str = "app/uninstalled";
/// Longest list that is read, in bytes.
const MAX_BYTES: usize = 5_000;

/// A list with commas between, and spaces where there may be some.
pub(super) fn parse(list: &str) -> Result<Vec<String>, Refused> {
    let supported = supported();
    let mut topics = BTreeSet::new();
    if list.len() > MAX_BYTES {
        return Err(Refused::new("INVALID_TOPICS", "the list of topics is too long", Some("topics")));
    }
    for topic in list.split(',').map(str::trim).filter(|topic| !topic.is_empty()) {
        if !supported.contains(&topic) {
            let message = format!(
                "shopify.webhook.topics names {topic:.100}, of which nothing can be sent: there are {}",
                supported.join(", ")
            );
            return Err(Refused::new("INVALID_TOPICS", message, Some("topics")));
        }
        topics.insert(topic.to_owned());
    }
    Ok(topics.into_iter().collect())
}

fn supported() -> Vec<&'static str> {
    let webhooks = api_of(PROVIDER).and_then(StoreApi::subscriptions);
    let all = webhooks.map(|webhooks| webhooks.topics(Purpose::Publishes)).unwrap_or_default();
    all.into_iter().filter(|topic| *topic != OWN).collect()
}

/// The types of commerce events that are sent of these topics, each once.
pub(super) fn types(topics: &[String]) -> Vec<Type> {
    let mut types: Vec<Type> = topics.iter().flat_map(|topic| types_of(topic)).copied().collect();
    types.sort_unstable_by_key(|of| of.as_str());
    types.dedup();
    types
}

/// Their names.
pub(super) fn event_types(topics: &[String]) -> Vec<String> {
    types(topics).into_iter().map(|of| of.as_str().to_owned()).collect()
}

/// An order is created by whichever of its webhooks comes first.
fn types_of(topic: &str) -> &'static [Type] {
    match topic {
        "checkouts/update" => &[Type::CheckoutCompleted],
        "collections/create" | "collections/update" => &[Type::CollectionUpdated],
        "collections/delete" => &[Type::CollectionDeleted],
        "customers/create" => &[Type::CustomerCreated],
        "customers/update" => &[Type::CustomerUpdated],
        "inventory_levels/connect" | "inventory_levels/disconnect" | "inventory_levels/update" => {
            &[Type::InventoryUpdated]
        }
        "orders/cancelled" | "orders/delete" => &[Type::OrderCancelled],
        "orders/create" => &[Type::OrderCreated],
        "orders/paid" => &[Type::OrderPaid],
        "orders/updated" => &[Type::OrderCreated, Type::OrderUpdated],
        "products/create" => &[Type::ProductCreated],
        "products/delete" => &[Type::ProductDeleted],
        "products/update" => &[Type::ProductUpdated],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_as_the_document_writes_them() {
        let read = parse("orders/create, orders/updated, customers/create,").unwrap();
        assert_eq!(read, ["customers/create", "orders/create", "orders/updated"]);
        assert_eq!(event_types(&read), ["customer.created", "order.created", "order.updated"]);
        assert_eq!(parse(" , ").unwrap(), Vec::<String>::new());
        for wrong in ["orders/create orders/paid", "carts/create", "app/uninstalled", &"orders/create,".repeat(500)] {
            assert_eq!(parse(wrong).unwrap_err().code, "INVALID_TOPICS", "{wrong:.40}");
        }
    }

    #[test]
    fn something_is_sent_of_every_topic() {
        for topic in supported() {
            assert!(!types_of(topic).is_empty(), "{topic}");
        }
    }
}
