//! Whether a webhook comes from whom it says: a proof of the secret over the bytes as they came.
//!
//! Invariant: comparisons take the same time wherever two values differ, and every failed proof gets
//! the same answer, so that neither tells how close a guess was. SHA-1 is never accepted.
//! Deliberately absent: the body's meaning, and where secrets come from.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;

use surface::Problem;
use surface::Secret;

/// Signatures of one delivery that are looked at: there are two while a secret is replaced.
const SIGNATURES_MAX: usize = 4;
/// 32 bytes in base64.
const SIGNATURE_CHARACTERS: usize = 44;
/// How far a delivery's own time may be from ours: longer ago is a replay.
const STALE_SECONDS: u64 = 300;

/// `X-Hub-Signature-256: sha256=<hex>`: GitHub.
pub fn github(secret: &Secret, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    hub(secret, headers, "x-hub-signature-256", body)
}

/// `X-Hub-Signature: sha256=<hex>`: Jira.
pub fn jira(secret: &Secret, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    hub(secret, headers, "x-hub-signature", body)
}

/// `X-Gitea-Signature: <hex>`: Gitea and Forgejo.
pub fn gitea(secret: &Secret, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    in_hex(secret, single(headers, "x-gitea-signature")?, body)
}

/// The signing token's `webhook-signature`, else the older `X-Gitlab-Token`; the older one counts only
/// where it is configured, so leaving the signature out gains nothing.
pub fn gitlab(
    signing: Option<&Secret>,
    token: Option<&Secret>,
    headers: &HeaderMap,
    body: &[u8],
    now_s: u64,
) -> Result<(), Problem> {
    let signature = single(headers, "webhook-signature")?;
    let given = single(headers, "x-gitlab-token")?;
    match (signing, signature, token, given) {
        (Some(secret), Some(signature), _, _) => standard(secret, signature, headers, body, now_s),
        (_, _, Some(token), Some(given)) => proven(equals(token, given.as_bytes())),
        _ => Err(refused()),
    }
}

/// The last part of the path: Gerrit's plugin can send no header.
pub fn gerrit(secret: &Secret, given: &str) -> Result<(), Problem> {
    proven(equals(secret, given.as_bytes()))
}

fn hub(secret: &Secret, headers: &HeaderMap, name: &'static str, body: &[u8]) -> Result<(), Problem> {
    in_hex(secret, single(headers, name)?.and_then(|text| text.strip_prefix("sha256=")), body)
}

fn in_hex(secret: &Secret, signature: Option<&str>, body: &[u8]) -> Result<(), Problem> {
    let signature = signature.and_then(|text| hex::decode(text).ok()).ok_or_else(refused)?;
    proven(hmac::verify(&key(secret.bytes()), body, &signature).is_ok())
}

/// The scheme of standardwebhooks.com: `<id>.<time>.<body>`, several signatures while a secret is replaced.
fn standard(
    secret: &Secret,
    signatures: &str,
    headers: &HeaderMap,
    body: &[u8],
    now_s: u64,
) -> Result<(), Problem> {
    let id = single(headers, "webhook-id")?.ok_or_else(refused)?;
    let time = single(headers, "webhook-timestamp")?.ok_or_else(refused)?;
    let sent_s: u64 = time.parse().map_err(|_| refused())?;
    if sent_s.abs_diff(now_s) > STALE_SECONDS {
        return Err(refused());
    }
    let secret = match std::str::from_utf8(secret.bytes()).ok().and_then(|text| text.strip_prefix("whsec_")) {
        Some(encoded) => BASE64.decode(encoded).map_err(|_| refused())?,
        None => secret.bytes().to_vec(),
    };
    // The body is hashed once, whatever the sender's signatures are, and how many.
    let mut signing = hmac::Context::with_key(&key(&secret));
    for part in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
        signing.update(part);
    }
    let expected = signing.sign();
    let given = signatures.split(' ').filter_map(|text| text.strip_prefix("v1,"));
    let of_its_length = given.filter(|text| text.len() == SIGNATURE_CHARACTERS).take(SIGNATURES_MAX);
    let mut decoded = of_its_length.filter_map(|text| BASE64.decode(text).ok());
    proven(decoded.any(|signature| same(&key(&secret), expected.as_ref(), &signature)))
}

fn key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// A header that may come once.
pub fn single<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Problem::bad_request(format!("header {name} is given twice")));
    }
    first.map(|value| value.to_str().map_err(|_| refused())).transpose()
}

fn proven(holds: bool) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err(refused()) }
}

fn refused() -> Problem {
    Problem::unauthorized("the delivery is not signed with this webhook's secret")
}

/// Whether the secret is `given`; how long that takes tells nothing about either.
fn equals(secret: &Secret, given: &[u8]) -> bool {
    same(&key(secret.bytes()), secret.bytes(), given)
}

