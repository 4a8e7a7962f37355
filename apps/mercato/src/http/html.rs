//! Pages for browsers: small, with nothing on them but text and forms.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;

/// Text as it stands on a page, in an element or in an attribute.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A page. `title` is text, `main` is HTML: what people wrote in it has to be [`escaped`].
pub(super) fn page(language: &str, title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n</head>\n\
         <body>\n<main>{main}</main>\n</body>\n</html>\n",
        escaped(language),
        escaped(title),
    )
}

/// A page for one person at one moment: nobody keeps it.
pub(super) fn shown(status: StatusCode, page: String) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store"));
    response.content_type("text/html; charset=utf-8").body(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays_text() {
        let page = page("en", "<b>Tom & \"Ann\"</b>", "<p></p>");
        assert!(
            page.contains("<title>&lt;b&gt;Tom &amp; &quot;Ann&quot;&lt;/b&gt;</title>"),
            "{page}"
        );
    }
}
