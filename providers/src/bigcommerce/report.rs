//! What a webhook of BigCommerce says of the store's resources: which one changed, and of stock how much there is. The scope is
//! signed with the body; a header says nothing.

#[cfg(test)]
mod tests;

use domain::commerce::Currency;
use domain::resource::{Checkout, Collection, Content, Happened, Product, Stock};
use serde::Deserialize;

use super::product::BodyProduct;
use super::webhook::{self, Body};
use crate::report::stock_id;
use crate::scalar::Scalar;
use crate::shape::Object;
use crate::{Malformed, StoreReport, body};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Data<'a> {
    id: Scalar<'a>,
    /// Of a cart that became an order.
    #[serde(rename = "orderId")]
    order_id: Scalar<'a>,
    inventory: Object<Inventory<'a>>,
    /// Where it was read at the store, and not sent.
    product: Object<BodyProduct<'a>>,
    category: Object<Category<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Category<'a> {
    name: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Inventory<'a> {
    product_id: Scalar<'a>,
    /// Of a variant alone.
    variant_id: Scalar<'a>,
    method: Scalar<'a>,
    value: Scalar<'a>,
}

pub(super) fn reports(json: &str, currency: Option<Currency>) -> Result<Vec<StoreReport>, Malformed> {
    webhook::read(json)?.reports_or(Happened::Updated, || of_thing(json, currency))
}

fn of_thing(json: &str, currency: Option<Currency>) -> Result<Option<StoreReport>, Malformed> {
    let Some(body) = body::read::<Object<Body<Data>>>(json)?.object() else { return Ok(None) };
    let (scope, changed_at) = (body.scope(), body.created_at.unix_seconds());
    let Some(mut data) = body.data.object() else { return Ok(None) };
    let read = std::mem::take(&mut data.product).object().map(|product| Content::Product(product.read(currency)));
    let title = std::mem::take(&mut data.category).object().and_then(|category| category.name.text());
    let (id, content, happened) = match scope.as_str() {
        "store/product/created" => (data.id()?, product(), Happened::Created),
        "store/product/updated" => (data.id()?, read.unwrap_or_else(product), Happened::Updated),
        "store/product/deleted" => (data.id()?, product(), Happened::Deleted),
        "store/category/created" => (data.id()?, category(), Happened::Created),
        "store/category/updated" => (data.id()?, Content::Collection(Collection { title }), Happened::Updated),
        "store/category/deleted" => (data.id()?, category(), Happened::Deleted),
        "store/customer/created" => (data.id()?, Content::Customer {}, Happened::Created),
        "store/customer/updated" => (data.id()?, Content::Customer {}, Happened::Updated),
        "store/customer/deleted" => (data.id()?, Content::Customer {}, Happened::Deleted),
        "store/cart/converted" => (data.id()?, data.checkout(), Happened::Updated),
        "store/product/inventory/updated" | "store/sku/inventory/updated" => {
            let Some((id, stock)) = data.inventory.object().and_then(Inventory::stock) else { return Ok(None) };
            (id, Content::Stock(stock), Happened::Updated)
        }
        // Of parts of these, such as a customer's address, and of what there is no word for.
        _ => return Ok(None),
    };
    Ok(Some(StoreReport { changed_at, ..StoreReport::new(id, happened, content) }))
}

fn product() -> Content {
    Content::Product(Product { thin: true, ..Product::default() })
}

fn category() -> Content {
    Content::Collection(Collection::default())
}

impl Data<'_> {
    fn id(&self) -> Result<String, Malformed> {
        self.id.order_id("data.id")?.ok_or_else(|| self.id.no_text("data.id"))
    }

    fn checkout(&self) -> Content {
        Content::Checkout(Checkout { completed: true, order_id: self.order_id.id_or_zero(), ..Checkout::default() })
    }
}

impl Inventory<'_> {
    /// The stock of a product, or of one of its variants, in all locations: how much there is, or by how much it changed.
    fn stock(self) -> Option<(String, Stock)> {
        let (product_id, variant_id) = (self.product_id.id_or_zero()?, self.variant_id.id_or_zero());
        // Products and variants are counted apart: one may have the number of the other.
        let item = variant_id.as_ref().map_or_else(|| product_id.clone(), |variant| format!("{product_id}/{variant}"));
        let is_absolute = self.method.written().is_some_and(|method| method.eq_ignore_ascii_case("absolute"));
        let count = self.value.count();
        let stock = Stock {
            available: count.filter(|_| is_absolute),
            adjusted_by: count.filter(|_| !is_absolute),
            product_id: Some(product_id),
            variant_id,
            ..Stock::default()
        };
        Some((stock_id(&item, None), stock))
    }
}
