//! What admins do to accounts.

use scenarios::Marketplace;
use serde_json::json;

use super::until_refused;

#[tokio::test]
async fn a_suspended_person_is_signed_out_within_a_second_and_told_when_they_come_back() {
    let market = Marketplace::start().await;
    let (mut ada, bob) = (market.client().await, market.client().await);
    let admin = market.operator().await;
    let path = format!("admin/accounts/{}", ada.account);
    let account = admin.get(&path).await.expect(200);
    let _ = ada.get("me").await.expect(200);

    let change = json!({ "status": "suspended", "reason": "sends spam" });
    let suspended = admin.patch(&path, account.header("etag"), change.clone()).await.expect(200);
    assert!(until_refused(&ada).await.as_millis() <= 1_000);

    assert_eq!(suspended.text_at("status"), "suspended");
    assert_eq!(suspended.text_at("suspension_reason"), "sends spam");
    let body = json!({ "refresh_token": ada.refresh_token });
    let _ = market.visitor().post("auth/token/refresh", body).await.refused(401, "invalid_token");
    let _ = ada.try_to_sign_in().await.refused(403, "identity.account_suspended");
    let _ = bob.get("me").await.expect(200);

    let stale = admin.patch(&path, account.header("etag"), change.clone()).await;
    let _ = stale.refused(412, "stale_version");
    let again = admin.patch(&path, "", change).await.refused(409, "illegal_transition");
    assert_eq!(again.body["allowed"], json!(["restore", "change_roles", "erase"]));
    let restore = json!({ "status": "active", "reason": "it was not spam" });
    let _ = admin.patch(&path, suspended.header("etag"), restore).await.expect(200);
    ada.sign_in().await;

    let log = admin.find("admin/audit", &[("object", &ada.account)]).await.expect(200);
    let lines: Vec<_> = log.data().iter().map(|line| (&line["command"], &line["reason"])).collect();
    assert_eq!(
        lines,
        [(&json!("restore"), &json!("it was not spam")), (&json!("suspend"), &json!("sends spam"))]
    );
    assert!(log.data().iter().all(|line| line["actor"] == admin.account));
}

#[tokio::test]
async fn whoever_becomes_a_provider_goes_on_as_one_at_once() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let _ = ada.get("me").await.expect(200);

    let provider = ada.post("providers", json!({ "name": "Studio Ada" })).await.expect(201);

    let me = ada.get("me").await.expect(200);
    assert_eq!(me.body["provider_id"].as_str(), Some(&*provider.id()));
}

#[tokio::test]
async fn a_name_is_one_line_that_shows_something() {
    let market = Marketplace::start().await;
    let ada = market.client().await;

    for (name, code) in [
        ("Ada\nLovelace", "forbidden_character"),
        ("Ada\r\nBcc: all@example.org", "forbidden_character"),
        ("\u{200b}\u{3164}", "too_short"),
    ] {
        let refused = ada.patch("me", "", json!({ "display_name": name })).await;
        let refused = refused.refused(422, "validation");
        assert_eq!(refused.body["errors"][0]["code"], code, "{name:?}");
    }
}

#[tokio::test]
async fn accounts_are_leafed_through_by_number_and_counted() {
    let market = Marketplace::start().await;
    let admin = market.operator().await;
    for _ in 0..5 {
        let _ = market.client().await;
    }
    let all = admin.get("admin/accounts?limit=50").await.expect(200);
    let ids = |reply: &scenarios::Reply| -> Vec<String> {
        reply.data().iter().map(|account| account["id"].to_string()).collect()
    };
    assert_eq!(all.body["page"].get("total"), None);

    let mut leafed = Vec::new();
    for number in 1..=4 {
        let page = admin.get(&format!("admin/accounts?limit=2&page={number}")).await.expect(200);
        leafed.extend(ids(&page));
    }
    assert_eq!(leafed, ids(&all)[..leafed.len()]);
    let second = admin.get("admin/accounts?limit=2&page=2&include_total=true").await.expect(200);
    assert_eq!(second.body["page"]["total"], ids(&all).len());
    assert_eq!(second.body["page"]["total_is_exact"], true);
    let cursor = second.body["page"]["next_cursor"].as_str().unwrap_or_default().to_owned();
    let third = admin.find("admin/accounts", &[("limit", "2"), ("cursor", &cursor)]).await;
    assert_eq!(ids(&third.expect(200)), leafed[4..6]);
    let clients = admin.get("admin/accounts?role=admin&include_total=true").await.expect(200);
    assert_eq!(clients.body["page"]["total"], clients.data().len());
    let beyond = admin.get("admin/accounts?page=500&limit=20").await.expect(200);
    assert!(beyond.data().is_empty());

    let both = [("page", "2"), ("cursor", cursor.as_str())];
    let refused = admin.find("admin/accounts", &both).await.refused(400, "invalid_query");
    assert_eq!(refused.pointers(), ["page"]);
    for wrong in ["page=0", "page=-1", "page=501&limit=20", "page=two", "include_total=1"] {
        let path = format!("admin/accounts?{wrong}");
        let _ = admin.get(&path).await.refused(400, "invalid_query");
    }
    for path in ["admin/audit?page=1", "listings?page=1", "listings?include_total=true"] {
        let _ = admin.get(path).await.refused(400, "invalid_query");
    }
}

