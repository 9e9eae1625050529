//! Calls over HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use teloxide_core::requests::Payload;

use super::error::{ApiError, Refusal};
use super::methods::GetUpdates;
use super::token::Token;
use crate::error::{Error, Result};

const CONNECT: Duration = Duration::from_secs(10);
/// For a call that does one small thing.
const CALL: Duration = Duration::from_secs(30);
/// What a long poll's answer may take beyond the time it was asked to wait.
const POLL_SLACK: Duration = Duration::from_secs(15);
/// Telegram closes idle connections after about a minute; a call on one that is just being closed would end in doubt.
const IDLE: Duration = Duration::from_secs(25);
/// Finds out about a network that is gone while a poll waits.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// An answer beyond this is none of Telegram's: a hundred updates are a few hundred KB.
const LARGEST_ANSWER: usize = 32 << 20;

/// The Bot API for one bot. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Api(Arc<Inner>);

struct Inner {
    token: Token,
    base: Url,
    client: Client,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Api").field(&self.0.token).finish()
    }
}

// The library's own requests are not used for sending: they sleep ten seconds inside a call that met HTTP 5xx, drop
// the status, and fail as a whole, `retry_after` included, for one unknown parameter. Its payloads and types are.
impl Api {
    /// `api_url`: `https://api.telegram.org`, or a Bot API server of one's own.
    pub(crate) fn new(token: Token, api_url: &str) -> Result<Self> {
        let wrong = |why: &dyn fmt::Display| {
            Error::usage(format!("`telegram.api_url` is no usable address: {why}"))
                .hint("write it like `https://api.telegram.org`")
        };
        let base = Url::parse(api_url).map_err(|error| wrong(&error))?;
        if base.cannot_be_a_base() || !matches!(base.scheme(), "http" | "https") {
            return Err(wrong(&"it has to begin with https:// or http://"));
        }
        let mut builder = Client::builder()
            .user_agent(concat!("claudebot/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .tcp_keepalive(KEEPALIVE)
            .tcp_nodelay(true)
            // The token is part of every address, so nobody else may be sent there.
            .redirect(Policy::none())
            .referer(false);
        if is_here(&base) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            Error::failed(format!("HTTP cannot be used: {}", chain(&error.without_url())))
        })?;
        Ok(Self(Arc::new(Inner { token, base, client })))
    }

    pub(crate) fn token(&self) -> &Token {
        &self.0.token
    }

    /// Calls a method, once.
    pub(crate) async fn call<P>(&self, payload: &P) -> Result<P::Output, ApiError>
    where
        P: Payload + Serialize,
        P::Output: DeserializeOwned,
    {
        self.call_within(payload, CALL).await
    }

    /// Waits for updates. Dropping it confirms nothing that was not confirmed by `offset`.
    pub(crate) async fn poll(&self, payload: &GetUpdates) -> Result<Vec<Value>, ApiError> {
        self.call_within(payload, Duration::from_secs(payload.timeout) + POLL_SLACK).await
    }

    pub(super) async fn call_within<P>(&self, payload: &P, limit: Duration) -> Result<P::Output, ApiError>
    where
        P: Payload + Serialize,
        P::Output: DeserializeOwned,
    {
        let body = serde_json::to_vec(payload)
            .map_err(|error| ApiError::Local(format!("{} cannot be put into JSON: {error}", P::NAME)))?;
        let request = self
            .post(P::NAME)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .timeout(limit);
        self.answer(request).await
    }

    pub(super) fn post(&self, method: &str) -> RequestBuilder {
        // The library gives two variants of one method two names.
        let method = method.trim_end_matches("Inline");
        self.0.client.post(self.address(&[], [method]))
    }

    pub(super) fn get_file(&self, path: &str) -> RequestBuilder {
        self.0.client.get(self.address(&["file"], path.split('/')))
    }

    /// `<base>/[before/]bot<token>/<after>`, each part escaped.
    fn address<'a>(&self, before: &[&str], after: impl IntoIterator<Item = &'a str>) -> Url {
        let mut address = self.0.base.clone();
        // `new` has made sure that it has parts.
        if let Ok(mut parts) = address.path_segments_mut() {
            parts.pop_if_empty().extend(before).push(&format!("bot{}", self.0.token.reveal())).extend(after);
        }
        address
    }

    pub(super) async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let response = request.send().await.map_err(|error| self.network(error))?;
        let status = response.status().as_u16();
        let body = self.body(response).await?;
        self.read(status, &body)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ApiError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.network(error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_ANSWER {
                return Err(ApiError::Garbled(format!("it is longer than {LARGEST_ANSWER} bytes")));
            }
        }
        Ok(body)
    }

    pub(super) fn read<T: DeserializeOwned>(&self, status: u16, body: &[u8]) -> Result<T, ApiError> {
        let answer: Answer<'_> = match serde_json::from_slice(body) {
            Ok(answer) => answer,
            Err(error) => return Err(strange(status, body, &error)),
        };
        if answer.ok {
            let result = answer.result.map_or("null", RawValue::get);
            return serde_json::from_str(result).map_err(|error| {
                ApiError::Garbled(format!("the result is not what was expected, {}", place(&error)))
            });
        }
        Err(Refusal {
            code: answer.error_code.unwrap_or(status),
            description: self.0.token.redact(&answer.description.unwrap_or_default()),
            retry_after: answer.parameters.as_ref().and_then(|parameters| parameters.retry_after),
            migrate_to: answer.parameters.as_ref().and_then(|parameters| parameters.migrate_to_chat_id),
        }
        .into())
    }

    /// No answer, or only the beginning of one. Only before a connection stood is it sure that nothing was done.
    pub(super) fn network(&self, error: reqwest::Error) -> ApiError {
        let maybe_done = !(error.is_connect() || error.is_builder());
        let why = if error.is_timeout() {
            "it did not answer in time".to_owned()
        } else {
            self.0.token.redact(&chain(&error.without_url()))
        };
        ApiError::Network { maybe_done, why }
    }
}

/// An answer that is none of the Bot API's. A proxy on the way, a hotel's login page know nothing of tokens, chats and
/// messages: what they say is no refusal, whatever the status.
fn strange(status: u16, body: &[u8], error: &serde_json::Error) -> ApiError {
    match status {
        // What limits sizes and numbers on the way says so for whatever stands behind it.
        413 | 429 => Refusal { code: status, ..Refusal::default() }.into(),
        500.. => ApiError::Server { status },
        200..300 if body.trim_ascii_start().starts_with(b"{") => {
            ApiError::Garbled(format!("HTTP {status}, {}", place(error)))
        }
        _ => ApiError::Network {
            maybe_done: false,
            why: format!("something else answers in its place (HTTP {status})"),
        },
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    ok: bool,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// A server on this machine is not reached through a proxy.
fn is_here(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Where JSON went wrong. Not how: that would repeat what people said.
fn place(error: &serde_json::Error) -> String {
    format!("at byte {} of line {}", error.column(), error.line())
}

/// An error with its causes, the way it is told.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.ends_with(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        source = cause.source();
    }
    words
}
