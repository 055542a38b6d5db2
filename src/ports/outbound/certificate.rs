//! What is wrong with a receiver's TLS, in words for who runs the receiver.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};

use crate::ports::response::causes;

/// Of an error of TLS that somebody may have had before.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<&'static str> {
    // An error of input and output is its cause, and has none of its own.
    let of_tls = |cause: &'_ (dyn Error + 'static)| {
        let within = cause.downcast_ref::<io::Error>()?.get_ref()?;
        within.downcast_ref::<TlsError>().cloned()
    };
    let refused = causes(error).find_map(of_tls)?;
    if let TlsError::InvalidCertificate(invalid) = refused {
        Some(sentence(&invalid))
    } else if refused == TlsError::InvalidMessage(InvalidMessage::InvalidContentType) {
        Some("what listens on the port does not speak TLS")
    } else if refused == TlsError::AlertReceived(AlertDescription::ProtocolVersion)
        || matches!(refused, TlsError::PeerIncompatible(_))
    {
        Some("the receiver speaks no TLS of version 1.2 or 1.3, or with other means than these have")
    } else {
        None
    }
}

fn sentence(invalid: &CertificateError) -> &'static str {
    use CertificateError as Invalid;
    if matches!(invalid, Invalid::Expired | Invalid::ExpiredContext { .. }) {
        "the certificate has expired, or one that it was signed with"
    } else if matches!(invalid, Invalid::NotValidYet | Invalid::NotValidYetContext { .. }) {
        "the certificate is not valid yet"
    } else if matches!(invalid, Invalid::NotValidForName | Invalid::NotValidForNameContext { .. }) {
        "the certificate is for another host name"
    } else if matches!(invalid, Invalid::UnknownIssuer) {
        "the certificate is signed by no public authority, or its intermediate certificates are not sent"
    } else if matches!(invalid, Invalid::Revoked) {
        "the certificate was revoked"
    } else if matches!(invalid, Invalid::InvalidPurpose | Invalid::InvalidPurposeContext { .. }) {
        "the certificate is not for a server"
    } else {
        "the certificate is not one of a server that a public authority signed: it may be self-signed"
    }
}
