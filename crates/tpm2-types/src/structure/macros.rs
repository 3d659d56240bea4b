//! The declarations that the structures are made of. Each gives a type both directions of marshalling, its name
//! and its largest size, so that no field is written twice.
//!
//! Every declaration starts with `open` or `secret`: a secret type has neither `Debug` nor `==`.

use crate::{Marshal, MaxSize, Supported, TpmAlgId, TpmCap, TpmHt, TpmSt, Unmarshal};

/// What tells the members of a union apart.
pub(crate) trait Selector: for<'a> Unmarshal<'a> + Marshal + MaxSize + Copy {
    /// Whether the TPM offers what this stands for; if not, it counts as unknown.
    fn offered(self, supported: &Supported) -> bool;
}

impl Selector for TpmAlgId {
    fn offered(self, supported: &Supported) -> bool {
        supported.algorithm(self)
    }
}

macro_rules! always_offered {
    ($($type:ty),*) => {$(
        impl Selector for $type {
            fn offered(self, _: &Supported) -> bool {
                true
            }
        }
    )*};
}
always_offered!(TpmSt, TpmCap, TpmHt);

/// Declares the item with the traits that `open` or `secret` allows.
macro_rules! declare {
    (open $($item:tt)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $($item)*
    };
    (secret $($item:tt)*) => {
        #[derive(Clone, Copy)]
        $($item)*
    };
}

/// `value`, whatever follows: lets a repetition over a payload's type bind the payload itself.
macro_rules! bind {
    ($value:ident $($payload:tt)*) => {
        $value
    };
}

