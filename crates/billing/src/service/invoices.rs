//! Invoices, balances and statements are read.

use access::{Action, Actor};
use kernel::{InvoiceId, Limit, Page};

use super::{BillingService, gate_own};
use crate::{
    AccountStatement, BillingError, Invoice, InvoiceLabels, InvoiceQuery, Position, StatementLine,
    render_html,
};

impl BillingService {
    /// An invoice, for who paid and who sold.
    pub async fn invoice(&self, actor: &Actor, id: InvoiceId) -> Result<Invoice, BillingError> {
        let invoice = self.parts.reads.invoice(id).await?;
        let invoice = invoice.ok_or_else(|| BillingError::not_found(&id))?;
        invoice.authorize(actor)?;
        Ok(invoice)
    }

    /// The same as a page that prints well.
    pub async fn invoice_page(
        &self,
        actor: &Actor,
        id: InvoiceId,
        language: &str,
        labels: &InvoiceLabels,
    ) -> Result<String, BillingError> {
        Ok(render_html(&self.invoice(actor, id).await?, language, labels))
    }

    /// A page of invoices that the actor paid, or that their provider profile issued.
    pub async fn invoices(
        &self,
        actor: &Actor,
        issued: bool,
        limit: Limit,
        after: Option<Position>,
    ) -> Result<Page<Invoice, Position>, BillingError> {
        let account = gate_own(actor, Action::InvoiceRead)?;
        let query = if issued {
            let seller = Some(Self::own_provider(actor)?);
            InvoiceQuery { payer: None, seller, limit, after }
        } else {
            InvoiceQuery { payer: Some(account), seller: None, limit, after }
        };
        Ok(self.parts.reads.invoices(&query).await?)
    }

    /// What the actor's provider profile is owed.
    pub async fn balance(&self, actor: &Actor) -> Result<AccountStatement, BillingError> {
        let provider = Self::own_provider(actor)?;
        Ok(self.parts.reads.provider_balances(provider).await?)
    }

    /// A page of the actor's statement, newest first.
    pub async fn statement(
        &self,
        actor: &Actor,
        limit: Limit,
        after: Option<Position>,
    ) -> Result<Page<StatementLine, Position>, BillingError> {
        let provider = Self::own_provider(actor)?;
        Ok(self.parts.reads.statement(provider, limit, after).await?)
    }
}
