//! Writing to an account, at the address that it is reached at.

use domain::AccountId;
use domain::account::Account;

use super::failure::Failure;
use crate::app::log_and_views::LogAndViews;
use crate::ports::mail::{MailError, Mailer};

/// Writes to an account that has given an address. What its server refuses for good is not tried again.
pub(super) async fn mail_account(
    data: &LogAndViews,
    mailer: &Mailer,
    account_id: AccountId,
    subject: &str,
    text: &str,
) -> Result<(), Failure> {
    let account = data.log.current::<Account>(account_id).await?;
    let contact = account.aggregate.merchant().and_then(|merchant| merchant.contact.as_ref()?.known());
    let Some(contact) = contact else { return Ok(()) };
    match mailer.send(contact, subject, text).await {
        Ok(()) => Ok(()),
        // It would be refused again.
        Err(
            error @ (MailError::Recipient
            | MailError::Subject
            | MailError::TextTooLong
            | MailError::NotAscii
            | MailError::Refused { .. }),
        ) => {
            tracing::warn!(account = %account_id, subject, %error, "an account cannot be written to");
            Ok(())
        }
        Err(MailError::Unavailable(reason)) => Err(Failure::OfServer(format!("the mail server: {reason}"))),
    }
}
