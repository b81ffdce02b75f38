//! Attacks on access tokens (RFC 8725 and the attacks behind it). Each gets the same 401. Apart from the attack, each token
//! is valid: the server's own key signs it unless the attack concerns the signature.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use holdfast_shared::identity::es256::PublicKey;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::foreign_key::signed;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use ring::{digest, hmac};
use serde_json::{Value, json};

fn segment(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn pair(pkcs8: &[u8]) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new()).unwrap()
}

fn hmac_signed(secret: &[u8], header: &str, claims: &str) -> String {
    let message = format!("{}.{}", segment(header), segment(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Returns the token with the other valid signature of its message: s becomes n - s.
fn malleated(token: &str) -> String {
    const ORDER: [u8; 32] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6,
        0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ];
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0i16;
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        signature[32 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

struct Forge {
    key: EcdsaKeyPair,
    public: PublicKey,
    header: Value,
    claims: Value,
    now: i64,
}

impl Forge {
    fn new(app: &TestApp, token: &str) -> Self {
        let key = pair(&STANDARD.decode(app.signing_key.lines().nth(1).unwrap()).unwrap());
        let public = PublicKey::from_point(key.public_key().as_ref()).unwrap();
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
        let header = serde_json::from_slice(&parts.next().unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
        let now = claims["iat"].as_i64().unwrap();
        Self { key, public, header, claims, now }
    }

    /// Signs a token by the server's own key, with changes to the header and to the claims. Null removes a member.
    fn with(&self, header: &Value, claims: &Value) -> String {
        let merged = |base: &Value, change: &Value| {
            let mut merged = base.clone();
            for (name, value) in change.as_object().unwrap() {
                merged[name] = value.clone();
                if value.is_null() {
                    merged.as_object_mut().unwrap().remove(name);
                }
            }
            merged.to_string()
        };
        signed(&self.key, &merged(&self.header, header), &merged(&self.claims, claims))
    }

    /// Returns all attacks, derived from a valid token.
    fn attacks(&self, token: &str) -> Vec<Attack> {
        let mut attacks = Vec::new();
        self.algorithms(token, &mut attacks);
        self.keys(&mut attacks);
        self.headers(&mut attacks);
        self.claims(&mut attacks);
        self.signatures(token, &mut attacks);
        self.encodings(token, &mut attacks);
        attacks
    }

    /// Attacks without a signature, and with HS256 under a public value as the secret.
    fn algorithms(&self, token: &str, attacks: &mut Vec<Attack>) {
        let mut add = |name: String, token: String| attacks.push(Attack { name, token });
        let claims = self.claims.to_string();
        for alg in ["none", "None", "nOnE", "NONE", ""] {
            let header = json!({"alg": alg, "typ": "at+jwt"}).to_string();
            let message = format!("{}.{}", segment(&header), segment(&claims));
            let signature = token.rsplit('.').next().unwrap();
            add(format!("alg {alg:?}"), format!("{message}."));
            add(format!("alg {alg:?} with a signature"), format!("{message}.{signature}"));
        }
        let kid = self.header["kid"].as_str().unwrap();
        let hs = json!({"alg": "HS256", "typ": "at+jwt", "kid": kid}).to_string();
        let hs_without_kid = json!({"alg": "HS256", "typ": "at+jwt"}).to_string();
        let point = self.key.public_key().as_ref();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": self.public.x, "y": self.public.y}).to_string();
        for (what, secret) in [
            ("the public point", point),
            ("the JWK", jwk.as_bytes()),
            ("nothing", b"".as_slice()),
            ("the kid", kid.as_bytes()),
        ] {
            add(format!("HS256 with {what}"), hmac_signed(secret, &hs, &claims));
            add(format!("HS256 without kid, with {what}"), hmac_signed(secret, &hs_without_kid, &claims));
        }
    }

    /// Attacks with another key, and with manipulated key ids.
    fn keys(&self, attacks: &mut Vec<Attack>) {
        let mut add = |name: String, token: String| attacks.push(Attack { name, token });
        let claims = self.claims.to_string();
        let other = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let other = pair(other.as_ref());
        let public = PublicKey::from_point(other.public_key().as_ref()).unwrap();
        add("another key under the server's kid".to_owned(), signed(&other, &self.header.to_string(), &claims));
        let embedded = json!({"kty": "EC", "crv": "P-256", "x": public.x, "y": public.y});
        add("header jwk".to_owned(), self.with(&json!({"jwk": embedded}), &json!({})));
        let own_kid = json!({"alg": "ES256", "typ": "at+jwt", "kid": public.thumbprint(), "jwk": embedded}).to_string();
        add("an embedded key".to_owned(), signed(&other, &own_kid, &claims));
        for kid in [
            "../../../../dev/null",
            "x' OR '1'='1",
            "",
            "\u{0}",
            "unknown",
            &"k".repeat(2000),
            "http://evil.example/key",
        ] {
            add(format!("kid {kid:.20?}"), self.with(&json!({"kid": kid}), &json!({})));
        }
    }

    /// Attacks with other header members.
    fn headers(&self, attacks: &mut Vec<Attack>) {
        for (name, value) in [
            ("jku", json!("https://evil.example/jwks.json")),
            ("x5u", json!("https://evil.example/cert.pem")),
            ("x5c", json!(["MIIB"])),
            ("crit", json!(["exp"])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("cty", json!("JWT")),
            ("typ", json!("JWT")),
            ("typ", Value::Null),
            ("kid", Value::Null),
            ("alg", json!("ES384")),
            ("alg", json!("RS256")),
            ("alg", Value::Null),
        ] {
            let token = self.with(&json!({ name: value }), &json!({}));
            attacks.push(Attack { name: format!("header {name}: {value}"), token });
        }
    }

    /// Attacks with other claims.
    fn claims(&self, attacks: &mut Vec<Attack>) {
        for (name, value) in [
            ("exp", json!(self.now - 3600)),
            ("exp", json!(self.now - 61)),
            ("exp", json!(self.now + 15 * 60 + 1)),
            ("exp", json!(self.now + 10 * 365 * 24 * 3600)),
            ("exp", json!(i64::MAX)),
            ("iat", json!(self.now - 1)),
            ("iat", json!(i64::MIN)),
            ("exp", json!("tomorrow")),
            ("exp", Value::Null),
            ("nbf", json!(self.now + 3600)),
            ("nbf", Value::Null),
            ("iat", json!(self.now + 3600)),
            ("aud", json!("another")),
            ("aud", json!(["holdfast", "another"])),
            ("aud", Value::Null),
            ("iss", json!("https://evil.example")),
            ("iss", Value::Null),
            ("sub", json!("01900000-0000-7000-8000-000000000000")),
            ("sub", json!("editor")),
            ("sid", json!("01900000-0000-7000-8000-000000000000")),
            ("sid", Value::Null),
            ("role", json!("admin")),
            ("role", json!("root")),
            ("role", json!("operator")),
            ("tenant", json!("01900000-0000-7000-8000-000000000000")),
            ("tenant", Value::Null),
            ("scope", json!("everything")),
        ] {
            let token = self.with(&json!({}), &json!({ name: value }));
            attacks.push(Attack { name: format!("claim {name}: {value}"), token });
        }
    }

    /// Attacks with other signatures, and with duplicate members under a valid one.
    fn signatures(&self, token: &str, attacks: &mut Vec<Attack>) {
        let mut add = |name: &str, token: String| attacks.push(Attack { name: name.to_owned(), token });
        let (header, claims) = (self.header.to_string(), self.claims.to_string());
        let duplicate = claims.replacen('{', "{\"role\":\"admin\",", 1);
        add("a duplicate claim", signed(&self.key, &header, &duplicate));
        let duplicate = header.replacen('{', "{\"alg\":\"none\",", 1);
        add("a duplicate header member", signed(&self.key, &duplicate, &claims));
        add("the other signature", malleated(token));
        let (message, _) = token.rsplit_once('.').unwrap();
        add("no signature", format!("{message}."));
        add("a DER signature", format!("{message}.{}", segment("0\u{6}\u{2}\u{1}\u{1}\u{2}\u{1}\u{1}")));
        add("a signature of zeros", format!("{message}.{}", URL_SAFE_NO_PAD.encode([0; 64])));
        let digest = digest::digest(&digest::SHA512, token.as_bytes());
        add("a digest for a signature", format!("{message}.{}", URL_SAFE_NO_PAD.encode(digest)));
    }

    /// Attacks with malformed tokens.
    fn encodings(&self, token: &str, attacks: &mut Vec<Attack>) {
        let mut add = |name: &str, token: String| attacks.push(Attack { name: name.to_owned(), token });
        let (message, signature) = token.rsplit_once('.').unwrap();
        add("two parts", message.to_owned());
        add("four parts", format!("{token}.{signature}"));
        add("padded", format!("{token}=="));
        for cut in [1, token.len() / 3, token.len() / 2, token.len() - 1] {
            add(&format!("cut at {cut}"), token[..cut].to_owned());
        }
        add("much too long", format!("{token}{}", "A".repeat(8000)));
        add("not base64", "!!!.???.###".to_owned());
        add("JSON", self.claims.to_string());
    }
}

/// A token that must be rejected.
struct Attack {
    name: String,
    token: String,
}

#[tokio::test]
async fn every_attack_on_a_token_gets_the_same_401() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let token = editor.access_token.clone().unwrap();
    let forge = Forge::new(&app, &token);
    // A forged token without an attack is accepted, so each attack fails for its own reason.
    let honest = forge.with(&json!({}), &json!({}));
    assert_eq!(editor.clone().with_token(&honest).get("/auth/whoami").await.status, 200);

    let attacks = forge.attacks(&token);
    assert!(attacks.len() >= 80, "{}", attacks.len());
    let rejected = app.anonymous().get("/auth/whoami").await;
    let body = |response: &holdfast_tests::client::Response| response.text.replace(response.text_at("request_id"), "");
    for Attack { name, token } in attacks {
        let response = app.anonymous().with_token(&token).get("/auth/whoami").await;
        assert_eq!(response.outcome(), "401 unauthenticated", "{name}");
        assert_eq!(body(&response), body(&rejected), "{name}");
        assert_eq!(response.header("www-authenticate"), "Bearer", "{name}");
    }
}

#[tokio::test]
async fn two_deployments_with_one_key_do_not_accept_each_others_tokens() {
    let (app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    assert_eq!(editor.get("/auth/whoami").await.status, 200);
    for setting in ["AUTH_ISSUER", "AUTH_AUDIENCE"] {
        let other = app.instance_with(&[(setting, "https://other.example.com".to_owned())], &editor).await;
        assert_eq!(other.get("/auth/whoami").await.outcome(), "401 unauthenticated", "{setting}");
    }
}
