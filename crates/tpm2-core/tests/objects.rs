//! Objects from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{ok, primary, refused, started};
use tpm2_client::{Append, Bytes, commands, template};
use tpm2_types::{Position, ResponseCode, TpmRh};

#[test]
fn coordinates_have_the_size_of_the_curve() {
    // Part 1, 44.5.3: a point that is written in two ways would give one key two Names.
    let mut tpm = started();
    let (_, public) = primary(&mut tpm, TpmRh::OWNER, &template::signing_ecc());
    ok(&mut tpm, &commands::load_external(&[], &public, TpmRh::OWNER));
    let (front, point) = public.split_at(public.len() - 2 * (2 + 32));
    let (x, y) = (&point[2..34], &point[36..]);
    let short: [(&[u8], &[u8]); 4] = [(&x[1..], y), (x, &y[1..]), (&[], y), (&[], &[])];
    for (x, y) in short {
        let public = [front, Bytes::new().sized(x).sized(y).as_ref()].concat();
        let refusal = refused(tpm.run(&commands::load_external(&[], &public, TpmRh::OWNER)));
        assert_eq!(refusal, ResponseCode::KEY.at(Position::Parameter(2)));
    }
    let mut elsewhere = public.clone();
    *elsewhere.last_mut().unwrap() ^= 1;
    let refusal = refused(tpm.run(&commands::load_external(&[], &elsewhere, TpmRh::OWNER)));
    assert_eq!(refusal, ResponseCode::ECC_POINT.at(Position::Parameter(2)));
}
