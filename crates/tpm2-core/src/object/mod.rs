//! Objects (Part 1, "Object Structure Elements", "Object Hierarchy"): the record of a loaded or persistent one.

pub mod consistency;
pub mod creation;
pub mod key;
pub mod name;
pub mod private;
pub mod protection;
pub mod scheme;
pub mod secret;
pub mod slots;
pub mod template;

use tee_api::RecordKey;
use tpm2_types::{
    Marshal, Reader, ResponseCode, Result, Tpm2bName, TpmAlgId, TpmHandle, TpmHt, TpmaObject, TpmtPublic,
    TpmtSensitive, Unmarshal, Writer,
};

use crate::state::{Kind, Record};

/// A loaded or persistent object: one form for slot, storage and saved context.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    /// Its handle: transient or persistent.
    pub handle: TpmHandle,
    /// The hierarchy it belongs to; TPM_RH_NULL for a temporary object.
    pub hierarchy: TpmHandle,
    /// How it came into the TPM.
    pub origin: Origin,
    /// stClear is SET in the object or in an ancestor: it does not outlive a restart.
    pub st_clear: bool,
    /// Qualified Name.
    pub qualified_name: Tpm2bName<'a>,
    /// Name.
    pub name: Tpm2bName<'a>,
    /// Public area.
    pub public: TpmtPublic<'a>,
    /// Sensitive area, unless only the public area was loaded.
    pub sensitive: Option<TpmtSensitive<'a>>,
}

/// How an object came into the TPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From a primary seed.
    Primary,
    /// Created or loaded under a parent.
    Ordinary,
    /// By TPM2_LoadExternal.
    External,
}

const VERSION: u8 = 1;

impl<'a> Object<'a> {
    /// The record of the object with this handle.
    pub fn key_of(handle: TpmHandle) -> RecordKey {
        let kind = match handle.kind() {
            Some(TpmHt::PERSISTENT) if is_platform_persistent(handle) => Kind::ObjectPlatform,
            Some(TpmHt::PERSISTENT) => Kind::ObjectOwner,
            _ => Kind::Object,
        };
        kind.with_id(handle.0)
    }

    /// Object attributes.
    pub fn attributes(&self) -> TpmaObject {
        self.public.object_attributes
    }

    /// authValue; empty where only the public area is loaded.
    pub fn auth_value(&self) -> &'a [u8] {
        self.sensitive.as_ref().map_or(&[], |sensitive| sensitive.auth_value.as_slice())
    }

    /// Whether the object can be a parent: asymmetric or symmetric, restricted and for decryption. A keyed hash with
    /// these attributes is a derivation parent, which protects nothing.
    pub fn is_parent(&self) -> bool {
        let attributes = self.attributes();
        attributes.contains(TpmaObject::RESTRICTED | TpmaObject::DECRYPT)
            && !attributes.contains(TpmaObject::SIGN_ENCRYPT)
            && self.public.object_type() != TpmAlgId::KEYEDHASH
    }
}

/// Whether a persistent handle is the platform's: the upper half of the range (Part 1, "Persistent Handles").
pub fn is_platform_persistent(handle: TpmHandle) -> bool {
    handle.0 & 0x0080_0000 != 0
}

impl<'a> Record<'a> for Object<'a> {
    fn key(&self) -> RecordKey {
        Self::key_of(self.handle)
    }
}

impl<'a> Unmarshal<'a> for Object<'a> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        if reader.read::<u8>()? != VERSION {
            return Err(ResponseCode::FAILURE);
        }
        let handle = reader.read()?;
        let hierarchy = reader.read()?;
        let origin = match reader.read::<u8>()? {
            0 => Origin::Primary,
            1 => Origin::Ordinary,
            2 => Origin::External,
            _ => return Err(ResponseCode::FAILURE),
        };
        let st_clear = reader.read::<u8>()? != 0;
        let has_sensitive = reader.read::<u8>()? != 0;
        Ok(Self {
            handle,
            hierarchy,
            origin,
            st_clear,
            qualified_name: reader.read()?,
            name: reader.read()?,
            public: reader.read()?,
            sensitive: if has_sensitive { Some(reader.read()?) } else { None },
        })
    }
}

impl Marshal for Object<'_> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&VERSION)?;
        writer.write(&self.handle)?;
        writer.write(&self.hierarchy)?;
        writer.write(&(self.origin as u8))?;
        writer.write(&u8::from(self.st_clear))?;
        writer.write(&u8::from(self.sensitive.is_some()))?;
        writer.write(&self.qualified_name)?;
        writer.write(&self.name)?;
        writer.write(&self.public)?;
        self.sensitive.as_ref().map_or(Ok(()), |sensitive| writer.write(sensitive))
    }
}
