//! What a subscriber may name as an endpoint, before anything is resolved or sent.

use std::net::IpAddr;

use domain::invisible::is_invisible;
use reqwest::Url;

use super::OutboundRules;
use super::address::NotPublic;

/// Longest URL, in characters, as it is typed and as it is called: there `ä` is `%C3%A4`.
const MAX_URL_CHARS: usize = 2_000;
/// Names that only the local network resolves (RFC 6761, 6762, 8375 and ICANN's `.internal`).
const LOCAL_DOMAINS: [&str; 5] = ["localhost", "local", "internal", "localdomain", "home.arpa"];

/// Why an endpoint is not called, with what to do about it. Names no address: a subscriber must not
/// learn what names of the operator's network resolve to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    #[error("the URL is longer than 2,000 characters: use a shorter one")]
    TooLong,
    #[error("this is not a URL: write it in full, as in https://example.com/webhooks")]
    NotAUrl,
    #[error("the URL has a backslash, which is read as a slash: write / where you mean one")]
    Backslash,
    #[error("the URL has invisible characters or some that turn the direction of text: type it instead of copying it")]
    Invisible,
    #[error("the URL must begin with https://")]
    NotHttps,
    #[error("the URL must not hold a user or a password: verify the signature of each webhook instead")]
    Credentials,
    #[error("the URL must not have a part after #: leave it out, since it is never sent")]
    Fragment,
    #[error("no server listens on port 0: name another port, or none")]
    PortZero,
    #[error("the host is a name of a local network: use a name that the whole internet resolves")]
    LocalName,
    #[error("the host is at {0}, which is not called: use a host with a public address")]
    NotPublic(NotPublic),
    #[error("the host's name does not resolve at the moment: check its DNS records, then try again")]
    NotResolved,
    #[error("the host's name took too long to resolve: check its name servers, then try again")]
    ResolutionTimeout,
}

/// A URL that may be called by its spelling. What its name resolves to is judged each time it is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedUrl(Url);

impl CheckedUrl {
    pub(super) fn parse(text: &str, rules: &OutboundRules) -> Result<Self, UrlRefusal> {
        if text.chars().nth(MAX_URL_CHARS).is_some() {
            return Err(UrlRefusal::TooLong);
        }
        // The parser would silently drop some of these, and so read another URL than a person does.
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(UrlRefusal::NotAUrl);
        }
        // A person would take what is called for something else: `https://8.8.8.8\@shop.example/` leads to 8.8.8.8.
        if text.contains('\\') {
            return Err(UrlRefusal::Backslash);
        }
        if text.chars().any(is_invisible) {
            return Err(UrlRefusal::Invisible);
        }
        let url = Url::parse(text).map_err(|_| UrlRefusal::NotAUrl)?;
        if !(url.scheme() == "https" || rules.allow_http && url.scheme() == "http") {
            return Err(UrlRefusal::NotHttps);
        }
        // The HTTP client has a parser of its own, which is stricter.
        if url.as_str().parse::<hyper::Uri>().is_err() {
            return Err(UrlRefusal::NotAUrl);
        }
        if url.as_str().len() > MAX_URL_CHARS {
            return Err(UrlRefusal::TooLong);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRefusal::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UrlRefusal::Fragment);
        }
        if url.port() == Some(0) {
            return Err(UrlRefusal::PortZero);
        }
        let checked = Self(url);
        match checked.host() {
            EndpointHost::Address(address) => rules.judge(address).map_err(UrlRefusal::NotPublic)?,
            EndpointHost::Name(name) if is_local_name(name) && !rules.resolve_local_names() => {
                return Err(UrlRefusal::LocalName);
            }
            EndpointHost::Name(_) => {}
        }
        Ok(checked)
    }

    pub(super) fn host(&self) -> EndpointHost<'_> {
        // An http URL without a host does not parse; an empty name would be refused as local.
        let host = self.0.host_str().unwrap_or_default();
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        literal.parse().map_or(EndpointHost::Name(host), EndpointHost::Address)
    }

    pub(in crate::ports) fn into_url(self) -> Url {
        self.0
    }

    /// As it is called: `https://EXAMPLE.com` ends as `https://example.com/`.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The parser reads every spelling of an address as that address: decimal, octal, hexadecimal, shortened, full-width, with a dot
/// behind it.
pub(super) enum EndpointHost<'a> {
    Address(IpAddr),
    Name(&'a str),
}

