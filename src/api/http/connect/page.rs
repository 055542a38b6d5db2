//! The pages on which a store is connected. Whatever a merchant or a store wrote is text in them.

use maud::{DOCTYPE, Markup, html};

use crate::app::stores::{CallbackError, Connected, Opened};

/// One page: a title, and what stands under it.
pub(super) struct Page {
    title: String,
    body: Markup,
}

impl Page {
    pub(super) fn html(&self) -> String {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    meta name="robots" content="noindex";
                    title { (self.title) " – Cloud Bridge" }
                    link rel="stylesheet" href="/connect/page.css";
                }
                body {
                    main { h1 { (self.title) } (self.body) }
                }
            }
        }
        .into_string()
    }

    fn new(title: impl Into<String>, body: Markup) -> Self {
        Self { title: title.into(), body }
    }

    /// Sends its form to the address at which it stands.
    pub(super) fn question(opened: &Opened) -> Self {
        let Opened { account, integration, provider, store, scopes } = opened;
        let name = provider.name();
        let title = format!("Connect {} with Cloud Bridge?", store.as_deref().unwrap_or(name));
        let body = html! {
            p {
                "The account " strong { (account) } " wants to connect this " (name) " store with its integration "
                strong { (integration) } ". " (name) " will ask you to allow this:"
            }
            ul { @for scope in scopes { li { (in_words(scope)) } } }
            p { "Go on only if you began this yourself, or know who did: who has the account sees the store's orders." }
            form method="post" { button { "Continue to " (name) } }
        };
        Self::new(title, body)
    }

    pub(super) fn connected(connected: &Connected) -> Self {
        let Connected { account, integration, provider, store, missing_scopes } = connected;
        let title = format!("{} is connected", store.as_deref().unwrap_or(provider.name()));
        let body = html! {
            p { "It belongs to the integration " strong { (integration) } " of the account " strong { (account) } "." }
            @if !missing_scopes.is_empty() {
                p {
                    "It did not allow everything that was asked for: " (missing_scopes.join(", ")) ". What needs that does not \
                     work until you connect it again and allow it."
                }
            }
            p { "You can close this page." }
        };
        Self::new(title, body)
    }

    pub(super) fn not_connected(error: &CallbackError) -> Self {
        let sentence = error.to_string();
        let mut characters = sentence.chars();
        let first: String = characters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
        Self::new("The store was not connected", html! { p { (first) (characters.as_str()) "." } })
    }

    pub(super) fn over() -> Self {
        let body = html! {
            p { "It was used already, another was made since, or it is older than a quarter of an hour." }
            p { "Begin again: " code { "cloud-bridge stores connect" } " prints a new one." }
        };
        Self::new("This link leads nowhere", body)
    }

    pub(super) fn no_app() -> Self {
        let body = html! { p { "The app by which it was to be connected is gone from the settings. Begin again." } };
        Self::new("The store cannot be connected", body)
    }

    pub(super) fn other_site() -> Self {
        let body = html! { p { "The form was sent by another site. Open the link itself, and continue there." } };
        Self::new("Nothing was connected", body)
    }

    pub(super) fn unavailable() -> Self {
        let body = html! { p { "Try it again in a moment." } };
        Self::new("This does not work right now", body)
    }
}

/// `read_orders` as people read it.
fn in_words(scope: &str) -> String {
    scope.replace('_', " ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use domain::integration::Provider;

    use super::*;

    #[test]
    fn what_others_wrote_is_text() {
        let opened = Opened {
            account: "<script>alert(1)</script>".to_owned(),
            integration: "\"><img src=x>".to_owned(),
            provider: Provider::Shopify,
            store: Some("storm-audio.myshopify.com".to_owned()),
            scopes: vec!["read_orders".to_owned()],
        };
        let page = Page::question(&opened).html();
        assert!(!page.contains("<script>") && !page.contains("<img"), "{page}");
        assert!(page.contains("&lt;script&gt;") && page.contains("read orders"), "{page}");
        let error = CallbackError::Store("<b>no</b>".to_owned());
        assert!(!Page::not_connected(&error).html().contains("<b>"));
    }
}
