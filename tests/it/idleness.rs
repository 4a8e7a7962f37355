//! A marketplace in which nothing happens.

use std::time::Duration;

use scenarios::Marketplace;

#[tokio::test]
async fn an_idle_worker_leaves_the_database_alone() {
    let market = Marketplace::with(|settings| settings.jobs.timer_poll_ms = 500).await;
    market.settle().await;
    let transactions =
        "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
    let count = async || {
        // Connections tell of what they did at most once a second.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        market.rows(transactions).await[0].parse::<u32>().expect("a count")
    };

    let before = count().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let done = count().await - before;

    // It looks for work, for timers and at the simulated time, some thirty times a second in all.
    assert!(done < 500, "{done} transactions in 4.5 seconds of idleness");
}
