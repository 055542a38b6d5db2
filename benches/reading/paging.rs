//! How long a page of the delivery log takes, of a short log and of a long one.

use std::time::Duration;

use projections::delivery_log;
use serde::Serialize;
use storage::{Database, Durability};

use super::history;
use super::question::{Draw, QUESTIONS};
use super::timing::{Stopwatch, Timing};
use crate::setting::databases::Databases;

/// The short log, which the long one is compared with.
pub(crate) const FEW: i64 = 10_000;
/// How long one question is asked again and again.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Of each kind, so that the first connection and the first pages are not measured.
const WARM_UP: u64 = 5;

#[derive(Debug, Serialize)]
pub(crate) struct Asked {
    pub(crate) question: &'static str,
    pub(crate) few: Answered,
    pub(crate) many: Answered,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    /// How often the database gave up instead.
    pub(crate) failures: u64,
    #[serde(flatten)]
    pub(crate) timing: Timing,
}

pub(crate) async fn measure(databases: &Databases, many: i64, pages: u64) -> anyhow::Result<Vec<Asked>> {
    history::fill(databases, 0, FEW.min(many)).await?;
    let of_few = ask_all(databases, FEW.min(many), pages).await?;
    history::fill(databases, FEW.min(many), many).await?;
    let of_many = ask_all(databases, many, pages).await?;
    let asked = QUESTIONS.iter().zip(of_few).zip(of_many);
    Ok(asked.map(|((question, few), many)| Asked { question: question.name, few, many }).collect())
}

async fn ask_all(databases: &Databases, rows: i64, pages: u64) -> anyhow::Result<Vec<Answered>> {
    let views = Database::open(&databases.views_url(), Durability::Rebuildable).await?;
    let mut answered = vec![];
    for question in &QUESTIONS {
        let mut failures = 0;
        let mut stopwatch = Stopwatch::new(pages, TIMEOUT);
        let mut asked = 0;
        let mut slow = false;
        while stopwatch.wants_more() {
            let (filter, page) = question.about(Draw::new(asked, rows));
            let fetched = delivery_log::page(&views, &filter, page);
            if asked < WARM_UP && !slow {
                let mut warm_up = Stopwatch::new(1, TIMEOUT);
                // Whatever goes wrong goes wrong again when it is measured.
                drop(warm_up.time(fetched).await);
                slow = warm_up.timing().median_ms > 200.0;
            } else if let Err(error) = stopwatch.time(fetched).await {
                report_failure(question.name, &error);
                failures += 1;
            }
            asked += 1;
        }
        answered.push(Answered { failures, timing: stopwatch.timing() });
    }
    views.close().await;
    Ok(answered)
}

#[expect(clippy::print_stderr, reason = "a benchmark prints what went wrong")]
fn report_failure(question: &str, error: &sqlx::Error) {
    eprintln!("{question}: {error}");
}
