//! What holds of the API of every platform that has one.

use proptest::prelude::*;

use super::*;
use crate::{Platform, all};

fn apis() -> impl Iterator<Item = &'static dyn OrderApi> {
    all().filter_map(<dyn Platform>::order_api)
}

fn first_path(api: &dyn OrderApi, order_id: &str) -> Result<String, Malformed> {
    match api.next(&OrderReference { store: Some("abc123"), order_id }, &[])? {
        OrderStep::Request { path } => Ok(path),
        OrderStep::Order(order) => panic!("an order without a response: {order:?}"),
    }
}

#[test]
fn an_id_is_one_segment_of_a_path() {
    for (text, segment) in [
        ("CAISENgvlJ6jLWAzERDzjyHVybY", "CAISENgvlJ6jLWAzERDzjyHVybY"),
        ("a-b_c~d.e", "a-b_c~d.e"),
        ("...", "..."),
        ("1/../../v3/hooks", "1%2F..%2F..%2Fv3%2Fhooks"),
        ("1?limit=1#a", "1%3Flimit%3D1%23a"),
        (r"1\2", "1%5C2"),
        ("%2e%2e", "%252e%252e"),
        ("é\r\n", "%C3%A9%0D%0A"),
    ] {
        assert_eq!(path_segment(text, "id").as_deref(), Ok(segment));
    }
    for text in ["", ".", ".."] {
        assert_eq!(path_segment(text, "id"), Err(Malformed::invalid("id", "is no id")), "{text}");
        for api in apis() {
            assert!(first_path(api, text).is_err(), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn no_id_changes_the_path(order_id in ".{1,20}") {
        for api in apis() {
            let Ok(path) = first_path(api, &order_id) else { continue };
            let usual = first_path(api, "1").unwrap();
            prop_assert!(path.starts_with(usual.strip_suffix('1').unwrap()));
            prop_assert_eq!(path.split('/').count(), usual.split('/').count());
            prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte)), "{}", path);
        }
    }

    #[test]
    fn any_bytes_are_a_step_or_malformed(responses in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..4)) {
        let responses: Vec<&[u8]> = responses.iter().map(Vec::as_slice).collect();
        for api in apis() {
            let order = OrderReference { store: Some("abc123"), order_id: "1" };
            prop_assert!(!matches!(api.next(&order, &responses), Ok(OrderStep::Order(_))));
        }
    }
}
