//! The generic provider: a small format of our own, in which a mistake is the sender's to mend and so is named.

use domain::LineItem;
use serde::Deserialize;

use super::scalar::Scalar;
use super::shape::{List, Object, Shape};
use super::{Malformed, Parsed, StoreOrder, username};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    order_id: Scalar<'a>,
    order_number: Scalar<'a>,
    order_status: Scalar<'a>,
    cancelled: Scalar<'a>,
    updated_at: Scalar<'a>,
    target_username: Scalar<'a>,
    customer_email: Scalar<'a>,
    customer_name: Scalar<'a>,
    customer_id: Scalar<'a>,
    items: List<Object<Item<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Item<'a> {
    sku: Scalar<'a>,
    product_id: Scalar<'a>,
    variant_id: Scalar<'a>,
    title: Scalar<'a>,
    quantity: Scalar<'a>,
}

/// More of one item than anybody buys.
const MAX_QUANTITY: u32 = 1_000_000;

/// A cancelled order needs nothing but its id.
pub(super) fn parse(json: &str) -> Result<Parsed, Malformed> {
    let Some(body) = super::read::<Object<Body>>(json)?.object() else {
        return Err(Malformed::NotAnObject);
    };
    let Some(order_id) = body.order_id.order_id("orderId")? else {
        return Err(body.order_id.no_text("orderId"));
    };
    let called_off = match body.cancelled.bool() {
        Some(cancelled) => cancelled,
        None if body.cancelled.is_null() => false,
        None => return Err(Malformed::invalid("cancelled", "must be true or false")),
    };
    let changed_at = body.updated_at.moment();
    if changed_at.is_none() && !body.updated_at.is_null() {
        return Err(Malformed::invalid("updatedAt", "must be a date and time like 2026-03-14T12:00:00Z (RFC 3339)"));
    }
    let username = body.target_username.written().and_then(|written| username::normalised(&written));
    if username.is_none() && !called_off {
        let is_address = body.target_username.text().is_some_and(|text| text.contains("://"));
        let reason = "must be a username, or the address of a profile at Cortex Cloud";
        return Err(if is_address {
            Malformed::invalid("targetUsername", reason)
        } else {
            body.target_username.no_text("targetUsername")
        });
    }
    let items = items(body.items, called_off)?;
    Ok(Parsed::Order(StoreOrder {
        order_id,
        order_number: body.order_number.text(),
        order_status: body.order_status.text(),
        changed_at,
        called_off,
        username,
        email: body.customer_email.text(),
        customer_name: body.customer_name.text(),
        customer_id: body.customer_id.id_or_zero(),
        items,
    }))
}

fn items(items: List<Object<Item<'_>>>, may_be_none: bool) -> Result<Vec<LineItem>, Malformed> {
    let items = match items {
        Shape::Absent | Shape::Null if may_be_none => return Ok(vec![]),
        Shape::Absent | Shape::Null => return Err(Malformed::missing("items")),
        Shape::Scalar | Shape::Object(_) => return Err(Malformed::invalid("items", "must be a list")),
        Shape::List(items) => items.bounded("items")?,
    };
    if items.is_empty() && !may_be_none {
        return Err(Malformed::invalid("items", "must not be empty"));
    }
    let line_item = |(index, item): (usize, Object<Item<'_>>)| {
        let field = format!("items[{index}]");
        let Some(item) = item.object() else {
            return Err(Malformed::invalid(&field, "must be an object"));
        };
        let item = LineItem {
            sku: item.sku.text(),
            product_id: item.product_id.id_or_zero(),
            variant_id: item.variant_id.id_or_zero(),
            title: item.title.text(),
            quantity: quantity(item.quantity, &field)?,
        };
        let says_nothing =
            item.sku.is_none() && item.product_id.is_none() && item.variant_id.is_none() && item.title.is_none();
        if says_nothing { Err(Malformed::missing(&field)) } else { Ok(item) }
    };
    items.into_iter().enumerate().map(line_item).collect()
}

/// One where nothing is said. An item of which there are none is a mistake: nothing of it would ever be delivered.
fn quantity(written: Scalar<'_>, item: &str) -> Result<u32, Malformed> {
    if written.is_null() {
        return Ok(1);
    }
    let quantity = written.quantity().filter(|quantity| (1..=MAX_QUANTITY).contains(quantity));
    quantity.ok_or_else(|| {
        Malformed::invalid(&format!("{item}.quantity"), "must be a number above 0, and at most 1,000,000")
    })
}

#[cfg(test)]
mod tests {
    use domain::integration::Provider;

    use super::super::tests::{item, order_of};
    use super::*;

    fn parsed(json: &str) -> Result<Parsed, Malformed> {
        super::super::parse(Provider::Generic, Some("checkouts/create"), json.as_bytes())
    }

    fn refused(json: &str) -> String {
        parsed(json).unwrap_err().to_string()
    }

