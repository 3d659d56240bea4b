//! NV storage (Part 3, 31).

use anyhow::Result;
use tpm2_client::{Bytes, Command, Entity, commands, template};
use tpm2_types::{TpmAlgId, TpmHandle, TpmNt, TpmRh, TpmaNv};

use super::{Suite, case};
use crate::bed::Bed;

pub(super) const CASES: &[Suite] = &[
    Suite {
        command: "TPM2_NV_DefineSpace",
        cases: &[
            case("TPM_RC_NV_DEFINED publicInfo: index already defined", |bed| {
                bed.nv_index(BOTH, 8)?;
                refuse(bed, BOTH, 8)?;
                refuse_by(bed, TpmRh::PLATFORM, BOTH | TpmaNv::PLATFORMCREATE, 16)
            }),
            case("TPM_RC_ATTRIBUTES publicInfo: reserved index type", |bed| {
                for nt in [3, 5, 6, 7, 10, 15] {
                    refuse(bed, BOTH.with_nt(TpmNt(nt)), 8)?;
                }
                Ok(())
            }),
            case("TPM_RC_ATTRIBUTES publicInfo: WRITTEN, READLOCKED or WRITELOCKED is SET", |bed| {
                for attribute in [TpmaNv::WRITTEN, TpmaNv::READLOCKED, TpmaNv::WRITELOCKED] {
                    refuse(bed, BOTH | attribute, 8)?;
                }
                Ok(())
            }),
            case("TPM_RC_SIZE publicInfo: COUNTER, BITS, PIN_FAIL or PIN_PASS with dataSize not 8", |bed| {
                // PIN indices are not offered yet: their type is refused before their size matters.
                for nt in [TpmNt::COUNTER, TpmNt::BITS] {
                    for size in [0, 7, 9] {
                        refuse(bed, BOTH.with_nt(nt), size)?;
                    }
                }
                Ok(())
            }),
            case("TPM_RC_SIZE publicInfo: EXTEND with dataSize not the nameAlg digest size", |bed| {
                for size in [0, 20, 31, 33] {
                    refuse(bed, BOTH.with_nt(TpmNt::EXTEND), size)?;
                }
                Ok(())
            }),
            case("TPM_RC_SIZE publicInfo: ordinary index larger than the implementation supports", |bed| {
                refuse(bed, BOTH, 0xFFFF)
            }),
            case("TPM_RC_SIZE publicInfo: WRITEALL and dataSize above MAX_NV_BUFFER_SIZE", |bed| {
                refuse(bed, BOTH | TpmaNv::WRITEALL, 2049)
            }),
            case("TPM_RC_ATTRIBUTES publicInfo: no read authorization attribute SET", |bed| {
                refuse(bed, TpmaNv::OWNERWRITE, 8)
            }),
            case("TPM_RC_ATTRIBUTES publicInfo: no write authorization attribute SET", |bed| {
                refuse(bed, TpmaNv::OWNERREAD, 8)
            }),
            case("TPM_RC_ATTRIBUTES publicInfo: CLEAR_STCLEAR on a COUNTER index", |bed| {
                refuse(bed, (BOTH | TpmaNv::CLEAR_STCLEAR).with_nt(TpmNt::COUNTER), 8)
            }),
            case(
                "TPM_RC_ATTRIBUTES publicInfo: PLATFORMCREATE does not match the authorizing hierarchy",
                |bed| {
                    refuse(bed, BOTH | TpmaNv::PLATFORMCREATE, 8)?;
                    refuse_by(bed, TpmRh::PLATFORM, BOTH, 8)
                },
            ),
            case("TPM_RC_ATTRIBUTES publicInfo: POLICY_DELETE without Platform Authorization", |bed| {
                refuse(bed, BOTH | TpmaNv::POLICY_DELETE, 8)
            }),
            case("TPM_RC_ATTRIBUTES publicInfo: PIN_FAIL without NO_DA", |bed| {
                refuse(bed, BOTH.with_nt(TpmNt::PIN_FAIL), 8)
            }),
            case(
                "TPM_RC_ATTRIBUTES publicInfo: PIN index without PPWRITE, OWNERWRITE or POLICYWRITE",
                |bed| {
                    for nt in [TpmNt::PIN_FAIL, TpmNt::PIN_PASS] {
                        refuse(bed, (TpmaNv::OWNERREAD | TpmaNv::NO_DA).with_nt(nt), 8)?;
                    }
                    Ok(())
                },
            ),
            case("TPM_RC_ATTRIBUTES publicInfo: PIN index with AUTHWRITE SET", |bed| {
                for nt in [TpmNt::PIN_FAIL, TpmNt::PIN_PASS] {
                    refuse(bed, (BOTH | TpmaNv::AUTHWRITE | TpmaNv::NO_DA).with_nt(nt), 8)?;
                }
                Ok(())
            }),
            case(
                "TPM_RC_ATTRIBUTES publicInfo: POLICY_DELETE while NV_UndefineSpaceSpecial is not implemented",
                |bed| {
                    let attributes = BOTH | TpmaNv::POLICY_DELETE | TpmaNv::PLATFORMCREATE;
                    refuse_by(bed, TpmRh::PLATFORM, attributes, 8)
                },
            ),
            case("TPM_RC_NV_SPACE: not enough NV resources", |bed| {
                let define = |number| {
                    let index = TpmHandle::nv_index(number);
                    let public = commands::nv_public(index, TpmAlgId::SHA256, BOTH, &[], 2048);
                    commands::nv_define_space(TpmRh::OWNER, &[], public)
                };
                let full = (0..MORE_THAN_FIT).find(|&number| bed.run(&define(number)).is_err());
                bed.refuse(&define(full.unwrap_or(MORE_THAN_FIT)))
            }),
            case("TPM_RC_SIZE auth: larger than the nameAlg digest", |bed| {
                let public = commands::nv_public(INDEX, TpmAlgId::SHA256, BOTH, &[], 8);
                bed.refuse(&commands::nv_define_space(TpmRh::OWNER, &[1; 33], public))
            }),
        ],
    },
    Suite {
        command: "TPM2_NV_UndefineSpace",
        cases: &[
            case("TPM_RC_HANDLE nvIndex: index not defined", |bed| {
                bed.refuse(&commands::nv_undefine_space(TpmRh::OWNER, &INDEX.into()))
            }),
            case(
                "TPM_RC_NV_AUTHORIZATION nvIndex: PLATFORMCREATE index without Platform Authorization",
                |bed| {
                    let index =
                        bed.nv_index_with(TpmRh::PLATFORM, 1, BOTH | TpmaNv::PLATFORMCREATE, &[], 8)?;
                    bed.refuse(&commands::nv_undefine_space(TpmRh::OWNER, &index))
                },
            ),
        ],
    },
    Suite {
        command: "TPM2_NV_Write",
        cases: &[
            case(
                "TPM_RC_NV_AUTHORIZATION @authHandle: authHandle is an NV index other than nvIndex (clause 31.1)",
                |bed| {
                    let [index, other] = two_indices(bed, TpmNt::ORDINARY)?;
                    bed.refuse(&commands::nv_write(&other, &index, &[1; 8], 0))?;
                    // Nor does a hierarchy that the attributes do not name.
                    bed.refuse(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 0))
                },
            ),
            case("TPM_RC_NV_LOCKED nvIndex: index is write locked", |bed| {
                let index = bed.nv_index(BOTH | TpmaNv::WRITE_STCLEAR, 8)?;
                bed.run(&commands::nv_write_lock(TpmRh::OWNER, &index))?;
                bed.refuse(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 0))
            }),
            case("TPM_RC_ATTRIBUTES nvIndex: index type is COUNTER, BITS or EXTEND", |bed| {
                for (number, (nt, size)) in
                    (1..).zip([(TpmNt::COUNTER, 8), (TpmNt::BITS, 8), (TpmNt::EXTEND, 32)])
                {
                    let index = bed.nv_index_with(TpmRh::OWNER, number, BOTH.with_nt(nt), &[], size)?;
                    bed.refuse(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 0))?;
                }
                Ok(())
            }),
            case("TPM_RC_NV_RANGE offset: offset plus data size exceeds the index data size", |bed| {
                let index = bed.nv_index(BOTH, 8)?;
                bed.refuse(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 1))?;
                bed.refuse(&commands::nv_write(TpmRh::OWNER, &index, &[1; 9], 0))
            }),
            case("TPM_RC_NV_RANGE data: WRITEALL index and data is not its full size", |bed| {
                let index = bed.nv_index(BOTH | TpmaNv::WRITEALL, 8)?;
                bed.refuse(&commands::nv_write(TpmRh::OWNER, &index, &[1; 7], 0))?;
                bed.refuse(&commands::nv_write(TpmRh::OWNER, &index, &[1; 7], 1))?;
                bed.refuse(&commands::nv_write(TpmRh::OWNER, &index, &[], 0))
            }),
        ],
    },
    Suite {
        command: "TPM2_NV_Increment",
        cases: &[
            case(
                "TPM_RC_NV_AUTHORIZATION @authHandle: authHandle is an NV index other than nvIndex (clause 31.1)",
                |bed| {
                    let [index, other] = two_indices(bed, TpmNt::COUNTER)?;
                    bed.refuse(&commands::nv_increment(&other, &index))?;
                    bed.refuse(&commands::nv_increment(TpmRh::OWNER, &index))
                },
            ),
            case("TPM_RC_ATTRIBUTES nvIndex: index type is not COUNTER", |bed| {
                for (number, nt) in (1..).zip([TpmNt::ORDINARY, TpmNt::BITS]) {
                    let index = bed.nv_index_with(TpmRh::OWNER, number, BOTH.with_nt(nt), &[], 8)?;
                    bed.refuse(&commands::nv_increment(TpmRh::OWNER, &index))?;
                }
                Ok(())
            }),
            case("TPM_RC_NV_LOCKED nvIndex: index is write locked", |bed| {
                let index = locked(bed, TpmNt::COUNTER, 8)?;
                bed.refuse(&commands::nv_increment(TpmRh::OWNER, &index))
            }),
        ],
    },
    Suite {
        command: "TPM2_NV_Extend",
        cases: &[
            case(
                "TPM_RC_NV_AUTHORIZATION @authHandle: authHandle is an NV index other than nvIndex (clause 31.1)",
                |bed| {
                    let [index, other] = two_indices(bed, TpmNt::EXTEND)?;
                    bed.refuse(&commands::nv_extend(&other, &index, b"data"))?;
                    bed.refuse(&commands::nv_extend(TpmRh::OWNER, &index, b"data"))
                },
            ),
            case("TPM_RC_ATTRIBUTES nvIndex: index type is not EXTEND", |bed| {
                for (number, nt) in (1..).zip([TpmNt::ORDINARY, TpmNt::BITS, TpmNt::COUNTER]) {
                    let index = bed.nv_index_with(TpmRh::OWNER, number, BOTH.with_nt(nt), &[], 8)?;
                    bed.refuse(&commands::nv_extend(TpmRh::OWNER, &index, b"data"))?;
                }
                Ok(())
            }),
            case("TPM_RC_NV_LOCKED nvIndex: index is write locked", |bed| {
                let index = locked(bed, TpmNt::EXTEND, 32)?;
                bed.refuse(&commands::nv_extend(TpmRh::OWNER, &index, b"data"))
            }),
        ],
    },
    Suite {
        command: "TPM2_NV_SetBits",
        cases: &[
            case(
                "TPM_RC_NV_AUTHORIZATION @authHandle: authHandle is an NV index other than nvIndex (clause 31.1)",
                |bed| {
                    let [index, other] = two_indices(bed, TpmNt::BITS)?;
                    bed.refuse(&commands::nv_set_bits(&other, &index, 1))?;
                    bed.refuse(&commands::nv_set_bits(TpmRh::OWNER, &index, 1))
                },
            ),
            case("TPM_RC_ATTRIBUTES nvIndex: index type is not BITS", |bed| {
                for (number, nt) in (1..).zip([TpmNt::ORDINARY, TpmNt::COUNTER]) {
                    let index = bed.nv_index_with(TpmRh::OWNER, number, BOTH.with_nt(nt), &[], 8)?;
                    bed.refuse(&commands::nv_set_bits(TpmRh::OWNER, &index, 1))?;
                }
                Ok(())
            }),
        ],
    },
    Suite {
        command: "TPM2_NV_WriteLock",
        cases: &[
            case(
                "TPM_RC_NV_AUTHORIZATION @authHandle: authHandle is an NV index other than nvIndex (clause 31.1)",
                |bed| {
                    let [index, other] = two_indices(bed, TpmNt::ORDINARY)?;
                    bed.refuse(&commands::nv_write_lock(&other, &index))?;
                    bed.refuse(&commands::nv_write_lock(TpmRh::OWNER, &index))
                },
            ),
            case("TPM_RC_ATTRIBUTES nvIndex: neither WRITEDEFINE nor WRITE_STCLEAR is SET", |bed| {
                let index = bed.nv_index(BOTH, 8)?;
                bed.refuse(&commands::nv_write_lock(TpmRh::OWNER, &index))
            }),
        ],
    },
    Suite {
        command: "TPM2_NV_Read",
        cases: &[
            case(
                "TPM_RC_NV_AUTHORIZATION @authHandle: authHandle is an NV index other than nvIndex (clause 31.1)",
                |bed| {
                    let [index, other] = two_written_indices(bed)?;
                    bed.refuse(&commands::nv_read(&other, &index, 8, 0))?;
                    bed.refuse(&commands::nv_read(TpmRh::OWNER, &index, 8, 0))
                },
            ),
            case("TPM_RC_NV_LOCKED nvIndex: index is read locked", |bed| {
                let index = bed.nv_index(BOTH | TpmaNv::READ_STCLEAR, 8)?;
                bed.run(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 0))?;
                bed.run(&commands::nv_read_lock(TpmRh::OWNER, &index))?;
                bed.refuse(&commands::nv_read(TpmRh::OWNER, &index, 8, 0))
            }),
            case("TPM_RC_NV_RANGE offset: offset plus size exceeds the index data size", |bed| {
                let index = bed.nv_index(BOTH, 8)?;
                bed.run(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 0))?;
                bed.refuse(&commands::nv_read(TpmRh::OWNER, &index, 8, 1))?;
                bed.refuse(&commands::nv_read(TpmRh::OWNER, &index, 9, 0))
            }),
            case("TPM_RC_NV_UNINITIALIZED nvIndex: index not written, even if size is zero", |bed| {
                let index = bed.nv_index(BOTH, 8)?;
                bed.refuse(&commands::nv_read(TpmRh::OWNER, &index, 8, 0))?;
                bed.refuse(&commands::nv_read(TpmRh::OWNER, &index, 0, 0))
            }),
        ],
    },
    Suite {
        command: "TPM2_NV_ReadLock",
        cases: &[
            case(
                "TPM_RC_NV_AUTHORIZATION @authHandle: authHandle is an NV index other than nvIndex (clause 31.1)",
                |bed| {
                    let [index, other] = two_written_indices(bed)?;
                    bed.refuse(&commands::nv_read_lock(&other, &index))?;
                    bed.refuse(&commands::nv_read_lock(TpmRh::OWNER, &index))
                },
            ),
            case("TPM_RC_ATTRIBUTES nvIndex: READ_STCLEAR is CLEAR", |bed| {
                let index = bed.nv_index(BOTH, 8)?;
                bed.run(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 0))?;
                bed.refuse(&commands::nv_read_lock(TpmRh::OWNER, &index))
            }),
        ],
    },
    Suite {
        command: "TPM2_NV_Certify",
        cases: &[
            case("TPM_RC_KEY @signHandle: sign attribute is CLEAR (clause 18.1)", |bed| {
                let index = written(bed, BOTH)?;
                let key = bed.primary(&template::srk_ecc())?;
                bed.refuse(&certify(&key, TpmRh::OWNER, &index, ecdsa(TpmAlgId::SHA256), 8, 0))
            }),
            case("TPM_RC_SCHEME inScheme: key scheme set; inScheme neither NULL nor equal (18.1)", |bed| {
                let index = written(bed, BOTH)?;
                let key = bed.primary(&template::ak_ecc())?;
                let rsassa = template::scheme(TpmAlgId::RSASSA, TpmAlgId::SHA256);
                for scheme in [ecdsa(TpmAlgId::SHA1), rsassa] {
                    bed.refuse(&certify(&key, TpmRh::OWNER, &index, scheme, 8, 0))?;
                }
                Ok(())
            }),
            case("TPM_RC_SCHEME inScheme: key scheme NULL or RH_NULL key, and inScheme NULL (18.1)", |bed| {
                let index = written(bed, BOTH)?;
                let key = bed.primary(&template::signing_ecc())?;
                for size in [8, 0] {
                    bed.refuse(&certify(&key, TpmRh::OWNER, &index, template::null(), size, 0))?;
                }
                Ok(())
            }),
            case(
                "TPM_RC_NV_AUTHORIZATION @authHandle: authHandle is an NV index other than nvIndex (clause 31.1)",
                |bed| {
                    let key = bed.primary(&template::ak_ecc())?;
                    let [index, other] = two_written_indices(bed)?;
                    bed.refuse(&certify(&key, &other, &index, template::null(), 8, 0))?;
                    bed.refuse(&certify(&key, TpmRh::OWNER, &index, template::null(), 8, 0))
                },
            ),
            case("TPM_RC_NV_UNINITIALIZED nvIndex: index not written, even if size is zero", |bed| {
                let key = bed.primary(&template::ak_ecc())?;
                let index = bed.nv_index(BOTH, 8)?;
                for size in [8, 0] {
                    bed.refuse(&certify(&key, TpmRh::OWNER, &index, template::null(), size, 0))?;
                }
                Ok(())
            }),
            case("TPM_RC_NV_RANGE offset: offset plus size exceeds the index data size", |bed| {
                let key = bed.primary(&template::ak_ecc())?;
                let index = written(bed, BOTH)?;
                for (size, offset) in [(8, 1), (9, 0), (0, 9), (0xFFFF, 0xFFFF)] {
                    bed.refuse(&certify(&key, TpmRh::OWNER, &index, template::null(), size, offset))?;
                }
                Ok(())
            }),
            case("TPM_RC_SCHEME inScheme: digest form with RH_NULL key and NULL scheme or hash", |bed| {
                let index = written(bed, BOTH)?;
                let nobody = TpmRh::NULL.into();
                bed.refuse(&certify(&nobody, TpmRh::OWNER, &index, template::null(), 0, 0))
            }),
        ],
    },
];

