//! Contracts that tools expect at a fixed address on every chain.
//!
//! Their code is that of Ethereum's mainnet; tests compare its hash.

use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, Bytes, address, hex};

/// The deterministic deployment proxy: `CREATE2` for everybody, used by Foundry and many others.
pub const CREATE2_DEPLOYER: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");

/// Multicall3: many calls in one; clients read whole screens with it.
pub const MULTICALL3: Address = address!("cA11bde05977b3631167028862bE2a173976CA11");

const CREATE2_DEPLOYER_CODE: [u8; 69] = code(include_bytes!("../predeploys/create2-deployer.hex"));
const MULTICALL3_CODE: [u8; 3808] = code(include_bytes!("../predeploys/multicall3.hex"));

/// Reads a file of hex digits while compiling: a damaged one does not build.
const fn code<const N: usize>(file: &[u8]) -> [u8; N] {
    let (digits, rest) = file.split_at(2 * N);
    assert!(matches!(rest, [] | [b'\n']), "the file has another length than its code");
    match hex::const_decode_to_array(digits) {
        Ok(code) => code,
        Err(_) => panic!("the file holds something else than hex digits"),
    }
}

/// The predeployed contracts with their accounts.
pub fn accounts() -> [(Address, GenesisAccount); 2] {
    [(CREATE2_DEPLOYER, &CREATE2_DEPLOYER_CODE[..]), (MULTICALL3, &MULTICALL3_CODE[..])].map(
        |(address, code)| {
            // Like every contract, they begin with nonce 1 (EIP-161).
            let account = GenesisAccount::default()
                .with_nonce(Some(1))
                .with_code(Some(Bytes::from_static(code)));
            (address, account)
        },
    )
}
