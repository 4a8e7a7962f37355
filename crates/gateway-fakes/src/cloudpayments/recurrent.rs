use chrono::{DateTime, Days, Months, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::body::{Body, Refused, Result, decimal, number, refused};
use super::notification::Notification;
use super::state::{NewPayment, State};
use super::transaction::{Operation, Status, date_time};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Active,
    PastDue,
    Cancelled,
    Rejected,
    Expired,
}

impl Standing {
    const fn name(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::PastDue => "PastDue",
            Self::Cancelled => "Cancelled",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Active => 0,
            Self::PastDue => 1,
            Self::Cancelled => 3,
            Self::Rejected => 4,
            Self::Expired => 5,
        }
    }

    const fn runs(self) -> bool {
        matches!(self, Self::Active | Self::PastDue)
    }
}

/// A subscription that the gateway charges by itself.
#[derive(Debug, Clone)]
pub(crate) struct Recurrent {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) token: String,
    description: String,
    email: String,
    pub(crate) amount: i64,
    currency: String,
    two_step: bool,
    start: DateTime<Utc>,
    interval: String,
    period: u32,
    max_periods: Option<u64>,
    pub(crate) standing: Standing,
    succeeded: u64,
    /// In a row.
    failed: u64,
    last: Option<DateTime<Utc>>,
    next: Option<DateTime<Utc>>,
}

impl Recurrent {
    pub(crate) fn model(&self) -> Value {
        let iso = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S").to_string();
        let millis = |at: DateTime<Utc>| format!("/Date({})/", at.timestamp_millis());
        json!({
            "Id": self.id,
            "AccountId": self.account,
            "Description": self.description,
            "Email": self.email,
            "Amount": number(self.amount),
            "CurrencyCode": if self.currency == "RUB" { 0 } else { 2 },
            "Currency": self.currency,
            "RequireConfirmation": self.two_step,
            "StartDate": millis(self.start),
            "StartDateIso": iso(self.start),
            "IntervalCode": match self.interval.as_str() { "Week" => 0, "Month" => 1, _ => 2 },
            "Interval": self.interval,
            "Period": self.period,
            "MaxPeriods": self.max_periods,
            "StatusCode": self.standing.code(),
            "Status": self.standing.name(),
            "SuccessfulTransactionsNumber": self.succeeded,
            "FailedTransactionsNumber": self.failed,
            "LastTransactionDate": self.last.map(millis),
            "LastTransactionDateIso": self.last.map(iso),
            "NextTransactionDate": self.next.map(millis),
            "NextTransactionDateIso": self.next.map(iso),
        })
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("Id", self.id.clone()),
            ("AccountId", self.account.clone()),
            ("Description", self.description.clone()),
            ("Email", self.email.clone()),
            ("Amount", decimal(self.amount)),
            ("Currency", self.currency.clone()),
            ("RequireConfirmation", self.two_step.to_string()),
            ("StartDate", date_time(self.start)),
            ("Interval", self.interval.clone()),
            ("Period", self.period.to_string()),
            ("Status", self.standing.name().to_owned()),
            ("SuccessfulTransactionsNumber", self.succeeded.to_string()),
            ("FailedTransactionsNumber", self.failed.to_string()),
            ("MaxPeriods", self.max_periods.map(|max| max.to_string()).unwrap_or_default()),
            ("LastTransactionDate", self.last.map(date_time).unwrap_or_default()),
            ("NextTransactionDate", self.next.map(date_time).unwrap_or_default()),
        ]
    }

    fn after(&self, from: DateTime<Utc>) -> DateTime<Utc> {
        let next = match self.interval.as_str() {
            "Day" => from.checked_add_days(Days::new(u64::from(self.period))),
            "Week" => from.checked_add_days(Days::new(7 * u64::from(self.period))),
            _ => from.checked_add_months(Months::new(self.period)),
        };
        next.unwrap_or(from)
    }
}

impl State {
    pub(crate) fn create_recurrent(&mut self, body: &Body) -> Result<Value> {
        let (token, account) = (body.required("Token")?, body.required("AccountId")?);
        let description = body.required("Description")?;
        let (amount, currency) = (body.amount()?, body.required("Currency")?);
        let start = body.required("StartDate")?;
        let start = moment(&start).ok_or_else(|| Refused("StartDate is invalid".into()))?;
        let interval = body.required("Interval")?;
        let period = body.integer("Period")?.ok_or_else(|| Refused("Period is required".into()))?;
        let period = u32::try_from(period).ok().filter(|period| *period > 0);
        let period = period.ok_or_else(|| Refused("Period is invalid".into()))?;
        if !["Day", "Week", "Month"].contains(&interval.as_str()) {
            return refused("Interval is invalid");
        }
        if start <= self.now() {
            return refused("StartDate must be in the future");
        }
        if self.tokens.get(&token).is_none_or(|known| known.account != account) {
            return refused("Token not found");
        }
        let recurrent = Recurrent {
            id: format!("sc_{:026x}", self.next_serial()),
            account,
            token,
            description,
            email: body.text("Email").unwrap_or_default(),
            amount,
            currency,
            two_step: body.flag("RequireConfirmation"),
            start,
            interval,
            period,
            max_periods: body.integer("MaxPeriods")?,
            standing: Standing::Active,
            succeeded: 0,
            failed: 0,
            last: None,
            next: Some(start),
        };
        let model = recurrent.model();
        self.recurrents.push(recurrent);
        Ok(json!({ "Success": true, "Message": null, "Model": model }))
    }

