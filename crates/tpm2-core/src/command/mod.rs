//! The commands (Part 3): one folder a chapter, one file and one declaration a command.

use core::fmt;

use tpm2_types::{
    MaxSize, Position, Reader, ResponseCode, Result, TpmCc, TpmHandle, TpmaCc, Unmarshal, Writer, limits,
};

use crate::context::Context;

/// How the entity behind a handle has to be authorized (Part 1, "Authorization Roles").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Not at all.
    None,
    /// USER.
    User,
    /// ADMIN.
    Admin,
    /// DUP.
    Dup,
}

/// A handle of a command.
#[derive(Clone, Copy, Debug)]
pub struct Handle {
    /// Its name in Part 3, in Rust's case.
    pub name: &'static str,
    /// Its type in Part 2.
    pub type_name: &'static str,
    /// The authorization that it needs.
    pub role: Role,
}

/// A parameter of a command or a response.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in Part 3, in Rust's case.
    pub name: &'static str,
    /// Its type in Part 2.
    pub type_name: &'static str,
}

/// What the declaration of a command cannot tell from its handles and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// TPMA_CC.nv: the command may write to NV.
    pub const NV: Self = Self(1);
    /// TPMA_CC.extensive: the command may flush many objects.
    pub const EXTENSIVE: Self = Self(2);
    /// TPMA_CC.flushed: the command flushes the handle that it names.
    pub const FLUSHED: Self = Self(4);
    /// No sessions are allowed, not even for audit.
    pub const NO_SESSIONS: Self = Self(8);
    /// The command reads an NV index' data: READ attributes authorize it.
    pub const NV_READ: Self = Self(16);
    /// The command changes an NV index' data or its write lock: WRITE attributes authorize it.
    pub const NV_WRITE: Self = Self(32);
    /// The command changes nothing that TPM2_Shutdown(STATE) saved, so it may follow one.
    pub const AFTER_SHUTDOWN: Self = Self(64);

    /// Both sets of flags.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A command, as its declaration tells.
pub struct Command {
    /// Command code.
    pub code: TpmCc,
    /// What it does, and its section.
    pub documentation: &'static str,
    /// Handles in the request.
    pub handles: &'static [Handle],
    /// Parameters of the request.
    pub parameters: &'static [Field],
    /// The handle in the response.
    pub response_handle: Option<Field>,
    /// Parameters of the response.
    pub returns: &'static [Field],
    /// What handles and parameters do not tell.
    pub flags: Flags,
    /// The largest request in bytes, sessions included.
    pub max_request: usize,
    /// The largest response in bytes, sessions included.
    pub max_response: usize,
    pub(crate) check_handles: fn(&mut Reader<'_>) -> Result<()>,
    pub(crate) run: Run,
}

/// Unmarshals parameters, runs the handler, marshals its answer.
pub(crate) type Run =
    for<'s, 'b, 'w> fn(&mut Context<'s, 'b>, &[TpmHandle], Reader<'b>, &mut Answer<'w>) -> Result<()>;

/// Where a handler's answer goes.
pub(crate) struct Answer<'w> {
    pub(crate) handle: Option<TpmHandle>,
    pub(crate) parameters: Writer<'w>,
}

impl Command {
    /// Its name as Part 3 writes it, without "TPM2_".
    pub fn name(&self) -> &'static str {
        self.code.command().unwrap_or_default()
    }

    /// TPMA_CC (Part 2, 8.9).
    pub const fn attributes(&self) -> TpmaCc {
        let mut bits = self.code.0 & 0xFFFF;
        bits |= (self.flags.contains(Flags::NV) as u32) << 22;
        bits |= (self.flags.contains(Flags::EXTENSIVE) as u32) << 23;
        bits |= (self.flags.contains(Flags::FLUSHED) as u32) << 24;
        bits |= (self.handles.len() as u32) << 25;
        bits |= (self.response_handle.is_some() as u32) << 28;
        bits |= self.code.0 & 1 << 29;
        TpmaCc::from_bits_retain(bits)
    }

    /// The number of handles that need authorization; they come first.
    pub fn authorizations(&self) -> usize {
        self.handles.iter().filter(|handle| handle.role != Role::None).count()
    }

    /// Whether a session may decrypt the first parameter: it has to be a TPM2B.
    pub const fn decrypts(&self) -> bool {
        is_sized(self.parameters)
    }

    /// Whether a session may encrypt the first response parameter: it has to be a TPM2B.
    pub const fn encrypts(&self) -> bool {
        is_sized(self.returns)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TPM2_{}", self.name())
    }
}

const fn is_sized(fields: &[Field]) -> bool {
    match fields {
        [] => false,
        [first, ..] => matches!(first.type_name.as_bytes(), [b'T', b'P', b'M', b'2', b'B', b'_', ..]),
    }
}

/// The command with this code.
pub fn find(code: TpmCc) -> Option<&'static Command> {
    COMMANDS.binary_search_by_key(&code.0, |command| command.code.0).ok().map(|index| COMMANDS[index])
}

