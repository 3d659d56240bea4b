//! Sizes and counts that are not what they should be get the code that Part 2 names.

use crate::samples::{Sample, all, buffers, lists, sized_structures};
use tpm2_types::limits::MAX_NV_INDEX_SIZE;
use tpm2_types::{
    List, MaxSize, Reader, ResponseCode, Tpm2bDigest, Tpm2bSensitive, Tpm2bSensitiveCreate, TpmlDigest,
    TpmsNvPublic, TpmsPcrSelect,
};

/// Whatever is cut off at the end of a value, the rest is too little.
#[test]
fn a_value_cut_short_is_insufficient() {
    for sample in all() {
        for length in 0..sample.bytes.len() {
            assert_eq!(
                sample.code(&sample.bytes[..length]),
                Some(ResponseCode::INSUFFICIENT),
                "{}",
                sample.name
            );
        }
    }
}

/// A buffer is as long as its size says: too large a size needs bytes that are not there, too small a one leaves
/// some over.
#[test]
fn the_size_of_a_buffer_counts() {
    for sample in buffers() {
        let length = sample.bytes.len() - 2;
        let max = sample.max_size - 2;
        for off in [-2, -1, 1, 2] {
            let Ok(size) = usize::try_from(length as isize + off) else { continue };
            let exact = matches!(sample.name, "TPM2B_PRIVATE_KEY_MLKEM" | "TPM2B_PRIVATE_KEY_MLDSA");
            let expected =
                if off < 0 || size > max || exact { ResponseCode::SIZE } else { ResponseCode::INSUFFICIENT };
            assert_eq!(
                sample.code(&with_size(&sample, size)),
                Some(expected),
                "{} {length} {off}",
                sample.name
            );
        }
    }
}

/// One byte more than a buffer may hold is too much, also when it is there.
#[test]
fn a_buffer_is_bounded() {
    for sample in buffers() {
        for size in [sample.max_size - 1, sample.max_size, usize::from(u16::MAX)] {
            let mut bytes = vec![0xA5; 2 + size];
            bytes[..2].copy_from_slice(&(size as u16).to_be_bytes());
            assert_eq!(sample.code(&bytes), Some(ResponseCode::SIZE), "{} {size}", sample.name);
        }
    }
    assert_eq!(Tpm2bDigest::new(&[0; 65]), Err(ResponseCode::SIZE));
}

/// The size of a structure is that of the structure, whether bytes follow or not.
#[test]
fn the_size_of_a_structure_is_exact() {
    for sample in sized_structures() {
        let size = sample.bytes.len() as isize - 2;
        for off in [-2, -1, 1, 2] {
            let mut bytes = with_size(&sample, (size + off) as usize);
            assert_eq!(sample.rewrite(&bytes), Err(ResponseCode::SIZE), "{} {off}", sample.name);
            bytes.extend([0; 4]);
            assert_eq!(sample.rewrite(&bytes), Err(ResponseCode::SIZE), "{} {off}, more behind", sample.name);
        }
    }
}