    pub(crate) fn get_recurrent(&self, id: &str) -> Result<Value> {
        let found = self.recurrents.iter().find(|recurrent| recurrent.id == id);
        let found = found.ok_or_else(|| Refused("Not found".into()))?;
        Ok(json!({ "Success": true, "Message": null, "Model": found.model() }))
    }

    pub(crate) fn find_recurrents(&self, account: &str) -> Value {
        let found = self.recurrents.iter().filter(|recurrent| recurrent.account == account);
        let models: Vec<_> = found.map(Recurrent::model).collect();
        json!({ "Success": true, "Message": null, "Model": models })
    }

    fn recurrent_mut(&mut self, id: &str) -> Result<&mut Recurrent> {
        let found = self.recurrents.iter_mut().find(|recurrent| recurrent.id == id);
        found.ok_or_else(|| Refused("Not found".into()))
    }

    /// Any change brings a subscription that had ended back to life, and nobody is told.
    pub(crate) fn update_recurrent(&mut self, body: &Body) -> Result<Value> {
        let amount = body.text("Amount").map(|_| body.amount()).transpose()?;
        let start = body.text("StartDate").and_then(|start| moment(&start));
        let max_periods = body.integer("MaxPeriods")?;
        let now = self.now();
        let recurrent = self.recurrent_mut(&body.required("Id")?)?;
        recurrent.amount = amount.unwrap_or(recurrent.amount);
        recurrent.max_periods = max_periods.or(recurrent.max_periods);
        recurrent.description = body.text("Description").unwrap_or(recurrent.description.clone());
        recurrent.standing = Standing::Active;
        recurrent.failed = 0;
        recurrent.next = start.or(recurrent.next).or(Some(recurrent.after(now)));
        let model = recurrent.model();
        Ok(json!({ "Success": true, "Message": null, "Model": model }))
    }

    pub(crate) fn cancel_recurrent(&mut self, id: &str) -> Result<Value> {
        let recurrent = self.recurrent_mut(id)?;
        recurrent.standing = Standing::Cancelled;
        recurrent.next = None;
        let fields = recurrent.fields();
        self.notify(Notification::Recurrent, &fields);
        Ok(json!({ "Success": true, "Message": null }))
    }

    /// Charges what is due. A charge that fails is repeated after 24 hours, and after three in a
    /// row the subscription is rejected.
    pub(crate) fn run_recurrents(&mut self) -> Result<()> {
        let now = self.now();
        let due = |recurrent: &&Recurrent| {
            recurrent.standing.runs() && recurrent.next.is_some_and(|next| next <= now)
        };
        let due: Vec<_> = self.recurrents.iter().filter(due).cloned().collect();
        for recurrent in due {
            let card = self.tokens.get(&recurrent.token).map(|token| token.card.clone());
            let card = card.ok_or_else(|| Refused("Token not found".into()))?;
            let code = card.conduct().token;
            let new = NewPayment {
                amount: recurrent.amount,
                currency: recurrent.currency.clone(),
                account: Some(recurrent.account.clone()),
                description: Some(recurrent.description.clone()),
                two_step: recurrent.two_step,
                subscription: Some(recurrent.id.clone()),
                ..NewPayment::default()
            };
            let transaction = self.open(Operation::Payment, new, card);
            self.authorize(transaction, code)?;
            let paid = self.find(transaction)?.status != Status::Declined;
            self.note_charge(&recurrent.id, paid, now)?;
        }
        Ok(())
    }

    fn note_charge(&mut self, id: &str, paid: bool, now: DateTime<Utc>) -> Result<()> {
        let recurrent = self.recurrent_mut(id)?;
        let before = recurrent.standing;
        recurrent.last = Some(now);
        if paid {
            recurrent.succeeded += 1;
            recurrent.failed = 0;
            let due = recurrent.next.unwrap_or(now);
            recurrent.next = Some(recurrent.after(due));
            recurrent.standing = Standing::Active;
            if recurrent.max_periods.is_some_and(|max| recurrent.succeeded >= max) {
                recurrent.standing = Standing::Expired;
                recurrent.next = None;
            }
        } else {
            recurrent.failed += 1;
            recurrent.next = Some(now + TimeDelta::hours(24));
            recurrent.standing = Standing::PastDue;
            if recurrent.failed >= 3 {
                recurrent.standing = Standing::Rejected;
                recurrent.next = None;
            }
        }
        let (changed, fields) = (recurrent.standing != before, recurrent.fields());
        if changed {
            self.notify(Notification::Recurrent, &fields);
        }
        Ok(())
    }
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    let plain = |form| NaiveDateTime::parse_from_str(text, form).map(|at| at.and_utc());
    zoned.or_else(|_| plain("%Y-%m-%dT%H:%M:%S")).or_else(|_| plain("%Y-%m-%d %H:%M:%S")).ok()
}
