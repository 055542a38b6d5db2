//! Usernames as people write them, and what only looks like one.

use super::*;
use crate::shape::Shape;

fn attribute(json: &str) -> Option<String> {
    serde_json::from_str::<Shape<Attributes, Attributes>>(json).unwrap().either()?.username()
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
fn a_username_is_what_people_see_of_what_they_paste() {
    for (pasted, username) in [
        (" @max ", Some("max")),
        ("\u{feff}max\u{200b}", Some("max")),
        ("\u{202a}@max\u{202c}", Some("max")),
        ("＠max", Some("max")),
        ("ma\u{200d}x", Some("max")),
        ("https://cloud.neuraldsp.com/cloud/u/max", Some("max")),
        ("HTTPS://cloud.neuraldsp.com/cloud/u/Max/neural-capture/view/1f-2e?tab=1#top", Some("Max")),
        ("cloud.neuraldsp.com/u/@max/", Some("max")),
        ("https://cloud.neuraldsp.com/cloud/", None),
        ("https://cloud.neuraldsp.com/cloud/u/", None),
        ("https://cloud.neuraldsp.com/user/max", Some("max")),
        ("cloud.neuraldsp.com/Users/max/presets", Some("max")),
        ("cortex.neuraldsp.com/user/max", Some("max")),
        ("https://instagram.com/u/max", None),
        ("https://evil-neuraldsp.com/u/max", None),
        ("Größe 2", Some("Größe 2")),
        ("\u{200b} @ ", None),
    ] {
        assert_eq!(normalised(pasted).as_deref(), username, "{pasted:?}");
    }
}

#[test]
fn a_note_names_the_username_in_words_made_for_it() {
    for (note, username) in [
        ("NDSP username: cortex_user_42", Some("cortex_user_42")),
        ("ndsp_username=cortex_user_42", Some("cortex_user_42")),
        ("Cortex username - max", Some("max")),
        ("Cortex Cloud user name – Max.Power", Some("Max.Power")),
        ("neural dsp username = @max", Some("max")),
        ("My NeuralDSP Username: \"max\", thanks!", Some("max")),
        ("Username: max", Some("max")),
        ("my username: max", Some("max")),
        ("Please gift wrap. Username: max. Thank you", Some("max")),
        ("Hello,\r\nNDSP USERNAME:max\r\nbye", Some("max")),
        ("username: other\nNDSP username: max", Some("max")),
        ("Instagram username: other; NDSP username: max", Some("max")),
        ("İ NDSP username： Größe", Some("Größe")),
        ("NDSP username:\u{feff} \u{200b}max\u{200e}", Some("max")),
        ("NDSP username: ＠max", Some("max")),
        ("NDSP username: https://cloud.neuraldsp.com/cloud/u/max, thanks", Some("max")),
        ("NDSP username: https://instagram.com/max", None),
        ("Instagram username: other", None),
        ("superusername: other", None),
        ("please gift wrap", None),
        ("cortex_user_42", None),
        ("@cortex_user_42", None),
        ("NDSP username", None),
        ("NDSP username:", None),
        ("NDSP username: - ", None),
        ("NDSP username:\nplease gift wrap", None),
        ("NDSP username max", None),
        ("NDSP usernames: max", None),
        ("a username-based name", None),
        ("", None),
    ] {
        assert_eq!(in_note(note).as_deref(), username, "{note}");
    }
}