/// Compares by what the key makes of both.
fn same(key: &hmac::Key, one: &[u8], other: &[u8]) -> bool {
    hmac::verify(key, other, hmac::sign(key, one).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"action":"opened"}"#;

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header value"));
        }
        headers
    }

    fn signed(secret: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        hmac::sign(&key(secret), &parts.concat()).as_ref().to_vec()
    }

    fn status(result: Result<(), Problem>) -> u16 {
        result.map_or_else(|problem| problem.status.as_u16(), |()| 202)
    }

    #[test]
    fn hub_signatures() {
        let secret = Secret::new(b"s3cret".to_vec());
        let good = hex::encode(signed(b"s3cret", &[BODY]));
        let forged = hex::encode(signed(b"other", &[BODY]));
        let name = "x-hub-signature-256";
        for (given, expect) in [
            (vec![(name, format!("sha256={good}"))], 202),
            (vec![(name, format!("sha256={}", good.to_uppercase()))], 202),
            (vec![(name, format!("sha256={forged}"))], 401),
            (vec![(name, format!("sha256={}", &good[..62]))], 401),
            (vec![(name, format!("sha256={}zz", &good[..62]))], 401),
            (vec![(name, good.clone())], 401),
            (vec![("x-hub-signature", format!("sha1={}", &good[..40]))], 401),
            (vec![], 401),
            (vec![(name, format!("sha256={good}")), (name, format!("sha256={good}"))], 400),
        ] {
            assert_eq!(status(github(&secret, &headers(&given), BODY)), expect, "{given:?}");
        }
        let other = br#"{ "action": "opened" }"#;
        assert_eq!(status(github(&secret, &headers(&[(name, format!("sha256={good}"))]), other)), 401);
        assert_eq!(
            status(jira(&secret, &headers(&[("x-hub-signature", format!("sha256={good}"))]), BODY)),
            202
        );
    }

    /// The key, body and digest of RFC 4231, test case 2.
    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(signed(b"Jefe", &[b"what do ya want ", b"for nothing?"])), digest);
    }

    /// Forty thousand signatures of a large body cost what one costs, but for splitting the header.
    #[test]
    fn many_signatures_hash_the_body_once() {
        let secret = Secret::new(b"secret".to_vec());
        let body = vec![b' '; 4 << 20];
        let time_with = |signatures: String| {
            let headers = headers(&[
                ("webhook-id", "id".to_owned()),
                ("webhook-timestamp", "1000".to_owned()),
                ("webhook-signature", signatures),
            ]);
            let began = std::time::Instant::now();
            assert_eq!(status(gitlab(Some(&secret), None, &headers, &body, 1000)), 401);
            began.elapsed()
        };
        let signature = format!("v1,{} ", BASE64.encode([0; 32]));
        let one = time_with(signature.clone());
        let many = time_with(signature.repeat(1_300)); // as many as a header holds
        assert!(many < 10 * one + std::time::Duration::from_millis(50), "{one:?}, {many:?}");
    }

    #[test]
    fn gitlab_tokens() {
        let (signing, token) = (Secret::new(b"whsec_c2VjcmV0".to_vec()), Secret::new(b"legacy".to_vec()));
        let sign =
            |time: &str| BASE64.encode(signed(b"secret", &[b"id-1", b".", time.as_bytes(), b".", BODY]));
        let with = |time: &str, signature: String| {
            headers(&[
                ("webhook-id", "id-1".to_owned()),
                ("webhook-timestamp", time.to_owned()),
                ("webhook-signature", signature),
            ])
        };
        let good = format!("v1,AAAA v1,{}", sign("1000"));
        let other = format!("v1,{} ", sign("999"));
        let plain = headers(&[("x-gitlab-token", "legacy".to_owned())]);
        let wrong = headers(&[("x-gitlab-token", "legacy ".to_owned())]);
        let (signing, token) = (Some(&signing), Some(&token));
        for (headers, signing, token, expect) in [
            (with("1000", good.clone()), signing, None, 202),
            (with("1001", good.clone()), signing, None, 401),
            (with("600", format!("v1,{}", sign("600"))), signing, None, 401),
            (with("1000", format!("v2,{}", sign("1000"))), signing, None, 401),
            (plain.clone(), None, token, 202),
            (plain.clone(), signing, token, 202),
            (plain, signing, None, 401),
            (wrong, None, token, 401),
            (with("1000", format!("{}{good}", "v1,AAAA ".repeat(5_000))), signing, None, 202),
            (with("1000", format!("{}{good}", other.repeat(4))), signing, None, 401),
            (HeaderMap::new(), signing, token, 401),
        ] {
            assert_eq!(status(gitlab(signing, token, &headers, BODY, 1100)), expect, "{headers:?}");
        }
    }
}
