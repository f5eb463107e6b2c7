//! `mokka run`: a node.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use mokka_crypto::{SecretKey, keyfile};
use mokka_node::{DataDir, Networking, Node, NodeOptions, Place};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

use crate::{
    error::{Exit, Failure},
    logging::{LogArgs, Quiet},
    os, output,
    password::{self, PasswordArgs},
    settings::SettingsArgs,
};

/// The name of a password file in a data directory, used if no other is named.
pub(crate) const PASSWORD_FILE: &str = "password";

/// Runs the node of a data directory until Ctrl-C or SIGTERM.
///
/// A setting counts where it stands first: as a flag, as a MOKKA_* variable, in config.toml, as
/// default. A first signal stops in order, a second one at once. If the data directory holds a
/// file named `password`, the key is opened with it.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The directory that `mokka init` created.
    #[arg(long, value_name = "DIR", env = "MOKKA_DATA_DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl RunArgs {
    /// Runs until told to stop.
    pub(crate) async fn execute(&self) -> Result<(), Failure> {
        self.log.start(Quiet::No)?;
        let dir = DataDir::open(&self.data_dir)?;
        let genesis = dir.genesis()?;
        let mut settings = dir.settings()?;
        self.settings.apply(&mut settings);
        let key = self.key(&dir)?;
        let mut signals = Signals::new()?;
        let options = NodeOptions {
            genesis,
            place: Place::Disk(dir),
            key,
            settings,
            networking: Networking::On,
        };
        let node = Node::start(options).await?;
        let stop = node.stop_handle();
        tokio::spawn(async move {
            signals.next().await;
            stop.cancel();
            signals.end_at_once().await;
        });
        node.ended().await?;
        info!("stopped in order");
        Ok(())
    }

    fn key(&self, dir: &DataDir) -> Result<Option<SecretKey>, Failure> {
        let file = dir.key_file();
        // Whatever is there is meant as a key: a validator must not become an observer in silence.
        if file.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Ok(None);
        }
        let beside = dir.path().join(PASSWORD_FILE);
        let password = match (&self.password.password_file, beside.is_file()) {
            (None, true) => password::from_file(&beside)?,
            (Some(_), _) | (None, false) => self.password.existing(&file)?,
        };
        Ok(Some(open(&file, &password)?))
    }
}

fn open(file: &Path, password: &str) -> Result<SecretKey, Failure> {
    Ok(keyfile::read(file, password)?)
}

/// What tells a program to stop.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on signals do not end the process by themselves.
    pub(crate) fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::operator(format!("cannot wait for signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for Ctrl-C or SIGTERM.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for one more signal, and then for nothing: not even a part that hangs keeps a process
    /// that was told twice to end.
    pub(crate) async fn end_at_once(mut self) {
        self.next().await;
        output::note("stopped at once, not in order");
        os::end_self(Exit::Interrupted as u8);
    }
}
