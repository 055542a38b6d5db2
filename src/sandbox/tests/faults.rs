//! Every scripted failure, as the client sees it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::ports::cortex::CortexError;

/// What sharing comes to under `fault`, and how often it was then really shared.
async fn share_under(merchant: &Merchant, fault: Fault) -> (Result<(), CortexError>, u64) {
    merchant.script(Operation::Share, fault);
    let max = user("mutual_max");
    let outcome = merchant.client.share(&merchant.session, PRESET, &max, ids::fresh()).await;
    (outcome, merchant.sandbox.share_count(PRESET, "mutual_max").effective)
}

#[tokio::test]
async fn an_internal_error_is_temporary_and_without_effect() {
    let outcome = share_under(&merchant().await, Fault::Error500).await;
    assert_eq!(outcome, (Err(CortexError::Temporary("answered 500".into())), 0));
}

#[tokio::test]
async fn an_error_after_the_effect_looks_the_same() {
    let merchant = merchant().await;
    let outcome = share_under(&merchant, Fault::AfterEffect500).await;
    assert_eq!(outcome, (Err(CortexError::Temporary("answered 500".into())), 1));
    assert!(merchant.client.is_shared(&merchant.session, PRESET, &user("mutual_max")).await.unwrap());
}

#[tokio::test]
async fn a_rate_limit_says_how_long() {
    let outcome = share_under(&merchant().await, Fault::RateLimit).await;
    let retry_after = Some(Duration::from_secs(1));
    assert_eq!(outcome, (Err(CortexError::RateLimited { retry_after }), 0));
}

#[tokio::test]
async fn a_dropped_connection_is_temporary_and_without_effect() {
    let (outcome, effective) = share_under(&merchant().await, Fault::DropConnection).await;
    let Err(CortexError::Temporary(reason)) = outcome else { panic!("{outcome:?}") };
    assert!(reason.starts_with("connection lost"), "{reason}");
    assert_eq!(effective, 0);
}

#[tokio::test]
async fn a_dropped_connection_carries_no_byte() {
    let merchant = merchant().await;
    merchant.script(Operation::FindUser, Fault::DropConnection);
    let address = merchant.sandbox.base_url().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET /api/v1/users/mutual_max HTTP/1.1\r\nHost: sandbox\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn silence_is_a_temporary_failure() {
    let mut merchant = merchant().await;
    merchant.client = CortexClient::new(merchant.sandbox.base_url(), Duration::from_millis(100)).unwrap();
    let outcome = share_under(&merchant, Fault::Timeout).await;
    assert_eq!(outcome, (Err(CortexError::Temporary("timed out".into())), 0));
}

#[tokio::test]
async fn a_delayed_call_succeeds_in_the_end() {
    let outcome = share_under(&merchant().await, Fault::DelayMs(20)).await;
    assert_eq!(outcome, (Ok(()), 1));
}

#[tokio::test]
async fn a_fault_for_any_operation_meets_whatever_comes_next() {
    let merchant = merchant().await;
    merchant.sandbox.script(FaultScript { operation: On::Any, fault: Fault::Error500, times: 2 }).unwrap();
    let temporary = CortexError::Temporary("answered 500".into());
    let login = merchant.client.login(DEFAULT_EMAIL, DEFAULT_PASSWORD).await;
    assert_eq!(login.unwrap_err(), temporary);
    assert_eq!(merchant.client.find_user(&merchant.session, "mutual_max").await, Err(temporary));
    assert!(merchant.find("mutual_max").await.is_some());
}
