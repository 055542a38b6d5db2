//! Attributes in whatever shape stores and plugins write them.

use super::*;
use crate::shape::Shape;

fn read(json: &str) -> (Option<String>, Option<String>) {
    serde_json::from_str::<Shape<Attributes, Attributes>>(json).unwrap().either().unwrap_or_default().both()
}

fn attribute(json: &str) -> Option<String> {
    read(json).0
}

#[test]
fn an_attribute_names_the_username_in_whatever_shape_it_comes() {
    for (json, username) in [
        (r#"[{"name":"ndsp_username","value":"max"}]"#, Some("max")),
        (r#"[{"key":"ndsp_username","value":"max"}]"#, Some("max")),
        (r#"[{"id":1,"key":"_NDSP_Username","value":" @max ","display_value":{}}]"#, Some("max")),
        (r#"[{"name":" Neural_DSP_username ","value":"max"}]"#, Some("max")),
        (r#"[{"name":"cortex_username","value":"second"},{"name":"ndsp_username","value":"first"}]"#, Some("first")),
        (
            r#"[{"name":"neural_dsp_username","value":"third"},{"name":"cortex_username","value":"second"}]"#,
            Some("second"),
        ),
        (r#"[{"name":"ndsp_username","value":""},{"name":"cortex_username","value":"second"}]"#, Some("second")),
        (r#"[{"name":"ndsp_username","value":null},{"name":"cortex_username","value":"@"}]"#, None),
        (r#"[{"name":"ndsp_username","value":"max"},{"name":"ndsp_username","value":"moritz"}]"#, Some("max")),
        (r#"[{"key":"ndsp_username","value":12345678901234567890123}]"#, Some("12345678901234567890123")),
        (r#"[{"key":"ndsp_username","value":["max"]},{"key":"ndsp_username","value":{"a":"max"}}]"#, None),
        (r#"[{"key":"ndsp_username","value":true},{"key":7,"value":"max"},{"value":"max"},{"key":null}]"#, None),
        (r#"[{"name":"NDSP Username","value":"max"}]"#, Some("max")),
        (r#"[{"name":"ndsp-username:","value":"max"}]"#, Some("max")),
        (r#"[{"name":"Neural DSP user name","value":"max"}]"#, Some("max")),
        (r#"[{"key":"billing_ndsp_username","value":"max"}]"#, Some("max")),
        (r#"[{"key":"_billing_cortex_username","value":"max"}]"#, Some("max")),
        (r#"[{"key":"shipping_username","value":"max"},{"key":"my_ndsp_username","value":"max"}]"#, None),
        (r#"[{"name":"ndsp\u005fusername","value":"m\u0061x\u0000"}]"#, Some("max")),
        (r#"[null,"ndsp_username",7,[],["ndsp_username","max"],{"name":"gift","value":"yes"}]"#, None),
        (r#"{"ndsp_username":"max","gift":[1,{}]}"#, Some("max")),
        (r#"{"cortex_username":"second","ndsp_username":"first"}"#, Some("first")),
        (r#"{"name":"ndsp_username","value":"max"}"#, Some("max")),
        // As BigCommerce gives the choices of a product, and WooCommerce the text of a field for a page.
        (r#"[{"name":"Text 7","display_name":"NDSP Username","value":"3","display_value":"max"}]"#, Some("max")),
        (r#"[{"display_name":"NDSP Username","value":"max","display_value":null}]"#, Some("max")),
        (r#"[{"display_name":"Profile","name":"ndsp_username","value":"max","display_value":"other"}]"#, Some("max")),
        (r#"{"display_name":"NDSP Username","display_value":"max"}"#, Some("max")),
        (r#"[{"key":"ndsp_username","value":"max","display_value":"<p>max</p>"}]"#, Some("max")),
        ("{}", None),
        ("[]", None),
        ("null", None),
        (r#""ndsp_username""#, None),
        ("7", None),
        ("1.5", None),
        ("-1", None),
        ("true", None),
    ] {
        assert_eq!(attribute(json).as_deref(), username, "{json}");
    }
}

#[test]
fn an_attribute_names_the_conversation_beside_the_username() {
    for (json, username, session_id) in [
        (
            r#"[{"name":"ndsp_username","value":"max"},{"name":"session_id","value":"sess_1"}]"#,
            Some("max"),
            Some("sess_1"),
        ),
        (r#"[{"key":"_session_id","value":"s2"},{"key":"commerce_session_id","value":"s1"}]"#, None, Some("s1")),
        (r#"[{"key":"X-Session-ID","value":"s1"},{"key":"sessionid","value":"s2"}]"#, None, Some("s1")),
        (r#"[{"key":"commerce_session_id","value":"s 1"},{"key":"sessionid","value":"s2"}]"#, None, Some("s2")),
        (r#"[{"key":"session_id","value":"s1"},{"key":"session_id","value":"s2"}]"#, None, Some("s1")),
        (r#"{"session_id":42}"#, None, Some("42")),
        (r#"{"session_id":{"id":"s1"}}"#, None, None),
        (r#"[{"key":"session_id","value":["s1"]},{"key":"wc_session_id","value":"s2"}]"#, None, None),
    ] {
        assert_eq!(read(json), (username.map(str::to_owned), session_id.map(str::to_owned)), "{json}");
    }
}