    #[test]
    fn the_documented_order_is_read() {
        let json = r#"{
            "orderId": "order-1234", "customerEmail": "fan@music.com", "targetUsername": "cortex_user_42",
            "items": [{ "sku": "STORM-LEAD-V2", "productId": "prod_123", "title": "Storm Drive Lead Preset", "quantity": 1 }] }"#;
        assert_eq!(
            parsed(json),
            Ok(Parsed::Order(StoreOrder {
                order_id: "order-1234".to_owned(),
                order_number: None,
                order_status: None,
                changed_at: None,
                called_off: false,
                username: Some("cortex_user_42".to_owned()),
                email: Some("fan@music.com".to_owned()),
                customer_name: None,
                customer_id: None,
                items: vec![item(Some("STORM-LEAD-V2"), Some("prod_123"), None, Some("Storm Drive Lead Preset"), 1)],
            }))
        );
    }

    #[test]
    fn optional_fields_are_read_where_they_are() {
        let order = order_of(parsed(
            r#"{"orderId":18446744073709551616,"orderNumber":1042,"orderStatus":"paid","updatedAt":"2026-11-21T10:00:00Z","customerName":"Max Power",
                "customerEmail":["odd"],"targetUsername":" @max ","cancelled":false,
                "items":[{"variantId":70,"quantity":0.5},{"title":"Storm","quantity":null}]}"#,
        ));
        assert_eq!(order.order_id, "18446744073709551616");
        assert_eq!(order.order_number.as_deref(), Some("1042"));
        assert_eq!(order.order_status.as_deref(), Some("paid"));
        assert_eq!(order.changed_at, Some("2026-11-21T10:00:00Z".parse().unwrap()));
        assert_eq!(order.customer_name.as_deref(), Some("Max Power"));
        assert_eq!((order.email.as_deref(), order.username.as_deref()), (None, Some("max")));
        assert_eq!(order.items, [item(None, None, Some("70"), None, 1), item(None, None, None, Some("Storm"), 1)]);
    }

    #[test]
    fn a_mistake_is_named() {
        for (json, message) in [
            ("{}", "`orderId` is missing"),
            (r#"{"orderId":null}"#, "`orderId` must not be null"),
            (r#"{"orderId":" "}"#, "`orderId` must not be empty"),
            (r#"{"orderId":["1"]}"#, "`orderId` must be a text"),
            (r#"{"orderId":"1\ud83c"}"#, "`orderId` has half of a surrogate pair, which is no text"),
            (r#"{"orderId":"1\u0000"}"#, "`orderId` must not contain U+0000"),
            (r#"{"orderId":1.5}"#, "`orderId` must be a text or a whole number"),
            (r#"{"orderId":1e400}"#, "`orderId` must be a text or a whole number"),
            (r#"{"orderId":"1"}"#, "`targetUsername` is missing"),
            (r#"{"orderId":"1","targetUsername":" @ "}"#, "`targetUsername` must not be empty"),
            (
                r#"{"orderId":"1","targetUsername":"https://example.com/max"}"#,
                "`targetUsername` must be a username, or the address of a profile at Cortex Cloud",
            ),
            (r#"{"orderId":"1","targetUsername":true}"#, "`targetUsername` must be a text"),
            (r#"{"orderId":"1","targetUsername":"max"}"#, "`items` is missing"),
            (r#"{"orderId":"1","targetUsername":"max","items":null}"#, "`items` is missing"),
            (r#"{"orderId":"1","targetUsername":"max","items":[]}"#, "`items` must not be empty"),
            (r#"{"orderId":"1","targetUsername":"max","items":{}}"#, "`items` must be a list"),
            (r#"{"orderId":"1","targetUsername":"max","items":"a"}"#, "`items` must be a list"),
            (r#"{"orderId":"1","targetUsername":"max","items":[{"sku":"a"},"b"]}"#, "`items[1]` must be an object"),
            (
                r#"{"orderId":"1","targetUsername":"max","items":[{"sku":"a"},{"sku":" ","productId":0,"title":null}]}"#,
                "`items[1]` names no product: one of sku, productId, variantId, title is needed",
            ),
            (r#"{"orderId":"1","cancelled":"yes"}"#, "`cancelled` must be true or false"),
            (
                r#"{"orderId":"1","updatedAt":"yesterday"}"#,
                "`updatedAt` must be a date and time like 2026-03-14T12:00:00Z (RFC 3339)",
            ),
            ("[]", "the body must be a JSON object"),
            (r#""order-1234""#, "the body must be a JSON object"),
            ("null", "the body must be a JSON object"),
        ] {
            assert_eq!(refused(json), message, "{json}");
        }
    }

    #[test]
    fn an_item_of_which_there_are_none_is_a_mistake() {
        for quantity in ["0", "-1", "-0.5", r#""0""#, r#""two""#, r#"" ""#, "true", "[2]", "1e400", "1000001"] {
            let json =
                format!(r#"{{"orderId":"1","targetUsername":"max","items":[{{"sku":"a","quantity":{quantity}}}]}}"#);
            let message = "`items[0].quantity` must be a number above 0, and at most 1,000,000";
            assert_eq!(refused(&json), message, "{quantity}");
        }
    }

    #[test]
    fn a_cancelled_order_needs_nothing_but_its_id() {
        for json in [
            r#"{"orderId":"1","cancelled":true}"#,
            r#"{"orderId":"1","cancelled":true,"items":[],"targetUsername":null}"#,
        ] {
            let order = order_of(parsed(json));
            assert!(order.called_off && order.items.is_empty() && order.username.is_none(), "{json}");
        }
        assert_eq!(refused(r#"{"cancelled":true}"#), "`orderId` is missing");
    }
}
