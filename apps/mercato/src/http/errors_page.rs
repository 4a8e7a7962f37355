//! `/docs/errors`: where the `type` of every problem leads. `docs/errors.md` as a page.

use std::fmt::Write as _;
use std::sync::LazyLock;

use actix_web::HttpResponse;

use super::html::escaped;

const SOURCE: &str = include_str!("../../../../docs/errors.md");

static PAGE: LazyLock<String> = LazyLock::new(|| render(SOURCE));

/// Shows the page.
pub(crate) async fn show() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "public, max-age=3600"))
        .body(PAGE.as_str())
}

/// Headings, paragraphs and tables whose first cell is a code: all that the page is made of.
fn render(source: &str) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Mercato: errors</title>\
         <style>body{font:16px/1.5 system-ui;max-width:70rem;margin:2rem auto;padding:0 1rem}\
         table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.4rem .6rem;\
         border-bottom:1px solid #ddd;vertical-align:top}tr:target{background:#ffd}</style>",
    );
    let mut in_table = false;
    for line in source.lines() {
        let is_row = line.starts_with('|');
        if is_row != in_table {
            page.push_str(if is_row { "<table>" } else { "</table>" });
            in_table = is_row;
        }
        let written = if let Some(heading) = line.strip_prefix("## ") {
            write!(page, "<h2>{}</h2>", inline(heading))
        } else if let Some(heading) = line.strip_prefix("# ") {
            write!(page, "<h1>{}</h1>", inline(heading))
        } else if line.starts_with("|---") || line.is_empty() {
            Ok(())
        } else if is_row {
            row(&mut page, line)
        } else {
            write!(page, "{} ", inline(line))
        };
        written.expect("writing to a string does not fail");
    }
    if in_table {
        page.push_str("</table>");
    }
    page
}

fn row(page: &mut String, line: &str) -> std::fmt::Result {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let code = cells.first().and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
    let cell_tag = if let Some(code) = code {
        write!(page, "<tr id=\"{code}\">")?;
        "td"
    } else {
        page.push_str("<tr>");
        "th"
    };
    for cell in cells {
        write!(page, "<{cell_tag}>{}</{cell_tag}>", inline(cell))?;
    }
    page.push_str("</tr>");
    Ok(())
}

/// Escapes, and turns back-ticks into code.
fn inline(text: &str) -> String {
    let escaped = escaped(text);
    let mut parts = escaped.split('`');
    let mut html = parts.next().unwrap_or_default().to_owned();
    for (i, part) in parts.enumerate() {
        html.push_str(if i % 2 == 0 { "<code>" } else { "</code>" });
        html.push_str(part);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_an_anchor() {
        let page = render(SOURCE);

        assert!(page.contains("<tr id=\"invalid_cursor\"><td><code>invalid_cursor</code></td>"));
        assert_eq!(page.matches("<table>").count(), page.matches("</table>").count());
    }
}
