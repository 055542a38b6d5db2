//! What each type of event says: a line for each, which ties the type to its payload.

pub mod checkout;
pub mod collection;
pub mod customer;
pub mod delivery;
pub mod endpoint;
pub mod enrichment;
pub(crate) mod example;
pub mod faq;
pub mod inventory;
pub mod order;
pub mod product;

use domain::commerce::CommerceEventType;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::check::{self, Invalid};
use crate::event::Envelope;

/// What the payload of an event is.
trait Data: Serialize + DeserializeOwned + JsonSchema {
    /// The id of what the event is about, where there is one.
    fn object_id(&self) -> Option<String>;

    /// What an event of this type says, for example.
    fn sample(of: CommerceEventType) -> Self;
}

/// Makes [`Payload`] of a line for each type. A type without one does not compile.
macro_rules! payloads {
    ($($event_type:ident: $data:ty),+ $(,)?) => {
        /// What an event says, with its type.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Payload {
            $($event_type($data)),+
        }

        impl Payload {
            pub fn event_type(&self) -> CommerceEventType {
                match self {
                    $(Self::$event_type(_) => CommerceEventType::$event_type),+
                }
            }

            /// Reads the JSON of a payload, as it was recorded or as a program of the account publishes it.
            pub fn parse(of: CommerceEventType, data: &str) -> Result<Self, Invalid> {
                match of {
                    $(CommerceEventType::$event_type => check::parse(data).map(Self::$event_type)),+
                }
            }

            /// Reads the JSON of a payload as a subscriber gets it, which is as long as the store's own report.
            pub(crate) fn read(of: CommerceEventType, data: &str) -> Result<Self, Invalid> {
                match of {
                    $(CommerceEventType::$event_type => check::read("data", data).map(Self::$event_type)),+
                }
            }

            /// What an event of this type says, for example.
            pub fn sample(of: CommerceEventType) -> Self {
                match of {
                    $(CommerceEventType::$event_type => Self::$event_type(Data::sample(of))),+
                }
            }

            /// The id of what the event is about, where there is one.
            pub fn object_id(&self) -> Option<String> {
                match self {
                    $(Self::$event_type(data) => data.object_id()),+
                }
            }

            /// The schema of an event of this type, as a subscriber gets it.
            pub(crate) fn envelope_schema(of: CommerceEventType, generator: SchemaGenerator) -> Schema {
                match of {
                    $(CommerceEventType::$event_type => generator.into_root_schema_for::<Envelope<$data>>()),+
                }
            }
        }

        impl Serialize for Payload {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$event_type(data) => data.serialize(serializer)),+
                }
            }
        }
    };
}

payloads! {
    OrderCreated: order::Order,
    OrderUpdated: order::OrderUpdate,
    OrderPaid: order::Order,
    OrderCancelled: order::Order,
    OrderRefunded: order::Order,
    ProductCreated: product::Product,
    ProductUpdated: product::Product,
    ProductDeleted: product::DeletedProduct,
    CollectionUpdated: collection::Collection,
    CollectionDeleted: collection::Collection,
    InventoryUpdated: inventory::StockLevel,
    InventoryOutOfStock: inventory::OutOfStock,
    CustomerCreated: customer::Customer,
    CustomerUpdated: customer::Customer,
    CheckoutCompleted: checkout::Checkout,
    DeliveryCompleted: delivery::Delivery,
    DeliveryActionRequired: delivery::Delivery,
    DeliveryFailed: delivery::Delivery,
    EndpointDegraded: endpoint::DegradedEndpoint,
    ProductSynced: product::SyncedProduct,
    ProductEnriched: enrichment::EnrichedProduct,
    ProductManuallyEdited: enrichment::EditedProduct,
    ProductRolledBack: enrichment::RolledBackProduct,
    FaqSubmitted: faq::SubmittedFaq,
    FaqApproved: faq::ReviewedFaq,
    FaqRejected: faq::ReviewedFaq,
    EnrichmentBulkCompleted: enrichment::BulkEnrichment,
}
