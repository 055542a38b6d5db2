//! What the responses of BigCommerce's V2 API say of an order.

#[cfg(test)]
mod tests;

use domain::LineItem;
use serde::Deserialize;

use super::status;
use crate::attributes::Attributes;
use crate::order::is_emptied;
use crate::order_api::{OrderReference, check_order};
use crate::sale::{ReadOrder, Sale, given_back};
use crate::scalar::{Scalar, full_name};
use crate::shape::{List, Object, Shape};
use crate::username;
use crate::{Malformed, StoreOrder, body};

/// `GET /v2/orders/{id}`: everything but what was bought.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Order<'a> {
    id: Scalar<'a>,
    status_id: Scalar<'a>,
    status: Scalar<'a>,
    date_modified: Scalar<'a>,
    /// 0 for a guest.
    customer_id: Scalar<'a>,
    billing_address: Object<Billing<'a>>,
    customer_message: Scalar<'a>,
    /// In the currency that the customer pays in, as every amount. `currency_code` is what the storefront shows prices in, and
    /// the same but for a store that only converts for show (bigcommerce/docs, V2 orders).
    total_inc_tax: Scalar<'a>,
    refunded_amount: Scalar<'a>,
    default_currency_code: Scalar<'a>,
    currency_code: Scalar<'a>,
    /// Of the cart and of its checkout, which have one id.
    cart_id: Scalar<'a>,
    /// Archived, which is how a merchant deletes an order.
    is_deleted: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Billing<'a> {
    first_name: Scalar<'a>,
    last_name: Scalar<'a>,
    email: Scalar<'a>,
    /// What the merchant added to the form.
    form_fields: Shape<Attributes, Attributes>,
}

/// One of `GET /v2/orders/{id}/products`.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Product<'a> {
    order_id: Scalar<'a>,
    /// 0 for what is in no catalogue.
    product_id: Scalar<'a>,
    /// 0 for a product that has none.
    variant_id: Scalar<'a>,
    sku: Scalar<'a>,
    name: Scalar<'a>,
    quantity: Scalar<'a>,
    quantity_refunded: Scalar<'a>,
    /// Of one.
    price_inc_tax: Scalar<'a>,
    /// What the customer chose or wrote for it.
    product_options: Shape<Attributes, Attributes>,
}

/// The order of a response, if it is the one that was requested.
pub(super) fn head<'a>(response: &'a [u8], wanted: &OrderReference<'_>) -> Result<Order<'a>, Malformed> {
    let order = body::read::<Object<Order>>(body::text(response)?)?.object().ok_or(Malformed::NotAnObject)?;
    check_order(order.id.order_id("id")?.as_deref(), wanted, "id")?;
    Ok(order)
}

/// A page of an order's products. The API says that there is none with an empty body.
pub(super) fn products<'a>(response: &'a [u8], wanted: &OrderReference<'_>) -> Result<Vec<Product<'a>>, Malformed> {
    if response.is_empty() {
        return Ok(vec![]);
    }
    let Shape::List(page) = body::read::<List<Object<Product>>>(body::text(response)?)? else {
        return Err(Malformed::invalid("products", "must be a list"));
    };
    let products: Vec<Product> = page.bounded("products")?.into_iter().filter_map(Shape::object).collect();
    for product in &products {
        check_order(product.order_id.order_id("order_id")?.as_deref(), wanted, "order_id")?;
    }
    Ok(products)
}

impl Order<'_> {
    /// The order with what was bought.
    pub(super) fn with(self, wanted: &OrderReference<'_>, mut products: Vec<Product<'_>>) -> ReadOrder {
        let billing = self.billing_address.object().unwrap_or_default();
        let of_a_product =
            || products.iter_mut().find_map(|line| std::mem::take(&mut line.product_options).either()?.username());
        let username = billing.form_fields.either().and_then(Attributes::username).or_else(of_a_product);
        let currency = self.default_currency_code.currency().or_else(|| self.currency_code.currency());
        let prices = products.iter().map(|line| line.price_inc_tax.money(currency)).collect();
        let items: Vec<LineItem> = products.into_iter().map(LineItem::from).collect();
        let order_status = status::of(self.status_id, self.status);
        let is_archived = self.is_deleted.bool() == Some(true);
        let sale = Sale {
            session_id: None,
            checkout_id: self.cart_id.text(),
            total: self.total_inc_tax.money(currency),
            paid: order_status.as_deref().is_some_and(status::is_paid),
            cancelled: is_archived || order_status.as_deref().is_some_and(status::is_taken_back),
            refunded: order_status.as_deref().map(status::refunded).unwrap_or_default(),
            refunded_amount: given_back(self.refunded_amount.money(currency)),
            prices,
            version: None,
            deleted: false,
        };
        let order = StoreOrder {
            order_id: wanted.order_id.to_owned(),
            // BigCommerce shows the id.
            order_number: Some(wanted.order_id.to_owned()),
            changed_at: self.date_modified.moment(),
            cancelled: order_status.as_deref().is_some_and(status::is_cancelled) || is_archived || is_emptied(&items),
            order_status,
            username: username.or_else(|| username::in_note(&self.customer_message.written()?)),
            email: billing.email.text(),
            customer_name: full_name(billing.first_name, billing.last_name),
            customer_id: self.customer_id.id_or_zero(),
            items,
        };
        ReadOrder { order, sale }
    }
}

impl From<Product<'_>> for LineItem {
    fn from(product: Product<'_>) -> Self {
        let refunded = product.quantity_refunded.quantity().unwrap_or(0);
        Self {
            sku: product.sku.text(),
            product_id: product.product_id.id_or_zero(),
            variant_id: product.variant_id.id_or_zero(),
            title: product.name.text(),
            quantity: product.quantity.quantity().unwrap_or(1).saturating_sub(refunded),
        }
    }
}
