//! Random bytes from the system, for jitter, delimiters that can't be guessed, and delivery ids.

use ring::rand::{SecureRandom, SystemRandom};

/// `bytes` random bytes as lowercase hex.
///
/// # Errors
/// If the system has no random source.
pub fn hex(bytes: usize) -> Result<String, ring::error::Unspecified> {
    let mut buffer = vec![0; bytes];
    SystemRandom::new().fill(&mut buffer)?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A number in `0.0..1.0` for jitter; 0.5 if the system has no random source.
pub fn unit() -> f64 {
    let mut buffer = [0; 4];
    match SystemRandom::new().fill(&mut buffer) {
        Ok(()) => f64::from(u32::from_le_bytes(buffer)) / (f64::from(u32::MAX) + 1.0),
        Err(ring::error::Unspecified) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn random_is_in_range_and_differs() {
        let draws: Vec<_> = (0..100).map(|_| super::unit()).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        assert_ne!(super::hex(16).ok(), super::hex(16).ok());
        assert_eq!(super::hex(16).map(|hex| hex.len()), Ok(32));
    }
}