/// A structure that must be there cannot have the size zero; the one that need not be there can.
#[test]
fn size_zero_is_no_structure() {
    for sample in sized_structures() {
        let expected = if sample.name == "TPM2B_SENSITIVE" { None } else { Some(ResponseCode::SIZE) };
        assert_eq!(sample.code(&[0, 0]), expected, "{}", sample.name);
    }
    let sensitive: Tpm2bSensitive<'_> = Reader::trusted(&[0, 0]).read().unwrap();
    assert!(sensitive.0.is_none());
    assert_eq!(Reader::trusted(&[0, 0]).read::<Tpm2bSensitiveCreate<'_>>().err(), Some(ResponseCode::SIZE));
}

/// A list has as many elements as it counts: too many are not there, too few leave some over.
#[test]
fn the_count_of_a_list_counts() {
    for sample in lists() {
        let count = count(&sample);
        let next = sample.code(&with_count(&sample, count + 1));
        assert_eq!(next, Some(ResponseCode::INSUFFICIENT), "{}", sample.name);
        if count > 0 {
            assert_eq!(
                sample.code(&with_count(&sample, count - 1)),
                Some(ResponseCode::SIZE),
                "{}",
                sample.name
            );
        }
        assert_eq!(sample.code(&with_count(&sample, u32::MAX)), Some(ResponseCode::SIZE), "{}", sample.name);
    }
}

/// TPML_DIGEST has two to eight elements on the way in, and may have fewer on the way out.
#[test]
fn a_list_of_digests_is_bounded() {
    let read = |count: u8| {
        let bytes = [vec![0, 0, 0, count], vec![0; 2 * usize::from(count)]].concat().leak();
        Reader::new(bytes, &tpm2_types::Supported::EVERYTHING).read::<TpmlDigest<'_>>().map(|list| list.len())
    };
    for count in [0, 1, 9, 10] {
        assert_eq!(read(count), Err(ResponseCode::SIZE), "{count}");
    }
    for count in 2..=8 {
        assert_eq!(read(count), Ok(usize::from(count)));
    }
    let one = Reader::trusted(&[0, 0, 0, 1, 0, 0]).read::<TpmlDigest<'_>>();
    assert_eq!(one.map(|list| list.len()), Ok(1));
}

/// A list holds no more than its elements allow, and what it was made of comes out again.
#[test]
fn a_list_is_built_of_its_elements() {
    let digests = || (1..=8u8).map(|number| Tpm2bDigest::new(crate::samples::octets(number.into())).unwrap());
    let buffer = |size: usize| vec![0; size].leak();
    let list: TpmlDigest<'_> = List::build(buffer(TpmlDigest::MAX_SIZE), digests()).unwrap();
    assert!(list.iter().eq(digests()));
    assert_eq!(list.len(), 8);
    let ninth = digests().chain([Tpm2bDigest::EMPTY]);
    assert_eq!(TpmlDigest::build(buffer(TpmlDigest::MAX_SIZE), ninth).err(), Some(ResponseCode::SIZE));
    assert_eq!(TpmlDigest::build(buffer(9), digests()).err(), Some(ResponseCode::FAILURE));
}

/// sizeofSelect is 3 and nothing else.
#[test]
fn a_pcr_selection_has_three_bytes() {
    for size in [0, 1, 2, 4, 5, 255] {
        let bytes = [size, 0, 0, 0, 0, 0];
        assert_eq!(Reader::trusted(&bytes).read::<TpmsPcrSelect>(), Err(ResponseCode::VALUE), "{size}");
    }
    let select: TpmsPcrSelect = Reader::trusted(&[3, 0x01, 0x80, 0x08]).read().unwrap();
    assert!(select.iter().eq([0, 15, 19]));
    assert_eq!(select.len(), 3);
}

/// An NV index is not larger than the TPM allows.
#[test]
fn the_data_of_an_nv_index_is_bounded() {
    let read = |size: u16| {
        let head = [0x01, 0x00, 0x00, 0x01, 0x00, 0x0B, 0x00, 0x02, 0x00, 0x02, 0x00, 0x00];
        let bytes = [&head[..], &size.to_be_bytes()].concat().leak();
        Reader::trusted(bytes).read::<TpmsNvPublic<'_>>().map(|public| public.data_size)
    };
    assert_eq!(read(MAX_NV_INDEX_SIZE as u16), Ok(2048));
    assert_eq!(read(MAX_NV_INDEX_SIZE as u16 + 1), Err(ResponseCode::SIZE));
}

fn with_size(sample: &Sample, size: usize) -> Vec<u8> {
    [&(size as u16).to_be_bytes(), &sample.bytes[2..]].concat()
}

fn count(sample: &Sample) -> u32 {
    u32::from_be_bytes(*sample.bytes.first_chunk().unwrap())
}

fn with_count(sample: &Sample, count: u32) -> Vec<u8> {
    [&count.to_be_bytes(), &sample.bytes[4..]].concat()
}
