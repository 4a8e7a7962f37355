//! Background jobs as operators meet them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kernel::{Random, SystemRandom};
use mercato::jobs::{JobContext, Worker};
use mercato::wiring::{Foundation, Services};
use scenarios::Marketplace;
use serde_json::json;

/// Randomness that panics on command: whoever makes a link in a mail then dies of it.
#[derive(Debug, Default)]
struct Dynamite(AtomicBool);

impl Dynamite {
    fn arm(&self, armed: bool) {
        self.0.store(armed, Ordering::SeqCst);
    }
}

impl Random for Dynamite {
    fn fill(&self, bytes: &mut [u8]) {
        assert!(!self.0.load(Ordering::SeqCst), "there is no randomness left");
        SystemRandom.fill(bytes);
    }
}

/// A worker for a marketplace that has none, with this randomness.
async fn a_worker(market: &Marketplace, random: Arc<dyn Random>) -> Worker {
    let Services { store, clock, simulation, .. } = market.services.clone();
    let foundation = Foundation { random, simulation, ..Foundation::new(store, clock) };
    let services = Services::new(&market.settings, &foundation).expect("it was wired before");
    let jobs = &market.settings.jobs;
    let context = JobContext { services, event_retention_days: jobs.event_retention_days };
    let url = market.settings.database.url.as_ref().expect("tests name their database");
    let worker = Worker::start(context, url.expose(), jobs, Duration::from_secs(1)).await;
    worker.expect("the worker starts")
}

/// Waits until a query, which counts something, says so.
async fn until(market: &Marketplace, query: &str, count: &str) {
    let begun = Instant::now();
    while market.rows(query).await != [count] {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not come to {count}: {query}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_job_that_panics_is_tried_again_then_parked_until_an_admin_has_it_done() {
    let market = Marketplace::without_a_worker().await;
    let dynamite = Arc::new(Dynamite::default());
    let worker = a_worker(&market, dynamite.clone()).await;
    let (ada, bob) = (market.client().await, market.client().await);
    let (admin, moderator) = (market.operator().await, market.moderator().await);
    market.settle().await;

    dynamite.arm(true);
    let forgotten = json!({ "email": ada.email });
    let _ = market.visitor().post("auth/password/forgot", forgotten).await.expect(202);
    let waiting = "SELECT count(*) FROM graphile_worker.jobs WHERE last_error LIKE '%randomness%' \
                   AND locked_at IS NULL AND attempts =";
    until(&market, &format!("{waiting} 1 AND run_at > now()"), "1").await;
    // As if the time had passed that the queue, and the mail's claim, wait for another try.
    let _ = market
        .rows(
            "UPDATE mails SET claimed_until = NULL; \
             UPDATE graphile_worker._private_jobs SET max_attempts = 2, run_at = now() \
             WHERE last_error IS NOT NULL",
        )
        .await;
    until(&market, &format!("{waiting} 2 AND max_attempts = 2"), "1").await;

    // Meanwhile the same worker does what others need.
    let profile = json!({ "name": "Studio North", "location": scenarios::berlin() });
    let _ = bob.post("providers", profile).await.expect(201);
    let roles = format!("SELECT roles::text FROM accounts WHERE email = '{}'", bob.email);
    market.settle_despite_failures().await;
    let held = market.rows(&roles).await;
    assert!(held[0].contains("provider"), "{held:?}");

    let dead = admin.get("admin/jobs?status=dead").await.expect(200);
    assert_eq!(dead.data().len(), 1, "{}", dead.text);
    let job = &dead.data()[0];
    assert_eq!((&job["kind"], &job["attempts"]), (&json!("mail.send"), &json!(2)));
    assert!(job["last_error"].as_str().is_some_and(|error| error.contains("randomness")), "{job}");
    assert!(!dead.text.contains(&ada.email), "a payload holds ids: {}", dead.text);
    let retry = format!("admin/jobs/{}/retry", job["id"]);
    for (person, status) in [(&market.visitor(), 401), (&ada, 403), (&moderator, 403)] {
        let _ = person.get("admin/jobs?status=dead").await.expect(status);
        let _ = person.command(&retry).await.expect(status);
        let _ = person.command(&format!("admin/jobs/{}/discard", job["id"])).await.expect(status);
    }

    dynamite.arm(false);
    let _ = market.rows("UPDATE mails SET claimed_until = NULL").await;
    let _ = admin.command(&retry).await.expect(200);
    let mail = market.mails.mail_that(|mail| mail.text().contains("/reset-password")).await;
    assert_eq!(mail.to, [ada.email.as_str()]);
    until(&market, "SELECT count(*) FROM graphile_worker.jobs", "0").await;
    let _ = admin.command(&retry).await.refused(409, "job.not_waiting");
    let object = format!("job {} (mail.send)", job["id"]);
    let log = admin.find("admin/audit", &[("object", &object)]).await.expect(200);
    assert_eq!(log.data().len(), 1, "{}", log.text);
    assert_eq!(log.data()[0]["command"], "retry");
    assert_eq!(log.data()[0]["actor"], admin.account);
    worker.stop().await;
}

#[tokio::test]
async fn only_an_admin_moves_time_and_only_forward() {
    let market = Marketplace::start().await;
    let (client, moderator) = (market.client().await, market.moderator().await);
    let admin = market.operator().await;
    let path = "admin/clock/advance";
    let before = market.now();
    for (person, status) in [(&market.visitor(), 401), (&client, 403), (&moderator, 403)] {
        let _ = person.post(path, json!({ "seconds": 86_400 })).await.expect(status);
    }
    for wrong in [json!(0), json!(-1), json!(31_622_401)] {
        let _ = admin.post(path, json!({ "seconds": wrong })).await.refused(422, "validation");
    }
    assert!(market.now() - before < chrono::TimeDelta::hours(1), "nobody has moved it");

    let moved = admin.post(path, json!({ "seconds": 86_400 })).await.expect(200);

    let now = moved.text_at("now").parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    assert!(now - before >= chrono::TimeDelta::days(1));
    let log = admin.find("admin/audit", &[("object", "clock")]).await.expect(200);
    assert_eq!(log.data()[0]["command"], "advance");
    assert_eq!(log.data()[0]["request_id"], moved.header("x-request-id"));
}
