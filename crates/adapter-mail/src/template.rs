use minijinja::{Environment, Error, context};
use notifications::{Letter, Template};

/// All templates: text and HTML by language, and the parts they share.
const FILES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../templates/layout.html")),
    ("button.html", include_str!("../templates/button.html")),
    ("en/notification.txt", include_str!("../templates/en/notification.txt")),
    ("en/notification.html", include_str!("../templates/en/notification.html")),
    ("en/verify_address.txt", include_str!("../templates/en/verify_address.txt")),
    ("en/verify_address.html", include_str!("../templates/en/verify_address.html")),
    ("en/reset_password.txt", include_str!("../templates/en/reset_password.txt")),
    ("en/reset_password.html", include_str!("../templates/en/reset_password.html")),
    ("en/address_taken.txt", include_str!("../templates/en/address_taken.txt")),
    ("en/address_taken.html", include_str!("../templates/en/address_taken.html")),
    ("en/confirm_review.txt", include_str!("../templates/en/confirm_review.txt")),
    ("en/confirm_review.html", include_str!("../templates/en/confirm_review.html")),
    ("de/notification.txt", include_str!("../templates/de/notification.txt")),
    ("de/notification.html", include_str!("../templates/de/notification.html")),
    ("de/verify_address.txt", include_str!("../templates/de/verify_address.txt")),
    ("de/verify_address.html", include_str!("../templates/de/verify_address.html")),
    ("de/reset_password.txt", include_str!("../templates/de/reset_password.txt")),
    ("de/reset_password.html", include_str!("../templates/de/reset_password.html")),
    ("de/address_taken.txt", include_str!("../templates/de/address_taken.txt")),
    ("de/address_taken.html", include_str!("../templates/de/address_taken.html")),
    ("de/confirm_review.txt", include_str!("../templates/de/confirm_review.txt")),
    ("de/confirm_review.html", include_str!("../templates/de/confirm_review.html")),
];

/// A mail as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// One line.
    pub subject: String,
    /// For programs that show no HTML, and people who do not want it.
    pub text: String,
    /// For all others. What people wrote is escaped.
    pub html: String,
}

/// The templates of all mails.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    marketplace: String,
}

impl Templates {
    /// The templates, for a marketplace of that name.
    pub fn new(marketplace: impl Into<String>) -> Self {
        let mut environment = Environment::new();
        for (name, source) in FILES {
            environment
                .add_template(name, source)
                .expect("the templates are part of this crate, and a test renders all of them");
        }
        Self { environment, marketplace: marketplace.into() }
    }

    /// Writes a letter in its reader's language, else in English.
    pub fn write(&self, letter: &Letter) -> Result<Written, Error> {
        let language = Self::language(letter);
        let text = self.render(language, letter, "txt")?;
        // The first line of the text is the subject.
        let (subject, text) = text.split_once("\n\n").unwrap_or((text.as_str(), ""));
        Ok(Written {
            subject: one_line(subject),
            text: text.to_owned(),
            html: self.render(language, letter, "html")?,
        })
    }

    /// The languages that a template is written in.
    pub fn languages(template: Template) -> Vec<&'static str> {
        let of = |(name, _): &(&'static str, &str)| {
            let (language, file) = name.split_once('/')?;
            (file.strip_suffix(".txt")? == template.name()).then_some(language)
        };
        FILES.iter().filter_map(of).collect()
    }

    fn language(letter: &Letter) -> &'static str {
        let languages = Self::languages(letter.template);
        let locale = &letter.to.locale;
        [locale.as_str(), locale.language()]
            .into_iter()
            .find_map(|tag| languages.iter().copied().find(|language| *language == tag))
            .unwrap_or("en")
    }

    fn render(&self, language: &str, letter: &Letter, kind: &str) -> Result<String, Error> {
        let name = format!("{language}/{}.{kind}", letter.template.name());
        self.environment.get_template(&name)?.render(context! {
            language,
            marketplace => &self.marketplace,
            name => &letter.to.name,
            title => one_line(&letter.words.title),
            body => &letter.words.body,
            action => &letter.words.action,
            link => &letter.link,
            unsubscribe => &letter.unsubscribe,
        })
    }
}

/// People's titles may hold line breaks; a header may not.
fn one_line(text: &str) -> String {
    text.split(char::is_whitespace).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
