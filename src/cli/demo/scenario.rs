//! The orders of the demonstration: what each is about, and where it has to get.

use domain::ResolutionCode;
use domain::delivery::DeliveryStatus;
use domain::integration::Provider;

pub(super) struct Scenario {
    /// The number that people see.
    pub(super) order: &'static str,
    pub(super) provider: Provider,
    pub(super) title: &'static str,
    /// What the order has to reach, one after the other.
    pub(super) steps: &'static [Step],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) status: DeliveryStatus,
    pub(super) code: Option<ResolutionCode>,
}

const fn plain(status: DeliveryStatus) -> Step {
    Step { status, code: None }
}

const fn needs(code: ResolutionCode) -> Step {
    Step { status: DeliveryStatus::ActionRequired, code: Some(code) }
}

const fn waits(code: ResolutionCode) -> Step {
    Step { status: DeliveryStatus::RetryScheduled, code: Some(code) }
}

const COMPLETED: Step = plain(DeliveryStatus::Completed);
const FILTERED: Step =
    Step { status: DeliveryStatus::FailedPermanent, code: Some(ResolutionCode::OrderStatusFiltered) };

macro_rules! scenarios {
    ($($name:ident = $order:literal, $provider:ident, $title:literal, [$($step:expr),+];)+) => {
        $(pub(super) static $name: Scenario =
            Scenario { order: $order, provider: Provider::$provider, title: $title, steps: &[$($step),+] };)+
        /// As the table lists them.
        pub(super) static ALL: &[&Scenario] = &[$(&$name),+];
    };
}

scenarios! {
    FOLLOWS = "#1001", Shopify, "One preset, and a customer who follows back at once", [COMPLETED];
    SEVERAL = "#1002", Shopify, "Three products, one of them not mapped", [COMPLETED];
    REPEATED = "#1003", Shopify, "Reported as created, then as paid", [COMPLETED];
    REPEATED_AGAIN = "#1003 again", Shopify, "The second report delivers nothing twice",
        [Step { status: DeliveryStatus::Duplicate, code: Some(ResolutionCode::Duplicate) }];
    NO_USERNAME = "#1004", Shopify, "No username in the order", [needs(ResolutionCode::MissingUsername)];
    MISSPELT = "#1005", Shopify, "A misspelt username, then corrected and retried",
        [needs(ResolutionCode::InvalidUsername), COMPLETED];
    UNMAPPED = "#1006", Shopify, "A product without a mapping", [needs(ResolutionCode::NoItemMapping)];
    MAPPED_LATER = "2001", WooCommerce, "A product that is mapped while the order waits",
        [needs(ResolutionCode::NoItemMapping), COMPLETED];
    UNPAID = "2002", WooCommerce, "Pending: not a status that is delivered", [FILTERED];
    PAID_LATER = "2003", WooCommerce, "Pending at first, then completed", [FILTERED, COMPLETED];
    CANCELLED = "2004", WooCommerce, "Cancelled in the store before it was delivered",
        [needs(ResolutionCode::MissingUsername), plain(DeliveryStatus::Cancelled)];
    READ = "6001", BigCommerce, "The webhook only names the order: it is read at the store", [COMPLETED];
    READ_LATER = "SQ-7001", Square, "The store fails at first, and is read again", [waits(ResolutionCode::StoreUnavailable), COMPLETED];
    MISSED = "#1001 elsewhere", Shopify, "A connected shop never sends it: it is found by comparing", [COMPLETED];
    NEVER_FOLLOWS = "order-3001", Generic, "A customer who does not follow back", [waits(ResolutionCode::NdspWaiting)];
    HICCUP = "order-3002", Generic, "Cortex Cloud fails twice, then works",
        [waits(ResolutionCode::TemporaryFailure), COMPLETED];
    AT_WORK = "order-3003", Generic, "Watched while a worker holds it", [plain(DeliveryStatus::Running), COMPLETED];
    OLD_KEY = "order-3004", Generic, "Sent with an API key that was deactivated", [needs(ResolutionCode::InactiveApiKey)];
    NO_CREDITS = "order-4001", Generic, "An account with too few credits", [needs(ResolutionCode::CreditsExhausted)];
    PACED = "order-4002", Generic, "That account may begin one delivery a minute", [plain(DeliveryStatus::Queued)];
    NO_LOGIN = "order-5001", Generic, "An account that saves its Cortex login only now",
        [needs(ResolutionCode::MissingCredentials), COMPLETED];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn the_demonstration_reaches_every_status_and_many_codes() {
        let steps = || ALL.iter().flat_map(|scenario| scenario.steps);
        let statuses: BTreeSet<_> = steps().map(|step| step.status).collect();
        let codes: BTreeSet<_> = steps().filter_map(|step| step.code).collect();
        assert_eq!(statuses, DeliveryStatus::iter().collect());
        assert!(codes.len() >= 6, "{codes:?}");
        let orders: BTreeSet<_> = ALL.iter().map(|scenario| scenario.order).collect();
        assert_eq!(orders.len(), ALL.len());
    }
}
