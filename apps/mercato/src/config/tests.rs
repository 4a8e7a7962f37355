use std::collections::BTreeSet;

use super::documentation::{EXAMPLE, entries, render};
use super::*;

fn load(environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings::load(&Sources { environment, ..Sources::default() })
}

fn load_file(text: &str) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mercato.toml");
    std::fs::write(&file, text).unwrap();
    Settings::load(&Sources { file: Some(file), ..Sources::default() })
}

fn keys(prefix: &str, value: &serde_json::Value, into: &mut BTreeSet<String>) {
    match value.as_object() {
        Some(table) => {
            for (key, value) in table {
                keys(&format!("{prefix}.{key}"), value, into);
            }
        }
        None => {
            into.insert(prefix.trim_start_matches('.').to_owned());
        }
    }
}

#[test]
fn the_commented_file_documents_every_key_with_its_default() {
    assert_eq!(load_file(EXAMPLE).unwrap(), Settings::default());

    let (documented, _) = entries(EXAMPLE);
    let mut expected = BTreeSet::new();
    keys("", &serde_json::to_value(Settings::default()).unwrap(), &mut expected);
    let found: BTreeSet<String> = documented
        .iter()
        .map(|entry| format!("{}.{}", entry.section, entry.key).trim_start_matches('.').to_owned())
        .collect();
    assert_eq!(found, expected);
    for entry in documented {
        assert!(!entry.meaning.is_empty(), "{}.{} is not explained", entry.section, entry.key);
    }
}

#[test]
fn the_page_is_rendered_from_the_commented_file() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = render(EXAMPLE);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(stored, page, "UPDATE_DOCS=1 rewrites docs/configuration.md");
}

#[test]
fn a_server_is_reached_at_its_address_as_long_as_nobody_says_otherwise() {
    let url = |environment: &[(&str, &str)]| load(environment).unwrap().server.public_url;
    let address = ("MERCATO__SERVER__ADDRESS", "0.0.0.0:9000");

    assert_eq!(url(&[address]), "http://127.0.0.1:9000");
    assert_eq!(url(&[("MERCATO__SERVER__ADDRESS", "[::1]:9000")]), "http://[::1]:9000");
    let said = ("MERCATO__SERVER__PUBLIC_URL", "https://market.example");
    assert_eq!(url(&[address, said]), "https://market.example");
}

#[test]
fn each_place_overrides_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mercato.toml");
    std::fs::write(
        &file,
        "[server]\nworkers = 3\nheader_timeout_seconds = 7\n[jobs]\nconcurrency = 2\n",
    )
    .unwrap();
    let settings = Settings::load(&Sources {
        file: Some(file),
        environment: vec![
            ("MERCATO__SERVER__WORKERS".into(), "4".into()),
            ("MERCATO__SERVER__HEADER_TIMEOUT_SECONDS".into(), "8".into()),
            ("MERCATO__SERVER__CORS_ORIGINS".into(), "https://a.example, https://b.example".into()),
        ],
        flags: vec![("server.header_timeout_seconds".into(), "9".into())],
    })
    .unwrap();

    assert_eq!(settings.jobs.concurrency, 2);
    assert_eq!(settings.server.workers, 4);
    assert_eq!(settings.server.header_timeout_seconds, 9);
    assert_eq!(settings.server.cors_origins, ["https://a.example", "https://b.example"]);
    assert_eq!(settings.server.address, Server::default().address);
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    let error = load_file("[server]\nadress = \"127.0.0.1:1\"\n").unwrap_err().to_string();
    assert!(error.contains("adress") && error.contains("mercato.toml"), "{error}");
    let error = load(&[("MERCATO__SERVER__ADRESS", "127.0.0.1:1")]).unwrap_err().to_string();
    assert!(error.contains("MERCATO__SERVER__ADRESS"), "{error}");
}

#[test]
fn a_wrong_value_is_an_error_that_names_its_key() {
    let error = load(&[("MERCATO__SERVER__WORKERS", "many")]).unwrap_err().to_string();
    assert!(error.contains("server.workers") && error.contains("environment"), "{error}");
}

#[test]
fn addresses_are_verified_in_production_unless_the_operator_says_otherwise() {
    let unset = load(&[]).unwrap();
    assert!(!unset.identity_policy().require_verified_email);
    let set = load(&[("MERCATO__AUTH__REQUIRE_VERIFIED_EMAIL", "true")]).unwrap();
    assert!(set.identity_policy().require_verified_email);
}

