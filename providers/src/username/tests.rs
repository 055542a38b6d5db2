//! Usernames as people write them, and what only looks like one.

use super::*;

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
