//! Who somebody is, by an identity provider (OpenID Connect): the authorization code flow with PKCE, as the crate
//! `openidconnect` checks it.
//!
//! ```text
//! browser ─▶ begin: a secret state, a nonce, a verifier ─▶ provider's login ─▶ back with a code
//!         ─▶ finish: state compared, code exchanged, signature, issuer, audience, time and nonce of the token checked
//!         ─▶ claims ─▶ the first grant that fits: role and project
//! ```
//!
//! Who has no grant gets in nowhere. A token's own text is read for claims only after its signature was checked.
//!
//! Limits: a session that was opened lives as long as [auth] says; that somebody left the company is known at their next
//! login. Logging out ends the session here, not the provider's.

#[cfg(any(test, feature = "fake"))]
pub mod fake;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::domain::{ProjectId, Timestamp};

/// What a provider's answer may have, in bytes.
const MAX_ANSWER: usize = 1 << 20;
/// For which its keys and addresses are believed.
const BELIEVED: Duration = Duration::from_secs(3_600);
/// For which somebody may take to log in there.
pub const LOGIN_WITHIN: Duration = Duration::from_secs(600);

/// Where people log in, and what they may do here then.
#[derive(Debug, Clone)]
pub struct Settings {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<SecretString>,
    /// Where the provider sends browsers back to.
    pub redirect: String,
    /// Asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim by which people are known here: `email`, `preferred_username`, `sub`.
    pub name_claim: String,
    /// The claim that grants look at: text, or a list of texts.
    pub claim: String,
    /// The first that fits counts.
    pub grants: Vec<Grant>,
}

/// Whoever has this value in the claim has this role in this project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub value: String,
    pub role: String,
    pub project: ProjectId,
}

/// Somebody whom the provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub role: String,
    pub project: ProjectId,
}

/// Why nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("the identity provider {issuer} cannot be used: {why}")]
    Provider { issuer: String, why: String },
    #[error("the login was not begun in this browser, or took too long; begin again")]
    NotBegun,
    #[error("the identity provider did not let anybody in: {why}")]
    Refused { why: String },
    #[error("the identity provider's answer does not hold: {why}")]
    Unproven { why: String },
    #[error("{name} may do nothing here; an admin grants roles in [oidc] grants of the configuration")]
    NoGrant { name: String },
}

/// What a browser keeps while somebody logs in elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

/// A provider and what is known of it.
pub struct Provider {
    settings: Settings,
    http: reqwest::Client,
    known: Mutex<Option<(Arc<CoreProviderMetadata>, Timestamp)>>,
}

#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error("{0}")]
    Transport(String),
    #[error("the answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
}

/// A client of the provider as it is known: its type says which addresses there are, and has no name worth writing.
macro_rules! client {
    ($provider:expr, $metadata:expr) => {{
        let settings = &$provider.settings;
        let redirect =
            RedirectUrl::new(settings.redirect.clone()).map_err(|error| $provider.wrong(error.to_string()))?;
        CoreClient::from_provider_metadata(
            CoreProviderMetadata::clone(&$metadata),
            ClientId::new(settings.client_id.clone()),
            settings.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose_secret().to_owned())),
        )
        .set_redirect_uri(redirect)
    }};
}

