use kernel::{AccountId, SequentialIds, SessionId};
use serde_json::{Value, json};

use super::*;

/// RFC 8032, section 7.1, test 1, in PKCS #8.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----";
/// Its public half, in SPKI.
const PUBLIC: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

const SECRET: &str = "a secret of the tests, 32 bytes or more";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn key(id: &str, key: &str) -> NamedKey {
    NamedKey { id: id.to_owned(), key: SecretString::from(key.to_owned()) }
}

fn settings(algorithm: Algorithm, signing: NamedKey, accepted: Vec<NamedKey>) -> JwtSettings {
    JwtSettings {
        algorithm,
        signing,
        accepted,
        issuer: "mercato".to_owned(),
        audience: "apps".to_owned(),
    }
}

fn hs256() -> JwtTokens {
    JwtTokens::new(&settings(Algorithm::Hs256, key("one", SECRET), Vec::new())).unwrap()
}

fn ed25519() -> JwtTokens {
    JwtTokens::new(&settings(Algorithm::EdDsa, key("ed", PRIVATE), Vec::new())).unwrap()
}

fn claims() -> AccessClaims {
    let ids = SequentialIds::default();
    AccessClaims {
        account: AccountId::next(&ids),
        session: SessionId::next(&ids),
        roles: Roles::client().with(Role::Admin),
        issued_at: now(),
        expires_at: now() + TimeDelta::minutes(10),
    }
}

/// A token of ours with its header and claims changed, signed with our own secret.
fn forged(change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let mut header = json!({ "typ": "at+jwt", "alg": "HS256", "kid": "one" });
    let mut body = json!({
        "sub": claims().account, "sid": claims().session, "roles": ["client"],
        "iat": now().timestamp(), "nbf": now().timestamp(), "exp": now().timestamp() + 600,
        "iss": "mercato", "aud": "apps",
    });
    change(&mut header, &mut body);
    sign_parts(&header, &body, SECRET)
}

fn sign_parts(header: &Value, body: &Value, secret: &str) -> String {
    let part =
        |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(body));
    let signature = jsonwebtoken::crypto::sign(
        message.as_bytes(),
        &EncodingKey::from_secret(secret.as_bytes()),
        jsonwebtoken::Algorithm::HS256,
    )
    .unwrap();
    format!("{message}.{signature}")
}

#[test]
fn a_token_comes_back_as_it_was_signed() {
    for tokens in [hs256(), ed25519()] {
        let token = tokens.sign(&claims()).unwrap();
        assert_eq!(tokens.read(&token, now()), Some(claims()), "{tokens:?}");
        assert_eq!(tokens.read(&token, now() + TimeDelta::seconds(599)), Some(claims()));
        assert_eq!(tokens.read(&token, now() + TimeDelta::seconds(600)), None);
    }
    assert!(hs256().read(&forged(|_, _| ()), now()).is_some(), "the forge works");
}

#[test]
fn a_changed_token_is_refused() {
    let tokens = hs256();
    let cases: Vec<(&str, String)> = vec![
        ("another secret", {
            let header = json!({ "typ": "at+jwt", "alg": "HS256", "kid": "one" });
            sign_parts(&header, &json!({ "sub": "x" }), "another secret that is as long as ours")
        }),
        ("no algorithm", {
            let token = forged(|header, _| header["alg"] = json!("none"));
            format!("{}.", token.rsplit_once('.').unwrap().0)
        }),
        ("none, with a signature", forged(|header, _| header["alg"] = json!("none"))),
        ("HS384 in name", forged(|header, _| header["alg"] = json!("HS384"))),
        ("EdDSA in name", forged(|header, _| header["alg"] = json!("EdDSA"))),
        ("RS256 in name", forged(|header, _| header["alg"] = json!("RS256"))),
        ("a foreign kid", forged(|header, _| header["kid"] = json!("two"))),
        (
            "no kid",
            forged(|header, _| {
                header.as_object_mut().unwrap().remove("kid");
            }),
        ),
        ("a plain JWT", forged(|header, _| header["typ"] = json!("JWT"))),
        (
            "no type",
            forged(|header, _| {
                header.as_object_mut().unwrap().remove("typ");
            }),
        ),
        ("a key by address", forged(|header, _| header["jku"] = json!("https://evil.example"))),
        (
            "a certificate by address",
            forged(|header, _| header["x5u"] = json!("https://evil.example")),
        ),
        (
            "a key of its own",
            forged(|header, _| {
                header["jwk"] = json!({ "kty": "oct", "k": "AAAA", "alg": "HS256" });
            }),
        ),
        ("something critical", forged(|header, _| header["crit"] = json!(["exp"]))),
        ("another audience", forged(|_, body| body["aud"] = json!("admins"))),
        ("a list of audiences", forged(|_, body| body["aud"] = json!(["apps", "admins"]))),
        ("another issuer", forged(|_, body| body["iss"] = json!("somebody"))),
        (
            "no issuer",
            forged(|_, body| {
                body.as_object_mut().unwrap().remove("iss");
            }),
        ),
        (
            "no audience",
            forged(|_, body| {
                body.as_object_mut().unwrap().remove("aud");
            }),
        ),
        ("expired", forged(|_, body| body["exp"] = json!(now().timestamp()))),
        (
            "never expires",
            forged(|_, body| {
                body.as_object_mut().unwrap().remove("exp");
            }),
        ),
        ("expires as text", forged(|_, body| body["exp"] = json!("tomorrow"))),
        ("not yet", forged(|_, body| body["nbf"] = json!(now().timestamp() + 60))),
        ("issued tomorrow", forged(|_, body| body["iat"] = json!(now().timestamp() + 86_400))),
        ("another kind of id", forged(|_, body| body["sub"] = body["sid"].clone())),
        (
            "no session",
            forged(|_, body| {
                body.as_object_mut().unwrap().remove("sid");
            }),
        ),
        ("empty", String::new()),
        ("too long", "a.".repeat(4_000)),
    ];
    for (what, token) in cases {
        assert_eq!(tokens.read(&token, now()), None, "{what}");
    }
}

