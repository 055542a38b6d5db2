//! Orders as the stores send them, all alike but for their digits.

use std::fmt::Write as _;

use domain::integration::Provider;
use serde_json::{Value, json};

/// Stands wherever an order differs from every other: in its id, its number and its customer's username.
pub(crate) const DIGITS: &str = "100000000000";
/// The same as a JSON number.
const NUMBER: u64 = 100_000_000_000;

/// The digits of the order with this number.
pub(crate) fn digits(number: u64) -> [u8; DIGITS.len()] {
    let mut digits = [b'0'; DIGITS.len()];
    let mut rest = NUMBER + number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).expect("it is less than ten");
        rest /= 10;
    }
    digits
}

/// The id that the store gives the order with this number.
pub(crate) fn id(number: u64) -> String {
    (NUMBER + number).to_string()
}

/// An order of `bytes` bytes, or of a few more where the least that an order says is longer.
pub(crate) fn template(provider: Provider, bytes: usize) -> String {
    let of_filler = |filler: &str| {
        let order = if provider == Provider::Shopify {
            shopify(filler)
        } else if provider == Provider::WooCommerce {
            woocommerce(filler)
        } else {
            generic(filler)
        };
        order.to_string()
    };
    let least = of_filler("").len();
    of_filler(&filler(bytes.saturating_sub(least)))
}

/// Text that compresses about as well as an address with its tracking parameters does.
fn filler(bytes: usize) -> String {
    const WORDS: [&str; 8] = ["preset", "capture", "spring", "utm", "campaign", "newsletter", "cortex", "lead"];
    let mut text = String::with_capacity(bytes + 32);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    while text.len() < bytes {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let word = WORDS[usize::try_from(random % 8).expect("it is less than eight")];
        write!(text, "{word}={:x}&", random >> 32).expect("writing to a string cannot fail");
    }
    text.truncate(bytes);
    text
}

fn money(amount: &str) -> Value {
    json!({
        "shop_money": { "amount": amount, "currency_code": "EUR" },
        "presentment_money": { "amount": amount, "currency_code": "EUR" },
    })
}

fn shopify_line(id: u64, sku: &str, title: &str, price: &str) -> Value {
    json!({
        "id": id, "admin_graphql_api_id": format!("gid://shopify/LineItem/{id}"), "sku": sku, "title": title,
        "name": title, "product_id": 7_891_234_567_890_u64, "variant_id": 43_210_987_654_321_u64, "quantity": 1,
        "current_quantity": 1, "fulfillable_quantity": 1, "fulfillment_service": "manual", "fulfillment_status": null,
        "gift_card": false, "grams": 0, "price": price, "price_set": money(price), "product_exists": true,
        "properties": [], "requires_shipping": false, "taxable": true, "total_discount": "0.00", "vendor": "Storm Audio",
        "variant_title": null, "duties": [], "discount_allocations": [],
        "tax_lines": [{ "price": "0.80", "rate": 0.19, "title": "MwSt", "price_set": money("0.80") }],
    })
}

fn shopify(filler: &str) -> Value {
    json!({
        "id": NUMBER, "admin_graphql_api_id": format!("gid://shopify/Order/{DIGITS}"), "order_number": NUMBER,
        "name": format!("#{DIGITS}"), "number": 1042, "app_id": 580_111, "browser_ip": "192.0.2.17",
        "buyer_accepts_marketing": false, "cancel_reason": null, "cancelled_at": null, "closed_at": null,
        "confirmed": true, "contact_email": "customer@example.com", "created_at": "2026-11-20T21:14:07+01:00",
        "processed_at": "2026-11-20T21:14:06+01:00", "updated_at": "2026-11-20T21:14:08+01:00", "currency": "EUR",
        "customer_locale": "de-DE", "email": "customer@example.com", "financial_status": "paid",
        "fulfillment_status": null, "gateway": "shopify_payments", "landing_site": format!("/?{filler}"),
        "note": null, "note_attributes": [{ "name": "ndsp_username", "value": format!("player_{DIGITS}") }],
        "payment_gateway_names": ["shopify_payments"], "phone": null, "presentment_currency": "EUR",
        "referring_site": "https://shop.example.com/collections/presets", "source_name": "web", "tags": "",
        "subtotal_price": "9.98", "subtotal_price_set": money("9.98"), "taxes_included": true, "test": false,
        "total_discounts": "0.00", "total_discounts_set": money("0.00"), "total_price": "9.98",
        "total_price_set": money("9.98"), "total_tax": "1.60", "total_tax_set": money("1.60"), "total_weight": 0,
        "client_details": {
            "accept_language": "de-DE,de;q=0.9", "browser_height": 937, "browser_width": 1519, "browser_ip": "192.0.2.17",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Safari/537.36",
        },
        "customer": {
            "id": 6_940_095_564_u64, "email": "customer@example.com", "first_name": "Max", "last_name": "Power",
            "created_at": "2025-02-11T10:02:55+01:00", "state": "disabled", "verified_email": true, "currency": "EUR",
            "default_address": { "id": 8_053_112_u64, "city": "Berlin", "country": "Germany", "country_code": "DE",
                "address1": "Beispielstraße 1", "zip": "10115", "name": "Max Power", "default": true },
        },
        "billing_address": { "first_name": "Max", "last_name": "Power", "address1": "Beispielstraße 1", "zip": "10115",
            "city": "Berlin", "country": "Germany", "country_code": "DE", "name": "Max Power" },
        "line_items": [
            shopify_line(14_003_241_001, "STORM-LEAD-V2", "Storm Drive Lead Preset", "4.99"),
            shopify_line(14_003_241_002, "STORM-CLEAN-V1", "Storm Drive Clean Capture", "4.99"),
        ],
        "discount_codes": [], "discount_applications": [], "fulfillments": [], "refunds": [], "shipping_lines": [],
    })
}

