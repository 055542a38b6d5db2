//! Where an order names the customer's Cortex Cloud username: in an attribute made for it, or in the words of a note.

#[cfg(test)]
mod tests;

use domain::invisible::is_invisible;

use crate::attributes;
use crate::scalar::MAX_TEXT_CHARS;

/// The names that the webhooks document gives, the one that wins first, without what separates their words.
const ATTRIBUTES: [&str; 3] = ["ndspusername", "cortexusername", "neuraldspusername"];

/// What `WooCommerce` and its plugins put before the names of fields of the billing form.
const BILLING: &str = "billing";

/// What stands before "username" when it is this platform's. ASCII and lower case.
const LABELS: [&str; 6] = ["ndsp", "cortex", "cortex cloud", "neural dsp", "neural_dsp", "neuraldsp"];

/// What stands before the name in the address of a profile: `u` as Cortex Cloud writes it today, and what other platforms
/// write, for people who type an address.
const PROFILES: [&str; 5] = ["u", "user", "users", "profile", "profiles"];

/// A username as Cortex Cloud knows it, of what people paste: without white space around it, without invisible
/// characters, without the @ before it; of the address of a profile, its name. None if nothing is left.
pub fn normalised(username: &str) -> Option<String> {
    let visible = visible(username);
    let username = profile_name(visible.trim());
    let username = username.trim_start_matches('@').trim();
    (!username.is_empty()).then(|| username.chars().take(MAX_TEXT_CHARS).collect())
}

/// Without what is not seen (zero-width characters, marks of direction, byte order marks, U+0000), and with the full-width @
/// of East Asian keyboards as the usual one.
fn visible(text: &str) -> String {
    let is_seen = |character: &char| !is_invisible(*character);
    let usual = |character| if matches!(character, '\u{ff20}' | '\u{fe6b}') { '@' } else { character };
    text.chars().filter(is_seen).map(usual).collect()
}

/// The name in the address of a profile at Cortex Cloud (`https://cloud.neuraldsp.com/cloud/u/max/…`); nothing of any other
/// address, which is of somebody else's platform. What is no address stays.
fn profile_name(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let schemes = ["https://", "http://"];
    let after_scheme = schemes.iter().find(|scheme| lower.starts_with(*scheme)).map(|scheme| &text[scheme.len()..]);
    let is_bare = lower.split_once('/').is_some_and(|(host, _)| is_of_platform(host));
    let Some(address) = after_scheme.or(is_bare.then_some(text)) else {
        return text;
    };
    let mut segments = address.split(['?', '#']).next().unwrap_or_default().split('/').filter(|part| !part.is_empty());
    let host = segments.next().unwrap_or_default().to_ascii_lowercase();
    if !is_of_platform(&host) {
        return "";
    }
    segments.by_ref().find(|part| PROFILES.iter().any(|name| part.eq_ignore_ascii_case(name)));
    segments.next().unwrap_or_default()
}

fn is_of_platform(host: &str) -> bool {
    host == "neuraldsp.com" || host.ends_with(".neuraldsp.com")
}

/// Whether an attribute of this name holds a username.
pub fn is_username_attribute(name: &str) -> bool {
    rank(name).is_some()
}

/// Which of the attributes a name is of; the smallest counts first.
pub(crate) fn rank(name: &str) -> Option<usize> {
    let letters = attributes::letters(name)?;
    let of_billing = letters.strip_prefix(BILLING);
    let wanted = of_billing.unwrap_or(&letters);
    let nth = ATTRIBUTES.iter().position(|name| *name == wanted)?;
    let is_variant = of_billing.is_some() || name.starts_with('_');
    Some(2 * nth + usize::from(is_variant))
}

/// The username that a note gives as "NDSP username: max", "Cortex username - max", "username = max" or the like,
/// somewhere in it. What is shared with a stranger cannot be taken back, while a merchant who is asked loses a minute, so a
/// note without those words names no username, be it a single word; nor does one that speaks of another platform's username.
pub(crate) fn in_note(note: &str) -> Option<String> {
    let mut unlabelled = None;
    let note = visible(note);
    for line in note.split(['\n', '\r']) {
        let lower = line.to_ascii_lowercase();
        for (start, _) in lower.match_indices("user") {
            let after = &lower[start + "user".len()..];
            let Some(after) = after.strip_prefix([' ', '_', '-']).unwrap_or(after).strip_prefix("name") else {
                continue;
            };
            let Some(username) = value(&line[line.len() - after.len()..]) else {
                continue;
            };
            match whose(&lower[..start]) {
                Whose::Ours => return Some(username),
                Whose::Unsaid => unlabelled = unlabelled.or(Some(username)),
                Whose::Theirs => {}
            }
        }
    }
    unlabelled
}

enum Whose {
    Ours,
    Unsaid,
    Theirs,
}

/// Judges by the words before "username" on its line, in lower case.
fn whose(before: &str) -> Whose {
    let before = before.strip_suffix(['_', '-']).unwrap_or(before).trim_end();
    let ends_with = |word: &str| before.strip_suffix(word).is_some_and(|rest| !rest.ends_with(char::is_alphanumeric));
    if LABELS.into_iter().any(ends_with) {
        Whose::Ours
    } else if ends_with("my") || !before.ends_with(char::is_alphanumeric) {
        Whose::Unsaid
    } else {
        Whose::Theirs
    }
}

/// The word after a separator. A dash is one only after a space, since "username-based" names no username.
fn value(after: &str) -> Option<String> {
    let trimmed = after.trim_start();
    let dashes: &[char] = if trimmed.len() < after.len() { &['-', '–', '—'] } else { &[] };
    let rest = trimmed.strip_prefix([':', '=', '：']).or_else(|| trimmed.strip_prefix(dashes))?;
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || "\"'`“‘<(@".contains(c));
    let end = rest.find(|c: char| c.is_whitespace() || ",;|\"'`”’<>()".contains(c)).unwrap_or(rest.len());
    normalised(rest[..end].trim_end_matches(['.', '!', '?', ':'])).filter(|name| name.contains(char::is_alphanumeric))
}
