//! The port for e-mail: plain text to one recipient, handed to the operator's mail server.

#[cfg(test)]
mod tests;

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, AsyncSmtpTransportBuilder};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use reqwest::Url;

/// How long handing over an e-mail may take, from resolving the mail server's name to its last answer.
const MAIL_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_SUBJECT_CHARS: usize = 200;
const MAX_TEXT_BYTES: usize = 64 * 1_024;

/// Why e-mail cannot be sent as configured. Says nothing of the server's URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailSetupError {
    #[error("the mail server's URL must be smtps://host, smtp://host?tls=required or smtp://host")]
    NotSmtp,
    #[error("the mail server's URL names a user without a password, or a password without a user")]
    HalfALogin,
    #[error("a password is only sent encrypted: use smtps://, or smtp:// with ?tls=required")]
    UnencryptedPassword,
    #[error("the sender is not an e-mail address: write it as in hooks@example.com or Webhooks <hooks@example.com>")]
    Sender,
}

/// Why an e-mail was not sent. Carries no e-mail address and nothing of what the mail server wrote, which may repeat one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    #[error("this is not an e-mail address")]
    Recipient,
    #[error("the subject must be one line of at most 200 characters")]
    Subject,
    #[error("the text is longer than 64 KiB")]
    TextTooLong,
    /// It would not take the same address another time either.
    #[error("the mail server takes no addresses with letters beyond ASCII")]
    NotAscii,
    /// The same e-mail would be refused again.
    #[error("the mail server refuses this e-mail with code {code}")]
    Refused { code: u16 },
    /// Try again later. Where the time ran out, the e-mail may have been sent all the same.
    #[error("the mail server cannot be reached or is in trouble: {0}")]
    Unavailable(String),
}

/// Sends from one address through one mail server, with a connection for each e-mail. It never sends twice by itself.
#[derive(Clone)]
pub struct Mailer {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    sender: Mailbox,
    timeout: Duration,
}

impl Mailer {
    /// `smtp_url` is `smtps://user:password@host:port/hello-name`, or `smtp://…?tls=required` for STARTTLS. Without TLS, as for a
    /// mail server on the same machine, it may not hold a password.
    pub fn new(smtp_url: &str, from: &str) -> Result<Self, MailSetupError> {
        let sender = mailbox(from).ok_or(MailSetupError::Sender)?;
        let smtp = transport(smtp_url, sender.email.domain())?.timeout(Some(MAIL_TIMEOUT)).build();
        Ok(Self { smtp, sender, timeout: MAIL_TIMEOUT })
    }

    /// Returns once the mail server has taken the e-mail over.
    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<(), MailError> {
        let message = self.message(to, subject, text)?;
        match tokio::time::timeout(self.timeout, self.smtp.send(message)).await {
            Ok(Err(error)) if error.is_client() && !to.is_ascii() => Err(MailError::NotAscii),
            Ok(sent) => sent.map(drop).map_err(|error| failure(&error)),
            Err(_) => Err(MailError::Unavailable("timed out".to_owned())),
        }
    }

    fn message(&self, to: &str, subject: &str, text: &str) -> Result<Message, MailError> {
        let to = address(to).ok_or(MailError::Recipient)?;
        // A line break would begin a header that the writer of the subject chose.
        if subject.chars().any(char::is_control) || subject.chars().nth(MAX_SUBJECT_CHARS).is_some() {
            return Err(MailError::Subject);
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(MailError::TextTooLong);
        }
        let id = format!("<{}@{}>", event_log::ids::fresh(), self.sender.email.domain());
        MessageBuilder::new()
            .from(self.sender.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(text.to_owned())
            .map_err(|_| MailError::Recipient)
    }
}

fn transport(smtp_url: &str, sender_domain: &str) -> Result<AsyncSmtpTransportBuilder, MailSetupError> {
    let url = Url::parse(smtp_url).map_err(|_| MailSetupError::NotSmtp)?;
    let is_encrypted = match (url.scheme(), url.query()) {
        ("smtps", None) | ("smtp", Some("tls=required")) => true,
        ("smtp", None) => false,
        _ => return Err(MailSetupError::NotSmtp),
    };
    // The library would ignore a user without a password.
    if url.username().is_empty() != url.password().is_none_or(str::is_empty) {
        return Err(MailSetupError::HalfALogin);
    }
    if url.password().is_some() && !is_encrypted {
        return Err(MailSetupError::UnencryptedPassword);
    }
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(smtp_url).map_err(|_| MailSetupError::NotSmtp)?;
    // Mail servers distrust a client that names itself by an address, as the library does where nothing else is known.
    let names_itself = url.path().len() > 1 || !sender_domain.is_ascii();
    Ok(if names_itself { builder } else { builder.hello_name(ClientId::Domain(sender_domain.to_owned())) })
}

/// An address alone, or one with a name before it.
fn mailbox(text: &str) -> Option<Mailbox> {
    let mailbox: Mailbox = text.parse().ok().filter(|_| !text.chars().any(char::is_control))?;
    address(mailbox.email.as_ref()).map(|_| mailbox)
}

/// Whether an e-mail may be sent to this: an address alone.
pub fn is_address(text: &str) -> bool {
    address(text).is_some()
}

/// An address as people have it. What the standard allows in quotes beyond that is refused: it exists to confuse mail servers.
fn address(text: &str) -> Option<Address> {
    let is_odd = |character: char| character.is_control() || character.is_whitespace() || "\"<>\\".contains(character);
    if text.contains(is_odd) { None } else { text.parse().ok() }
}

fn failure(error: &smtp::Error) -> MailError {
    let reason = match error.status() {
        Some(code) if error.is_permanent() => return MailError::Refused { code: code.into() },
        Some(code) => format!("answered {}", u16::from(code)),
        None if error.is_timeout() => "timed out".to_owned(),
        None if error.is_tls() => "no encrypted connection".to_owned(),
        None if error.is_response() => "answered what is not SMTP".to_owned(),
        None if error.is_client() => "does not offer what is needed to send this e-mail".to_owned(),
        None => "no connection".to_owned(),
    };
    MailError::Unavailable(reason)
}
