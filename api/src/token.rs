//! Bearer tokens: 256 random bits, shown once, kept as their SHA-256.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Makes secrets recognisable for people and for scanners that look for leaked ones.
const PREFIX: &str = "tocsin_";

/// The SHA-256 of a token: what a server keeps.
///
/// The tokens have 256 random bits, so a fast hash without salt is enough.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// A hash is not a secret, but of no use in a log either.
impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

impl TokenHash {
    /// Whether this is the hash of that token; takes the same time whatever differs.
    pub fn is_of(&self, token: &str) -> bool {
        hash(token).0.ct_eq(&self.0).into()
    }
}

/// A new token.
///
/// # Errors
/// The system has no random bytes to give.
pub fn generate() -> std::io::Result<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    let mut token = PREFIX.to_owned();
    for byte in bytes {
        write!(token, "{byte:02x}").expect("a string takes every text");
    }
    Ok(token)
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
        assert_ne!(one, two);
        assert!(hash(&one).is_of(&one));
        assert!(!hash(&one).is_of(&two));
        assert!(!hash(&one).is_of(""));
    }

    #[test]
    fn the_hash_is_sha_256() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hex: String = hash("abc").0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }
}
