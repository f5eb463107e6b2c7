//! Creating a network: keys, genesis, one data directory for each validator.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use mokka_crypto::{
    SecretKey,
    keyfile::{self, KdfCost},
};
use mokka_genesis::{Draft, NodeAddress, Validator};
use mokka_node::{Contents, DataDir, NodeSettings, Past};
use mokka_types::CrashModel;

use super::{
    PortArgs, StartArgs,
    plan::{Member, Network, Plan, Wanted, write_private},
};
use crate::{
    dev::{CHAIN_ID, open_settings},
    error::Failure,
    genesis::Model,
    run::PASSWORD_FILE,
};

/// How many validators, where nothing is said.
const VALIDATORS: u16 = 4;

/// The network of the directory, created if it is not there.
pub(super) fn open_or_create(args: &StartArgs) -> Result<Plan, Failure> {
    let dir = &args.place.dir;
    let plan = match Plan::find(dir)? {
        Some(plan) => {
            same(args, &plan)?;
            plan
        }
        None => create(args, dir)?,
    };
    if let Some(pid) = (0..plan.network.nodes.len()).find_map(|number| plan.running(number)) {
        return Err(Failure::operator(format!(
            "the network in {0} runs already (process {pid}); stop it with `mokka devnet stop \
             --dir {0}` or choose another --dir",
            dir.display()
        )));
    }
    ports_are_free(&plan)?;
    Ok(plan)
}

/// A flag that says something else than what was created would be ignored in silence.
fn same(args: &StartArgs, plan: &Plan) -> Result<(), Failure> {
    let network = &plan.network;
    let differs = |flag: &str, holds: String| {
        Err(Failure::operator(format!(
            "{} was created with {flag} {holds}; leave {flag} out, choose another --dir, or remove \
             the directory to begin anew",
            plan.dir.display()
        )))
    };
    if args.validators.is_some_and(|count| usize::from(count) != network.nodes.len()) {
        return differs("--validators", network.nodes.len().to_string());
    }
    if args.crash_model.is_some_and(|model| CrashModel::from(model) != network.crash_model) {
        return differs("--crash-model", network.crash_model.to_string());
    }
    if args.chain_id.is_some_and(|id| id != network.chain_id) {
        return differs("--chain-id", network.chain_id.to_string());
    }
    let PortArgs { base_port, rpc_port, p2p_port, metrics_port } = args.ports;
    let Some(first) = network.nodes.first() else { return Ok(()) };
    let ports = [
        ("--base-port", base_port.filter(|port| *port != 0), first.rpc),
        ("--rpc-port", rpc_port, first.rpc),
        ("--p2p-port", p2p_port, first.p2p),
        ("--metrics-port", metrics_port, first.metrics),
    ];
    for (flag, given, holds) in ports {
        if given.is_some_and(|port| port != holds.port()) {
            return differs(flag, holds.port().to_string());
        }
    }
    Ok(())
}

/// Where one validator listens.
#[derive(Clone, Copy)]
struct Listens {
    rpc: SocketAddr,
    p2p: SocketAddr,
    metrics: SocketAddr,
}

