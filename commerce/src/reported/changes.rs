//! What a store's report changed of an order, in sentences.

use domain::resource::{OrderChange, Refunded};

pub(super) fn sentences(changes: &[OrderChange]) -> Vec<String> {
    changes.iter().map(sentence).collect()
}

fn sentence(change: &OrderChange) -> String {
    match change {
        OrderChange::Status { from: Some(from), to } => format!("The status changed from {from} to {to}."),
        OrderChange::Status { from: None, to } => format!("The status is {to}."),
        OrderChange::Paid {} => "It was paid.".to_owned(),
        OrderChange::Unpaid {} => "It is not paid any more.".to_owned(),
        OrderChange::Cancelled {} => "It was cancelled.".to_owned(),
        OrderChange::Reopened {} => "It is not cancelled any more.".to_owned(),
        OrderChange::Refunded { to, amount } => {
            let how_much = match to {
                Refunded::None => "None of it",
                Refunded::Partial => "Part of it",
                Refunded::Full => "All of it",
            };
            let amount = amount.map(|amount| format!(", {amount} in all")).unwrap_or_default();
            format!("{how_much} was paid back{amount}.")
        }
        OrderChange::Total { from, to } => format!("The total changed from {from} to {to}."),
        OrderChange::Quantity { item, from: 0, to } => format!("{item} was added: {to}."),
        OrderChange::Quantity { item, from: _, to: 0 } => format!("{item} was removed."),
        OrderChange::Quantity { item, from, to } => format!("The quantity of {item} changed from {from} to {to}."),
    }
}

#[cfg(test)]
mod tests {
    use domain::commerce::{Currency, Money};

    use super::*;

    #[test]
    fn each_change_is_a_sentence() {
        let euros = |amount| Money { amount, currency: Currency::parse("EUR").unwrap() };
        let quantity = |from, to| OrderChange::Quantity { item: "Storm Lead".to_owned(), from, to };
        let status =
            |from: Option<&str>| OrderChange::Status { from: from.map(str::to_owned), to: "shipped".to_owned() };
        let refunded = |to, amount| OrderChange::Refunded { to, amount };
        for (change, expected) in [
            (status(Some("paid")), "The status changed from paid to shipped."),
            (status(None), "The status is shipped."),
            (OrderChange::Paid {}, "It was paid."),
            (OrderChange::Unpaid {}, "It is not paid any more."),
            (OrderChange::Cancelled {}, "It was cancelled."),
            (OrderChange::Reopened {}, "It is not cancelled any more."),
            (refunded(Refunded::Partial, Some(euros(500))), "Part of it was paid back, 5.00 EUR in all."),
            (refunded(Refunded::Full, None), "All of it was paid back."),
            (
                OrderChange::Total { from: euros(1_999), to: euros(2_999) },
                "The total changed from 19.99 EUR to 29.99 EUR.",
            ),
            (quantity(0, 2), "Storm Lead was added: 2."),
            (quantity(2, 0), "Storm Lead was removed."),
            (quantity(1, 2), "The quantity of Storm Lead changed from 1 to 2."),
        ] {
            assert_eq!(sentences(&[change]), [expected]);
        }
    }
}
