//! A product as programs get it.

use chrono::{DateTime, SecondsFormat};
use domain::commerce::Money;
use domain::resource::Variant;
use projections::commerce::products::ProductRow;
use serde_json::{Value, json};

/// The fields that programs for such lists read, and more. Those of enrichment are null: there is none here.
pub(super) fn product(row: &ProductRow) -> Value {
    let product = row.product();
    let first = product.variants.first();
    let price = first.and_then(|variant| variant.price);
    json!({
        "id": row.product_id,
        "store_id": row.integration_id,
        "title": product.title,
        "vendor": product.vendor,
        "price": price.map(decimal),
        "currency": price.map(|price| price.currency.as_str().to_owned()),
        "stock": row.available(),
        "status": product.status,
        "images": product.images,
        "collections": product.collections,
        "variants": product.variants.iter().map(variant).collect::<Vec<_>>(),
        "identity": null,
        "enrichment_status": null,
        "manually_edited": null,
        "last_enriched_at": null,
        "url": format!("/api/v1/{}/products/{}?storeId={}", row.provider, encoded(&row.product_id), row.integration_id),
        "llm_url": null,
        "store_url": product.url,
        "source_updated_at": row.changed_at.map(time),
        "updated_at": time(row.updated_at),
        "deleted": row.deleted_at.is_some(),
        "deleted_at": row.deleted_at.map(time),
    })
}

fn variant(variant: &Variant) -> Value {
    json!({
        "id": variant.variant_id,
        "sku": variant.sku,
        "title": variant.title,
        "price": variant.price.map(decimal),
        "compare_at_price": variant.compare_at_price.map(decimal),
        "currency": variant.price.map(|price| price.currency.as_str().to_owned()),
        "stock": variant.stock,
        "inventory_item_id": variant.inventory_item_id,
    })
}

/// A number with the decimals of its currency, as such lists have it. GraphQL and events have whole numbers.
fn decimal(money: Money) -> Value {
    let text = money.to_string();
    let number = text.split(' ').next().unwrap_or_default();
    number.parse::<f64>().map_or(Value::Null, Value::from)
}

fn time(us: i64) -> Option<String> {
    DateTime::from_timestamp_micros(us).map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// As a part of a path (RFC 3986, section 3.3).
fn encoded(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::commerce::Currency;

    #[test]
    fn a_price_has_the_decimals_of_its_currency() {
        let shown = |text, code| {
            let currency = Currency::parse(code).unwrap();
            decimal(Money::parse(text, currency).unwrap()).to_string()
        };
        assert_eq!(shown("29.99", "EUR"), "29.99");
        assert_eq!(shown("1999", "JPY"), "1999.0");
        assert_eq!(shown("-0.5", "KWD"), "-0.5");
    }

    #[test]
    fn an_id_of_any_text_is_one_part_of_a_path() {
        assert_eq!(encoded("a/b?c"), "a%2Fb%3Fc");
    }
}
