use adapter_mail::Templates;
use notifications::Template;

use crate::a_letter;

#[test]
fn every_mail_in_every_language_is_as_reviewed() {
    let templates = Templates::new("Mercato");
    for template in Template::ALL {
        for language in ["en", "de"] {
            let written = templates.write(&a_letter(template, language)).unwrap();
            let name = format!("{}_{language}", template.name());
            insta::assert_snapshot!(
                name,
                format!("{}\n\n{}\n\n{}", written.subject, written.text, written.html)
            );
        }
    }
}

#[test]
fn every_mail_is_written_in_every_language() {
    for template in Template::ALL {
        assert_eq!(Templates::languages(template), ["en", "de"], "{}", template.name());
    }
}

#[test]
fn a_reader_of_another_language_is_written_to_in_english() {
    let templates = Templates::new("Mercato");
    let in_ = |language| templates.write(&a_letter(Template::VerifyAddress, language)).unwrap();

    assert_eq!(in_("fi"), in_("en"));
    assert_eq!(in_("de-AT"), in_("de"));
}