/// The owner may read and write.
const BOTH: TpmaNv = TpmaNv::OWNERREAD.union(TpmaNv::OWNERWRITE);
/// Only the index's authValue reads and writes.
const OWN: TpmaNv = TpmaNv::AUTHREAD.union(TpmaNv::AUTHWRITE).union(TpmaNv::NO_DA);
const INDEX: TpmHandle = TpmHandle::nv_index(1);
/// More indices than any store here has room for.
const MORE_THAN_FIT: u32 = 5000;

fn refuse(bed: &mut Bed, attributes: TpmaNv, size: u16) -> Result<()> {
    refuse_by(bed, TpmRh::OWNER, attributes, size)
}

fn refuse_by(bed: &mut Bed, hierarchy: TpmHandle, attributes: TpmaNv, size: u16) -> Result<()> {
    let public = commands::nv_public(INDEX, TpmAlgId::SHA256, attributes, &[], size);
    bed.refuse(&commands::nv_define_space(hierarchy, &[], public))
}

/// Two indices of this kind that only their own authValues open.
fn two_indices(bed: &mut Bed, nt: TpmNt) -> Result<[Entity; 2]> {
    let size = if nt == TpmNt::EXTEND { 32 } else { 8 };
    let attributes = (OWN | TpmaNv::WRITE_STCLEAR | TpmaNv::READ_STCLEAR).with_nt(nt);
    let first = bed.nv_index_with(TpmRh::OWNER, 1, attributes, &[], size)?;
    Ok([first, bed.nv_index_with(TpmRh::OWNER, 2, attributes, &[], size)?])
}