/// Bytes of a header: tag, size, code.
pub(crate) const HEADER_SIZE: usize = 10;

/// The largest authorization area: its size, then three sessions of handle, nonce, attributes, HMAC.
const MAX_SESSIONS_SIZE: usize =
    4 + 3 * (4 + (2 + limits::MAX_DIGEST_SIZE) + 1 + (2 + limits::MAX_DIGEST_SIZE));

/// The largest message with these handles and parameters.
pub(crate) const fn max_message(handles: usize, parameters: &[usize]) -> usize {
    let mut size = HEADER_SIZE + 4 * handles + MAX_SESSIONS_SIZE;
    let mut at = 0;
    while at < parameters.len() {
        size += parameters[at];
        at += 1;
    }
    size
}

pub(crate) const fn max_size<T: MaxSize>() -> usize {
    T::MAX_SIZE
}

/// Reads the handle at this position as its type.
pub(crate) fn typed_handle<T: for<'h> Unmarshal<'h>>(handles: &[TpmHandle], position: Position) -> Result<T> {
    let Position::Handle(number) = position else { return Err(ResponseCode::FAILURE) };
    let handle = handles.get(usize::from(number) - 1).ok_or(ResponseCode::FAILURE)?;
    Reader::trusted(&handle.0.to_be_bytes()).read()
}

/// Declares a command: its code, handles with roles, parameters, answers and flags, beside the handler `run`.
///
/// From it come unmarshalling with the position of what fails, dispatch, TPMA_CC, GetCapability and the
/// documentation. The lifetime is passed in because lifetimes are hygienic in macros. In the handler's file, `at`
/// has the position of each handle and parameter by name.
macro_rules! command {
    ($(#[doc = $doc:literal])*
     $name:ident<$lt:lifetime> = $code:ident;
     handles { $($handle:ident: $handle_type:ty => $role:ident),* $(,)? }
     parameters { $($parameter:ident: $parameter_type:ty),* $(,)? }
     $(response_handle { $response_handle:ident: $response_handle_type:ty })?
     returns { $($return:ident: $return_type:ty),* $(,)? }
     flags { $($flag:ident)* }) => {
        $(#[doc = $doc])*
        #[allow(dead_code, reason = "not every handler reads every handle and parameter")]
        pub struct $name<$lt> {
            $(#[doc = concat!("Handle `", stringify!($handle), "`.")] pub $handle: $handle_type,)*
            $(#[doc = concat!("Parameter `", stringify!($parameter), "`.")] pub $parameter: $parameter_type,)*
            bytes: core::marker::PhantomData<&$lt ()>,
        }

        impl<$lt> $name<$lt> {
            const PARAMETERS: &'static [$crate::command::Field] = &[$($crate::command::Field {
                name: stringify!($parameter), type_name: <$parameter_type as tpm2_types::TypeName>::NAME,
            }),*];
            const SIZES: &'static [usize] = &[$($crate::command::max_size::<$parameter_type>()),*];
        }

        /// What the command answers.
        pub struct Response<$lt> {
            $($response_handle: $response_handle_type,)?
            $($return: $return_type,)*
            bytes: core::marker::PhantomData<&$lt ()>,
        }

        impl<$lt> Response<$lt> {
            /// The answer: response handle and parameters in the order of the declaration.
            #[allow(clippy::too_many_arguments, reason = "Part 3 has as many")]
            #[allow(clippy::new_without_default, reason = "an empty answer is not a default one")]
            pub fn new($($response_handle: $response_handle_type,)? $($return: $return_type,)*) -> Self {
                Self { $($response_handle,)? $($return,)* bytes: core::marker::PhantomData }
            }

            const RETURNS: &'static [$crate::command::Field] = &[$($crate::command::Field {
                name: stringify!($return), type_name: <$return_type as tpm2_types::TypeName>::NAME,
            }),*];
            const SIZES: &'static [usize] = &[$($crate::command::max_size::<$return_type>()),*];
        }

        /// Where each handle and parameter stands.
        #[allow(non_upper_case_globals, dead_code, reason = "named as the fields; not every one is raised")]
        mod at {
            $crate::command::command!(@positions Handle 1; $($handle)*);
            $crate::command::command!(@positions Parameter 1; $($parameter)*);
        }

        /// The command, as the table has it.
        pub const COMMAND: $crate::command::Command = $crate::command::Command {
            code: tpm2_types::TpmCc::$code,
            documentation: concat!($($doc, "\n"),*),
            handles: &[$($crate::command::Handle {
                name: stringify!($handle),
                type_name: <$handle_type as tpm2_types::TypeName>::NAME,
                role: $crate::command::Role::$role,
            }),*],
            parameters: $name::PARAMETERS,
            response_handle: $crate::command::command!(@response_handle $($response_handle: $response_handle_type)?),
            returns: Response::RETURNS,
            flags: $crate::command::Flags::NONE$(.with($crate::command::Flags::$flag))*,
            max_request: $crate::command::max_message(
                <[&str]>::len(&[$(stringify!($handle)),*]), $name::SIZES),
            max_response: $crate::command::max_message(
                <[&str]>::len(&[$(stringify!($response_handle))?]), Response::SIZES),
            check_handles: |_reader| {
                $(_reader.read::<$handle_type>().map_err(|code| code.at(at::$handle))?;)*
                Ok(())
            },
            run: dispatch,
        };

        fn dispatch<'s, $lt>(
            context: &mut $crate::context::Context<'s, $lt>,
            _handles: &[tpm2_types::TpmHandle],
            reader: tpm2_types::Reader<$lt>,
            _answer: &mut $crate::command::Answer<'_>,
        ) -> tpm2_types::Result<()> {
            #[allow(unused_mut, reason = "a command without parameters reads nothing")]
            let mut reader = reader;
            let input = $name {
                $($handle: $crate::command::typed_handle(_handles, at::$handle)?,)*
                $($parameter: reader.read::<$parameter_type>().map_err(|code| code.at(at::$parameter))?,)*
                bytes: core::marker::PhantomData,
            };
            reader.finish()?;
            let _response = run(context, input)?;
            $(_answer.handle = Some(_response.$response_handle.into());)?
            $(_answer.parameters.write(&_response.$return)?;)*
            Ok(())
        }
    };
    (@positions $kind:ident $number:expr;) => {};
    (@positions $kind:ident $number:expr; $name:ident $($rest:ident)*) => {
        pub(super) const $name: tpm2_types::Position = tpm2_types::Position::$kind($number);
        $crate::command::command!(@positions $kind $number + 1; $($rest)*);
    };
    (@response_handle) => { None };
    (@response_handle $name:ident: $type:ty) => {
        Some($crate::command::Field { name: stringify!($name), type_name: <$type as tpm2_types::TypeName>::NAME })
    };
}
pub(crate) use command;

