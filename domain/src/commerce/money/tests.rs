//! What stores write, and what it is worth.

use proptest::prelude::*;

use super::*;

fn parse(text: &str, currency: &str) -> Option<i64> {
    Money::parse(text, Currency::parse(currency).unwrap()).map(|money| money.amount)
}

#[test]
fn a_decimal_text_is_read_in_the_smallest_unit() {
    for (text, currency, expected) in [
        ("19.99", "EUR", 1999),
        ("19.9900", "EUR", 1999),
        ("19.9", "EUR", 1990),
        ("19", "EUR", 1900),
        ("19.", "EUR", 1900),
        (".5", "EUR", 50),
        (" 0.05 ", "EUR", 5),
        ("0", "EUR", 0),
        ("-0.00", "EUR", 0),
        ("-19.99", "EUR", -1999),
        ("+19.99", "EUR", 1999),
        ("000000019.99", "EUR", 1999),
        ("1999", "JPY", 1999),
        ("1999.00", "JPY", 1999),
        (".7", "JPY", 1),
        ("1.234", "KWD", 1234),
        ("1.2", "TND", 1200),
        ("1.2", "CLF", 12000),
        ("90071992547409.91", "USD", Money::MAX_AMOUNT),
        ("-90071992547409.91", "USD", -Money::MAX_AMOUNT),
    ] {
        assert_eq!(parse(text, currency), Some(expected), "{text} {currency}");
    }
}

#[test]
fn decimals_that_the_currency_lacks_are_rounded_half_to_even() {
    for (text, currency, expected) in [
        ("0.125", "EUR", 12),
        ("0.135", "EUR", 14),
        ("0.1250001", "EUR", 13),
        ("0.1249999", "EUR", 12),
        ("0.12500", "EUR", 12),
        ("0.995", "EUR", 100),
        ("-0.125", "EUR", -12),
        ("-0.126", "EUR", -13),
        ("0.5", "JPY", 0),
        ("1.5", "JPY", 2),
        ("1.2345", "BHD", 1234),
        ("1.2355", "BHD", 1236),
    ] {
        assert_eq!(parse(text, currency), Some(expected), "{text} {currency}");
    }
}

#[test]
fn what_is_no_plain_decimal_number_is_no_amount() {
    let long = "1".repeat(30);
    let longer = format!("1.{}", "0".repeat(40));
    for text in [
        "",
        " ",
        ".",
        "-",
        "-.",
        "--1",
        "+-1",
        "1,99",
        "1.2.3",
        "1e3",
        "0x10",
        "NaN",
        "inf",
        "€5",
        "5 EUR",
        "1 000",
        "१",
        "90071992547409.92",
        "90071992547409.915",
        "92233720368547758.08",
        &long,
        &longer,
    ] {
        assert_eq!(parse(text, "EUR"), None, "{text}");
    }
}

#[test]
fn a_currency_is_three_letters() {
    for (text, expected) in [
        ("EUR", Some("EUR")),
        (" eur ", Some("EUR")),
        ("EU", None),
        ("EURO", None),
        ("E1R", None),
        ("€", None),
        ("", None),
    ] {
        assert_eq!(Currency::parse(text).as_ref().map(Currency::as_str), expected, "{text}");
    }
}

/// ISO 4217, list one, as of 2026-01-01.
#[test]
fn the_smallest_unit_of_a_currency_is_that_of_the_standard() {
    for (codes, decimals) in [
        ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0),
        ("EUR USD GBP CHF MGA MRU HUF TWD", 2),
        ("BHD IQD JOD KWD LYD OMR TND", 3),
        ("CLF UYW", 4),
    ] {
        for code in codes.split(' ') {
            assert_eq!(Currency::parse(code).unwrap().decimals(), decimals, "{code}");
        }
    }
}

#[test]
fn money_is_shown_in_decimals_and_stored_in_units() {
    for (amount, currency, expected) in [
        (1999, "EUR", "19.99 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (0, "EUR", "0.00 EUR"),
        (1999, "JPY", "1999 JPY"),
        (7, "KWD", "0.007 KWD"),
    ] {
        let money = Money { amount, currency: Currency::parse(currency).unwrap() };
        assert_eq!(money.to_string(), expected);
        let stored = serde_json::json!({ "amount": amount, "currency": currency });
        assert_eq!(serde_json::to_value(money).unwrap(), stored);
        assert_eq!(serde_json::from_value::<Money>(stored).unwrap(), money);
    }
    assert!(serde_json::from_str::<Money>(r#"{"amount":1,"currency":"EURO"}"#).is_err());
    assert!(serde_json::from_str::<Money>(r#"{"amount":1.5,"currency":"EUR"}"#).is_err());
}

proptest! {
    #[test]
    fn what_is_shown_is_read_as_the_same(amount in -Money::MAX_AMOUNT..=Money::MAX_AMOUNT, code in "EUR|JPY|KWD|CLF") {
        let money = Money { amount, currency: Currency::parse(&code).unwrap() };
        let shown = money.to_string();
        prop_assert_eq!(Money::parse(shown.trim_end_matches(&format!(" {code}")), money.currency), Some(money));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,50}|[-+.0-9]{0,45}") {
        Money::parse(&text, Currency::parse("EUR").unwrap());
    }
}
