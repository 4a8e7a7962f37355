//! Invoices and settlement files.

use billing::testing::{a_payment, a_stranger, euros, the_payer, the_payer_account};
use billing::{
    Difference, Invoice, InvoiceLabels, InvoiceParty, NewInvoice, Seller, SettlementKind,
    SettlementLine, parse_settlement, reconcile, render_html,
};
use kernel::InvoiceId;

use crate::world::NOW;

fn an_invoice(description: &str) -> Invoice {
    let party = |name: &str| InvoiceParty {
        name: name.to_owned(),
        details: vec!["<b>Street</b> 1".to_owned()],
    };
    let payment = a_payment(NOW);
    let new = NewInvoice {
        id: InvoiceId::from_uuid(billing::testing::an_id(90)),
        sequence: 42,
        seller: Seller::Platform,
        seller_party: party("Shop & Co"),
        payer: the_payer_account(),
        payer_party: party("O'Neil"),
        payment: payment.id,
        purpose: payment.purpose,
        description: description.to_owned(),
        period: None,
        total: euros(11_900),
        tax_basis_points: 1_900,
    };
    Invoice::issue(new, NOW)
}

#[test]
fn an_invoice_is_a_page_that_runs_nothing() {
    let page = render_html(
        &an_invoice("<script>alert(1)</script>"),
        "en\" onload=\"x",
        &InvoiceLabels::default(),
    );

    insta::assert_snapshot!("invoice", page);
    assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains("\" onload"));
}

#[test]
fn an_invoice_is_for_who_paid_and_who_sold() {
    let invoice = an_invoice("Top");

    assert_eq!(invoice.number.to_string(), "2026-000042");
    assert_eq!(invoice.tax, euros(1_900));
    assert!(invoice.authorize(&the_payer()).is_ok());
    assert!(matches!(
        invoice.authorize(&a_stranger()),
        Err(billing::BillingError::NotFound { .. })
    ));
}

#[test]
fn a_settlement_file_is_compared_line_by_line() {
    let file = "kind,transaction,amount,currency\n\
                capture,t1,10000,EUR\n\
                refund,t1,1000,EUR\n\
                refund,t1,500,EUR\n\
                capture,t3,700,EUR\n\n";
    let theirs = parse_settlement(file).unwrap();
    let line = |kind, transaction: &str, minor| SettlementLine {
        kind,
        transaction: transaction.to_owned(),
        amount: euros(minor),
    };
    let ours = [
        line(SettlementKind::Capture, "t1", 10_000),
        line(SettlementKind::Refund, "t1", 1_400),
        line(SettlementKind::Capture, "t2", 300),
    ];

    let differences: Vec<_> = reconcile(&ours, &theirs).iter().map(ToString::to_string).collect();

    assert_eq!(
        differences,
        [
            "refund of t1: the gateway says 15.00 EUR, the ledger 14.00 EUR",
            "capture of t2: the ledger says 3.00 EUR, the gateway has nothing",
            "capture of t3: the gateway says 7.00 EUR, the ledger has nothing",
        ]
    );
    assert_eq!(reconcile(&theirs, &theirs), Vec::<Difference>::new());
}

#[test]
fn a_settlement_file_that_cannot_be_read_says_where() {
    for (line, problem) in [
        ("capture,t1,1.50,EUR", "the amount is not a whole number"),
        ("capture,t1,-1,EUR", "the amount is negative, or the transaction missing"),
        ("gift,t1,1,EUR", "no such kind"),
        ("capture,t1,1", "a column is missing"),
        ("capture,t1,1,XXZ", "no such currency"),
    ] {
        let error = parse_settlement(&format!("headings\n{line}")).unwrap_err();
        assert_eq!((error.line, error.problem), (2, problem));
    }
}
