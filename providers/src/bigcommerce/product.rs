//! What BigCommerce's API says of a product, where it was read there.

use domain::commerce::Currency;
use domain::resource::{Product, Variant};
use serde::Deserialize;

use crate::scalar::Scalar;
use crate::shape::{List, Object};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct BodyProduct<'a> {
    name: Scalar<'a>,
    is_visible: Scalar<'a>,
    categories: List<Scalar<'a>>,
    images: List<Object<Image<'a>>>,
    variants: List<Object<BodyVariant<'a>>>,
    price: Scalar<'a>,
    sale_price: Scalar<'a>,
    /// `none`, `product` or `variant`.
    inventory_tracking: Scalar<'a>,
    inventory_level: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Image<'a> {
    url_standard: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct BodyVariant<'a> {
    id: Scalar<'a>,
    sku: Scalar<'a>,
    /// Null where it is the product's.
    price: Scalar<'a>,
    inventory_level: Scalar<'a>,
    option_values: List<Object<OptionValue<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct OptionValue<'a> {
    label: Scalar<'a>,
}

impl BodyProduct<'_> {
    /// Prices are in the store's currency, which no product names.
    pub(super) fn read(self, currency: Option<Currency>) -> Product {
        let tracking = self.inventory_tracking.text().unwrap_or_default();
        let (price, sale_price) = (self.price.money(currency), self.sale_price.money(currency));
        let is_reduced = sale_price.is_some_and(|sale| sale.amount > 0);
        let variants = self.variants.first().into_iter().filter_map(|variant| {
            let variant = variant.object()?;
            let own = variant.price.money(currency);
            let usual = if is_reduced { sale_price } else { price };
            let labels = variant.option_values.first().into_iter();
            let labels: Vec<String> = labels.filter_map(|value| value.object()?.label.text()).collect();
            Some(Variant {
                variant_id: variant.id.id_or_zero()?,
                sku: variant.sku.text(),
                title: (!labels.is_empty()).then(|| labels.join(" / ")),
                price: own.or(usual),
                compare_at_price: price.filter(|_| is_reduced && own.is_none()),
                stock: variant.inventory_level.count().filter(|_| tracking == "variant"),
                uncounted: tracking == "none",
                inventory_item_id: None,
            })
        });
        let variants = variants.collect();
        Product {
            title: self.name.text(),
            vendor: None,
            url: None,
            status: self.is_visible.bool().map(|visible| if visible { "active" } else { "hidden" }.to_owned()),
            images: self
                .images
                .first()
                .into_iter()
                .filter_map(|image| image.object()?.url_standard.address())
                .collect(),
            collections: self.categories.first().into_iter().filter_map(Scalar::id_or_zero).collect(),
            variants,
            stock: self.inventory_level.count().filter(|_| tracking == "product"),
            uncounted: tracking == "none",
            left_out: vec![],
            thin: false,
        }
    }
}