fn woocommerce_line(id: u64, sku: &str, name: &str) -> Value {
    json!({
        "id": id, "name": name, "product_id": 93, "variation_id": 0, "quantity": 1, "tax_class": "", "sku": sku,
        "subtotal": "4.19", "subtotal_tax": "0.80", "total": "4.19", "total_tax": "0.80", "price": 4.193_277,
        "taxes": [{ "id": 1, "total": "0.796723", "subtotal": "0.796723" }], "meta_data": [], "parent_name": null,
        "image": { "id": "57", "src": "https://shop.example.com/wp-content/uploads/2026/11/storm.png" },
    })
}

fn woocommerce(filler: &str) -> Value {
    json!({
        "id": NUMBER, "parent_id": 0, "status": "processing", "currency": "EUR", "version": "11.2.0",
        "prices_include_tax": true, "date_created": "2026-11-20T21:14:07", "date_modified": "2026-11-20T21:14:08",
        "date_created_gmt": "2026-11-20T20:14:07", "date_modified_gmt": "2026-11-20T20:14:08", "discount_total": "0.00",
        "discount_tax": "0.00", "shipping_total": "0.00", "shipping_tax": "0.00", "cart_tax": "1.60", "total": "9.98",
        "total_tax": "1.60", "customer_id": 26, "order_key": format!("wc_order_{DIGITS}"), "number": DIGITS,
        "billing": { "first_name": "Max", "last_name": "Power", "company": "", "address_1": "Beispielstraße 1",
            "address_2": "", "city": "Berlin", "state": "DE-BE", "postcode": "10115", "country": "DE",
            "email": "customer@example.com", "phone": "" },
        "shipping": { "first_name": "", "last_name": "", "company": "", "address_1": "", "address_2": "", "city": "",
            "state": "", "postcode": "", "country": "", "phone": "" },
        "payment_method": "stripe", "payment_method_title": "Card", "transaction_id": "", "created_via": "checkout",
        "customer_ip_address": "192.0.2.17", "customer_note": "", "date_completed": null, "cart_hash": "",
        "customer_user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0",
        "meta_data": [
            { "id": 731, "key": "ndsp_username", "value": format!("player_{DIGITS}") },
            { "id": 732, "key": "_wc_order_attribution_session_entry", "value": format!("https://shop.example.com/?{filler}") },
            { "id": 733, "key": "_wc_order_attribution_device_type", "value": "Desktop" },
            { "id": 734, "key": "is_vat_exempt", "value": "no" },
        ],
        "line_items": [
            woocommerce_line(315, "STORM-LEAD-V2", "Storm Drive Lead Preset"),
            woocommerce_line(316, "STORM-CLEAN-V1", "Storm Drive Clean Capture"),
        ],
        "tax_lines": [{ "id": 317, "rate_code": "DE-MWST-1", "rate_id": 1, "label": "MwSt", "compound": false,
            "tax_total": "1.60", "shipping_tax_total": "0.00", "rate_percent": 19, "meta_data": [] }],
        "shipping_lines": [], "fee_lines": [], "coupon_lines": [], "refunds": [], "is_editable": false,
        "needs_payment": false, "needs_processing": false, "currency_symbol": "€",
        "payment_url": format!("https://shop.example.com/checkout/order-pay/{DIGITS}/?pay_for_order=true"),
    })
}

fn generic(filler: &str) -> Value {
    json!({
        "orderId": DIGITS, "orderNumber": DIGITS, "orderStatus": "paid",
        "customerEmail": "customer@example.com", "customerName": "Max Power",
        "targetUsername": format!("player_{DIGITS}"),
        "items": [
            { "sku": "STORM-LEAD-V2", "productId": "prod_123", "title": "Storm Drive Lead Preset", "quantity": 1 },
            { "sku": "STORM-CLEAN-V1", "productId": "prod_124", "title": "Storm Drive Clean Capture", "quantity": 1 },
        ],
        "source": format!("https://shop.example.com/?{filler}"),
    })
}
