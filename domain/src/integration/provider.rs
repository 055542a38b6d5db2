//! The store platforms: their names, and the few rules about them that decisions of the domain read.
//!
//! Whatever else is particular to a platform is in its file of the crate `providers`, which depends on this one. These rules
//! cannot be there: what is delivered by default is recorded with an integration's creation and compared with at every
//! webhook, and who chooses the signing secret decides whether a command is refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A kind of store. These names are the storage format: they are part of events and of webhook addresses.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Provider {
    Shopify,
    #[serde(rename = "woocommerce")]
    #[strum(serialize = "woocommerce")]
    WooCommerce,
    #[serde(rename = "bigcommerce")]
    #[strum(serialize = "bigcommerce")]
    BigCommerce,
    Square,
    Generic,
}

/// What the domain has to know of a platform.
struct Rules {
    name: &'static str,
    /// Sorted, as they are recorded with a creation.
    default_order_statuses: &'static [&'static str],
    /// A status that passes a filter which names the other one.
    passes_as: Option<(&'static str, &'static str)>,
    chooses_secret: bool,
    signs_address: bool,
}

/// Nothing is particular: every order is delivered, and the secret is made here.
const USUAL: Rules =
    Rules { name: "", default_order_statuses: &[], passes_as: None, chooses_secret: false, signs_address: false };

impl Provider {
    /// The name in addresses and in stored events.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The platform with this stored name.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// The name as people read it.
    pub fn name(self) -> &'static str {
        self.rules().name
    }

    /// The statuses of orders that an integration delivers where its merchant chose none: of paid orders, which is what a
    /// seller expects. Empty means every status.
    pub fn default_order_statuses(self) -> &'static [&'static str] {
        self.rules().default_order_statuses
    }

    /// Whether the platform signs with a secret of its own, and takes none from us.
    pub fn chooses_secret(self) -> bool {
        self.rules().chooses_secret
    }

    /// Whether the platform signs the address of a webhook together with its body.
    pub fn signs_address(self) -> bool {
        self.rules().signs_address
    }

    /// The status that a filter may name in place of this one.
    pub(super) fn passes_as(self, status: &str) -> Option<&'static str> {
        let (one, other) = self.rules().passes_as?;
        status.eq_ignore_ascii_case(one).then_some(other)
    }

    fn rules(self) -> Rules {
        match self {
            Self::Shopify => Rules {
                name: "Shopify",
                default_order_statuses: &["paid", "partially_refunded"],
                // What is left of an order of which a part was refunded is paid.
                passes_as: Some(("partially_refunded", "paid")),
                chooses_secret: true,
                ..USUAL
            },
            Self::WooCommerce => {
                Rules { name: "WooCommerce", default_order_statuses: &["completed", "processing"], ..USUAL }
            }
            Self::BigCommerce => Rules {
                name: "BigCommerce",
                // What was paid and what follows it; what is left of an order of which a part was refunded was paid too.
                default_order_statuses: &[
                    "awaiting_fulfillment",
                    "awaiting_pickup",
                    "awaiting_shipment",
                    "completed",
                    "partially_refunded",
                    "partially_shipped",
                    "shipped",
                ],
                chooses_secret: true,
                ..USUAL
            },
            Self::Square => Rules {
                name: "Square",
                default_order_statuses: &["completed", "paid"],
                chooses_secret: true,
                signs_address: true,
                ..USUAL
            },
            Self::Generic => Rules { name: "generic", ..USUAL },
        }
    }
}
