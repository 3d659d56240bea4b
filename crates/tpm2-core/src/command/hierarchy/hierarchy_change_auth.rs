//! TPM2_HierarchyChangeAuth (Part 3, 24.8).

use tpm2_types::{Result, Tpm2bAuth, TpmiRhHierarchyAuth};

use crate::authorization::trim;
use crate::context::Context;
use crate::state::Hierarchy;

command! {
    /// Changes the authorization value of a hierarchy or of lockout. Part 3, 24.8.
    HierarchyChangeAuth<'a> = HIERARCHY_CHANGE_AUTH;
    handles { auth_handle: TpmiRhHierarchyAuth => User }
    parameters { new_auth: Tpm2bAuth<'a> }
    returns {}
    flags { NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: HierarchyChangeAuth<'a>) -> Result<Response<'a>> {
    let hierarchy = context.state.hierarchy(input.auth_handle.handle())?;
    context.put(&Hierarchy { auth: Tpm2bAuth::new(trim(input.new_auth.as_slice()))?, ..hierarchy })?;
    Ok(Response::new())
}
