//! 3-D Secure over HTTP, as a browser goes through it: H10 of `docs/features.md`, against a gateway that
//! speaks as CloudPayments does.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use gateway_fakes::{CloudPaymentsFake, Notification, sealed_card};
use mercato::config::Secret;
use reqwest::Response;
use scenarios::{Marketplace, Person, Reply, browser};
use serde_json::{Value, json};

/// Where the app wants its payers back.
const APP: &str = "https://app.example/paid";

/// Services by appointment, paid for through the embedded gateway or CloudPayments.
async fn start_beside(fake: &CloudPaymentsFake) -> Marketplace {
    let market = Marketplace::with(|settings| {
        "service-booking".clone_into(&mut settings.profile);
        settings.gateways.sandbox.enabled = Some(true);
        settings.gateways.return_to = vec!["https://app.example".to_owned()];
        let gateway = &mut settings.gateways.cloudpayments;
        gateway.url = fake.url();
        gateway.public_id = Some(CloudPaymentsFake::PUBLIC_ID.to_owned());
        gateway.api_secret = Some(Secret::new(CloudPaymentsFake::API_SECRET));
    })
    .await;
    let inbox = format!("{}/api/v1/webhooks/cloudpayments", market.base);
    fake.send_notifications_to(&inbox, &Notification::ALL);
    market
}

/// A form as a browser finds it on a page: where it goes, and what it carries.
fn form_of(page: &str) -> (String, BTreeMap<String, String>) {
    let value = |text: &str, name: &str| {
        let start = text.split_once(&format!("{name}=\"")).expect("the attribute is there").1;
        let raw = start.split_once('"').expect("it ends").0;
        raw.replace("&amp;", "&").replace("&lt;", "<").replace("&quot;", "\"")
    };
    let form = page.split_once("<form ").expect("a page with a form").1;
    let form = form.split_once("</form>").expect("it ends").0;
    let hidden = form.split("<input type=\"hidden\" ").skip(1);
    let fields = hidden.map(|field| (value(field, "name"), value(field, "value"))).collect();
    (value(form, "action"), fields)
}

/// Walks from our page to the bank; the way back as the bank's page offers it.
async fn to_the_bank(url: &str) -> (String, BTreeMap<String, String>) {
    let browser = browser();
    let page = browser.get(url).send().await.expect("the page is there");
    assert_eq!(page.status(), 200, "{url}");
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let page = page.text().await.expect("a page");
    let nonce = policy.split_once("'nonce-").expect("a nonce").1;
    let nonce = nonce.split_once('\'').expect("it ends").0;
    assert!(page.contains(&format!("<script nonce=\"{nonce}\">")), "{page}");
    let (bank, fields) = form_of(&page);
    for field in ["MD", "PaReq", "TermUrl"] {
        assert!(fields.contains_key(field), "{page}");
    }
    let page = browser.post(&bank).form(&fields).send().await.expect("the bank answers");
    assert_eq!(page.status(), 200, "{bank}");
    form_of(&page.text().await.expect("a page"))
}

async fn post_back(way: &str, fields: &BTreeMap<String, String>) -> Response {
    browser().post(way).form(fields).send().await.expect("an answer")
}

/// Pays by a card that the bank asks about, through CloudPayments.
async fn pays_securely(client: &Person, purpose: &str, reference: &str) -> Reply {
    let body = json!({
        "purpose": purpose, "reference": reference, "gateway": "cloudpayments",
        "method": { "cryptogram": sealed_card("4242424242424242"), "cardholder": "ADA LOVELACE" },
        "return_to": APP,
    });
    let paid = client.post("payments", body).await.expect(201);
    assert_eq!(paid.body["status"], "requires_action", "{}", paid.text);
    assert_eq!(paid.body["action"]["kind"], "form", "{}", paid.text);
    paid
}

