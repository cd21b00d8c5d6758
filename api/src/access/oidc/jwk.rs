//! The public keys of an issuer: a JSON Web Key Set (RFC 7517), and what a signature must be under each (RFC 7518).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;

/// An issuer has a few keys; of more only the first are kept.
const KEYS_MAX: usize = 100;

/// An algorithm that is taken. There is none with a shared secret and none without a signature, so a token cannot
/// choose to be checked by one of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// A public key.
pub(super) struct Key {
    pub(super) id: Option<String>,
    /// The one algorithm that it is for, if it says.
    algorithm: Option<Algorithm>,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set that can check signatures. Others, such as keys to encrypt with, are left out.
pub(super) fn read_keys(text: &[u8]) -> Option<Vec<Key>> {
    let set: KeySet = serde_json::from_slice(text).ok()?;
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok().and_then(Key::read));
    Some(keys.take(KEYS_MAX).collect())
}

impl Key {
    fn read(jwk: Jwk) -> Option<Self> {
        if jwk.r#use.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |field: Option<String>| URL_SAFE_NO_PAD.decode(field?).ok();
        let point = |length: usize| {
            let (x, y) = (bytes(jwk.x.clone())?, bytes(jwk.y.clone())?);
            // An uncompressed point (SEC 1).
            (x.len() == length && y.len() == length).then(|| [&[4], &x[..], &y[..]].concat())
        };
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: bytes(jwk.n)?, e: bytes(jwk.e)? },
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(jwk.x)?),
            _ => return None,
        };
        // A key for an algorithm that is not taken is of no use.
        let algorithm = jwk.alg.map(|name| Algorithm::from_name(&name).ok_or(())).transpose().ok()?;
        Some(Self { id: jwk.kid, algorithm, material })
    }

    /// Whether this is the signature of the message under this key, by this algorithm. A key of another kind than the
    /// algorithm's has signed nothing.
    pub(super) fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.is_some_and(|own| own != algorithm) {
            return false;
        }
        let rsa = |parameters| {
            let Material::Rsa { n, e } = &self.material else { return false };
            RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
        };
        let other = |key: &[u8], how: &'static dyn VerificationAlgorithm| {
            UnparsedPublicKey::new(how, key).verify(message, signature).is_ok()
        };
        match (algorithm, &self.material) {
            (Algorithm::Rs256, _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            (Algorithm::Rs384, _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            (Algorithm::Rs512, _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            (Algorithm::Ps256, _) => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            (Algorithm::Ps384, _) => rsa(&signature::RSA_PSS_2048_8192_SHA384),
            (Algorithm::Ps512, _) => rsa(&signature::RSA_PSS_2048_8192_SHA512),
            (Algorithm::Es256, Material::P256(key)) => other(key, &signature::ECDSA_P256_SHA256_FIXED),
            (Algorithm::Es384, Material::P384(key)) => other(key, &signature::ECDSA_P384_SHA384_FIXED),
            (Algorithm::EdDsa, Material::Ed25519(key)) => other(key, &signature::ED25519),
            (Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa, _) => false,
        }
    }
}
