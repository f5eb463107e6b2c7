//! The settings of a node on the command line: flags, then `MOKKA_*` variables, then `config.toml`,
//! then the defaults.

use std::net::SocketAddr;

use mokka_node::NodeSettings;

/// Settings of a node; what is not given stays as `config.toml` says.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SettingsArgs {
    /// Where other nodes reach this one [default: 0.0.0.0:30303]; port 0 takes a free one.
    #[arg(long, value_name = "IP:PORT", env = "MOKKA_P2P_LISTEN", help_heading = "Network")]
    p2p_listen: Option<SocketAddr>,
    /// Where others reach this validator, such as `/dns/a.example/tcp/30303`, if that is not what
    /// the genesis file or the chain says: they are told at once. Repeatable.
    #[arg(
        long,
        value_name = "MULTIADDR",
        env = "MOKKA_P2P_ANNOUNCE",
        value_delimiter = ',',
        help_heading = "Network"
    )]
    p2p_announce: Option<Vec<String>>,
    /// Where a validator is, instead of what the genesis file says: `PUBKEY@MULTIADDR`. Repeatable;
    /// replaces the list of the settings file.
    #[arg(
        long = "peer",
        value_name = "PUBKEY@MULTIADDR",
        env = "MOKKA_PEERS",
        value_delimiter = ',',
        help_heading = "Network"
    )]
    peers: Option<Vec<String>>,
    /// The peer id of a node that may connect without being a validator. Repeatable; replaces the
    /// list of the settings file.
    #[arg(
        long = "observer",
        value_name = "PEER_ID",
        env = "MOKKA_OBSERVERS",
        value_delimiter = ',',
        help_heading = "Network"
    )]
    observers: Option<Vec<String>>,
    /// Where JSON-RPC is served, over HTTP and WebSocket [default: 127.0.0.1:8545].
    #[arg(long, value_name = "IP:PORT", env = "MOKKA_RPC_LISTEN", help_heading = "RPC")]
    rpc_listen: Option<SocketAddr>,
    /// A name by which the RPC may be addressed, beside addresses in digits [default: localhost];
    /// `*` for any. Repeatable.
    #[arg(
        long = "rpc-host",
        value_name = "NAME",
        env = "MOKKA_RPC_HOSTS",
        value_delimiter = ',',
        help_heading = "RPC"
    )]
    rpc_hosts: Option<Vec<String>>,
    /// A web page that may call the RPC, such as `https://dapp.example` [default: none]; `*` for
    /// any. Repeatable.
    #[arg(
        long = "rpc-origin",
        value_name = "ORIGIN",
        env = "MOKKA_RPC_ORIGINS",
        value_delimiter = ',',
        help_heading = "RPC"
    )]
    rpc_origins: Option<Vec<String>>,
    /// Where `/metrics`, `/health` and `/ready` are served [default: 127.0.0.1:9545].
    #[arg(long, value_name = "IP:PORT", env = "MOKKA_METRICS_LISTEN", help_heading = "RPC")]
    metrics_listen: Option<SocketAddr>,
    /// Whether transactions that name no chain (from before EIP-155) are taken [default: false].
    #[arg(
        long,
        value_name = "BOOL",
        env = "MOKKA_ALLOW_UNPROTECTED_TRANSACTIONS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Transactions"
    )]
    allow_unprotected_transactions: Option<bool>,
    /// The lowest tip per gas that this node takes into its pool [default: 0].
    #[arg(long, value_name = "WEI", env = "MOKKA_MIN_TIP", help_heading = "Transactions")]
    min_tip: Option<u64>,
}

impl SettingsArgs {
    /// What was given replaces what `settings` had.
    pub(crate) fn apply(&self, settings: &mut NodeSettings) {
        set(&mut settings.p2p_listen, self.p2p_listen.as_ref());
        set(&mut settings.p2p_announce, self.p2p_announce.as_ref());
        set(&mut settings.peers, self.peers.as_ref());
        set(&mut settings.observers, self.observers.as_ref());
        set(&mut settings.rpc_listen, self.rpc_listen.as_ref());
        set(&mut settings.rpc_hosts, self.rpc_hosts.as_ref());
        set(&mut settings.rpc_origins, self.rpc_origins.as_ref());
        set(&mut settings.metrics_listen, self.metrics_listen.as_ref());
        set(
            &mut settings.allow_unprotected_transactions,
            self.allow_unprotected_transactions.as_ref(),
        );
        set(&mut settings.min_tip, self.min_tip.as_ref());
    }
}

fn set<T: Clone>(field: &mut T, given: Option<&T>) {
    if let Some(value) = given {
        field.clone_from(value);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: SettingsArgs,
    }

    fn applied(line: &[&str], mut settings: NodeSettings) -> NodeSettings {
        let words = ["x"].iter().chain(line);
        Line::try_parse_from(words).unwrap().settings.apply(&mut settings);
        settings
    }

    #[test]
    fn flags_replace_what_the_file_says_and_nothing_else() {
        let file = NodeSettings { min_tip: 7, ..NodeSettings::default() };
        assert_eq!(applied(&[], file.clone()), file);
        let line = ["--rpc-listen", "127.0.0.1:1", "--rpc-origin", "a,b", "--rpc-origin", "c"];
        let changed = applied(&line, file.clone());
        assert_eq!(changed.rpc_listen.port(), 1);
        assert_eq!(changed.rpc_origins, ["a", "b", "c"]);
        let others = NodeSettings {
            rpc_listen: file.rpc_listen,
            rpc_origins: file.rpc_origins.clone(),
            ..changed
        };
        assert_eq!(others, file);
    }

    #[test]
    fn a_switch_can_be_turned_off_again() {
        let on = applied(&["--allow-unprotected-transactions"], NodeSettings::default());
        assert!(on.allow_unprotected_transactions);
        let off = applied(&["--allow-unprotected-transactions=false"], on);
        assert!(!off.allow_unprotected_transactions);
    }
}
