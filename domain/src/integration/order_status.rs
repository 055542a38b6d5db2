//! Orders of which statuses an integration delivers: the merchant's choice, the default of each store, and what is never
//! delivered.
//!
//! What is delivered by default is recorded with the creation: a later default changes no integration that exists.

use super::{IntegrationRefusal, Link, MAX_ORDER_STATUSES, Provider};

/// Says that orders of every status are delivered, in place of a list of statuses.
pub const ANY_ORDER_STATUS: &str = "any";
/// No store has a longer status, in bytes.
const MAX_STATUS_BYTES: usize = 100;

/// Statuses of an order that was not bought yet or not paid: never delivered, whatever the filter.
///
/// Drafts and `failed` are `WooCommerce`'s, `voided` and `expired` Shopify's; in an order of any other store the words mean
/// the same. Cancelled, refunded and deleted orders are another matter: they cancel what was accepted.
const NEVER_DELIVERED: [&str; 6] = ["auto-draft", "checkout-draft", "draft", "expired", "failed", "voided"];

/// The statuses that an integration delivers where its merchant chose none, as they are recorded with the creation.
pub(super) fn default_of(provider: Provider) -> Vec<String> {
    provider.default_order_statuses().iter().map(|status| (*status).to_owned()).collect()
}

/// The statuses as they are recorded: trimmed, in lower case, sorted, each once; none for [`ANY_ORDER_STATUS`].
pub(super) fn valid(statuses: Vec<String>) -> Result<Vec<String>, IntegrationRefusal> {
    let mut statuses: Vec<String> = statuses.iter().map(|status| status.trim().to_lowercase()).collect();
    statuses.sort();
    statuses.dedup();
    let valid = |status: &String| !status.is_empty() && status.len() <= MAX_STATUS_BYTES;
    if statuses.len() > MAX_ORDER_STATUSES || !statuses.iter().all(valid) {
        return Err(IntegrationRefusal::InvalidOrderStatuses);
    }
    if let Some(never) = statuses.iter().find(|status| is_never_delivered(status)) {
        return Err(IntegrationRefusal::NeverDelivered { status: never.clone() });
    }
    if statuses.iter().any(|status| status == ANY_ORDER_STATUS) {
        statuses.clear();
    }
    Ok(statuses)
}

/// Whether an order of this status is not delivered, whatever its merchant chose or asks for.
pub(crate) fn is_never_delivered(status: &str) -> bool {
    NEVER_DELIVERED.iter().any(|never| never.eq_ignore_ascii_case(status.trim()))
}

impl Link {
    /// Whether an order with this status is delivered.
    ///
    /// An order that names no status is not, where the merchant chose which statuses are. The default lets it pass: it keeps
    /// out what is not paid yet, and the smallest order of the webhooks document says nothing of the kind.
    pub fn delivers(&self, order_status: Option<&str>) -> bool {
        match order_status.map(str::trim) {
            Some(status) => !is_never_delivered(status) && (self.order_statuses.is_empty() || self.wants(status)),
            None => self.order_statuses.is_empty() || self.order_statuses == default_of(self.provider),
        }
    }

