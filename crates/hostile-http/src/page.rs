use std::fmt::Write;

/// Plain HTML that every browser and screen reader understands: one column, one heading, forms with
/// labelled buttons, no script, no style from elsewhere.
#[derive(Debug)]
pub struct Page {
    title: String,
    body: String,
}

/// A form of hidden fields, and a button for each thing that can be chosen.
#[derive(Debug, Default)]
pub struct Form<'a> {
    /// Where it is sent, by POST.
    pub action: &'a str,
    /// What it carries along.
    pub hidden: &'a [(&'a str, &'a str)],
    /// What can be chosen.
    pub buttons: &'a [Button<'a>],
}

/// A button that sends its form, and its name and value with it.
#[derive(Debug)]
pub struct Button<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
    /// What people read.
    pub label: &'a str,
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}\
button{font:inherit;padding:.6rem 1.2rem;margin:.3rem .6rem .3rem 0;border:2px solid #111;border-radius:.4rem;background:#fff;color:#111;cursor:pointer}\
button:first-of-type{background:#111;color:#fff}button:focus-visible{outline:3px solid #06c;outline-offset:2px}";

impl Page {
    /// A page with this heading.
    pub fn new(title: &str) -> Self {
        Self { title: escaped(title), body: String::new() }
    }

    /// A paragraph.
    #[must_use]
    pub fn paragraph(mut self, text: &str) -> Self {
        let _ = write!(self.body, "<p>{}</p>", escaped(text));
        self
    }

    /// A form.
    #[must_use]
    pub fn form(mut self, form: &Form<'_>) -> Self {
        let _ = write!(self.body, "<form method=\"post\" action=\"{}\">", escaped(form.action));
        for (name, value) in form.hidden {
            let (name, value) = (escaped(name), escaped(value));
            let _ = write!(self.body, "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
        }
        for Button { name, value, label } in form.buttons {
            let (name, value, label) = (escaped(name), escaped(value), escaped(label));
            let _ = write!(
                self.body,
                "<button type=\"submit\" name=\"{name}\" value=\"{value}\">{label}</button>"
            );
        }
        self.body.push_str("</form>");
        self
    }

    /// The whole document.
    pub fn render(&self) -> String {
        let Self { title, body } = self;
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title}</title><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1>{body}</main></body></html>"
        )
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_shows_is_never_markup() {
        let page = Page::new("Pay <b>now</b>").paragraph("\"1 & 2\"").render();

        assert!(page.contains("<h1>Pay &lt;b&gt;now&lt;/b&gt;</h1>"), "{page}");
        assert!(page.contains("<p>&quot;1 &amp; 2&quot;</p>"), "{page}");
    }
}
