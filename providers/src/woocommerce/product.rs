//! What a body of WooCommerce says of a product.
//!
//! A variation comes under the topics of products, as a product with a parent. It is published as a product of its own, whose
//! one variant it is: WooCommerce deletes and changes it by its own id, and what a subscriber needs of it, its price and its
//! stock, is in no other webhook. The product that it belongs to names its variations by their ids alone.

use domain::commerce::Currency;
use domain::resource::{Content, Product, Variant};
use html_escape::decode_html_entities;
use serde::Deserialize;

use crate::scalar::{Scalar, kept};
use crate::shape::{List, Object, Shape};
use crate::{Malformed, body};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    id: Scalar<'a>,
    name: Scalar<'a>,
    permalink: Scalar<'a>,
    status: Scalar<'a>,
    sku: Scalar<'a>,
    price: Scalar<'a>,
    regular_price: Scalar<'a>,
    on_sale: Scalar<'a>,
    /// `true`, `false`, or `"parent"` of a variation whose stock is counted with its product's.
    manage_stock: Scalar<'a>,
    stock_quantity: Scalar<'a>,
    categories: List<Object<Category<'a>>>,
    images: List<Object<Image<'a>>>,
    /// Ids, of a product that has variations.
    variations: List<Scalar<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Category<'a> {
    id: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Image<'a> {
    src: Scalar<'a>,
}

/// `currency` is the store's: a product's prices are in it, and its body does not name it.
pub(super) fn content(json: &str, is_deletion: bool, currency: Option<Currency>) -> Result<Content, Malformed> {
    let mut body = body::read::<Object<Body>>(json)?.object().unwrap_or_default();
    let has_variations = matches!(&body.variations, Shape::List(list) if !list.is_empty());
    let counted = body.counted().filter(|_| has_variations);
    let uncounted = has_variations && counted.is_none() && body.manage_stock.is_present();
    let images = std::mem::take(&mut body.images).first().into_iter();
    let categories = std::mem::take(&mut body.categories).first().into_iter();
    Ok(Content::Product(Product {
        // WordPress writes titles as they stand in a page.
        title: body.name.text().and_then(|title| kept(&decode_html_entities(&title))),
        vendor: None,
        url: body.permalink.address(),
        status: body.status.text(),
        images: images.filter_map(|image| image.object()?.src.address()).collect(),
        collections: categories.filter_map(|category| category.object()?.id.id_or_zero()).collect(),
        variants: if is_deletion { vec![] } else { body.variants(currency) },
        stock: counted.filter(|_| !is_deletion),
        uncounted: uncounted && !is_deletion,
        left_out: vec![],
        thin: is_deletion,
    }))
}

impl Body<'_> {
    fn counted(&self) -> Option<i64> {
        self.stock_quantity.count().filter(|_| self.manage_stock.bool() == Some(true))
    }

    fn is_uncounted(&self) -> bool {
        self.manage_stock.bool() == Some(false) || self.manage_stock.written().is_some_and(|with| with == "parent")
    }

    /// The variations by their ids, and of a product without any, itself.
    fn variants(self, currency: Option<Currency>) -> Vec<Variant> {
        let (stock, uncounted) = (self.counted(), self.is_uncounted());
        let ids = self.variations.first().into_iter().filter_map(Scalar::id_or_zero);
        let variations: Vec<Variant> = ids.map(|variant_id| Variant { variant_id, ..Variant::default() }).collect();
        let Some(variant_id) = self.id.id_or_zero().filter(|_| variations.is_empty()) else { return variations };
        let price = self.price.money(currency);
        let is_reduced = self.on_sale.bool() == Some(true);
        vec![Variant {
            variant_id,
            sku: self.sku.text(),
            title: None,
            price,
            compare_at_price: self.regular_price.money(currency).filter(|_| is_reduced),
            stock,
            uncounted,
            inventory_item_id: None,
        }]
    }
}
