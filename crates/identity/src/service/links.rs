use access::Actor;
use kernel::AccountId;

use super::IdentityService;
use super::sign_up::check_new_password;
use crate::{
    Account, AccountEvent, BucketKey, Client, EmailAddress, EndReason, IdentityError, IdentityTx,
    Link, LinkPurpose, MintedLink, NewPassword, OpaqueToken, Status, ThrottleKind,
};

impl IdentityService {
    /// Asks for another link that verifies an address. The same answer in the same time whoever
    /// owns the address, if anyone.
    pub async fn resend_verification(
        &self,
        actor: &Actor,
        email: &EmailAddress,
        client: &Client,
    ) -> Result<(), IdentityError> {
        self.ask_for_link(actor, email, client, LinkPurpose::VerifyEmail).await
    }

    /// Asks for a link that resets the password. The same answer in the same time whoever owns the
    /// address, if anyone.
    pub async fn forgot_password(
        &self,
        actor: &Actor,
        email: &EmailAddress,
        client: &Client,
    ) -> Result<(), IdentityError> {
        self.ask_for_link(actor, email, client, LinkPurpose::ResetPassword).await
    }

    async fn ask_for_link(
        &self,
        actor: &Actor,
        email: &EmailAddress,
        client: &Client,
        purpose: LinkPurpose,
    ) -> Result<(), IdentityError> {
        self.take_try(ThrottleKind::Mail, email, client).await?;
        let account = self.parts.reader.find_account_by_email(email).await?;
        self.spend_the_time_of_a_hash().await?;
        // An event is written in any case, so that both paths cost the same.
        let event = account.filter(|account| is_meant(account, purpose)).map_or(
            AccountEvent::UnknownAddress,
            |account| {
                let id = account.id();
                match purpose {
                    LinkPurpose::VerifyEmail => AccountEvent::VerificationRequested { id },
                    LinkPurpose::ResetPassword => AccountEvent::PasswordResetRequested { id },
                }
            },
        );
        self.publish_alone(actor, &event).await
    }

    /// Makes a one-time link at the moment its mail is written, and stores its digest: no job and
    /// no event ever holds the secret. `None` if the link is not meant any more: the address was
    /// verified meanwhile, the account suspended or erased. A mail that is tried again gets a new
    /// link; those before it stay good until one is used.
    pub async fn mint_link(
        &self,
        account: AccountId,
        purpose: LinkPurpose,
    ) -> Result<Option<MintedLink>, IdentityError> {
        let mut tx = self.begin().await?;
        let Some(account) = tx.account(account).await? else { return Ok(None) };
        let Some(email) = account.email().cloned().filter(|_| is_meant(&account, purpose)) else {
            return Ok(None);
        };
        let token = OpaqueToken::random(&*self.parts.random);
        let link = Link::new(&token, account.id(), purpose, &self.parts.policy, self.now());
        tx.insert_link(&link).await?;
        tx.commit().await?;
        let profile = account.profile().clone();
        Ok(Some(MintedLink {
            token: token.reveal(),
            purpose,
            expires_at: link.expires_at,
            email,
            display_name: profile.display_name,
            locale: profile.locale,
            time_zone: profile.time_zone,
        }))
    }

    /// Uses a link to prove that its account's address is theirs.
    pub async fn verify_email(&self, token: &str) -> Result<(), IdentityError> {
        let secret = OpaqueToken::parse(token).ok_or(IdentityError::LinkInvalid)?;
        let mut tx = self.begin().await?;
        let mut account = self.use_link(&mut *tx, &secret, LinkPurpose::VerifyEmail).await?;
        let now = self.now();
        if let Some(event) = account.verify_email(now)? {
            tx.update_account(&account).await?;
            tx.publish(&event, Some(account.id()), now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Uses a link to set a new password, and ends all sessions. Whoever has the link reads the
    /// mails to the address, so the address counts as verified.
    pub async fn reset_password(
        &self,
        token: &str,
        password: &NewPassword,
    ) -> Result<(), IdentityError> {
        let secret = OpaqueToken::parse(token).ok_or(IdentityError::LinkInvalid)?;
        // Looked at before the hash is paid for, and again under the lock.
        let digest = secret.digest();
        let link = self.parts.reader.find_link(&digest).await?.ok_or(IdentityError::LinkInvalid)?;
        link.check(LinkPurpose::ResetPassword, self.now())?;
        let hash = self.parts.passwords.hash_password(password.as_password()).await?;

        let mut tx = self.begin().await?;
        let mut account = self.use_link(&mut *tx, &secret, LinkPurpose::ResetPassword).await?;
        let now = self.now();
        let email = account.email().cloned().ok_or(IdentityError::LinkInvalid)?;
        check_new_password(password, &email, "/password")?;
        let verified = account.verify_email(now)?;
        let changed = account.change_password(hash)?;
        tx.update_account(&account).await?;
        tx.end_sessions(account.id(), EndReason::PasswordChanged, now).await?;
        for event in verified.into_iter().chain([changed]) {
            tx.publish(&event, Some(account.id()), now).await?;
        }
        tx.commit().await?;
        let bucket = BucketKey::of_address(ThrottleKind::SignIn, &email);
        self.parts.throttle.empty_bucket(&bucket).await?;
        Ok(())
    }

    /// Marks a link as used and gives its account, locked. All that use links of one account wait
    /// for that lock, so that a link works once.
    async fn use_link(
        &self,
        tx: &mut dyn IdentityTx,
        secret: &OpaqueToken,
        purpose: LinkPurpose,
    ) -> Result<Account, IdentityError> {
        let digest = secret.digest();
        let id = tx.link(&digest).await?.ok_or(IdentityError::LinkInvalid)?.account;
        let account = tx.account_for_update(id).await?.ok_or(IdentityError::LinkInvalid)?;
        let link = tx.link(&digest).await?.ok_or(IdentityError::LinkInvalid)?;
        let now = self.now();
        link.check(purpose, now)?;
        if !matches!(account.status(), Status::Active) {
            return Err(IdentityError::LinkInvalid);
        }
        tx.use_links(id, purpose, now).await?;
        Ok(account)
    }
}

/// Whether a link for this purpose makes sense for the account.
const fn is_meant(account: &Account, purpose: LinkPurpose) -> bool {
    let wanted = match purpose {
        LinkPurpose::VerifyEmail => !account.is_verified(),
        LinkPurpose::ResetPassword => true,
    };
    wanted && matches!(account.status(), Status::Active)
}
