//! Bearer tokens: 256 random bits, shown once, kept as their SHA-256.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Makes secrets recognisable for people and for scanners that look for leaked ones.
const PREFIX: &str = "tocsin_";

/// The SHA-256 of a token: what a server keeps.
///
/// The tokens have 256 random bits, so a fast hash without salt is enough.
#[derive(Clone, Copy, Eq)]
pub struct TokenHash([u8; 32]);

/// A hash is not a secret, but of no use in a log either.
impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

impl TokenHash {
    /// Whether this is the hash of that token.
    pub fn is_of(&self, token: &str) -> bool {
        hash(token) == *self
    }

    /// As text: 64 hexadecimal digits.
    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }
}

/// Takes the same time whatever differs.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// What is equal has equal bytes.
impl std::hash::Hash for TokenHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// A new token.
///
/// # Errors
/// The system has no random bytes to give.
pub fn generate() -> std::io::Result<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(format!("{PREFIX}{}", hex(&bytes)))
}

/// Whether a text has the form of a token.
pub(crate) fn is_well_formed(text: &str) -> bool {
    let digits = text.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes every text");
    }
    text
}

/// What a server keeps of a token.
pub fn hash(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_eq!(one.len(), PREFIX.len() + 64);
        assert!(is_well_formed(&one) && !is_well_formed("secret") && !is_well_formed(&format!("{one}0")));
        assert_ne!(one, two);
        assert!(hash(&one).is_of(&one));
        assert!(!hash(&one).is_of(&two));
        assert!(!hash(&one).is_of(""));
    }

    #[test]
    fn the_hash_is_sha_256() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash("abc").to_hex(), expected);
    }
}
