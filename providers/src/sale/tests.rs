//! How much of an order is taken back.

use domain::commerce::Currency;

use super::*;

fn euros(amount: i64) -> Money {
    Money { amount, currency: Currency::parse("EUR").unwrap() }
}

#[test]
fn an_order_is_taken_back_as_its_status_says_and_at_least_as_the_amount_does() {
    let yen = Money { amount: 5_000, currency: Currency::parse("JPY").unwrap() };
    for (by_status, amount, total, expected) in [
        (Refunded::None, None, Some(euros(1_900)), Refunded::None),
        (Refunded::None, Some(euros(0)), Some(euros(0)), Refunded::None),
        (Refunded::None, Some(euros(500)), Some(euros(1_900)), Refunded::Partial),
        (Refunded::None, Some(euros(1_900)), Some(euros(1_900)), Refunded::Full),
        (Refunded::None, Some(euros(500)), None, Refunded::Partial),
        (Refunded::None, Some(yen), Some(euros(1_900)), Refunded::Partial),
        (Refunded::Partial, None, None, Refunded::Partial),
        // What the store calls refunded is, also if a fee was kept.
        (Refunded::Full, Some(euros(1_800)), Some(euros(1_900)), Refunded::Full),
    ] {
        assert_eq!(refunded(by_status, amount, total), expected, "{by_status:?} {amount:?} {total:?}");
    }
}

#[test]
fn what_was_given_back_is_summed_without_its_sign_and_within_bounds() {
    assert_eq!(given_back([]), None);
    assert_eq!(given_back([euros(0)]), None);
    assert_eq!(given_back([euros(-1_900)]), Some(euros(1_900)));
    assert_eq!(given_back([euros(-500), euros(400), euros(0)]), Some(euros(900)));
    assert_eq!(given_back([euros(Money::MAX_AMOUNT); 3]), Some(euros(Money::MAX_AMOUNT)));
}
