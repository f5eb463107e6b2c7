//! `mokka devnet stop`, `status`, `kill` and `restart`.

use std::path::Path;

use mokka_rpc::api::types::NodeStatus;
use serde::Serialize;

use super::{
    Who, children,
    plan::{Plan, Wanted},
};
use crate::{
    error::Failure,
    os::Ending,
    output::{self, Format, Table},
    screen::Moment,
    status::{leader, role},
    units,
};

/// Stops all validators in order.
pub(super) async fn stop(dir: &Path) -> Result<(), Failure> {
    let (plan, ()) = Plan::update(dir, |plan| {
        plan.network.wanted = Wanted::Stopped;
        Ok(())
    })?;
    let all: Vec<_> = (0..plan.network.nodes.len()).collect();
    let running = all.iter().filter(|number| plan.running(**number).is_some()).count();
    children::stop(&plan, &all).await?;
    output::line(match running {
        0 => "no validator was running".to_owned(),
        count => format!("stopped {}", units::counted(count as u64, "validator")),
    })
}

/// Ends a validator at once.
pub(super) async fn kill(dir: &Path, who: Who) -> Result<(), Failure> {
    let plan = Plan::open(dir)?;
    let number = find(&plan, who).await?;
    let name = &plan.network.nodes[number].name;
    let Some(pid) = plan.running(number) else {
        return Err(Failure::operator(format!(
            "{name} does not run; start it with `mokka devnet restart {number}`"
        )));
    };
    children::signal(&plan, number, pid, Ending::AtOnce)?;
    children::gone(pid).await;
    output::line(format_args!("killed {name} (process {pid})"))
}

/// Starts a validator, after stopping it in order if it runs.
pub(super) async fn restart(dir: &Path, who: Who) -> Result<(), Failure> {
    let plan = Plan::open(dir)?;
    let number = find(&plan, who).await?;
    children::stop(&plan, &[number]).await?;
    let (plan, pid) = Plan::update(dir, |plan| {
        if let Some(pid) = plan.running(number) {
            let name = &plan.network.nodes[number].name;
            return Err(Failure::operator(format!(
                "{name} was started by somebody else meanwhile (process {pid})"
            )));
        }
        Ok(children::spawn(plan, number)?.id())
    })?;
    let (name, log) = (&plan.network.nodes[number].name, plan.log(number));
    output::line(format_args!("started {name} (process {pid}); its log is {}", log.display()))
}

async fn find(plan: &Plan, who: Who) -> Result<usize, Failure> {
    let count = plan.network.nodes.len();
    match who {
        Who::Number(number) if number < count => Ok(number),
        Who::Number(number) => Err(Failure::operator(format!(
            "there is no validator {number}; they go from 0 to {}",
            count.saturating_sub(1)
        ))),
        Who::Leader => {
            let moment = Moment::of(&plan.endpoints()?).await;
            let (_, _, name) = moment.leader().ok_or_else(|| {
                Failure::rpc("no validator follows a leader now; see `mokka devnet status`")
            })?;
            let number = plan.network.nodes.iter().position(|member| member.name == name);
            number.ok_or_else(|| Failure::rpc(format!("the leader {name} is not of this devnet")))
        }
    }
}

/// A validator as `status` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    number: usize,
    name: String,
    public_key: String,
    pid: Option<u32>,
    rpc: String,
    p2p: String,
    metrics: String,
    status: Option<NodeStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// Shows each validator.
pub(super) async fn status(dir: &Path, format: Format) -> Result<(), Failure> {
    let plan = Plan::open(dir)?;
    let moment = Moment::of(&plan.endpoints()?).await;
    let mut shown = Vec::new();
    for (number, (member, answer)) in plan.network.nodes.iter().zip(moment.answers).enumerate() {
        let pid = plan.running(number);
        shown.push(Shown {
            number,
            name: member.name.clone(),
            public_key: member.public_key.clone(),
            pid,
            rpc: member.rpc.to_string(),
            p2p: member.p2p.to_string(),
            metrics: member.metrics.to_string(),
            // Somebody else may answer on the port of a validator that does not run.
            status: answer.filter(|_| pid.is_some()),
            last_error: match pid {
                Some(_) => None,
                None => children::last_error(&plan.log(number)),
            },
        });
    }
    match format.json {
        true => output::json(&shown),
        false => table(&shown),
    }
}

fn table(shown: &[Shown]) -> Result<(), Failure> {
    let mut table =
        Table::new(["node", "process", "role", "height", "term", "leader", "peers", "rpc"]);
    for one in shown {
        let none = || "-".to_owned();
        let status = one.status.as_ref();
        table.row([
            one.name.clone(),
            one.pid.map_or_else(|| "stopped".to_owned(), |pid| pid.to_string()),
            status.map_or_else(none, |status| role(status.role).to_owned()),
            status.map_or_else(none, |status| units::number(status.head.number)),
            status.map_or_else(none, |status| status.term.to_string()),
            status.map_or_else(none, leader),
            status.map_or_else(none, |status| status.peers.to_string()),
            format!("http://{}", one.rpc),
        ]);
    }
    table.print()?;
    for one in shown {
        if let Some(reason) = &one.last_error {
            output::line(format_args!("{} ended: {reason}", one.name))?;
        }
    }
    Ok(())
}
