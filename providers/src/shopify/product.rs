//! What a body of Shopify says of a product.

use std::collections::HashSet;

use domain::commerce::Currency;
use domain::resource::{Content, Happened, Product, Variant};
use serde::Deserialize;

use crate::scalar::Scalar;
use crate::shape::{List, Object};
use crate::{Malformed, body};

/// Variants that a product may have (shopify.dev, changelog of 2025-10-15). One that a body leaves out is not deleted.
pub(super) const MAX_VARIANTS: usize = 2_048;

/// Images that a product may have (help.shopify.com, "Product media").
pub(super) const MAX_IMAGES: usize = 250;

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    title: Scalar<'a>,
    vendor: Scalar<'a>,
    status: Scalar<'a>,
    /// Where it was read at the shop, and not sent.
    currency: Scalar<'a>,
    /// Where the product is sold online. Webhooks give its handle alone, which with the shop's own domain would be one.
    online_store_url: Scalar<'a>,
    images: List<Object<Image<'a>>, MAX_IMAGES>,
    variants: List<Object<BodyVariant<'a>>, MAX_VARIANTS>,
    /// All variants, those too that `variants` leaves out.
    variant_gids: List<Object<Gid<'a>>, MAX_VARIANTS>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Gid<'a> {
    /// `gid://shopify/ProductVariant/808950810`.
    admin_graphql_api_id: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Image<'a> {
    src: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct BodyVariant<'a> {
    id: Scalar<'a>,
    sku: Scalar<'a>,
    title: Scalar<'a>,
    price: Scalar<'a>,
    compare_at_price: Scalar<'a>,
    /// Null where stock is not counted.
    inventory_management: Scalar<'a>,
    inventory_quantity: Scalar<'a>,
    inventory_item_id: Scalar<'a>,
}

/// `currency` is the shop's: a product's prices are in it, and its body does not name it.
pub(super) fn content(json: &str, happened: Happened, currency: Option<Currency>) -> Result<Content, Malformed> {
    let body = body::read::<Object<Body>>(json)?.object().unwrap_or_default();
    let currency = body.currency.currency().or(currency);
    let variants: Vec<Variant> =
        body.variants.first().into_iter().filter_map(|variant| variant.object()?.read(currency)).collect();
    let described: HashSet<&str> = variants.iter().map(|variant| variant.variant_id.as_str()).collect();
    let all = body.variant_gids.first().into_iter().filter_map(|gid| gid.object()?.id());
    let left_out = all.filter(|id| !described.contains(id.as_str())).collect();
    let images = body.images.first().into_iter().filter_map(|image| image.object()?.src.address());
    Ok(Content::Product(Product {
        title: body.title.text(),
        vendor: body.vendor.text(),
        url: body.online_store_url.address(),
        status: body.status.text(),
        images: images.collect(),
        collections: vec![],
        variants,
        stock: None,
        uncounted: false,
        left_out,
        thin: happened == Happened::Deleted,
    }))
}

impl Gid<'_> {
    fn id(self) -> Option<String> {
        let gid = self.admin_graphql_api_id.text()?;
        let id = gid.strip_prefix("gid://shopify/ProductVariant/")?;
        (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
    }
}

impl BodyVariant<'_> {
    /// None of a variant without an id, by which nothing could be known of it.
    fn read(self, currency: Option<Currency>) -> Option<Variant> {
        let is_uncounted = self.inventory_management.is_present() && self.inventory_management.is_null();
        Some(Variant {
            variant_id: self.id.id_or_zero()?,
            sku: self.sku.text(),
            title: self.title.text(),
            price: self.price.money(currency),
            compare_at_price: self.compare_at_price.money(currency),
            stock: self.inventory_quantity.count().filter(|_| !is_uncounted),
            uncounted: is_uncounted,
            inventory_item_id: self.inventory_item_id.id_or_zero(),
        })
    }
}