/// A structure: its fields in the order of the specification.
///
/// `@constant VALUE, TYPE, else CODE;` in front of the fields is a leading field that has one legal value.
/// `field: u16 {..= MAX, else CODE}` bounds a field.
macro_rules! structure {
    (
        $(#[$meta:meta])*
        $access:ident struct $name:ident $(<$lt:lifetime>)? = $spec:literal {
            $(@constant $constant:path, $constant_type:ty, else $constant_code:ident;)?
            $($(#[$field_meta:meta])* $field:ident: $type:ty $({..= $max:path, else $max_code:ident})?,)*
        }
    ) => {
        declare! { $access
            $(#[$meta])*
            pub struct $name $(<$lt>)? {
                $($(#[$field_meta])* pub $field: $type,)*
            }
        }

        impl<'r $(: $lt, $lt)?> crate::Unmarshal<'r> for $name $(<$lt>)? {
            fn unmarshal(reader: &mut crate::Reader<'r>) -> crate::Result<Self> {
                $(if reader.read::<$constant_type>()? != $constant {
                    return Err(crate::ResponseCode::$constant_code);
                })?
                $(
                    let $field: $type = reader.read()?;
                    $(if usize::from($field) > $max {
                        return Err(crate::ResponseCode::$max_code);
                    })?
                )*
                Ok(Self { $($field),* })
            }
        }

        impl $(<$lt>)? crate::Marshal for $name $(<$lt>)? {
            fn marshal(&self, writer: &mut crate::Writer<'_>) -> crate::Result<()> {
                $(writer.write(&$constant)?;)?
                $(writer.write(&self.$field)?;)*
                Ok(())
            }
        }

        named! { $name $(<$lt>)? = $spec,
            0 $(+ <$constant_type as crate::MaxSize>::MAX_SIZE)? $(+ <$type as crate::MaxSize>::MAX_SIZE)* }
    };
}

/// A structure in which other fields stand between a union and its selector.
macro_rules! selected_structure {
    (
        $(#[$meta:meta])*
        $access:ident struct $name:ident $(<$lt:lifetime>)? = $spec:literal {
            $(@constant $constant:path, $constant_type:ty, else $constant_code:ident;)?
            selector of $union:ident: $selector:ty, else $code:ident;
            $($(#[$front_meta:meta])* $front:ident: $front_type:ty,)*
            ---
            $(#[$union_meta:meta])* $union_again:ident: $union_type:ty,
            $($(#[$back_meta:meta])* $back:ident: $back_type:ty,)*
        }
    ) => {
        declare! { $access
            $(#[$meta])*
            pub struct $name $(<$lt>)? {
                $($(#[$front_meta])* pub $front: $front_type,)*
                $(#[$union_meta])* pub $union: $union_type,
                $($(#[$back_meta])* pub $back: $back_type,)*
            }
        }

        impl<'r $(: $lt, $lt)?> crate::Unmarshal<'r> for $name $(<$lt>)? {
            fn unmarshal(reader: &mut crate::Reader<'r>) -> crate::Result<Self> {
                $(if reader.read::<$constant_type>()? != $constant {
                    return Err(crate::ResponseCode::$constant_code);
                })?
                let selector = <$union_type>::read_selector(reader, crate::ResponseCode::$code)?;
                $(let $front: $front_type = reader.read()?;)*
                let $union = <$union_type>::read_member(selector, reader, crate::ResponseCode::$code)?;
                $(let $back: $back_type = reader.read()?;)*
                Ok(Self { $($front,)* $union, $($back,)* })
            }
        }

        impl $(<$lt>)? crate::Marshal for $name $(<$lt>)? {
            fn marshal(&self, writer: &mut crate::Writer<'_>) -> crate::Result<()> {
                $(writer.write(&$constant)?;)?
                writer.write(&self.$union.selector())?;
                $(writer.write(&self.$front)?;)*
                self.$union.write_member(writer)?;
                $(writer.write(&self.$back)?;)*
                Ok(())
            }
        }

        named! { $name $(<$lt>)? = $spec,
            <$selector as crate::MaxSize>::MAX_SIZE
                + <$union_type>::MAX_MEMBER_SIZE
                $(+ <$constant_type as crate::MaxSize>::MAX_SIZE)?
                $(+ <$front_type as crate::MaxSize>::MAX_SIZE)*
                $(+ <$back_type as crate::MaxSize>::MAX_SIZE)* }
    };
}

/// A union without its selector, which the structure around it carries: see [`selected_structure!`].
macro_rules! union {
    (
        $(#[$meta:meta])*
        $access:ident enum $name:ident $(<$lt:lifetime>)?: $selector:ty {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident
                    $(($payload:ty))?
                    $({ $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })?
                    = $value:path,
            )*
        }
    ) => {
        declare! { $access
            $(#[$meta])*
            pub enum $name $(<$lt>)? {
                $(
                    $(#[$variant_meta])*
                    $variant $(($payload))? $({ $($(#[$field_meta])* $field: $type,)* })?,
                )*
            }
        }

        impl $(<$lt>)? $name $(<$lt>)? {
            /// The selector that stands for this member.
            pub const fn selector(&self) -> $selector {
                match self {
                    $(Self::$variant { .. } => $value,)*
                }
            }

            /// The largest size of a member, without the selector.
            pub(crate) const MAX_MEMBER_SIZE: usize = crate::codec::max_size(&[$(
                0
                $(+ <$payload as crate::MaxSize>::MAX_SIZE)?
                $($(+ <$type as crate::MaxSize>::MAX_SIZE)*)?
            ),*]);

            /// Reads the selector; `code` if it is unknown, or what it stands for is not offered.
            pub(crate) fn read_selector(
                reader: &mut crate::Reader<'_>,
                code: crate::ResponseCode,
            ) -> crate::Result<$selector> {
                let selector: $selector = reader.read()?;
                let known = matches!(selector, $($value)|*);
                if known && super::macros::Selector::offered(selector, reader.supported()) {
                    Ok(selector)
                } else {
                    Err(code)
                }
            }

            /// Reads the member that `selector` stands for.
            pub(crate) fn read_member<'r $(: $lt)?>(
                selector: $selector,
                #[allow(unused_variables)] reader: &mut crate::Reader<'r>,
                code: crate::ResponseCode,
            ) -> crate::Result<Self> {
                Ok(match selector {
                    $($value => Self::$variant
                        $((bind!(reader $payload).read()?))?
                        $({ $($field: reader.read()?,)* })?,)*
                    _ => return Err(code),
                })
            }

            /// Writes the member without its selector.
            pub(crate) fn write_member(&self, #[allow(unused_variables)] writer: &mut crate::Writer<'_>) -> crate::Result<()> {
                match self {
                    $(Self::$variant $((bind!(member $payload)))? $({ $($field),* })? => {
                        $(bind!(writer $payload).write(member)?;)?
                        $($(writer.write($field)?;)*)?
                    })*
                }
                Ok(())
            }
        }
    };
}

/// A union right behind its selector, `else` the code for a selector that is unknown or not offered.
///
/// `nullable` where Part 2 lets it be null: there it stands as an [`Option`].
macro_rules! tagged_union {
    (
        $(#[$meta:meta])*
        $access:ident enum $name:ident $(<$lt:lifetime>)? = $spec:literal: $selector:ty, else $code:ident $(, $nullable:ident)? {
            $($members:tt)*
        }
    ) => {
        union! {
            $(#[$meta])*
            $access enum $name $(<$lt>)?: $selector { $($members)* }
        }

        impl<'r $(: $lt, $lt)?> crate::Unmarshal<'r> for $name $(<$lt>)? {
            fn unmarshal(reader: &mut crate::Reader<'r>) -> crate::Result<Self> {
                let selector = Self::read_selector(reader, crate::ResponseCode::$code)?;
                Self::read_member(selector, reader, crate::ResponseCode::$code)
            }
        }

        impl $(<$lt>)? crate::Marshal for $name $(<$lt>)? {
            fn marshal(&self, writer: &mut crate::Writer<'_>) -> crate::Result<()> {
                writer.write(&self.selector())?;
                self.write_member(writer)
            }
        }

        named! { $name $(<$lt>)? = $spec, <$selector as crate::MaxSize>::MAX_SIZE + Self::MAX_MEMBER_SIZE }

        nullable_if! { [$($nullable)?] $name $(<$lt>)? = $spec, $selector }
    };
}

/// The type may be null where Part 2 writes "+": TPM_ALG_NULL and nothing behind it.
macro_rules! nullable {
    ($name:ident $(<$lt:lifetime>)? = $spec:literal, $selector:ty) => {
        impl $(<$lt>)? crate::Nullable for $name $(<$lt>)? {
            type Null = $selector;
            const NULL: Self::Null = <$selector>::NULL;
            const NULLABLE_NAME: &'static str = concat!($spec, "+");
        }
    };
}

/// [`nullable!`] if the brackets say so.
macro_rules! nullable_if {
    ([nullable] $($type:tt)*) => {
        nullable! { $($type)* }
    };
    ([] $($type:tt)*) => {};
}

/// A structure in a TPM2B whose size must be that of the structure, and so not zero (Part 2, 4.12).
///
/// As the structure describes itself, it is read first and the size compared then: a wrong size is TPM_RC_SIZE
/// however far it is off, and TPM_RC_INSUFFICIENT means that the structure itself is cut short.
macro_rules! sized_structure {
    ($(
        $(#[$meta:meta])*
        $access:ident $name:ident $(<$lt:lifetime>)? = $spec:literal, $inner:ty;
    )*) => {$(
        declare! { $access
            $(#[$meta])*
            pub struct $name $(<$lt>)? (
                /// What the size is the size of.
                pub $inner
            );
        }

        impl $(<$lt>)? core::ops::Deref for $name $(<$lt>)? {
            type Target = $inner;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl $(<$lt>)? From<$inner> for $name $(<$lt>)? {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }

        impl<'r $(: $lt, $lt)?> crate::Unmarshal<'r> for $name $(<$lt>)? {
            fn unmarshal(reader: &mut crate::Reader<'r>) -> crate::Result<Self> {
                match super::macros::read_sized(reader, crate::Unmarshal::unmarshal)? {
                    Some(inner) => Ok(Self(inner)),
                    None => Err(crate::ResponseCode::SIZE),
                }
            }
        }

        impl $(<$lt>)? crate::Marshal for $name $(<$lt>)? {
            fn marshal(&self, writer: &mut crate::Writer<'_>) -> crate::Result<()> {
                writer.sized(|writer| writer.write(&self.0))
            }
        }

        named! { $name $(<$lt>)? = $spec, <u16 as crate::MaxSize>::MAX_SIZE + <$inner as crate::MaxSize>::MAX_SIZE }
    )*};
}

/// The specification's name of a type and the largest size of its canonical form.
macro_rules! named {
    ($name:ident $(<$lt:lifetime>)? = $spec:literal, $size:expr) => {
        impl $(<$lt>)? crate::TypeName for $name $(<$lt>)? {
            const NAME: &'static str = $spec;
        }

        impl $(<$lt>)? crate::MaxSize for $name $(<$lt>)? {
            const MAX_SIZE: usize = $size;
        }
    };
}

/// Reads a size and, unless it is zero, what `inner` reads, which must have that size: otherwise TPM_RC_SIZE.
pub(crate) fn read_sized<'a, T>(
    reader: &mut crate::Reader<'a>,
    inner: impl FnOnce(&mut crate::Reader<'a>) -> crate::Result<T>,
) -> crate::Result<Option<T>> {
    let size = usize::from(reader.read::<u16>()?);
    if size == 0 {
        return Ok(None);
    }
    let before = reader.rest().len();
    let value = inner(reader)?;
    if before - reader.rest().len() == size { Ok(Some(value)) } else { Err(crate::ResponseCode::SIZE) }
}
