//! What admins do to accounts.

use access::{Actor, Role, Roles};
use identity::{
    AccountAdministration, AccountChange, AccountFilter, AuditFilter, DisplayName, IdentityError,
    NewPassword,
};
use kernel::{AccountId, Failure, FailureKind, Limit, SequentialIds};

use crate::world::{World, admin, laptop, reason, sign_in};

fn administration(world: &World) -> AccountAdministration {
    world.store.administration(world.clock.clone())
}

fn suspend() -> AccountChange {
    AccountChange { suspended: Some(true), roles: None, reason: reason() }
}

fn set(roles: Roles) -> AccountChange {
    AccountChange { suspended: None, roles: Some(roles), reason: reason() }
}

#[tokio::test]
async fn only_admins_administer() {
    let world = World::open();
    let administration = administration(&world);
    let (id, client) = world.somebody(10, "bob@example.org", Roles::client());
    let moderator = Roles::client().with(Role::Moderator);
    let (_, moderator) = world.somebody(20, "mod@example.org", moderator);

    for (actor, kind) in [
        (&Actor::visitor(), FailureKind::Unauthenticated),
        (&client, FailureKind::Forbidden),
        (&moderator, FailureKind::Forbidden),
    ] {
        let (filter, limit) = (AccountFilter::default(), Limit::default());
        let list = administration.accounts(actor, &filter, None, limit).await.unwrap_err();
        let detail = administration.account(actor, id).await.unwrap_err();
        let change = administration.change(actor, id, suspend(), None).await.unwrap_err();
        let audit =
            administration.audit(actor, &AuditFilter::default(), None, limit).await.unwrap_err();
        for error in [list, detail, change, audit] {
            assert_eq!(error.kind(), kind, "{error}");
        }
    }
}

#[tokio::test]
async fn a_change_is_written_down_with_what_was_before_and_why() {
    let world = World::open();
    let administration = administration(&world);
    let (_, admin) = world.somebody(10, "admin@example.org", admin());
    let (bob, _) = world.somebody(20, "bob@example.org", Roles::client());
    let change = AccountChange {
        suspended: Some(true),
        roles: Some(Roles::client().with(Role::Moderator)),
        reason: reason(),
    };
    let actor = admin.in_request("req-7".to_owned());

    administration.change(&actor, bob, change, Some(1)).await.unwrap();

    let page = administration
        .audit(&actor, &AuditFilter::default(), None, Limit::default())
        .await
        .unwrap();
    let lines: Vec<String> = page
        .items
        .iter()
        .rev()
        .map(|line| {
            let request = line.request_id.as_deref().unwrap_or_default();
            let why = line.reason.as_deref().unwrap_or_default();
            format!("{} {} -> {} because {why}, {request}", line.command, line.before, line.after)
        })
        .collect();
    assert_eq!(
        lines,
        [
            r#"suspend {"status":"active"} -> {"status":"suspended"} because it must be, req-7"#,
            r#"change_roles {"roles":["client"]} -> {"roles":["client","moderator"]} because it must be, req-7"#,
        ]
    );
    assert_eq!(world.event_names(), ["account.suspended.v1", "account.roles_changed.v1"]);
}

#[tokio::test]
async fn the_marketplace_never_loses_its_last_admin() {
    let world = World::open();
    let administration = administration(&world);
    let (ada, as_ada) = world.somebody(10, "ada@example.org", admin());
    for change in [suspend(), set(Roles::client())] {
        let own = administration.change(&as_ada, ada, change.clone(), None).await;
        assert!(matches!(own, Err(IdentityError::OwnAccount)), "{own:?}");
        let last = administration.change(&Actor::system(), ada, change, None).await;
        assert!(matches!(last, Err(IdentityError::LastAdmin)), "{last:?}");
    }
    let more = admin().with(Role::Moderator);
    assert!(administration.change(&as_ada, ada, set(more), None).await.is_ok(), "it stays one");

    let (bob, _) = world.somebody(20, "bob@example.org", admin());
    administration.change(&as_ada, bob, set(Roles::client()), None).await.unwrap();
}

#[tokio::test]
async fn some_roles_cannot_be_assigned() {
    let world = World::open();
    let administration = administration(&world);
    let (_, admin) = world.somebody(10, "admin@example.org", admin());
    let (bob, _) = world.somebody(20, "bob@example.org", Roles::client());
    let provider = Roles::client().with(Role::Provider);
    let (carl, _) = world.somebody(30, "carl@example.org", provider);
    for (id, roles, wrong) in [
        (bob, Roles::client().with(Role::Moderator), 0),
        (bob, Roles::default(), 1),
        (bob, provider, 1),
        (carl, Roles::client(), 1),
        (carl, Roles::default(), 2),
        (carl, provider.with(Role::Moderator), 0),
    ] {
        let result = administration.change(&admin, id, set(roles), None).await;
        let errors = result.as_ref().map_or_else(|error| error.fields().len(), |_| 0);
        assert_eq!(errors, wrong, "{result:?}");
    }
}

#[tokio::test]
async fn a_stale_or_impossible_change_is_refused() {
    let world = World::open();
    let administration = administration(&world);
    let (_, admin) = world.somebody(10, "admin@example.org", admin());
    let (bob, _) = world.somebody(20, "bob@example.org", Roles::client());
    let restore = AccountChange { suspended: Some(false), ..suspend() };

    let stale = administration.change(&admin, bob, suspend(), Some(7)).await.unwrap_err();
    assert_eq!(stale.kind(), FailureKind::Stale);
    let error = administration.change(&admin, bob, restore, None).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Conflict);
    assert!(error.allowed().unwrap().contains(&"suspend"), "{error}");
    let nobody = AccountId::next(&SequentialIds::default());
    let error = administration.change(&admin, nobody, suspend(), None).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotFound);
}

#[tokio::test]
async fn the_operator_appoints_an_admin_who_signs_in_at_once() {
    let world = World::with(identity::Policy::default());
    let administration = administration(&world);
    let password = NewPassword::new("correct horse").unwrap();
    let create = async || {
        let email = "root@example.org".parse().unwrap();
        let name = DisplayName::new("Root").unwrap();
        administration.create_admin(email, &password, name).await
    };

    let account = create().await.unwrap();
    assert!(account.is_active_admin() && account.is_verified());
    let command = sign_in("root@example.org", "correct horse");
    assert!(world.service.sign_in(command, &laptop()).await.is_ok());
    assert!(matches!(create().await, Err(IdentityError::AddressTaken)));
}