    fn wants(&self, status: &str) -> bool {
        let names = |wanted: &str| self.order_statuses.iter().any(|named| named.eq_ignore_ascii_case(wanted));
        names(status) || self.provider.passes_as(status).is_some_and(names)
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate as _;
    use uuid::Uuid;

    use super::*;
    use crate::AccountId;
    use crate::integration::{CreateIntegration, Integration, IntegrationCommand, IntegrationEvent, Purpose};

    fn created(
        provider: Provider,
        order_statuses: Option<&[&str]>,
    ) -> Result<Vec<IntegrationEvent>, IntegrationRefusal> {
        let order_statuses =
            order_statuses.map(|statuses| statuses.iter().map(|status| (*status).to_owned()).collect());
        Integration::default().decide(IntegrationCommand::Create(CreateIntegration {
            account_id: AccountId(Uuid::nil()),
            provider,
            purpose: Purpose::Delivers,
            name: "My shop".to_owned(),
            signing_secret: Some("whsec_first_secret".into()),
            notification_url: "https://cloud.example".to_owned(),
            order_statuses,
        }))
    }

    fn recorded(provider: Provider, order_statuses: Option<&[&str]>) -> Vec<String> {
        let event = created(provider, order_statuses).unwrap().remove(0);
        let IntegrationEvent::IntegrationCreated(created) = event else {
            panic!("expected its creation, found {event:?}")
        };
        created.order_statuses
    }

    fn delivers(provider: Provider, order_statuses: Option<&[&str]>, status: Option<&str>) -> bool {
        let mut integration = Integration::default();
        for event in created(provider, order_statuses).unwrap() {
            integration.apply(event);
        }
        integration.link().unwrap().delivers(status)
    }

    #[test]
    fn what_is_delivered_by_default_is_recorded_with_the_creation() {
        assert_eq!(recorded(Provider::Shopify, None), ["paid", "partially_refunded"]);
        assert_eq!(recorded(Provider::WooCommerce, None), ["completed", "processing"]);
        assert!(recorded(Provider::Generic, None).is_empty());
        for every in [&[][..], &["any"], &[" ANY ", "paid"]] {
            assert!(recorded(Provider::Shopify, Some(every)).is_empty(), "{every:?}");
        }
        assert_eq!(recorded(Provider::Shopify, Some(&["Paid", " paid", "authorized"])), ["authorized", "paid"]);
    }

    #[test]
    fn by_default_what_is_paid_is_delivered() {
        for (provider, status, is_delivered) in [
            (Provider::Shopify, "paid", true),
            (Provider::Shopify, "Partially_Refunded", true),
            (Provider::Shopify, "pending", false),
            (Provider::Shopify, "authorized", false),
            (Provider::Shopify, "partially_paid", false),
            (Provider::WooCommerce, " processing ", true),
            (Provider::WooCommerce, "completed", true),
            (Provider::WooCommerce, "pending", false),
            (Provider::WooCommerce, "on-hold", false),
            (Provider::WooCommerce, "wc-preorder", false),
            (Provider::Generic, "whatever", true),
        ] {
            assert_eq!(delivers(provider, None, Some(status)), is_delivered, "{provider:?} {status}");
        }
    }

    #[test]
    fn drafts_and_what_was_not_paid_are_never_delivered_and_no_filter_may_name_them() {
        for (provider, status) in [
            (Provider::WooCommerce, "auto-draft"),
            (Provider::WooCommerce, "checkout-draft"),
            (Provider::WooCommerce, "Draft"),
            (Provider::WooCommerce, "failed"),
            (Provider::Shopify, "voided"),
            (Provider::Shopify, " EXPIRED"),
            (Provider::Generic, "failed"),
        ] {
            for filter in [None, Some(&["any"][..])] {
                assert!(!delivers(provider, filter, Some(status)), "{provider:?} {status}");
            }
            let never = IntegrationRefusal::NeverDelivered { status: status.trim().to_lowercase() };
            assert_eq!(created(provider, Some(&["paid", status])), Err(never));
        }
        for (provider, status) in [(Provider::Shopify, "authorized"), (Provider::WooCommerce, "on-hold")] {
            assert!(
                delivers(provider, Some(&["any"]), Some(status)) && delivers(provider, Some(&[status]), Some(status))
            );
        }
    }

    #[test]
    fn an_order_that_names_no_status_passes_the_default_and_no_filter_that_was_chosen() {
        for provider in [Provider::Shopify, Provider::WooCommerce, Provider::Generic] {
            assert!(delivers(provider, None, None) && delivers(provider, Some(&["any"]), None), "{provider:?}");
            assert!(!delivers(provider, Some(&["completed"]), None), "{provider:?}");
        }
    }

    #[test]
    fn of_a_paid_order_what_is_left_after_a_refund_is_paid() {
        assert!(delivers(Provider::Shopify, Some(&["paid"]), Some("partially_refunded")));
        assert!(!delivers(Provider::Shopify, Some(&["authorized"]), Some("partially_refunded")));
        assert!(!delivers(Provider::Generic, Some(&["paid"]), Some("partially_refunded")));
    }
}
