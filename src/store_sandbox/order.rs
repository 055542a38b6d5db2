//! Orders: how one is placed, and what may happen to it afterwards.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ControlError;
use super::platform::Platform;

const MAX_LINES: usize = 1_000;
const MAX_QUANTITY: u32 = 1_000_000;
pub(super) const MAX_TEXT_BYTES: usize = 1_000;

/// An order as a test or a person wants it placed. What is left out is made up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewOrder {
    /// A number at BigCommerce. The next free one where none is given.
    pub id: Option<String>,
    /// The customer's name at Cortex Cloud.
    pub username: Option<String>,
    pub username_in: UsernameIn,
    pub email: String,
    pub customer_name: String,
    /// What the customer wrote to the store.
    pub note: Option<String>,
    pub lines: Vec<NewLine>,
    /// In the platform's own word. That of an order that was paid and is to be handed over, where none is given.
    pub status: Option<String>,
    /// A Square order is open before it is paid too.
    pub unpaid: bool,
}

/// Where the customer typed the username.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsernameIn {
    /// BigCommerce: a field of the billing form. Square: the order's metadata.
    #[default]
    Order,
    /// BigCommerce: an option of each product. Square: the note of each line item.
    Lines,
    /// In the words of a message to the store. BigCommerce: `customer_message`. Square: the shipping note.
    Message,
    /// In the words of the store's own notes, which only BigCommerce has.
    StaffNotes,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewLine {
    /// Square keeps it in its catalog and not in orders.
    #[serde(default)]
    pub sku: Option<String>,
    pub title: String,
    /// The name of the variant.
    #[serde(default)]
    pub variation: Option<String>,
    /// A number at BigCommerce. No part of a Square order, which names variations only.
    #[serde(default)]
    pub product_id: Option<String>,
    /// A number at BigCommerce; Square's `catalog_object_id`.
    #[serde(default)]
    pub variant_id: Option<String>,
    #[serde(default = "one")]
    pub quantity: u32,
}

fn one() -> u32 {
    1
}

/// An order in a store.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) id: String,
    /// What people call it: few platforms count orders as they name them.
    pub(super) number: String,
    pub(super) placed: NewOrder,
    /// So many of each line.
    pub(super) refunded: Vec<u32>,
    /// It sells nothing, and takes back what another one sold.
    pub(super) takes_back: Option<Return>,
    pub(super) status: &'static str,
    pub(super) is_paid: bool,
    pub(super) is_archived: bool,
    pub(super) cancelled_at: Option<DateTime<Utc>>,
    /// How often it was changed, its placing included.
    pub(super) version: u64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// So many of a line of another order.
#[derive(Clone)]
pub(super) struct Return {
    pub(super) order: String,
    pub(super) line: usize,
    pub(super) quantity: u32,
}

/// What the store then reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Created,
    Updated,
    Paid,
    Cancelled,
    StatusUpdated { from: &'static str },
    Refunded,
    Archived,
}

impl NewOrder {
    /// An order of one of these, by a customer with this username.
    pub fn of(username: &str, line: NewLine) -> Self {
        Self {
            username: Some(username.to_owned()),
            email: "max@example.com".to_owned(),
            customer_name: "Max Musician".to_owned(),
            lines: vec![line],
            ..Self::default()
        }
    }

    pub(super) fn placed(self, (id, number): (String, String), status: &'static str, now: DateTime<Utc>) -> Order {
        Order {
            id,
            number,
            refunded: vec![0; self.lines.len()],
            takes_back: None,
            status,
            is_paid: !self.unpaid,
            is_archived: false,
            cancelled_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
            placed: self,
        }
    }

    /// The status that it gets at this platform, if the platform could have such an order.
    pub(super) fn check(&self, platform: Platform) -> Result<&'static str, ControlError> {
        if self.lines.len() > MAX_LINES {
            return Err(ControlError::OutOfBounds("an order has at most 1000 lines"));
        }
        let of_order = [Some(&self.email), Some(&self.customer_name), self.note.as_ref(), self.username.as_ref()];
        let of_lines = self.lines.iter().flat_map(NewLine::texts);
        if of_order.into_iter().chain(of_lines).flatten().any(|text| text.len() > MAX_TEXT_BYTES) {
            return Err(ControlError::OutOfBounds("a text has at most 1000 bytes"));
        }
        if self.lines.iter().any(|line| !(1..=MAX_QUANTITY).contains(&line.quantity)) {
            return Err(ControlError::OutOfBounds("a quantity is 1 to 1000000"));
        }
        match platform {
            Platform::BigCommerce | Platform::Shopify | Platform::WooCommerce => {
                let mut ids = self.lines.iter().flat_map(|line| [&line.product_id, &line.variant_id]).flatten();
                let is_number = |id: &String| match platform {
                    Platform::BigCommerce => id.parse::<u32>().is_ok(),
                    Platform::Shopify | Platform::Square | Platform::WooCommerce => id.parse::<u64>().is_ok(),
                };
                if !ids.all(is_number) {
                    return Err(ControlError::OutOfBounds("ids of products and variants are numbers at this platform"));
                }
            }
            Platform::Square if self.username_in == UsernameIn::StaffNotes => {
                return Err(ControlError::OutOfBounds("a Square order has no staff notes"));
            }
            Platform::Square => {}
        }
        let first = platform.unpaid().filter(|_| self.unpaid).unwrap_or(platform.first_status());
        self.status.as_deref().map_or(Ok(first), |status| known_status(platform, status))
    }
}