fn here(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn choose_ports(args: &PortArgs, count: u16) -> Result<Vec<Listens>, Failure> {
    if args.base_port == Some(0) {
        return free_ports(count);
    }
    let (rpc, p2p, metrics) = match args.base_port {
        Some(base) => (Some(base), base.checked_add(100), base.checked_add(200)),
        None => (
            Some(args.rpc_port.unwrap_or(8545)),
            Some(args.p2p_port.unwrap_or(30303)),
            Some(args.metrics_port.unwrap_or(9545)),
        ),
    };
    let at = |base: Option<u16>, number: u16| {
        base.and_then(|base| base.checked_add(number)).filter(|port| *port != 0).map(here)
    };
    let all = (0..count).map(|number| {
        Some(Listens {
            rpc: at(rpc, number)?,
            p2p: at(p2p, number)?,
            metrics: at(metrics, number)?,
        })
    });
    all.collect::<Option<_>>()
        .ok_or_else(|| Failure::operator("ports go from 1 to 65535; choose lower ones"))
}

/// Ports that nobody uses now; all are held together, so that they differ.
fn free_ports(count: u16) -> Result<Vec<Listens>, Failure> {
    let none = |error| Failure::operator(format!("the system has no free port: {error}"));
    let mut held = Vec::new();
    let mut take = || -> Result<SocketAddr, Failure> {
        let socket = TcpListener::bind(here(0)).map_err(none)?;
        let address = socket.local_addr().map_err(none)?;
        held.push(socket);
        Ok(address)
    };
    (0..count).map(|_| Ok(Listens { rpc: take()?, p2p: take()?, metrics: take()? })).collect()
}

fn ports_are_free(plan: &Plan) -> Result<(), Failure> {
    for member in &plan.network.nodes {
        let uses = [
            ("JSON-RPC", "--rpc-port", member.rpc),
            ("peers", "--p2p-port", member.p2p),
            ("metrics", "--metrics-port", member.metrics),
        ];
        for (what, flag, address) in uses {
            if let Err(error) = TcpListener::bind(address) {
                return Err(Failure::operator(format!(
                    "cannot use {address} for the {what} of {}: {error}; stop the program that \
                     uses it (another devnet?), or create a network in another --dir with {flag}",
                    member.name
                )));
            }
        }
    }
    Ok(())
}

/// Creates everything beside the place and moves it there: it is complete or not there.
fn create(args: &StartArgs, dir: &Path) -> Result<Plan, Failure> {
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::operator(format!(
            "{} holds something else than a devnet, and is left as it is; choose another --dir",
            dir.display()
        )));
    }
    let count = args.validators.unwrap_or(VALIDATORS);
    let listens = choose_ports(&args.ports, count)?;
    let draft = parent.join(format!(".mokka-devnet-{}", std::process::id()));
    make_dir(&draft)?;
    let created = fill(args, &draft, &listens).and_then(|network| {
        let plan = Plan { dir: draft.clone(), network };
        ports_are_free(&plan)?;
        plan.write()?;
        // An empty directory is replaced.
        fs::rename(&draft, dir).map_err(|error| Failure::file("create", dir, &error))?;
        Ok(Plan { dir: dir.to_path_buf(), ..plan })
    });
    if created.is_err() {
        // The reason it failed is what the operator must know.
        let _left_behind = fs::remove_dir_all(&draft);
    }
    created
}

fn fill(args: &StartArgs, dir: &Path, listens: &[Listens]) -> Result<Network, Failure> {
    let mut keys: Vec<_> = listens.iter().map(|_| SecretKey::generate()).collect();
    // A validator's number is its place in the set, which is in the order of keys.
    keys.sort_by_key(SecretKey::public_key);
    let chain_id = args.chain_id.unwrap_or(CHAIN_ID);
    let crash_model = args.crash_model.unwrap_or(Model::Bft).into();
    let mut draft = Draft::new(chain_id, crash_model);
    let mut nodes = Vec::new();
    for (number, (key, listens)) in keys.iter().zip(listens).enumerate() {
        let name = format!("node-{number}");
        let public_key = key.public_key();
        let (ip, port) = (listens.p2p.ip(), listens.p2p.port());
        let address: Result<NodeAddress, _> = format!("/ip4/{ip}/tcp/{port}").parse();
        let address = address.map_err(|error| Failure::operator(error.to_string()))?;
        draft = draft.validator(Validator::new(public_key).named(&name).at(address));
        let Listens { rpc, p2p, metrics } = *listens;
        let public_key = public_key.to_string();
        nodes.push(Member { name, public_key, rpc, p2p, metrics, pid: None });
    }
    let genesis = args.funds.fund(draft, &args.funds.derive()?).check()?.to_json();
    let network = Network { chain_id, crash_model, wanted: Wanted::Stopped, nodes };
    let plan = Plan { dir: dir.to_path_buf(), network };
    write_private(&dir.join("genesis.json"), &genesis)?;
    for (number, key) in keys.iter().enumerate() {
        node(&plan.data_dir(number), key, &genesis, &plan.network.nodes[number])?;
    }
    Ok(plan.network)
}

/// The data directory of one validator, as `mokka init` would make it.
fn node(dir: &Path, key: &SecretKey, genesis: &str, member: &Member) -> Result<(), Failure> {
    make_dir(dir)?;
    let password = alloy_primitives::hex::encode(*SecretKey::generate().to_bytes());
    write_private(&dir.join(PASSWORD_FILE), &format!("{password}\n"))?;
    // The directory takes the bytes of a key file, so there is one for a moment.
    let file: PathBuf = dir.join("key.tmp");
    keyfile::write(&file, key, &password, KdfCost::Light)?;
    let bytes = fs::read(&file).map_err(|error| Failure::file("read", &file, &error))?;
    fs::remove_file(&file).map_err(|error| Failure::file("remove", &file, &error))?;
    let settings = NodeSettings {
        p2p_listen: member.p2p,
        rpc_listen: member.rpc,
        metrics_listen: member.metrics,
        ..open_settings()
    };
    let contents =
        Contents { genesis, key_file: Some(&bytes), settings: &settings, past: Past::None };
    DataDir::create(dir, &contents)?;
    Ok(())
}

fn make_dir(dir: &Path) -> Result<(), Failure> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| Failure::file("create", dir, &error))
}
