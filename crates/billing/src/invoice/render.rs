use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::{Invoice, InvoiceParty};

/// The invoice as one HTML page that prints well: no script, no address, nothing to load. Every
/// text is escaped, whoever wrote it. `language` is the page's `lang`, `labels` its words.
pub fn render_html(invoice: &Invoice, language: &str, labels: &InvoiceLabels) -> String {
    let mut page = String::from("<!doctype html>\n");
    let title = format!("{} {}", labels.invoice, invoice.number);
    let mut put = |text: &str| page.push_str(text);
    put(&format!("<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n", escaped(language)));
    put(&format!("<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n", escaped(&title)));
    put(&format!("<h1>{}</h1>\n", escaped(&title)));
    put(&format!("<p>{}: {}</p>\n", escaped(&labels.date), day(invoice.issued_at)));
    put(&party(&labels.seller, &invoice.seller_party));
    put(&party(&labels.payer, &invoice.payer_party));
    put("<table>\n<thead><tr>");
    for heading in [&labels.description, &labels.period, &labels.amount] {
        put(&format!("<th>{}</th>", escaped(heading)));
    }
    put("</tr></thead>\n<tbody>\n");
    for line in &invoice.lines {
        let period = line
            .period
            .map(|(start, end)| format!("{} – {}", day(start), day(end)))
            .unwrap_or_default();
        let (description, amount) = (escaped(&line.description), line.amount);
        put(&format!("<tr><td>{description}</td><td>{period}</td><td>{amount}</td></tr>\n"));
    }
    put("</tbody>\n<tfoot>\n");
    let rate = percent(invoice.tax_basis_points);
    let tax = format!("{} ({rate} %)", labels.tax_included);
    for (label, amount) in [(tax.as_str(), invoice.tax), (&labels.total, invoice.total)] {
        put(&format!("<tr><th colspan=\"2\">{}</th><td>{amount}</td></tr>\n", escaped(label)));
    }
    put("</tfoot>\n</table>\n");
    put(&format!("<p>{} {}</p>\n", escaped(&labels.paid_by), invoice.payment));
    put("</body>\n</html>\n");
    page
}

/// The words of an invoice in a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceLabels {
    /// "Invoice".
    pub invoice: String,
    /// "Date".
    pub date: String,
    /// "Seller".
    pub seller: String,
    /// "Payer".
    pub payer: String,
    /// "Description".
    pub description: String,
    /// "Period".
    pub period: String,
    /// "Amount".
    pub amount: String,
    /// "Tax included".
    pub tax_included: String,
    /// "Total".
    pub total: String,
    /// "Paid by".
    pub paid_by: String,
}

impl Default for InvoiceLabels {
    /// In English.
    fn default() -> Self {
        Self {
            invoice: "Invoice".to_owned(),
            date: "Date".to_owned(),
            seller: "Seller".to_owned(),
            payer: "Payer".to_owned(),
            description: "Description".to_owned(),
            period: "Period".to_owned(),
            amount: "Amount".to_owned(),
            tax_included: "Tax included".to_owned(),
            total: "Total".to_owned(),
            paid_by: "Paid by".to_owned(),
        }
    }
}

const STYLE: &str = "body{font:14px/1.5 sans-serif;max-width:42em;margin:3em auto}\
table{width:100%;border-collapse:collapse}th,td{text-align:left;padding:.4em;\
border-bottom:1px solid #ccc}td:last-child{text-align:right;white-space:nowrap}\
@media print{body{margin:0}}";

fn party(label: &str, party: &InvoiceParty) -> String {
    let mut text = format!("<h2>{}</h2>\n<p>{}", escaped(label), escaped(&party.name));
    for line in &party.details {
        let _infallible = write!(text, "<br>{}", escaped(line));
    }
    text + "</p>\n"
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

fn percent(basis_points: u32) -> String {
    let (whole, rest) = (basis_points / 100, basis_points % 100);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:02}") }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
