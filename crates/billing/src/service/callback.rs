//! Payers come back from the bank.

use access::{Action, Actor};
use kernel::PaymentId;

use super::{BillingService, PaymentSeen};
use crate::payment::Change;
use crate::{
    BillingError, ChallengeAnswer, ChallengeKind, OperationKey, Payment, ReturnToken, Secret,
};

/// The form that takes the payer to the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengePage {
    /// The bank's page.
    pub action: String,
    /// `MD`.
    pub md: String,
    /// `PaReq`.
    pub pa_req: String,
    /// `TermUrl`: where the bank sends the payer back.
    pub term_url: Secret,
}

impl BillingService {
    /// The page that takes the payer to the bank. It needs the token and no sign-in: a browser
    /// opens it.
    ///
    /// # Errors
    ///
    /// [`BillingError::ReturnRefused`] if the token does not hold, or the bank wants no form.
    pub async fn challenge_page(
        &self,
        id: PaymentId,
        token: &ReturnToken,
    ) -> Result<ChallengePage, BillingError> {
        let payment = self.parts.reads.payment(id).await?.ok_or(BillingError::ReturnRefused)?;
        let way = payment.challenge().filter(|way| way.admits(token, self.now()));
        let kind = way.filter(|_| payment.may(crate::Command::Continue));
        match kind.and_then(|way| way.kind.clone()) {
            Some(ChallengeKind::Form { action, md, pa_req }) => {
                let term_url = self.parts.addresses.bank_return(id, token.reveal());
                Ok(ChallengePage { action, md, pa_req, term_url: Secret::new(term_url) })
            }
            Some(ChallengeKind::Redirect { .. } | ChallengeKind::Script { .. }) | None => {
                Err(BillingError::ReturnRefused)
            }
        }
    }

    /// The payer comes back from the bank, with what the bank gave them: `transaction` is `MD`,
    /// `response` is `PaRes`. It is believed to be the payer once, in time, by the token; what
    /// happened at the bank only the gateway says. A forged, repeated, late or crossed return
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// [`BillingError::ReturnRefused`], always the same: show the payment as it stands.
    pub async fn continue_challenge(
        &self,
        id: PaymentId,
        token: &ReturnToken,
        transaction: Option<&str>,
        response: Option<Secret>,
    ) -> Result<Payment, BillingError> {
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let locked = books.lock(&mut *tx, id, now).await?;
        let mut locked = locked.ok_or(BillingError::ReturnRefused)?;
        let holds = locked.payment.challenge().is_some_and(|way| way.admits(token, now));
        let payment = &locked.payment;
        let here = transaction.is_none_or(|given| {
            payment.record().transaction.as_ref().is_some_and(|known| known.as_str() == given)
        });
        if holds && here && !payment.may(crate::Command::Continue) {
            // The gateway's message was faster than the payer's browser: there is nothing to do.
            return Ok(payment.clone());
        }
        let way = payment.challenge().and_then(|way| way.kind.as_ref());
        if matches!(way, Some(ChallengeKind::Form { .. })) && response.is_none() {
            // Whoever was at the bank brings its answer along; the way stays open until then.
            return Err(BillingError::ReturnRefused);
        }
        let known = locked.payment.continue_challenge(token, transaction, now)?;
        let payment = books.store(&mut *tx, locked, Change::default(), None, now).await?;
        tx.commit().await?;

        let kind = payment.challenge().and_then(|way| way.kind.clone());
        if let Some(ChallengeKind::Form { .. }) = kind {
            let attempt = payment.record().attempt;
            let key = OperationKey::of_payment(id, attempt, "confirm");
            let answer = ChallengeAnswer { payment: id, transaction: known, key, response };
            let answered = self.gateway(payment.gateway())?.confirm(&answer).await;
            // Even if it surely did not happen: the bank's answer is used up, the gateway knows.
            let answered =
                answered.map_err(|error| crate::GatewayError::Unknown { source: Box::new(error) });
            return self.charge_answered(id, answered).await;
        }
        // Coming back proves nothing: the gateway is asked. If it cannot be, its timer asks.
        match self.look(id).await {
            Ok(Some(payment)) => Ok(payment),
            Ok(None) | Err(BillingError::GatewayUnavailable(_)) => {
                let payment = self.parts.reads.payment(id).await?;
                payment.ok_or(BillingError::ReturnRefused)
            }
            Err(error) => Err(error),
        }
    }

    /// The payer comes back from the gateway's own page. Coming there proves nothing: the gateway is
    /// asked, and if it cannot be, its timer asks.
    pub async fn returned(&self, id: PaymentId) -> Result<Payment, BillingError> {
        match self.look(id).await {
            Ok(payment) => payment.ok_or_else(|| BillingError::not_found(&id)),
            Err(BillingError::GatewayUnavailable(_)) => {
                let payment = self.parts.reads.payment(id).await?;
                payment.ok_or_else(|| BillingError::not_found(&id))
            }
            Err(error) => Err(error),
        }
    }

    /// A new way to the bank and back for a payer who lost theirs; the one before does not hold
    /// any more.
    pub async fn renew_challenge(
        &self,
        actor: &Actor,
        id: PaymentId,
    ) -> Result<PaymentSeen, BillingError> {
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let locked = books.lock(&mut *tx, id, now).await?;
        let mut locked = locked.ok_or_else(|| BillingError::not_found(&id))?;
        locked.payment.authorize(actor, Action::PaymentRead)?;
        let token = ReturnToken::generate(&*self.parts.random);
        locked.payment.renew_challenge(&token, now)?;
        let payment = books.store(&mut *tx, locked, Change::default(), None, now).await?;
        tx.commit().await?;
        Ok(PaymentSeen { token: Some(token), ..PaymentSeen::of(payment) })
    }
}