#[tokio::test]
async fn a_booking_is_paid_through_3d_secure_by_forms_that_a_browser_posts() {
    let fake = CloudPaymentsFake::start().await;
    let market = start_beside(&fake).await;
    let (provider, client) = (market.provider().await, market.client().await);
    let listing = market.lessons(&provider).await;
    let booking = market.awaits_payment(&client, &listing).await;
    let refused = provider.command(&format!("bookings/{booking}/accept")).await;
    let _ = refused.refused(409, "illegal_transition");

    let paid = pays_securely(&client, "booking", &booking).await;
    let (way, fields) = to_the_bank(&paid.action()).await;
    let back = post_back(&way, &fields).await;

    assert_eq!(back.status(), 303);
    assert_eq!(back.headers()["location"], format!("{APP}?payment_id={}", paid.id()));
    assert_eq!(client.payment_status(&paid.id()).await, "authorized");
    fake.notifications().settled().await;
    market.settle().await;
    let seen = client.get(&format!("bookings/{booking}")).await.expect(200);
    assert_eq!(seen.body["status"], "requested", "{}", seen.text);

    // S4: taken when the provider accepts, and once.
    let _ = provider.command(&format!("bookings/{booking}/accept")).await.expect(200);
    market.settle().await;
    fake.notifications().settled().await;
    market.balanced().await;
    assert_eq!(client.payment_status(&paid.id()).await, "captured");
    let charges = fake.charges();
    assert_eq!(charges.len(), 1, "{charges:?}");
    assert_eq!((charges[0].captured, charges[0].reserved), (2250, 0));

    // The provider sees what is theirs, once it is delivered: without 10 % commission and its tax.
    let balance = provider.get("providers/me/balance").await.expect(200);
    assert_eq!(balance.data()[0]["pending"]["amount"], 1983, "{}", balance.text);
    assert_eq!(balance.data()[0]["payable"]["amount"], 0, "{}", balance.text);
}

#[tokio::test]
async fn a_forged_repeated_late_or_crossed_return_changes_nothing() {
    let fake = CloudPaymentsFake::start().await;
    let market = start_beside(&fake).await;
    let (provider, rival) = (market.provider().await, market.provider().await);
    let (client, other) = (market.client().await, market.client().await);
    let paid = pays_securely(&client, "subscription", &client.owes(&provider).await).await;
    let others = pays_securely(&other, "subscription", &other.owes(&rival).await).await;
    let (way, fields) = to_the_bank(&paid.action()).await;
    let (other_way, other_fields) = to_the_bank(&others.action()).await;
    market.settle().await;
    let before = market.contents().await;
    let asked = fake.seen().len();

    let secret = way.split_once("state=").expect("a secret").1;
    let other_secret = other_way.split_once("state=").expect("a secret").1;
    let mut without = fields.clone();
    without.remove("PaRes");
    for (way, fields) in [
        // Forged: a secret that was guessed, or shortened, or none.
        (way.replace(secret, "kJ7pQz5b0mVd1cWn3xYt8uRa2sEf4hGi6oLq9wZe0Xk"), &fields),
        (way.replace(secret, &secret[1..]), &fields),
        (way.replace(secret, ""), &fields),
        // Crossed: the secret, the transaction or the payment of another.
        (way.replace(secret, other_secret), &fields),
        (way.clone(), &other_fields),
        (other_way.clone(), &fields),
        // Without what the bank said.
        (way.clone(), &without),
    ] {
        let answer = post_back(&way, fields).await;
        assert_eq!(answer.status(), 410, "{way}");
        let answer: Value = answer.json().await.expect("a problem");
        assert_eq!(answer["code"], "payment.return_refused");
    }
    let page = browser().get(&way).header("accept", "text/html").send().await.expect("an answer");
    assert_eq!(page.status(), 410);
    assert!(page.text().await.expect("a page").contains("does not hold any more"));
    assert_eq!(market.contents().await, before);
    assert_eq!(fake.seen().len(), asked, "the gateway was not asked");
    assert_eq!(client.payment_status(&paid.id()).await, "requires_action");

    // The true one holds once.
    assert_eq!(post_back(&way, &fields).await.status(), 303);
    fake.notifications().settled().await;
    market.settle().await;
    assert_eq!(client.payment_status(&paid.id()).await, "captured");
    let before = market.contents().await;
    for _ in 0..3 {
        assert_eq!(post_back(&way, &fields).await.status(), 410);
    }
    assert_eq!(market.contents().await, before);
    assert_eq!(fake.charges().len(), 1);

    // The other one comes too late; a new way can be made.
    market.advance(TimeDelta::minutes(31)).await;
    assert_eq!(post_back(&other_way, &other_fields).await.status(), 410);
    let renewed = other.command(&format!("payments/{}/3ds", others.id())).await;
    if renewed.status == 200 {
        let (way, fields) = to_the_bank(&renewed.action()).await;
        assert_eq!(post_back(&way, &fields).await.status(), 303);
        fake.notifications().settled().await;
        market.settle().await;
        assert_eq!(other.payment_status(&others.id()).await, "captured");
    } else {
        // The gateway was asked meanwhile, and has given it up.
        let _ = renewed.refused(409, "illegal_transition");
    }
    market.balanced().await;
}
