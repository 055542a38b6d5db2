//! Where an API of others is, as an operator names it.

use reqwest::Url;

/// Says nothing of the address itself, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the address is not a URL")]
    NotAUrl,
    #[error("the address must begin with http:// or https://")]
    NotHttp,
    #[error("the address must not hold a user, a password, a query or a fragment")]
    MoreThanAnAddress,
}

/// The address of an API, without a slash at its end.
pub(super) fn api_address(base_url: &str) -> Result<String, AddressError> {
    let url = Url::parse(base_url).map_err(|_| AddressError::NotAUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::NotHttp);
    }
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if !plain {
        return Err(AddressError::MoreThanAnAddress);
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_only_an_address() {
        for (address, error) in [
            ("", AddressError::NotAUrl),
            ("cortex.test", AddressError::NotAUrl),
            ("file:///etc/passwd", AddressError::NotHttp),
            ("https://merchant:secret@cortex.test", AddressError::MoreThanAnAddress),
            ("https://cortex.test/?key=secret", AddressError::MoreThanAnAddress),
            ("https://cortex.test/#top", AddressError::MoreThanAnAddress),
        ] {
            assert_eq!(api_address(address), Err(error), "{address}");
        }
    }
}
