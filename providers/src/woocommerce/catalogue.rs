//! The products of a WooCommerce shop, which its API has as its webhooks have them. A variation is a product of its own there, in a
//! list of its own; the product that it belongs to names it.
//!
//! <https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-products>

use serde_json::value::RawValue;

use crate::catalogue_api::{CatalogueApi, CataloguePart};
use crate::order_list_api::page_number;
use crate::store_api::ApiRequest;
use crate::{Malformed, body};

const PAGE: usize = 25;

pub(super) struct Products;

impl CatalogueApi for Products {
    fn list(&self, _: Option<&str>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        let page = page_number(cursor)?;
        Ok(ApiRequest::get(format!(
            "/wp-json/wc/v3/products?per_page={PAGE}&page={page}&orderby=id&order=asc&status=any"
        )))
    }

    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<CataloguePart, Malformed> {
        let rows: Vec<&RawValue> =
            serde_json::from_str(body::text(body)?).map_err(|_| Malformed::invalid("products", "are no list"))?;
        let next = (rows.len() >= PAGE).then_some(page_number(cursor)?.saturating_add(1).to_string());
        let webhook = |row: &RawValue| ("product.updated".to_owned(), row.get().as_bytes().to_vec());
        Ok(CataloguePart { webhooks: rows.into_iter().map(webhook).collect(), next })
    }
}
