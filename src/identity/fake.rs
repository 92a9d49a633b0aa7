//! An identity provider for tests, in this process: discovery, login, token and keys as OpenID Connect Core 1.0 has them,
//! PKCE and the client's secret checked. Whoever it is told to be logs in without being asked.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{CoreJsonWebKeySet, CoreRsaPrivateSigningKey};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// For tests alone: everybody knows it.
const KEY: &str = include_str!("../../fixtures/identity/test-only-rsa.pem");
pub const CLIENT_ID: &str = "empanel";
pub const CLIENT_SECRET: &str = "of-the-test";

/// What is wrong with a token that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// Signed with nobody's key.
    Signature,
    Audience,
    Issuer,
    Expired,
    Nonce,
}

struct State {
    url: String,
    claims: Value,
    flaw: Flaw,
    now: i64,
    /// Codes that were given: nonce and challenge of each.
    codes: HashMap<String, (String, String)>,
}

pub struct FakeProvider {
    state: Arc<Mutex<State>>,
    handle: actix_web::dev::ServerHandle,
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        let handle = self.handle.clone();
        drop(std::thread::spawn(move || actix_web::rt::System::new().block_on(handle.stop(false))));
    }
}

impl FakeProvider {
    /// Starts it; `now` is in the tokens, in seconds.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn start(claims: Value, now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = State { url, claims, flaw: Flaw::None, now, codes: HashMap::new() };
        let state = Arc::new(Mutex::new(state));
        let data = web::Data::from(state.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route("/.well-known/openid-configuration", web::get().to(discovery))
                .route("/login", web::get().to(login))
                .route("/token", web::post().to(token))
                .route("/keys", web::get().to(keys))
        });
        let server = server.workers(1).disable_signals().listen(listener).expect("it listens").run();
        let handle = server.handle();
        drop(std::thread::spawn(move || actix_web::rt::System::new().block_on(server)));
        Self { state, handle }
    }

    #[must_use]
    pub fn issuer(&self) -> String {
        self.lock().url.clone()
    }

    /// Who logs in from now on, and what is wrong with their tokens.
    pub fn be(&self, claims: Value, flaw: Flaw) {
        let mut state = self.lock();
        state.claims = claims;
        state.flaw = flaw;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Shared = web::Data<Mutex<State>>;

fn of(state: &Shared) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn discovery(state: Shared) -> HttpResponse {
    let url = of(&state).url.clone();
    HttpResponse::Ok().json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/login"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

fn signing_key() -> CoreRsaPrivateSigningKey {
    CoreRsaPrivateSigningKey::from_pem(KEY, Some(JsonWebKeyId::new("one".to_owned()))).expect("it is a key")
}

async fn keys() -> HttpResponse {
    HttpResponse::Ok().json(CoreJsonWebKeySet::new(vec![signing_key().as_verification_key()]))
}

async fn login(state: Shared, asked: web::Query<HashMap<String, String>>) -> HttpResponse {
    let get = |name: &str| asked.get(name).cloned().unwrap_or_default();
    if get("response_type") != "code" || get("client_id") != CLIENT_ID || get("code_challenge_method") != "S256" {
        return HttpResponse::BadRequest().body(format!("{asked:?}"));
    }
    let mut state = of(&state);
    let code = format!("code-{}", state.codes.len());
    state.codes.insert(code.clone(), (get("nonce"), get("code_challenge")));
    let back = format!("{}?code={code}&state={}", get("redirect_uri"), get("state"));
    HttpResponse::SeeOther().insert_header(("location", back)).finish()
}

async fn token(state: Shared, request: HttpRequest, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let wrong =
        |why: &str| HttpResponse::BadRequest().json(json!({"error": "invalid_grant", "error_description": why}));
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    if request.headers().get("authorization").is_none_or(|shown| shown.as_bytes() != basic.as_bytes()) {
        return HttpResponse::Unauthorized().json(json!({"error": "invalid_client"}));
    }
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    let mut state = of(&state);
    // A code is worth something once.
    let Some((nonce, challenge)) = state.codes.remove(&get("code")) else { return wrong("no such code") };
    if URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier").as_bytes())) != challenge {
        return wrong("the verifier is not the challenge's");
    }
    let flaw = state.flaw;
    let mut claims = json!({
        "iss": if flaw == Flaw::Issuer { "https://elsewhere.example".to_owned() } else { state.url.clone() },
        "aud": if flaw == Flaw::Audience { "another" } else { CLIENT_ID },
        "sub": "248289761001",
        "iat": state.now,
        "exp": if flaw == Flaw::Expired { state.now - 3_600 } else { state.now + 3_600 },
        "nonce": if flaw == Flaw::Nonce { "another".to_owned() } else { nonce },
    });
    if let (Value::Object(all), Value::Object(own)) = (&mut claims, &state.claims) {
        all.extend(own.clone());
    }
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encoded(&json!({"alg": "RS256", "kid": "one", "typ": "JWT"})), encoded(&claims));
    let algorithm = openidconnect::core::CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256;
    let mut signature = signing_key().sign(&algorithm, text.as_bytes()).expect("it signs");
    if flaw == Flaw::Signature {
        signature[0] ^= 1;
    }
    let id_token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature));
    HttpResponse::Ok().json(json!({
        "access_token": "access", "token_type": "Bearer", "expires_in": 3_600, "id_token": id_token,
    }))
}

impl FakeProvider {
    /// What a browser does that is sent there: the address at which it comes back.
    ///
    /// # Panics
    /// If the provider does not send it back.
    pub async fn log_in(&self, address: &str) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        let answer = client.expect("a client").get(address).send().await.expect("an answer");
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).map(str::to_owned);
        to.unwrap_or_else(|| panic!("{address} does not lead back: {}", answer.status()))
    }
}