/// A name without a dot is local as well: what it means depends on who resolves it.
pub(super) fn is_local_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_under =
        |domain: &&str| name.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || LOCAL_DOMAINS.iter().any(is_under)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> Option<UrlRefusal> {
        CheckedUrl::parse(url, &OutboundRules::default()).err()
    }

    #[test]
    fn an_endpoint_is_an_https_url_of_a_public_host() {
        for url in [
            "https://example.com/",
            "https://example.com:8443/hooks?shop=1",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]:443/",
            "https://xn--bcher-kva.example/",
            "https://localhost.example.com/",
            "https://notlocal.example/",
            "https://mylocalhost.example./",
            "https://internal.example/",
        ] {
            assert_eq!(refusal(url), None, "{url}");
        }
    }

    #[test]
    fn a_url_that_is_not_of_this_kind_is_refused_for_its_reason() {
        let long = |chars: usize| format!("https://example.com/{}", "a".repeat(chars - 20));
        assert_eq!(refusal(&long(2_000)), None);
        assert_eq!(refusal(&long(2_001)), Some(UrlRefusal::TooLong));
        let longer_when_called = format!("https://example.com/{}", "ä".repeat(331));
        assert_eq!(refusal(&longer_when_called), Some(UrlRefusal::TooLong));
        for (url, why) in [
            ("", UrlRefusal::NotAUrl),
            ("example.com", UrlRefusal::NotAUrl),
            ("https://", UrlRefusal::NotAUrl),
            ("https:///", UrlRefusal::NotAUrl),
            ("https://exa mple.com/", UrlRefusal::NotAUrl),
            ("https://example.com/a\tb", UrlRefusal::NotAUrl),
            ("https://example.com/a\r\nhost: b", UrlRefusal::NotAUrl),
            (" https://example.com/", UrlRefusal::NotAUrl),
            ("https://example.com/\u{85}", UrlRefusal::NotAUrl),
            ("https://example.com:65536/", UrlRefusal::NotAUrl),
            ("https://[fe80::1%25eth0]/", UrlRefusal::NotAUrl),
            (r"https://8.8.8.8\@evil.example/", UrlRefusal::Backslash),
            (r"https:\\example.com\hooks", UrlRefusal::Backslash),
            ("https://example.com/\u{202e}moc.live", UrlRefusal::Invisible),
            ("https://example.com/\u{2066}a\u{2069}", UrlRefusal::Invisible),
            ("https://exam\u{ad}ple.com/", UrlRefusal::Invisible),
            ("https://example.com/\u{200b}", UrlRefusal::Invisible),
            ("http://example.com/", UrlRefusal::NotHttps),
            ("ftp://example.com/", UrlRefusal::NotHttps),
            ("file:///etc/passwd", UrlRefusal::NotHttps),
            ("gopher://127.0.0.1:25/", UrlRefusal::NotHttps),
            ("mailto:max@example.com", UrlRefusal::NotHttps),
            ("https://max@example.com/", UrlRefusal::Credentials),
            ("https://:secret@example.com/", UrlRefusal::Credentials),
            ("https://example.com@127.0.0.1/", UrlRefusal::Credentials),
            ("https://example.com/#", UrlRefusal::Fragment),
            ("https://example.com/#top", UrlRefusal::Fragment),
            ("https://example.com:0/", UrlRefusal::PortZero),
        ] {
            assert_eq!(refusal(url), Some(why), "{url}");
        }
    }

    #[test]
    fn names_of_a_local_network_are_refused() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "internal",
            "a.home.arpa",
            "a.localdomain",
            "database",
            "database.",
        ] {
            assert_eq!(refusal(&format!("https://{host}/")), Some(UrlRefusal::LocalName), "{host}");
        }
    }

    #[test]
    fn an_address_is_judged_in_every_spelling() {
        for (host, why) in [
            ("127.0.0.1", NotPublic::Loopback),
            ("127.0.0.1.", NotPublic::Loopback),
            ("127.1", NotPublic::Loopback),
            ("2130706433", NotPublic::Loopback),
            ("0x7f000001", NotPublic::Loopback),
            ("0x7f.1", NotPublic::Loopback),
            ("0177.0.0.1", NotPublic::Loopback),
            ("017700000001", NotPublic::Loopback),
            ("%31%32%37.0.0.1", NotPublic::Loopback),
            ("１２７.0.0.1", NotPublic::Loopback),
            ("127。0。0。1", NotPublic::Loopback),
            ("①②⑦.0.0.1", NotPublic::Loopback),
            ("0", NotPublic::Reserved),
            ("0xa9fea9fe", NotPublic::LinkLocal),
            ("10.0.0.5", NotPublic::Private),
            ("[::1]", NotPublic::Loopback),
            ("[0:0:0:0:0:0:0:1]", NotPublic::Loopback),
            ("[::]", NotPublic::Reserved),
            ("[::ffff:127.0.0.1]", NotPublic::Translated),
            ("[::ffff:7f00:1]", NotPublic::Translated),
            ("[::127.0.0.1]", NotPublic::Translated),
            ("[64:ff9b::169.254.169.254]", NotPublic::Translated),
            ("[2002:a9fe:a9fe::]", NotPublic::Translated),
            ("[fd00:ec2::254]", NotPublic::Private),
        ] {
            assert_eq!(refusal(&format!("https://{host}/")), Some(UrlRefusal::NotPublic(why)), "{host}");
        }
    }

    #[test]
    fn the_operator_may_allow_http_and_ranges() {
        let allowed = vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let rules = OutboundRules { allow_http: true, allowed, proxy: None };
        for url in [
            "http://example.com/",
            "http://127.0.0.1:8080/",
            "https://0x7f.1/",
            "https://[fd00::1]/",
            "http://localhost/",
        ] {
            assert!(CheckedUrl::parse(url, &rules).is_ok(), "{url}");
        }
        let refusal = |url| CheckedUrl::parse(url, &rules).err();
        assert_eq!(refusal("https://10.0.0.1/"), Some(UrlRefusal::NotPublic(NotPublic::Private)));
        assert_eq!(refusal("https://[::ffff:127.0.0.1]/"), Some(UrlRefusal::NotPublic(NotPublic::Translated)));
    }

    #[test]
    fn a_checked_url_is_shown_as_it_is_called() {
        for (typed, called) in [
            ("HTTPS://example.com", "https://example.com/"),
            ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
            ("https://0x8.8.8.8/", "https://8.8.8.8/"),
        ] {
            assert_eq!(CheckedUrl::parse(typed, &OutboundRules::default()).unwrap().as_str(), called, "{typed}");
        }
        let checked = CheckedUrl::parse("https://EXAMPLE.com:443/a/../b?c", &OutboundRules::default()).unwrap();
        assert_eq!(checked.as_str(), "https://example.com/b?c");
        assert_eq!(CheckedUrl::parse(checked.as_str(), &OutboundRules::default()), Ok(checked));
    }
}
