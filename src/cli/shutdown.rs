//! Stopping: the first signal asks, the second does not wait.

use tokio::sync::mpsc;

/// The status of a program that a signal ended.
const EXIT_AFTER_SIGNAL: i32 = 130;

/// Returns at the first SIGINT or SIGTERM. Another one while things come to an end ends the program at once.
pub(crate) async fn asked_to_stop() -> std::io::Result<()> {
    let mut signals = signals()?;
    signals.recv().await;
    tokio::spawn(async move {
        if signals.recv().await.is_some() {
            std::process::exit(EXIT_AFTER_SIGNAL);
        }
    });
    Ok(())
}

/// Each SIGINT and SIGTERM from now on, also one that comes before anything waits for it.
#[cfg(unix)]
pub(in crate::cli) fn signals() -> std::io::Result<mpsc::Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        loop {
            let received = tokio::select! {
                received = interrupt.recv() => received,
                received = terminate.recv() => received,
            };
            if received.is_none() || sender.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

#[cfg(not(unix))]
pub(in crate::cli) fn signals() -> std::io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if sender.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