#[test]
fn a_token_signed_with_the_public_key_as_a_secret_is_refused() {
    let tokens = ed25519();
    let public = STANDARD.decode(PUBLIC).unwrap();
    let header = json!({ "typ": "at+jwt", "alg": "HS256", "kid": "ed" });
    let message = forged(|_, _| ());
    let body = message.split('.').nth(1).unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header.to_string());
    let message = format!("{header}.{body}");
    for secret in [public.as_slice(), &public[12..], PUBLIC.as_bytes()] {
        let signature = jsonwebtoken::crypto::sign(
            message.as_bytes(),
            &EncodingKey::from_secret(secret),
            jsonwebtoken::Algorithm::HS256,
        )
        .unwrap();
        assert_eq!(tokens.read(&format!("{message}.{signature}"), now()), None);
    }
}

#[test]
fn every_changed_character_is_seen() {
    for tokens in [hs256(), ed25519()] {
        let token = tokens.sign(&claims()).unwrap();
        let signature = token.rfind('.').unwrap();
        // The last character of a part carries unused bits, which the decoder refuses or ignores.
        for at in (0..token.len()).filter(|at| *at != token.len() - 1) {
            let mut changed: Vec<u8> = token.bytes().collect();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tokens.read(&changed, now()), None, "{at} of {signature}");
        }
    }
}

#[test]
fn keys_rotate_without_signing_anyone_out() {
    let old = hs256();
    let token = old.sign(&claims()).unwrap();
    let new_key = key("two", "another secret of the tests, as long as the first");

    let both = settings(Algorithm::Hs256, new_key.clone(), vec![key("one", SECRET)]);
    let rotated = JwtTokens::new(&both).unwrap();
    let later = settings(Algorithm::Hs256, new_key, Vec::new());
    let forgotten = JwtTokens::new(&later).unwrap();

    assert_eq!(rotated.read(&token, now()), Some(claims()));
    assert_eq!(forgotten.read(&token, now()), None);
    let token = rotated.sign(&claims()).unwrap();
    assert_eq!(forgotten.read(&token, now()), Some(claims()));
    assert_eq!(old.read(&token, now()), None);
}

#[test]
fn a_server_that_only_checks_needs_no_private_key_of_the_signer() {
    let other = settings(Algorithm::EdDsa, key("own", OTHER_PRIVATE), vec![key("ed", PUBLIC)]);
    let checking = JwtTokens::new(&other).unwrap();

    let token = ed25519().sign(&claims()).unwrap();

    assert_eq!(checking.read(&token, now()), Some(claims()));
}

/// RFC 8032, section 7.1, test 2, in PKCS #8 without armour.
const OTHER_PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7";

#[test]
fn keys_that_are_none_are_refused() {
    let cases = [
        settings(Algorithm::Hs256, key("one", "short"), Vec::new()),
        settings(Algorithm::EdDsa, key("one", SECRET), Vec::new()),
        settings(Algorithm::EdDsa, key("one", PUBLIC), Vec::new()),
        settings(Algorithm::EdDsa, key("one", PRIVATE), vec![key("two", "AAAA")]),
        settings(Algorithm::Hs256, key("one", SECRET), vec![key("one", SECRET)]),
    ];
    for settings in cases {
        assert!(JwtTokens::new(&settings).is_err(), "{settings:?}");
    }
    assert!(!format!("{:?}", hs256()).contains("secret of"));
}