#[tokio::test]
async fn a_role_counts_within_a_second_of_being_given_and_taken() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let admin = market.operator().await;
    let path = format!("admin/accounts/{}", ada.account);
    let _ = ada.get("admin/accounts").await.refused(403, "forbidden");

    let roles = |roles| json!({ "roles": roles, "reason": "arranged by a test" });
    let _ = admin.patch(&path, "", roles(json!(["client", "admin"]))).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let _ = ada.get("admin/accounts").await.expect(200);
    let _ = admin.patch(&path, "", roles(json!(["client"]))).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let _ = ada.get("admin/accounts").await.refused(403, "forbidden");

    for wrong in [json!(["admin"]), json!(["client", "provider"]), json!([])] {
        let reply = admin.patch(&path, "", roles(wrong)).await.refused(422, "validation");
        assert!(reply.pointers().contains(&"/roles"), "{}", reply.text);
    }
}

#[tokio::test]
async fn an_admin_cannot_put_themselves_out() {
    let market = Marketplace::start().await;
    let admin = market.operator().await;
    let path = format!("admin/accounts/{}", admin.account);
    for change in [
        json!({ "status": "suspended", "reason": "a long holiday" }),
        json!({ "roles": ["client"], "reason": "a long holiday" }),
    ] {
        let _ = admin.patch(&path, "", change).await.refused(409, "identity.own_account");
    }
    let nothing = admin.patch(&path, "", json!({ "reason": "no" })).await;
    assert_eq!(nothing.refused(422, "validation").pointers(), ["/reason", ""]);
    let erased = json!({ "status": "erased", "reason": "a long holiday" });
    let _ = admin.patch(&path, "", erased).await.refused(422, "validation");
}

#[tokio::test]
async fn an_admin_finds_accounts_page_by_page() {
    let market = Marketplace::start().await;
    let admin = market.operator().await;
    let mut people = Vec::new();
    for _ in 0..5 {
        people.push(market.client().await);
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut query = vec![("limit", "2"), ("q", "PERSON-"), ("status", "active,suspended")];
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        let page = admin.find("admin/accounts", &query).await.expect(200);
        found.extend(page.data().iter().map(|account| account["id"].clone()));
        match page.body["page"]["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let newest_first: Vec<_> = people.iter().rev().map(|person| json!(person.account)).collect();
    assert_eq!(found, newest_first);

    let admins = admin.find("admin/accounts", &[("role", "admin")]).await.expect(200);
    assert_eq!(admins.data().len(), 1);
    assert!(!admins.text.contains("hash"), "{}", admins.text);
    let other_list = admin.find("admin/accounts", &[("cursor", &cursor)]).await;
    let _ = other_list.refused(400, "invalid_cursor");
    for (name, value) in
        [("status", "asleep"), ("role", "king"), ("limit", "51"), ("sort", "name"), ("q", "")]
    {
        let _ = admin.find("admin/accounts", &[(name, value)]).await.refused(400, "invalid_query");
    }
    let _ = admin
        .get("admin/accounts/acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")
        .await
        .refused(404, "account.not_found");
    let _ = admin.find("admin/audit", &[("action", "no.such")]).await.refused(400, "invalid_query");
}

#[tokio::test]
async fn nobody_else_administers() {
    let market = Marketplace::start().await;
    let (ada, moderator) = (market.client().await, market.moderator().await);
    let path = format!("admin/accounts/{}", ada.account);
    let change = json!({ "status": "suspended", "reason": "because I can" });
    for (person, status) in [(&market.visitor(), 401), (&ada, 403), (&moderator, 403)] {
        let _ = person.get("admin/accounts").await.expect(status);
        let _ = person.get(&path).await.expect(status);
        let _ = person.patch(&path, "", change.clone()).await.expect(status);
        let _ = person.get("admin/audit").await.expect(status);
    }
}
