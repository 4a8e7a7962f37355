use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::body::{decimal, number};
use super::card::{Card, reason};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    AwaitingAuthentication,
    Authorized,
    Completed,
    Cancelled,
    Declined,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AwaitingAuthentication => "AwaitingAuthentication",
            Self::Authorized => "Authorized",
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
            Self::Declined => "Declined",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::AwaitingAuthentication => 1,
            Self::Authorized => 2,
            Self::Completed => 3,
            Self::Cancelled => 4,
            Self::Declined => 5,
        }
    }
}

/// What a transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Payment,
    Refund,
    CardPayout,
}

impl Operation {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Payment => "Payment",
            Self::Refund => "Refund",
            Self::CardPayout => "CardPayout",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Payment => 0,
            Self::Refund => 1,
            Self::CardPayout => 2,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) id: u64,
    pub(crate) operation: Operation,
    pub(crate) status: Status,
    /// What was asked for.
    pub(crate) asked: i64,
    /// What the transaction is over: less than asked for after a partial confirmation.
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) invoice: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) json_data: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) authorized: Option<DateTime<Utc>>,
    pub(crate) confirmed: Option<DateTime<Utc>>,
    pub(crate) reason: u16,
    pub(crate) card: Card,
    pub(crate) two_step: bool,
    pub(crate) saves_card: bool,
    pub(crate) token: Option<String>,
    pub(crate) original: Option<u64>,
    pub(crate) refunded: i64,
    pub(crate) charged_back: i64,
    pub(crate) subscription: Option<String>,
}

impl Transaction {
    pub(crate) fn model(&self) -> Value {
        let (word, told) = reason(self.reason);
        let (system, system_code) = self.card.system();
        let millis = |at: DateTime<Utc>| format!("/Date({})/", at.timestamp_millis());
        let iso = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S").to_string();
        let final_reason = self.status != Status::AwaitingAuthentication;
        json!({
            "ReasonCode": self.reason,
            "PublicId": super::CloudPaymentsFake::PUBLIC_ID,
            "TerminalUrl": "https://marketplace.example",
            "TransactionId": self.id,
            "Amount": number(self.amount),
            "Currency": self.currency,
            "CurrencyCode": if self.currency == "RUB" { 0 } else { 2 },
            "PaymentAmount": number(self.amount),
            "PaymentCurrency": self.currency,
            "PaymentCurrencyCode": if self.currency == "RUB" { 0 } else { 2 },
            "InvoiceId": self.invoice,
            "AccountId": self.account,
            "Email": self.email,
            "Description": self.description,
            "JsonData": self.json_data,
            "CreatedDate": millis(self.created),
            "PayoutDate": null,
            "PayoutDateIso": null,
            "PayoutAmount": null,
            "CreatedDateIso": iso(self.created),
            "AuthDate": self.authorized.map(millis),
            "AuthDateIso": self.authorized.map(iso),
            "ConfirmDate": self.confirmed.map(millis),
            "ConfirmDateIso": self.confirmed.map(iso),
            "AuthCode": self.authorized.map(|_| "A1B2C3"),
            "TestMode": true,
            "Rrn": null,
            "OriginalTransactionId": self.original,
            "FallBackScenarioDeclinedTransactionId": null,
            "IpAddress": self.ip,
            "IpCountry": "RU",
            "IpCity": null,
            "IpRegion": null,
            "IpDistrict": null,
            "IpLatitude": null,
            "IpLongitude": null,
            "CardFirstSix": self.card.first_six(),
            "CardLastFour": self.card.last_four(),
            "CardExpDate": self.card.expires,
            "CardType": system,
            "CardProduct": "F",
            "CardCategory": null,
            "EscrowAccumulationId": null,
            "IssuerBankCountry": "RU",
            "Issuer": "CloudPayments",
            "CardTypeCode": system_code,
            "Status": self.status.name(),
            "StatusCode": self.status.code(),
            "CultureName": "ru",
            "Reason": if final_reason { Some(word) } else { None },
            "CardHolderMessage": if final_reason { Some(told) } else { None },
            "Type": self.operation.code(),
            "Refunded": self.refunded > 0,
            "Name": self.name,
            "Token": self.token,
            "SubscriptionId": self.subscription,
            "GatewayName": "Test",
            "AndroidPay": false,
            "WalletType": "",
            "TotalFee": 0,
            "VatAboveTotalFee": 0,
            "ProcessorAndPartnerFee": 0,
            "VatWithinProcessorFee": 0,
        })
    }

    /// The fields that all notifications about a payment carry. What is not known is empty.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            ("TransactionId", self.id.to_string()),
            ("Amount", decimal(self.amount)),
            ("Currency", self.currency.clone()),
            ("PaymentAmount", decimal(self.amount)),
            ("PaymentCurrency", self.currency.clone()),
            ("DateTime", date_time(self.confirmed.or(self.authorized).unwrap_or(self.created))),
            ("CardId", String::new()),
            ("CardFirstSix", self.card.first_six().to_owned()),
            ("CardLastFour", self.card.last_four().to_owned()),
            ("CardType", self.card.system().0.to_owned()),
            ("CardExpDate", self.card.expires.clone()),
            ("TestMode", "1".to_owned()),
            ("InvoiceId", text(&self.invoice)),
            ("AccountId", text(&self.account)),
            ("SubscriptionId", text(&self.subscription)),
            ("Name", text(&self.name)),
            ("Email", text(&self.email)),
            ("IpAddress", text(&self.ip)),
            ("IpCountry", "RU".to_owned()),
            ("IpLatitude", String::new()),
            ("IpLongitude", String::new()),
            ("Issuer", "CloudPayments".to_owned()),
            ("IssuerBankCountry", "RU".to_owned()),
            ("Description", text(&self.description)),
            ("Data", text(&self.json_data)),
            ("PaymentMethod", String::new()),
        ]
    }
}

/// `yyyy-MM-dd HH:mm:ss`, UTC.
pub(crate) fn date_time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}