impl Provider {
    /// # Errors
    /// If TLS cannot be set up on this machine.
    pub fn new(settings: Settings) -> Result<Self, IdentityError> {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            // A token must not follow a redirect to another host.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(15))
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("empanel/", env!("CARGO_PKG_VERSION")))
            .build();
        let issuer = settings.issuer.clone();
        let http = client.map_err(|error| IdentityError::Provider { issuer, why: error.to_string() })?;
        Ok(Self { settings, http, known: Mutex::new(None) })
    }

    /// Where the browser is sent to log in, and what it has to show when it comes back.
    ///
    /// # Errors
    /// If the provider does not answer as one.
    pub async fn begin(&self, now: Timestamp) -> Result<(String, Begun), IdentityError> {
        let metadata = self.metadata(now).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = client!(self, metadata);
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.url();
        let begun =
            Begun { state: state.secret().clone(), nonce: nonce.secret().clone(), verifier: verifier.secret().clone() };
        Ok((url.to_string(), begun))
    }

    /// Who it is that came back with a code.
    ///
    /// # Errors
    /// If it is not the login that was begun, anything about the token does not hold, or nothing is granted.
    pub async fn finish(
        &self,
        begun: &Begun,
        state: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<Person, IdentityError> {
        if !bool::from(begun.state.as_bytes().ct_eq(state.as_bytes())) {
            return Err(IdentityError::NotBegun);
        }
        let unproven = |why: String| IdentityError::Unproven { why };
        let metadata = self.metadata(now).await?;
        let client = client!(self, metadata);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| self.wrong(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier.clone()));
        let http = |request| self.send(request);
        let tokens = exchange.request_async(&http).await.map_err(|error| unproven(told(&error)))?;
        let token = tokens.id_token().ok_or_else(|| unproven("it has no ID token".to_owned()))?;
        let verifier = client.id_token_verifier();
        let checked = token.claims(&verifier, &Nonce::new(begun.nonce.clone()));
        checked.map_err(|error| unproven(told(&error)))?;
        // The same text whose signature was just checked.
        let claims = claims_of(&token.to_string()).ok_or_else(|| unproven("its claims cannot be read".to_owned()))?;
        self.person(&claims)
    }

    /// What the claims grant.
    fn person(&self, claims: &Value) -> Result<Person, IdentityError> {
        let Settings { name_claim, claim, grants, .. } = &self.settings;
        let name = claims.get(name_claim).and_then(Value::as_str).map(str::trim).filter(|name| !name.is_empty());
        let missing =
            || IdentityError::Unproven { why: format!("it has no claim `{name_claim}`, by which people are known") };
        let name = name.ok_or_else(missing)?.to_owned();
        // An address that nobody proved to be theirs could be anybody's.
        if name_claim == "email" && claims.get("email_verified") == Some(&Value::Bool(false)) {
            return Err(IdentityError::Unproven { why: format!("the address {name} was not verified") });
        }
        let has = |value: &str| match claims.get(claim) {
            Some(Value::String(text)) => text == value,
            Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(value)),
            _ => false,
        };
        match grants.iter().find(|grant| has(&grant.value)) {
            Some(Grant { role, project, .. }) => Ok(Person { name, role: role.clone(), project: project.clone() }),
            None => Err(IdentityError::NoGrant { name }),
        }
    }

    async fn metadata(&self, now: Timestamp) -> Result<Arc<CoreProviderMetadata>, IdentityError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((metadata, at)) = known
            && at <= now
            && now.duration_since(at).unsigned_abs() < BELIEVED
        {
            return Ok(metadata);
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| self.wrong(error.to_string()))?;
        let http = |request| self.send(request);
        let found = CoreProviderMetadata::discover_async(issuer, &http).await;
        let metadata = Arc::new(found.map_err(|error| self.wrong(told(&error)))?);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((metadata.clone(), now));
        Ok(metadata)
    }

    fn wrong(&self, why: String) -> IdentityError {
        IdentityError::Provider { issuer: self.settings.issuer.clone(), why }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let broken = |error: reqwest::Error| HttpError::Transport(told(&error.without_url()));
        let request = reqwest::Request::try_from(request).map_err(broken)?;
        let mut answer = self.http.execute(request).await.map_err(broken)?;
        let mut built = openidconnect::http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            built = built.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(broken)? {
            if body.len() + piece.len() > MAX_ANSWER {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        built.body(body).map_err(|error| HttpError::Transport(error.to_string()))
    }
}

/// The claims of a signed token; whether they hold is not looked at.
fn claims_of(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
