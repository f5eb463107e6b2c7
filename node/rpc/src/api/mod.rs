//! Every method, as traits from which server and client are generated. Their documentation is the
//! manual.

mod eth;
pub mod members;
mod mokka;
mod net;
pub mod params;
pub mod types;
mod web3;

pub use eth::{EthApiClient, EthApiServer};
pub use mokka::{MokkaApiClient, MokkaApiServer};
pub use net::{NetApiClient, NetApiServer};
pub use web3::{Web3ApiClient, Web3ApiServer};
