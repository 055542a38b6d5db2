//! Values as stores write them, and what is no value.

use super::*;

fn scalar(json: &str) -> Scalar<'_> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn text_is_kept_trimmed_whole_and_without_nul() {
    for (json, text) in [
        (r#""STORM-LEAD-V2""#, Some("STORM-LEAD-V2")),
        (r#""  a\tb \n""#, Some("a\tb")),
        (r#""a\u0000b\u0000""#, Some("ab")),
        (r#""\u0000 \u0000""#, None),
        (r#""\ud83c\udfb8""#, Some("🎸")),
        (r#""half a pair: \ud83c""#, None),
        (r#""""#, None),
        ("12", Some("12")),
        ("-1.50", Some("-1.50")),
        ("1e400", Some("1e400")),
        ("null", None),
        ("true", None),
        (r#"["a"]"#, None),
        (r#"{"a":"b"}"#, None),
    ] {
        assert_eq!(scalar(json).text().as_deref(), text, "{json}");
    }
    assert_eq!(Scalar::default().text(), None);
}

#[test]
fn long_text_is_cut_between_characters() {
    let long = format!(r#""{}""#, "é".repeat(600));
    assert_eq!(scalar(&long).text(), Some("é".repeat(500)));
}

#[test]
fn an_order_id_keeps_every_digit() {
    for id in
        ["820982911946154508", "9007199254740993", "18446744073709551616", "123456789012345678901234567890123456789012"]
    {
        assert_eq!(scalar(id).order_id("id"), Ok(Some(id.to_owned())));
        assert_eq!(scalar(&format!(r#"" {id} ""#)).order_id("id"), Ok(Some(id.to_owned())));
    }
}

#[test]
fn an_order_id_that_is_not_whole_is_refused() {
    for json in ["1.5", "1.0", "1e400", "1E5"] {
        let error = scalar(json).order_id("id").unwrap_err();
        assert_eq!(error.to_string(), "`id` must be a text or a whole number", "{json}");
    }
    let longest = format!(r#""{}""#, "é".repeat(500));
    assert!(scalar(&longest).order_id("id").is_ok_and(|id| id.is_some()));
    for json in [format!(r#""{}""#, "é".repeat(501)), "1".repeat(501)] {
        let error = scalar(&json).order_id("id").unwrap_err();
        assert_eq!(error.to_string(), "`id` must not be longer than 500 characters");
    }
    for json in [r#""1\u0000""#, r#""\u0000""#] {
        let error = scalar(json).order_id("id").unwrap_err();
        assert_eq!(error.to_string(), "`id` must not contain U+0000");
    }
    for json in ["null", "false", r#""""#, r#"" ""#, "[1]", "{}"] {
        assert_eq!(scalar(json).order_id("id"), Ok(None), "{json}");
    }
}

#[test]
fn a_moment_has_an_offset_or_is_in_utc() {
    let expected = "2026-11-21T15:00:00Z".parse().ok();
    for json in [
        r#""2026-11-21T10:00:00-05:00""#,
        r#""2026-11-21T15:00:00""#,
        r#""2026-11-21T15:00:00.000Z""#,
        r#""2026-11-21T15:00:00-00:00""#,
        r#""Sat, 21 Nov 2026 15:00:00 +0000""#,
        r#""Sat, 21 Nov 2026 10:00:00 -0500""#,
    ] {
        assert_eq!(scalar(json).moment(), expected, "{json}");
    }
    for json in ["null", "1700000000", r#""soon""#, r#""2026-11-21""#, r#"" ""#] {
        assert_eq!(scalar(json).moment(), None, "{json}");
    }
    for json in ["1795273200", r#""1795273200""#] {
        assert_eq!(scalar(json).unix_seconds(), expected, "{json}");
    }
    for json in ["null", "1.5", "-9223372036854775808", "9223372036854775808", r#""soon""#] {
        assert_eq!(scalar(json).unix_seconds(), None, "{json}");
    }
}

#[test]
fn parts_of_one_count_as_one_and_less_than_none_as_none() {
    for (json, quantity) in [
        ("1", Some(1)),
        ("1.5", Some(2)),
        ("0.001", Some(1)),
        ("0", Some(0)),
        ("-0", Some(0)),
        ("-2", Some(0)),
        ("-0.5", Some(0)),
        ("2.0", Some(2)),
        ("1e2", Some(100)),
        ("1e400", Some(u32::MAX)),
        ("-1e400", Some(0)),
        ("4294967296", Some(u32::MAX)),
        (r#""3""#, Some(3)),
        (r#"" 1.5 ""#, Some(2)),
        (r#""inf""#, None),
        (r#""two""#, None),
        (r#""""#, None),
        ("null", None),
        ("true", None),
        ("[2]", None),
    ] {
        assert_eq!(scalar(json).quantity(), quantity, "{json}");
    }
}

#[test]
fn stock_may_be_below_none_and_is_a_count_that_json_holds() {
    for (json, count) in [
        ("12", Some(12)),
        (r#""12""#, Some(12)),
        ("-3", Some(-3)),
        (r#""0.5""#, Some(1)),
        (r#""0.0""#, Some(0)),
        (r#""10.5""#, Some(11)),
        ("-1.5", Some(-1)),
        ("-0.5", Some(0)),
        ("9007199254740991", Some(9_007_199_254_740_991)),
        ("9007199254740992", Some(9_007_199_254_740_991)),
        ("-1e300", Some(-9_007_199_254_740_991)),
        ("1e400", Some(9_007_199_254_740_991)),
        ("null", None),
        (r#""""#, None),
        (r#""many""#, None),
        (r#""inf""#, None),
    ] {
        assert_eq!(scalar(json).count(), count, "{json}");
    }
}

#[test]
fn money_keeps_the_decimals_of_its_currency_whether_text_or_number() {
    for (json, currency, shown) in [
        (r#""19.99""#, "EUR", Some("19.99 EUR")),
        ("19.99", "eur", Some("19.99 EUR")),
        ("10.799999999999999", "USD", Some("10.80 USD")),
        (r#""1980""#, "JPY", Some("1980 JPY")),
        (r#""1.234""#, "KWD", Some("1.234 KWD")),
        (r#""-19.00""#, "USD", Some("-19.00 USD")),
        ("0.0", "USD", Some("0.00 USD")),
        ("1e2", "USD", None),
        ("null", "USD", None),
        (r#""19.99""#, "dollars", None),
    ] {
        let money = scalar(json).money(scalar(&format!("{currency:?}")).currency());
        assert_eq!(money.map(|money| money.to_string()).as_deref(), shown, "{json}");
    }
    assert_eq!(scalar("19.99").money(None), None);
}

#[test]
fn smallest_units_are_whole_and_within_what_json_holds() {
    let yen = scalar(r#""JPY""#).currency();
    for (json, amount) in [
        ("1900", Some(1_900)),
        ("-5", Some(-5)),
        (r#""1900""#, Some(1_900)),
        ("9007199254740992", None),
        ("19.5", None),
        ("null", None),
    ] {
        assert_eq!(scalar(json).smallest_units(yen).map(|money| money.amount), amount, "{json}");
    }
    assert_eq!(scalar("1900").smallest_units(None), None);
}

#[test]
fn an_address_is_whole_or_left_out() {
    let long = format!("https://a.b/{}", "c".repeat(MAX_ADDRESS_BYTES));
    for (text, is_kept) in [
        ("https://shop.example/storm.png", true),
        (" http://shop.example/storm.png ", true),
        ("//shop.example/storm.png", false),
        ("javascript:alert(1)", false),
        ("https://shop.example/a b", false),
        ("https://shop.example/\\u0000", false),
        (&long, false),
        (&long[..MAX_ADDRESS_BYTES], true),
    ] {
        assert_eq!(scalar(&format!("\"{text}\"")).address().is_some(), is_kept, "{text}");
    }
}
