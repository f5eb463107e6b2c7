//! Creating contracts where that is not everybody's right.

use revm::{
    Inspector,
    interpreter::{
        CreateInputs, CreateOutcome, Gas, InstructionResult, InterpreterResult,
        interpreter_types::InterpreterTypes,
    },
};

/// Refuses every creation. Enabled only for transactions whose sender is not on the list, because
/// an inspected machine is slower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Creation;

impl<C, I: InterpreterTypes> Inspector<C, I> for Creation {
    /// As where the depth or the balance does not suffice: nothing is created, and the creator, who
    /// gets its gas back, goes on.
    fn create(&mut self, _: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let (result, gas) = (InstructionResult::Revert, Gas::new(inputs.gas_limit()));
        let result = InterpreterResult { result, output: Default::default(), gas };
        Some(CreateOutcome::new(result, None))
    }
}
