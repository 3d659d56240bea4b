//! A response, taken apart.

use tpm2_types::{Reader, ResponseCode, TpmHandle, TpmSt, TpmaSession, Unmarshal};

use crate::{Error, Result};

/// A response without its authorization area.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub(crate) handles: Vec<TpmHandle>,
    pub(crate) parameters: Vec<u8>,
}

impl Response {
    /// The handle in the handle area.
    pub fn handle(&self) -> Result<TpmHandle> {
        self.handles.first().copied().ok_or(Error::Malformed("no handle"))
    }

    /// The parameter area as it stands, decrypted.
    pub fn parameters(&self) -> &[u8] {
        &self.parameters
    }

    /// The parameter area, to be read front to back.
    pub fn fields(&self) -> Fields<'_> {
        Fields(Reader::trusted(&self.parameters))
    }
}

/// Canonical bytes, read front to back.
#[derive(Clone, Debug)]
pub struct Fields<'a>(Reader<'a>);

impl<'a> Fields<'a> {
    /// Reads `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::trusted(bytes))
    }

    /// The next value of a type of `tpm2-types` or an integer.
    pub fn value<T: Unmarshal<'a>>(&mut self) -> Result<T> {
        self.0.read().map_err(|_| Error::Malformed("not a value of this type"))
    }

    /// The next octet.
    pub fn u8(&mut self) -> Result<u8> {
        self.value()
    }

    /// The next UINT16.
    pub fn u16(&mut self) -> Result<u16> {
        self.value()
    }

    /// The next UINT32.
    pub fn u32(&mut self) -> Result<u32> {
        self.value()
    }

    /// The next UINT64.
    pub fn u64(&mut self) -> Result<u64> {
        self.value()
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        self.0.take(count).map_err(|_| Error::Malformed("too short"))
    }

    /// The content of the next TPM2B.
    pub fn sized(&mut self) -> Result<&'a [u8]> {
        let size = self.u16()?;
        self.take(size.into())
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0.rest()
    }
}

/// One session's part of a response's authorization area (TPMS_AUTH_RESPONSE; Part 2, 10.13.3).
#[derive(Clone, Copy)]
pub(crate) struct AuthResponse<'a> {
    pub(crate) nonce: &'a [u8],
    pub(crate) attributes: TpmaSession,
    pub(crate) hmac: &'a [u8],
}

/// Header, handles, parameters and authorizations of a successful response with `handle_count` handles; a response
/// with a code other than TPM_RC_SUCCESS is [`Error::Tpm`].
pub(crate) fn parse(bytes: &[u8], handle_count: usize) -> Result<(Response, Vec<AuthResponse<'_>>)> {
    let mut fields = Fields::new(bytes);
    let tag: TpmSt = fields.value()?;
    let size = fields.u32()?;
    let code = ResponseCode::new(fields.u32()?);
    if usize::try_from(size) != Ok(bytes.len()) {
        return Err(Error::Malformed("responseSize is not the size of the response"));
    }
    if code != ResponseCode::SUCCESS {
        return if matches!(tag, TpmSt::NO_SESSIONS | TpmSt::RSP_COMMAND) && bytes.len() == HEADER {
            Err(Error::Tpm(code))
        } else {
            Err(Error::Malformed("an error response is more than a header"))
        };
    }
    let handles = (0..handle_count).map(|_| fields.value()).collect::<Result<_>>()?;
    let mut authorizations = Vec::new();
    let parameters = match tag {
        TpmSt::NO_SESSIONS => fields.rest().to_vec(),
        TpmSt::SESSIONS => {
            let size = fields.u32()? as usize;
            let parameters = fields.take(size)?.to_vec();
            while !fields.rest().is_empty() {
                authorizations.push(AuthResponse {
                    nonce: fields.sized()?,
                    attributes: TpmaSession::from_bits_retain(fields.u8()?),
                    hmac: fields.sized()?,
                });
            }
            parameters
        }
        _ => return Err(Error::Malformed("unknown tag")),
    };
    Ok((Response { handles, parameters }, authorizations))
}

/// Octets of a response header.
const HEADER: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Append, Bytes};

    fn response(tag: TpmSt, code: ResponseCode, body: Bytes) -> Vec<u8> {
        let size = (HEADER + body.as_ref().len()) as u32;
        Bytes::new().u16(tag.0).u32(size).u32(code.get()).raw(body.as_ref()).into_vec()
    }

    #[test]
    fn a_response_is_taken_apart() {
        let body = Bytes::new().u32(0x8000_0000).u32(3).raw(b"abc").sized(b"nonce").u8(1).sized(b"hmac");
        let bytes = response(TpmSt::SESSIONS, ResponseCode::SUCCESS, body);
        let (parsed, authorizations) = parse(&bytes, 1).ok().unwrap_or_default();
        assert_eq!(parsed.handles, [TpmHandle(0x8000_0000)]);
        assert_eq!(parsed.parameters, b"abc");
        assert!(matches!(&authorizations[..], [AuthResponse { nonce: b"nonce", hmac: b"hmac", .. }]));
    }

    #[test]
    fn what_no_tpm_answers_is_refused() {
        let refused = |bytes: &[u8]| matches!(parse(bytes, 0), Err(Error::Malformed(_)));
        let good = response(TpmSt::NO_SESSIONS, ResponseCode::SUCCESS, Bytes::new());
        assert!(parse(&good, 0).is_ok());
        assert!(refused(&[]));
        assert!(refused(&good[..9]));
        assert!(refused(&[good, vec![0]].concat()));
        assert!(refused(&response(TpmSt::VERIFIED, ResponseCode::SUCCESS, Bytes::new())));
        // An error is a header and nothing else, whatever the tag of the command.
        assert!(refused(&response(TpmSt::NO_SESSIONS, ResponseCode::FAILURE, Bytes::new().u8(0))));
        assert!(refused(&response(TpmSt::SESSIONS, ResponseCode::FAILURE, Bytes::new())));
        // An authorization area that is cut short, and parameters longer than the response.
        let cut = Bytes::new().u32(0).sized(b"nonce").u8(1);
        assert!(refused(&response(TpmSt::SESSIONS, ResponseCode::SUCCESS, cut)));
        assert!(refused(&response(TpmSt::SESSIONS, ResponseCode::SUCCESS, Bytes::new().u32(1))));
    }

    #[test]
    fn an_error_is_the_code() {
        let bytes = response(TpmSt::NO_SESSIONS, ResponseCode::LOCKOUT, Bytes::new());
        assert!(matches!(parse(&bytes, 1), Err(Error::Tpm(ResponseCode::LOCKOUT))));
    }
}
