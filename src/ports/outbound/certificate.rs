//! What is wrong with a receiver's certificate, in words for who runs the receiver.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use crate::ports::response::causes;

/// Of an error of TLS that is about the receiver's certificate.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<&'static str> {
    // An error of input and output is its cause, and has none of its own.
    let of_tls = |cause: &'_ (dyn Error + 'static)| {
        let within = cause.downcast_ref::<io::Error>()?.get_ref()?;
        within.downcast_ref::<rustls::Error>().cloned()
    };
    let Some(rustls::Error::InvalidCertificate(invalid)) = causes(error).find_map(of_tls) else { return None };
    Some(sentence(&invalid))
}

fn sentence(invalid: &CertificateError) -> &'static str {
    use CertificateError as Invalid;
    if matches!(invalid, Invalid::Expired | Invalid::ExpiredContext { .. }) {
        "the certificate has expired"
    } else if matches!(invalid, Invalid::NotValidYet | Invalid::NotValidYetContext { .. }) {
        "the certificate is not valid yet"
    } else if matches!(invalid, Invalid::NotValidForName | Invalid::NotValidForNameContext { .. }) {
        "the certificate is for another host name"
    } else if matches!(invalid, Invalid::UnknownIssuer) {
        "the certificate is signed by no public authority, or its intermediate certificates are not sent"
    } else if matches!(invalid, Invalid::Revoked) {
        "the certificate was revoked"
    } else {
        "the certificate is not one of a server that a public authority signed: it may be self-signed"
    }
}
