//! Tools that people use: `solc`, `cast`, ethers and viem, as npm gives them.
//!
//! They are installed once, into the target folder, by the versions that
//! `tests/clients/package-lock.json` pins. Without node and npm, or where npm reaches no registry,
//! these tests say so and pass.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::timeout;

use crate::harness::{
    Network, NodeProcess, Plan, free_ports,
    plan::{init, new_key},
    report,
};

/// How long npm may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(120);

/// How long one script may take.
const SCRIPT_LIMIT: Duration = Duration::from_secs(60);

/// What npm says when there is no network; whatever else it says is a mistake of ours.
const OFFLINE: [&str; 5] = ["EAI_AGAIN", "ECONN", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT"];

/// The folder of the repository.
fn repository() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("..").canonicalize().unwrap()
}

/// The folder with the installed packages and the scripts, or why there is none.
async fn installed() -> Result<PathBuf, String> {
    for tool in ["node", "npm"] {
        let asked = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        asked.map_err(|error| format!("{tool} is not here: {error}"))?;
    }
    let from = repository().join("tests/clients");
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    std::fs::create_dir_all(&to).unwrap();
    let lock = "package-lock.json";
    let fresh = std::fs::read(from.join(lock)).unwrap();
    let is_done = std::fs::read(to.join("done")).is_ok_and(|done| done == fresh);
    for entry in std::fs::read_dir(&from).unwrap() {
        let entry = entry.unwrap();
        // All but `node_modules`, which is there once somebody installed them by hand.
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    if !is_done {
        let mut npm = tokio::process::Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
        npm.current_dir(&to).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(INSTALL_LIMIT, npm.output()).await;
        let output = output.map_err(|_| format!("npm took over {INSTALL_LIMIT:?}"))?.unwrap();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let is_offline = OFFLINE.iter().any(|code| errors.contains(code));
            assert!(is_offline, "npm fails: {errors}");
            return Err("npm reaches no registry".to_owned());
        }
        std::fs::write(to.join("done"), fresh).unwrap();
    }
    Ok(to)
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_of_ethereum_work_as_on_any_chain() {
    let folder = match installed().await {
        Ok(folder) => folder,
        Err(reason) => return report(format_args!("skipped solc, cast, ethers, viem: {reason}")),
    };
    let network = Network::start(Plan::bft(4)).await;
    let urls: Vec<_> =
        (0..network.len()).map(|at| format!("http://{}", network.node(at).rpc())).collect();
    // A node that members let in with `cast` alone.
    let (root, port) = (network.root(), free_ports(1));
    let newcomer = new_key(root, "elena.json");
    init(root, "genesis.json", Some("elena.json"), "elena", port);
    let mut elena = NodeProcess::new(root, "elena");
    elena.start().await;
    let endpoint = format!("/ip4/127.0.0.1/tcp/{port}");
    for script in ["contracts.mjs", "cast.mjs", "ethers.mjs", "viem.mjs"] {
        let started = std::time::Instant::now();
        let mut node = tokio::process::Command::new("node");
        node.arg(script).args(&urls).env("REPOSITORY", repository()).env("ROOT", root);
        node.env("NEWCOMER", &newcomer).env("ENDPOINT", &endpoint);
        node.current_dir(&folder).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(SCRIPT_LIMIT, node.output()).await;
        let output = output.unwrap_or_else(|_| panic!("{script} takes too long")).unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "{script}: {}\n{}", said[0], said[1]);
        report(format_args!("{script} took {:?}", started.elapsed()));
    }
}
