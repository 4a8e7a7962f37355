use access::{Action, Actor};
use kernel::{FieldErrors, SessionId};

use super::sign_up::check_new_password;
use super::{IdentityService, Tokens, member};
use crate::{
    Account, Client, EndReason, IdentityError, NewPassword, Password, ProfileChange, Session,
    ThrottleKind, Verdict,
};

impl IdentityService {
    /// One's own account.
    pub async fn me(&self, actor: &Actor) -> Result<Account, IdentityError> {
        let id = member(actor, Action::AccountRead)?.account;
        let account = self.parts.reader.find_account(id).await?;
        account.ok_or(IdentityError::AccountNotFound { id })
    }

    /// Changes how one wants to be called and written to. `expected` is the version the caller has
    /// seen, if it cares.
    pub async fn update_profile(
        &self,
        actor: &Actor,
        change: ProfileChange,
        expected: Option<i32>,
    ) -> Result<Account, IdentityError> {
        let id = member(actor, Action::AccountUpdate)?.account;
        let mut tx = self.begin().await?;
        let mut account =
            tx.account_for_update(id).await?.ok_or(IdentityError::AccountNotFound { id })?;
        account.expect_version(expected)?;
        let event = account.update_profile(change)?;
        tx.update_account(&account).await?;
        tx.publish(&event, Some(id), self.now()).await?;
        tx.commit().await?;
        Ok(account)
    }

    /// The devices one is signed in on, newest first.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<Session>, IdentityError> {
        let id = member(actor, Action::SessionManage)?.account;
        Ok(self.parts.reader.list_live_sessions(id, self.now()).await?)
    }

    /// Signs out on one of one's own devices.
    pub async fn revoke_session(&self, actor: &Actor, id: SessionId) -> Result<(), IdentityError> {
        let member = *member(actor, Action::SessionManage)?;
        let now = self.now();
        let mut tx = self.begin().await?;
        let mut session = tx
            .session_for_update(id)
            .await?
            .filter(|session| session.account() == member.account && session.is_live(now))
            .ok_or(IdentityError::SessionNotFound { id })?;
        let own = member.session == id;
        let reason = if own { EndReason::SignedOut } else { EndReason::Revoked };
        session.end(reason, now);
        tx.update_session(&session).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Changes one's own password. All sessions end, also this one; the caller stays signed in
    /// with the tokens of a new one.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: &Password,
        new: &NewPassword,
        client: &Client,
    ) -> Result<Tokens, IdentityError> {
        let id = member(actor, Action::SessionManage)?.account;
        let missing = || IdentityError::AccountNotFound { id };
        let account = self.parts.reader.find_account(id).await?.ok_or_else(missing)?;
        let email = account.email().cloned().ok_or_else(missing)?;
        check_new_password(new, &email, "/new_password")?;
        // Whoever found an open device may not guess the password here either.
        self.take_try(ThrottleKind::SignIn, &email, client).await?;
        let checked = account.password().cloned();
        match self.parts.passwords.check_password(current, checked.clone()).await? {
            Verdict::Wrong => return Err(wrong_password("/current_password")),
            Verdict::Right | Verdict::RightButOutdated => {}
        }
        self.forgive(&email, client).await?;
        let hash = self.parts.passwords.hash_password(new.as_password()).await?;

        let now = self.now();
        let mut tx = self.begin().await?;
        let mut account = tx
            .account_for_update(id)
            .await?
            .filter(|account| account.password() == checked.as_ref())
            .ok_or(IdentityError::Stale)?;
        let event = account.change_password(hash)?;
        tx.update_account(&account).await?;
        tx.end_sessions(id, EndReason::PasswordChanged, now).await?;
        let tokens = self.open_session(&mut *tx, &account, client, now).await?;
        tx.publish(&event, Some(id), now).await?;
        tx.commit().await?;
        Ok(tokens)
    }
}

fn wrong_password(pointer: &str) -> IdentityError {
    let mut errors = FieldErrors::new();
    errors.add(pointer, "wrong_password", "is not the current password");
    errors.into()
}
