use hostile_http::{Answer, Button, Form, Page, Request};
use serde_json::{Value, json};

use super::body::{Body, Refused, Result, decimal};
use super::state::{NewPayment, State};

/// A page on which a payer pays.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    id: String,
    number: u64,
    payment: NewPayment,
    success_url: String,
    fail_url: String,
    status: &'static str,
}

impl Order {
    fn model(&self, base: &str) -> Value {
        json!({
            "Id": self.id,
            "Number": self.number,
            "Amount": super::body::number(self.payment.amount),
            "Currency": self.payment.currency,
            "Email": self.payment.email,
            "Description": self.payment.description,
            "RequireConfirmation": self.payment.two_step,
            "Url": format!("{base}/orders/{}", self.id),
            "InvoiceId": self.payment.invoice,
            "AccountId": self.payment.account,
            "StatusCode": i32::from(self.status != "Created"),
            "Status": self.status,
        })
    }

    /// What it is paid as, while it can be.
    pub(crate) fn open_payment(&self) -> Option<NewPayment> {
        (self.status == "Created").then(|| self.payment.clone())
    }

    pub(crate) fn way_back(&self, good: bool) -> Answer {
        Answer::see_other(if good { &self.success_url } else { &self.fail_url })
    }
}

impl State {
    pub(crate) fn create_order(&mut self, body: &Body) -> Result<Value> {
        let amount = body.amount()?;
        let description = body.required("Description")?;
        let number = self.next_serial();
        let order = Order {
            id: format!("f{number:x}"),
            number,
            payment: NewPayment {
                amount,
                currency: body.text("Currency").unwrap_or_else(|| "RUB".to_owned()),
                invoice: body.text("InvoiceId"),
                account: body.text("AccountId"),
                email: body.text("Email"),
                description: Some(description),
                json_data: body.json_data(),
                two_step: body.flag("RequireConfirmation"),
                saves_card: body.flag("SaveCard"),
                ..NewPayment::default()
            },
            success_url: body.text("SuccessRedirectUrl").unwrap_or_default(),
            fail_url: body.text("FailRedirectUrl").unwrap_or_default(),
            status: "Created",
        };
        let model = order.model(&self.base);
        self.orders.push(order);
        Ok(json!({ "Success": true, "Message": null, "Model": model }))
    }

    pub(crate) fn order(&self, id: &str) -> Result<&Order> {
        self.orders.iter().find(|order| order.id == id).ok_or_else(|| Refused("Not found".into()))
    }

    pub(crate) fn close_order(&mut self, id: &str, status: &'static str) -> Result<()> {
        let order = self.orders.iter_mut().find(|order| order.id == id);
        order.ok_or_else(|| Refused("Not found".into()))?.status = status;
        Ok(())
    }

    pub(crate) fn order_page(&self, id: &str) -> Answer {
        let Ok(order) = self.order(id) else { return Answer::text(404, "no such order") };
        let buttons = [
            Button { name: "card", value: "4000000000003055", label: "Pay by a card that works" },
            Button {
                name: "card",
                value: "4242424242424242",
                label: "Pay by a card with 3-D Secure",
            },
            Button {
                name: "card",
                value: "4000056655665556",
                label: "Pay by a card without money",
            },
        ];
        let form = Form { action: &format!("/orders/{id}"), hidden: &[], buttons: &buttons };
        let due = format!("{} {} are due.", decimal(order.payment.amount), order.payment.currency);
        Answer::html(200, Page::new("Order").paragraph(&due).form(&form).render())
    }
}

/// The bank's page: the browser posts `MD`, `PaReq` and `TermUrl`, and brings `MD` and `PaRes` back.
pub(crate) fn bank_page(request: &Request) -> Answer {
    let fields = request.form_fields();
    let field = |wanted: &str| {
        fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    let (Some(md), Some(pa_req), Some(term_url)) = (field("MD"), field("PaReq"), field("TermUrl"))
    else {
        return Answer::text(400, "MD, PaReq and TermUrl are required");
    };
    if pa_req != super::site::request_of_bank(md) {
        return Answer::text(400, "PaReq does not belong to MD");
    }
    let (pass, fail) =
        (super::site::answer_of_bank(md, true), super::site::answer_of_bank(md, false));
    let pass = [("MD", md), ("PaRes", pass.as_str())];
    let fail = [("MD", md), ("PaRes", fail.as_str())];
    let confirm = [Button { name: "choice", value: "pass", label: "Confirm the payment" }];
    let refuse = [Button { name: "choice", value: "fail", label: "Refuse it" }];
    let page = Page::new("3-D Secure test page")
        .paragraph("Your bank asks whether it is you who pays.")
        .form(&Form { action: term_url, hidden: &pass, buttons: &confirm })
        .form(&Form { action: term_url, hidden: &fail, buttons: &refuse });
    Answer::html(200, page.render())
}