fn two_written_indices(bed: &mut Bed) -> Result<[Entity; 2]> {
    let indices = two_indices(bed, TpmNt::ORDINARY)?;
    for index in &indices {
        bed.run(&commands::nv_write(index, index, &[1; 8], 0))?;
    }
    let [first, second] = indices;
    Ok([bed.nv_name(&first)?, bed.nv_name(&second)?])
}

/// An index with these attributes and eight bytes that the owner has written.
fn written(bed: &mut Bed, attributes: TpmaNv) -> Result<Entity> {
    let index = bed.nv_index(attributes, 8)?;
    bed.run(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 0))?;
    bed.nv_name(&index)
}

fn certify(
    key: &Entity,
    auth: impl Into<Entity>,
    index: &Entity,
    scheme: Bytes,
    size: u16,
    offset: u16,
) -> Command {
    commands::nv_certify(key, auth, index, b"data", scheme, size, offset)
}

fn ecdsa(hash: TpmAlgId) -> Bytes {
    template::scheme(TpmAlgId::ECDSA, hash)
}

fn locked(bed: &mut Bed, nt: TpmNt, size: u16) -> Result<Entity> {
    let index = bed.nv_index((BOTH | TpmaNv::WRITE_STCLEAR).with_nt(nt), size)?;
    bed.run(&commands::nv_write_lock(TpmRh::OWNER, &index))?;
    Ok(index)
}