impl NewLine {
    /// One of what this SKU names.
    pub fn of_sku(sku: &str, title: &str) -> Self {
        Self { sku: Some(sku.to_owned()), ..Self::titled(title) }
    }

    /// One of what has this title and nothing else.
    pub fn titled(title: &str) -> Self {
        Self { sku: None, title: title.to_owned(), variation: None, product_id: None, variant_id: None, quantity: 1 }
    }

    fn texts(&self) -> [Option<&String>; 5] {
        let Self { sku, title, variation, product_id, variant_id, quantity: _ } = self;
        [sku.as_ref(), Some(title), variation.as_ref(), product_id.as_ref(), variant_id.as_ref()]
    }
}

impl Order {
    pub(super) fn set_status(&mut self, platform: Platform, status: &str) -> Result<Happened, ControlError> {
        let from = self.status;
        self.status = known_status(platform, status)?;
        Ok(Happened::StatusUpdated { from })
    }

    pub(super) fn set_username(&mut self, username: Option<&str>) -> Result<Happened, ControlError> {
        if username.is_some_and(|username| username.len() > MAX_TEXT_BYTES) {
            return Err(ControlError::OutOfBounds("a text has at most 1000 bytes"));
        }
        self.placed.username = username.map(str::to_owned);
        Ok(Happened::Updated)
    }

    /// `line` counts from 0. BigCommerce gives the order another status then, and Square none.
    pub(super) fn refund(&mut self, platform: Platform, line: usize, quantity: u32) -> Result<Happened, ControlError> {
        self.check_left(line, quantity)?;
        self.refunded[line] += quantity;
        match platform {
            Platform::BigCommerce if self.units_refunded() == self.units() => self.status = "Refunded",
            Platform::BigCommerce => self.status = "Partially Refunded",
            Platform::Shopify | Platform::WooCommerce if self.units_refunded() == self.units() => {
                self.status = "refunded";
            }
            Platform::Shopify => self.status = "partially_refunded",
            // Of a part of the order it changes none there.
            Platform::WooCommerce | Platform::Square => {}
        }
        Ok(Happened::Refunded)
    }

    /// Whether so many of a line are not refunded yet.
    pub(super) fn check_left(&self, line: usize, quantity: u32) -> Result<(), ControlError> {
        let bought = self.placed.lines.get(line).ok_or(ControlError::Unknown("line"))?.quantity;
        if !(1..=bought - self.refunded[line]).contains(&quantity) {
            return Err(ControlError::OutOfBounds("what is refunded is 1 to what is left of the line"));
        }
        Ok(())
    }

    pub(super) fn pay(&mut self, platform: Platform) -> Happened {
        self.is_paid = true;
        match platform {
            Platform::Shopify => self.status = "paid",
            Platform::WooCommerce => self.status = "processing",
            Platform::BigCommerce | Platform::Square => {}
        }
        Happened::Paid
    }

    /// Shopify keeps whether it is cancelled beside its status; the others have a status for it.
    pub(super) fn cancel(&mut self, platform: Platform, now: DateTime<Utc>) -> Result<Happened, ControlError> {
        self.cancelled_at = Some(now);
        match platform {
            Platform::Shopify => Ok(Happened::Cancelled),
            Platform::BigCommerce => self.set_status(platform, "Cancelled"),
            Platform::Square => self.set_status(platform, "CANCELED"),
            Platform::WooCommerce => self.set_status(platform, "cancelled"),
        }
    }

    pub(super) fn archive(&mut self, platform: Platform) -> Result<Happened, ControlError> {
        match platform {
            // What Shopify calls deleting an order, and WooCommerce the bin.
            Platform::BigCommerce | Platform::Shopify | Platform::WooCommerce => self.is_archived = true,
            Platform::Square => {
                return Err(ControlError::OutOfBounds("Square deletes and archives no order: cancel it"));
            }
        }
        Ok(Happened::Archived)
    }

    pub(super) fn units(&self) -> u32 {
        self.placed.lines.iter().map(|line| line.quantity).sum()
    }

    pub(super) fn units_refunded(&self) -> u32 {
        self.refunded.iter().sum()
    }

    /// What the customer wrote, and the username in it where it is written there.
    pub(super) fn message(&self) -> Option<String> {
        let username = self.username_in(UsernameIn::Message).map(in_words);
        let parts: Vec<String> = self.placed.note.iter().cloned().chain(username).collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }

    pub(super) fn username_in(&self, field: UsernameIn) -> Option<&str> {
        self.placed.username.as_deref().filter(|_| self.placed.username_in == field)
    }
}

/// A username as customers write it into a note.
pub(super) fn in_words(username: &str) -> String {
    format!("NDSP username: {username}")
}

fn known_status(platform: Platform, status: &str) -> Result<&'static str, ControlError> {
    platform.status(status).ok_or(ControlError::OutOfBounds("the platform gives no order this status"))
}
