//! The system contracts as the machine meets them: precompiled, with state and logs of their own.

use alloy_evm::precompiles::{DynPrecompile, PrecompileInput, PrecompilesMap};
use alloy_primitives::{Address, Bytes, Log, LogData, U256};
use alloy_sol_types::{Revert, SolError};
use revm::precompile::{
    PrecompileError, PrecompileHalt, PrecompileId, PrecompileOutput, PrecompileResult,
};

use super::{
    CONTRACTS, MEMBERS, NODES, TRANSACTIONS,
    abi::IMembers,
    allow_list, members, node_list,
    slots::{Read, Stop, Write, refuse},
};

/// Arguments of a call: the longest is far below, and decoding takes memory of its square at worst.
const MAX_CALL_BYTES: usize = 8 << 10;

/// What a call costs before it does anything.
const CALL_GAS: u64 = 1_000;
/// Gas of Ethereum's own instructions (EIP-2929, EIP-2200, the yellow paper's `Glog`).
const COLD_READ_GAS: u64 = 2_100;
const WARM_READ_GAS: u64 = 100;
const FIRST_WRITE_GAS: u64 = 20_000;
const WRITE_GAS: u64 = 2_900;
const LOG_GAS: u64 = 375;
const LOG_BYTE_GAS: u64 = 8;

/// A call under way: whoever asks, when, and what it may still cost.
pub(crate) struct Call<'a> {
    input: PrecompileInput<'a>,
    gas_left: u64,
}

impl Call<'_> {
    /// Who calls.
    pub(crate) fn caller(&self) -> Address {
        self.input.caller
    }

    /// The time of the block, in seconds.
    pub(crate) fn now(&self) -> u64 {
        self.input.internals.block_timestamp().saturating_to()
    }

    /// The number of the block.
    pub(crate) fn block(&self) -> u64 {
        self.input.internals.block_number().saturating_to()
    }

    /// What was asked.
    pub(crate) fn data(&self) -> Bytes {
        Bytes::copy_from_slice(self.input.data)
    }

    /// The call may change something.
    pub(crate) fn writes(&self) -> Result<(), Stop> {
        match self.input.is_static {
            false => Ok(()),
            true => refuse(IMembers::ReadOnlyCall {}),
        }
    }

    fn charge(&mut self, gas: u64) -> Result<(), Stop> {
        self.gas_left = self.gas_left.checked_sub(gas).ok_or(Stop::OutOfGas)?;
        Ok(())
    }

    /// What is the same for every function: called itself, without coins, with little to read.
    fn begin(&mut self) -> Result<(), Stop> {
        self.charge(CALL_GAS)?;
        if !self.input.is_direct_call() {
            return refuse(IMembers::DelegateCall {});
        }
        if !self.input.value.is_zero() {
            return refuse(IMembers::NotPayable {});
        }
        match self.input.data.len() > MAX_CALL_BYTES {
            false => Ok(()),
            true => refuse(Revert::from(format!("the arguments exceed {MAX_CALL_BYTES} bytes"))),
        }
    }
}

impl Read for Call<'_> {
    fn get(&mut self, at: Address, slot: U256) -> Result<U256, Stop> {
        self.charge(WARM_READ_GAS)?;
        let read = self.input.internals.sload(at, slot);
        let read = read.map_err(|error| Stop::State(error.to_string()))?;
        if read.is_cold {
            self.charge(COLD_READ_GAS - WARM_READ_GAS)?;
        }
        Ok(read.data)
    }
}

impl Write for Call<'_> {
    fn set(&mut self, at: Address, slot: U256, value: U256) -> Result<(), Stop> {
        let before = self.get(at, slot)?;
        if before == value {
            return Ok(());
        }
        self.charge(if before.is_zero() { FIRST_WRITE_GAS } else { WRITE_GAS })?;
        let internals = &mut self.input.internals;
        let written = internals.touch_account(at).and_then(|()| internals.sstore(at, slot, value));
        written.map(drop).map_err(|error| Stop::State(error.to_string()))
    }

    fn log(&mut self, at: Address, event: LogData) -> Result<(), Stop> {
        let bytes = event.data.len() as u64;
        let topics = event.topics().len() as u64;
        self.charge(LOG_GAS * (1 + topics) + LOG_BYTE_GAS * bytes)?;
        self.input.internals.log(Log { address: at, data: event });
        Ok(())
    }
}

/// Puts the contracts where they belong.
pub(crate) fn install(precompiles: &mut PrecompilesMap) {
    for (address, name) in [
        (MEMBERS, "mokka members"),
        (TRANSACTIONS, "mokka transactions"),
        (CONTRACTS, "mokka contracts"),
        (NODES, "mokka nodes"),
    ] {
        let id = PrecompileId::Custom(name.into());
        let contract = DynPrecompile::new_stateful(id, move |input| run(address, input));
        precompiles.apply_precompile(&address, |_| Some(contract));
    }
}

fn run(at: Address, input: PrecompileInput<'_>) -> PrecompileResult {
    let (gas, reservoir) = (input.gas, input.reservoir);
    let mut call = Call { gas_left: gas, input };
    let answered = call.begin().and_then(|()| match at {
        MEMBERS => members::answer(&mut call),
        NODES => node_list::answer(&mut call),
        list => allow_list::answer(&mut call, list),
    });
    let used = gas - call.gas_left;
    match answered {
        Ok(output) => Ok(PrecompileOutput::new(used, output.into(), reservoir)),
        Err(Stop::Revert(data)) => Ok(PrecompileOutput::revert(used, data, reservoir)),
        Err(Stop::OutOfGas) => Ok(PrecompileOutput::halt(PrecompileHalt::OutOfGas, reservoir)),
        Err(Stop::State(error)) => Err(PrecompileError::Fatal(error)),
    }
}

/// The contract has no such function, or its arguments are not encoded as they must be.
pub(crate) fn unknown<T>(error: &alloy_sol_types::Error) -> Result<T, Stop> {
    Err(Stop::Revert(Revert::from(error.to_string()).abi_encode().into()))
}
