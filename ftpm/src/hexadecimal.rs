//! Bytes as hexadecimal digits, and back.

use std::fmt::Write;

/// Two digits a byte, in lower case. Nothing is left behind on the way: the text has its size from the beginning.
pub fn encode(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// The bytes that pairs of digits stand for; `None` where there is anything else.
pub fn decode(digits: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len().div_ceil(2));
    for pair in digits.as_bytes().chunks(2) {
        let [high, low] = *pair else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(high)? << 4 | digit(low)?).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        assert_eq!((encode(&[0x0A, 0xF9]).as_str(), decode("0aF9")), ("0af9", Some(vec![0x0A, 0xF9])));
        assert_eq!(decode(""), Some(Vec::new()));
        for wrong in ["0", "0g", "0x", "é", "00 "] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
