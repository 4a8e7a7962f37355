use std::sync::atomic::{AtomicU64, Ordering};

use chrono::TimeDelta;
use identity::{DisplayName, NewPassword};
use serde_json::json;

use crate::{Marketplace, Person, Reply};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// Numbers that no two people share.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Marketplace {
    /// Somebody who has signed up and is signed in: a client.
    pub async fn client(&self) -> Person {
        let mut person = self.newcomer("person");
        let body = json!({
            "email": person.email, "password": PASSWORD, "display_name": "Ada Lovelace",
        });
        let reply = person.post("auth/sign-up", body).await.expect(201);
        person.sign_in_with(&reply.body["tokens"]);
        reply.body["account"]["id"].as_str().unwrap_or_default().clone_into(&mut person.account);
        person
    }

    /// Somebody with a provider profile.
    pub async fn provider(&self) -> Person {
        let mut person = self.client().await;
        let body = json!({ "name": "Studio North", "location": crate::berlin() });
        person.provider = person.post("providers", body).await.expect(201).id();
        person
    }

    /// Somebody who moderates.
    pub async fn moderator(&self) -> Person {
        let mut person = self.client().await;
        self.change_account(&person, json!({ "roles": ["client", "moderator"] })).await;
        person.sign_in().await;
        person
    }

    /// Somebody who administers, as the operator's command makes them.
    pub async fn admin(&self) -> Person {
        let mut person = self.newcomer("admin");
        let account = self
            .services
            .accounts
            .create_admin(
                person.email.parse().expect("an address"),
                &NewPassword::new(PASSWORD).expect("a password"),
                DisplayName::new("Grace Hopper").expect("a name"),
            )
            .await
            .expect("an admin can be made");
        person.account = account.id().to_string();
        person.sign_in().await;
        person
    }

    /// Somebody whose account was suspended while they were signed in.
    pub async fn suspended(&self) -> Person {
        let person = self.client().await;
        self.change_account(&person, json!({ "status": "suspended" })).await;
        person
    }

    /// Moves time forward, as an admin does, and waits until all has happened that was due.
    pub async fn advance(&self, by: TimeDelta) {
        // What is under way still belongs to the time before.
        self.settle_despite_failures().await;
        let body = json!({ "seconds": by.num_seconds() });
        let _ = self.operator().await.post("admin/clock/advance", body).await.expect(200);
        self.settle_despite_failures().await;
    }

    /// The admin who does what tests need done, made when first needed.
    pub async fn operator(&self) -> &Person {
        self.operator.get_or_init(|| self.admin()).await
    }

    async fn change_account(&self, person: &Person, mut change: serde_json::Value) {
        change["reason"] = "arranged by a test".into();
        let path = format!("admin/accounts/{}", person.account);
        let _ = self.operator().await.patch(&path, "", change).await.expect(200);
    }

    /// Somebody with an address of their own, and no account yet.
    pub fn newcomer(&self, name: &str) -> Person {
        let mut person = self.visitor();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        person.email = format!("{name}-{number}@example.org");
        person
    }
}

impl Person {
    /// Signs in (again), on a new session.
    pub async fn sign_in(&mut self) {
        let _ = self.try_to_sign_in().await.expect(200);
    }

    /// The same, where it may be refused.
    pub async fn try_to_sign_in(&mut self) -> Reply {
        let body = json!({ "email": self.email, "password": PASSWORD });
        // Without the token they may have: it may not count any more.
        self.token.clear();
        let reply = self.post("auth/token", body).await;
        if reply.status.is_success() {
            self.sign_in_with(&reply.body);
        }
        reply
    }

    /// Uses these tokens from now on.
    pub fn sign_in_with(&mut self, tokens: &serde_json::Value) {
        let text = |key: &str| tokens[key].as_str().expect("tokens are texts").to_owned();
        self.token = text("access_token");
        self.refresh_token = text("refresh_token");
    }
}
