use access::Actor;
use kernel::{AccountId, FieldErrors};

use super::{IdentityService, Tokens};
use crate::{
    Account, AccountEvent, Client, EmailAddress, IdentityError, NewPassword, Password,
    PasswordHash, Profile, ThrottleKind,
};

/// What somebody gives to sign up.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// Their address.
    pub email: EmailAddress,
    /// Their password.
    pub password: NewPassword,
    /// How they want to be called and written to.
    pub profile: Profile,
}

/// What comes of signing up.
#[derive(Debug, Clone, PartialEq)]
pub enum SignUpOutcome {
    /// A mail is on its way, whoever owns the address: nothing else is told.
    MailSent,
    /// Addresses need no verification here: signed in at once.
    SignedIn {
        /// The new account.
        account: Box<Account>,
        /// Its first tokens.
        tokens: Box<Tokens>,
    },
}

impl IdentityService {
    /// Signs somebody up. Where addresses are verified the answer and its time are the same for a
    /// new address and for one that belongs to an account; the mail tells its owner.
    pub async fn sign_up(
        &self,
        actor: &Actor,
        command: SignUp,
        client: &Client,
    ) -> Result<SignUpOutcome, IdentityError> {
        let SignUp { email, password, profile } = command;
        check_new_password(&password, &email, "/password")?;
        self.take_try(ThrottleKind::Mail, &email, client).await?;
        let hash = self.parts.passwords.hash_password(password.as_password()).await?;
        match self.create(actor, email.clone(), hash, profile, client).await {
            Err(IdentityError::AddressTaken) if self.parts.policy.require_verified_email => {
                self.remind(actor, &email).await?;
                Ok(SignUpOutcome::MailSent)
            }
            other => other,
        }
    }

    async fn create(
        &self,
        actor: &Actor,
        email: EmailAddress,
        hash: PasswordHash,
        profile: Profile,
        client: &Client,
    ) -> Result<SignUpOutcome, IdentityError> {
        if self.parts.reader.find_account_by_email(&email).await?.is_some() {
            return Err(IdentityError::AddressTaken);
        }
        let now = self.now();
        let id = AccountId::next(&*self.parts.ids);
        let (account, event) = Account::sign_up(id, email, hash, profile, now);
        let mut tx = self.begin().await?;
        tx.insert_account(&account).await?;
        tx.publish(&event, actor.account(), now).await?;
        tx.publish(&AccountEvent::VerificationRequested { id }, actor.account(), now).await?;
        let outcome = if self.parts.policy.require_verified_email {
            SignUpOutcome::MailSent
        } else {
            let tokens = self.open_session(&mut *tx, &account, client, now).await?;
            SignUpOutcome::SignedIn { account: Box::new(account), tokens: Box::new(tokens) }
        };
        tx.commit().await?;
        Ok(outcome)
    }

    /// Somebody signed up with an address that belongs to an account: its owner gets a mail, with
    /// another link if the address was never verified.
    async fn remind(&self, actor: &Actor, email: &EmailAddress) -> Result<(), IdentityError> {
        let account = self.parts.reader.find_account_by_email(email).await?;
        let event = account.map_or(AccountEvent::UnknownAddress, |account| {
            let id = account.id();
            if account.is_verified() {
                AccountEvent::SignUpRepeated { id }
            } else {
                AccountEvent::VerificationRequested { id }
            }
        });
        self.publish_alone(actor, &event).await
    }

    /// Publishes an event that goes with no other change.
    pub(super) async fn publish_alone(
        &self,
        actor: &Actor,
        event: &AccountEvent,
    ) -> Result<(), IdentityError> {
        let mut tx = self.begin().await?;
        tx.publish(event, actor.account(), self.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Spends the time that hashing a password takes, where one path hashes and another need not.
    pub(super) async fn spend_the_time_of_a_hash(&self) -> Result<(), IdentityError> {
        let password = Password::typed("").expect("an empty text is not too long");
        self.parts.passwords.check_password(&password, None).await?;
        Ok(())
    }
}

/// Passes unless the password is the address it shall protect.
pub(crate) fn check_new_password(
    password: &NewPassword,
    email: &EmailAddress,
    pointer: &str,
) -> Result<(), IdentityError> {
    let mut errors = FieldErrors::new();
    if let Err(error) = password.check_against(email) {
        errors.add(pointer, error.code(), error.to_string());
    }
    Ok(errors.into_result()?)
}