#[test]
fn a_secret_may_lie_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "0123456789\n").unwrap();
    let path = file.to_str().unwrap();
    let settings = load(&[
        ("MERCATO__AUTH__SIGNING_KEY_FILE", path),
        ("DATABASE_URL", "postgres://localhost/mercato"),
    ])
    .unwrap();

    assert_eq!(settings.auth.signing_key.expose(), "0123456789");
    assert_eq!(settings.database.url.unwrap().expose(), "postgres://localhost/mercato");
}

#[test]
fn secrets_are_masked_wherever_settings_are_shown() {
    let settings = load(&[
        ("DATABASE_URL", "postgres://user:hunter2@localhost/mercato"),
        ("MERCATO__AUTH__SIGNING_KEY", "a-key-nobody-may-see"),
        ("MERCATO__AUTH__ACCEPTED_KEYS", "old:a-key-nobody-may-see"),
    ])
    .unwrap();

    for shown in [settings.masked(), format!("{settings:?}")] {
        assert!(!shown.contains("hunter2") && !shown.contains("nobody"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}

#[test]
fn production_refuses_what_is_for_the_demo() {
    let error = load(&[("MERCATO__ENVIRONMENT", "production")]).unwrap_err().to_string();
    for key in ["auth.signing_key", "server.application_key", "server.public_url", "database.url"] {
        assert!(error.contains(key), "{key}: {error}");
    }
    in_production(&[]).unwrap();
}

/// What production needs, and more.
fn in_production(more: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let needed = [
        ("MERCATO__ENVIRONMENT", "production"),
        ("MERCATO__AUTH__SIGNING_KEY", "4b8a0d6c1f2e4b8a0d6c1f2e4b8a0d6c"),
        ("MERCATO__SERVER__APPLICATION_KEY", "9c1f2e4b8a0d6c1f2e4b8a0d6c4b8a0d"),
        ("MERCATO__SERVER__PUBLIC_URL", "https://market.example"),
        ("DATABASE_URL", "postgres://localhost/mercato"),
    ];
    load(&[&needed, more].concat())
}

#[test]
fn production_sends_no_mail_in_the_clear_but_to_this_machine() {
    let with = |url: &str| {
        in_production(&[("MERCATO__MAIL__TRANSPORT", "smtp"), ("MERCATO__MAIL__URL", url)])
    };
    for clear in [
        "smtp://mail.example",
        "smtp://a:b@mail.example:587",
        "smtp://mail.example?tls=opportunistic",
        "smtp://localhost@mail.example/",
        "smtp://[2001:db8::1]:25",
    ] {
        let error = with(clear).unwrap_err().to_string();
        assert!(error.contains("mail.url"), "{clear}: {error}");
    }
    for safe in [
        "smtps://a:b@mail.example",
        "smtp://mail.example:587?tls=required",
        "smtp://localhost:1025",
        "smtp://a@127.0.0.1",
        "smtp://[::1]:25",
    ] {
        with(safe).unwrap_or_else(|error| panic!("{safe}: {error}"));
    }
}

#[test]
fn production_takes_real_money_or_none() {
    let sandbox = ("MERCATO__GATEWAYS__SANDBOX__ENABLED", "true");
    let error = in_production(&[sandbox]).unwrap_err().to_string();
    assert!(error.contains("gateways.sandbox.enabled"), "{error}");
    assert!(!in_production(&[]).unwrap().gateways.sandbox_is_on(true));
    assert!(load(&[]).unwrap().gateways.sandbox_is_on(false));

    for half in ["CLOUDPAYMENTS__PUBLIC_ID", "CLOUDPAYMENTS__API_SECRET", "STRIPE__SECRET_KEY"] {
        let variable = format!("MERCATO__GATEWAYS__{half}");
        let error = load(&[(&variable, "x")]).unwrap_err().to_string();
        assert!(error.contains("or none of them"), "{half}: {error}");
    }
    let whole = [
        ("MERCATO__GATEWAYS__STRIPE__SECRET_KEY", "sk_nobody_may_see"),
        ("MERCATO__GATEWAYS__STRIPE__WEBHOOK_SECRETS", "whsec_nobody, whsec_may_see"),
    ];
    let settings = load(&whole).unwrap();
    assert_eq!(settings.gateways.stripe.webhook_secrets.len(), 2);
    assert!(!settings.masked().contains("nobody"), "{}", settings.masked());
}