/// The contents page: chapters of Part 3 and their commands, and from it the table, sorted by command code and
/// checked at compile time: the order, and that each message fits the TPM's buffer.
macro_rules! command_set {
    ($($chapter:ident { $($module:ident)* })*) => {
        $(
            #[doc = concat!("Commands of the chapter `", stringify!($chapter), "`.")]
            pub mod $chapter { $(pub mod $module;)* }
        )*

        const COUNT: usize = <[&str]>::len(&[$($(stringify!($module),)*)*]);

        /// All commands, in the order of their codes.
        pub static COMMANDS: &[&Command; COUNT] = &{
            let mut table: [&Command; COUNT] = [$($(&$chapter::$module::COMMAND,)*)*];
            let mut end = COUNT;
            // Bubble sort: the only one short enough for a constant expression.
            while end > 1 {
                let mut at = 1;
                while at < end {
                    if table[at - 1].code.0 > table[at].code.0 {
                        let later = table[at - 1];
                        table[at - 1] = table[at];
                        table[at] = later;
                    }
                    at += 1;
                }
                end -= 1;
            }
            table
        };

        const _: () = {
            let table = COMMANDS;
            let mut at = 0;
            while at < COUNT {
                assert!(at == 0 || table[at - 1].code.0 < table[at].code.0, "two commands have one code");
                assert!(table[at].max_request <= crate::memory::MAX_COMMAND_SIZE, "a request outgrows the buffer");
                assert!(table[at].max_response <= crate::memory::MAX_RESPONSE_SIZE, "a response outgrows the buffer");
                at += 1;
            }
        };
    };
}

command_set! {
    startup {
        shutdown
        startup
    }
    testing {
        get_test_result
        incremental_self_test
        self_test
    }
    session {
        policy_restart
        start_auth_session
    }
    object {
        activate_credential
        create
        load
        load_external
        make_credential
        object_change_auth
        read_public
        unseal
    }
    asymmetric {
        rsa_decrypt
        rsa_encrypt
    }
    symmetric {
        hash
        hmac
    }
    random_number {
        get_random
        stir_random
    }
    attestation {
        certify
        quote
    }
    signing {
        sign
        verify_signature
    }
    integrity {
        pcr_event
        pcr_extend
        pcr_read
        pcr_reset
    }
    enhanced_authorization {
        policy_auth_value
        policy_command_code
        policy_get_digest
        policy_or
        policy_password
        policy_pcr
        policy_secret
    }
    hierarchy {
        clear
        clear_control
        create_primary
        hierarchy_change_auth
    }
    dictionary_attack {
        dictionary_attack_lock_reset
        dictionary_attack_parameters
    }
    context_management {
        context_load
        context_save
        evict_control
        flush_context
    }
    clock {
        read_clock
    }
    capability {
        get_capability
        test_parms
    }
    nv_storage {
        nv_certify
        nv_define_space
        nv_extend
        nv_increment
        nv_read
        nv_read_lock
        nv_read_public
        nv_set_bits
        nv_undefine_space
        nv_write
        nv_write_lock
    }
}
