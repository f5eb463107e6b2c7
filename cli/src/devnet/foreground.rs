//! Starting a network, and watching it in the foreground.

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt,
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

use super::{
    children,
    plan::{Plan, Wanted},
};
use crate::{
    accounts::title,
    dev::FundArgs,
    error::Failure,
    output,
    run::Signals,
    screen::{Moment, PERIOD, Screen},
    units,
};

/// How long a network may take to elect its first leader before we say that it does not.
const FIRST_LEADER: Duration = Duration::from_secs(60);

/// Starts all validators and returns as soon as there is a leader.
pub(super) async fn detached(plan: Plan) -> Result<(), Failure> {
    let (plan, mut children) = start(&plan)?;
    let endpoints = plan.endpoints()?;
    let began = Instant::now();
    loop {
        let moment = Moment::of(&endpoints).await;
        if let Some((_, term, name)) = moment.leader() {
            announce(&plan)?;
            let took = units::millis(began.elapsed());
            return output::line(format_args!("leader {name} in term {term} after {took}"));
        }
        if let Some(number) = (0..endpoints.len()).find(|number| plan.running(*number).is_none()) {
            let reason = why(&plan, number, children[number].try_wait().ok().flatten());
            stop_all(&plan).await?;
            return Err(Failure::node(reason));
        }
        if began.elapsed() > FIRST_LEADER {
            return Err(Failure::node(format!(
                "no leader after {FIRST_LEADER:?}: {}; the validators go on, see their logs in {}",
                moment.progress(),
                plan.dir.display()
            )));
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// Starts all validators, shows what they do, and stops them on Ctrl-C.
pub(super) async fn watched(plan: Plan, funds: &FundArgs) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    funds.print(&funds.derive()?)?;
    let (plan, children) = start(&plan)?;
    let mut watch = Watch::new(&plan, children)?;
    let shown = match announce(&plan) {
        Ok(()) => watch.until(&mut signals).await,
        gone => gone,
    };
    // What we started is stopped, also when nobody can read what we print.
    let (plan, ()) = Plan::update(&plan.dir, |plan| {
        plan.network.wanted = Wanted::Stopped;
        Ok(())
    })?;
    let running = (0..plan.network.nodes.len()).any(|number| plan.running(number).is_some());
    let said = (shown.is_ok() && running).then(|| output::line("stopping all validators in order"));
    tokio::select! {
        stopped = stop_all(&plan) => stopped?,
        () = signals.next() => {
            return Err(Failure::interrupted(format!(
                "left before all validators had stopped; see `mokka devnet status --dir {}`",
                plan.dir.display()
            )));
        }
    }
    said.unwrap_or(Ok(())).and(shown)
}

fn start(plan: &Plan) -> Result<(Plan, Vec<Child>), Failure> {
    Plan::update(&plan.dir, |plan| {
        plan.network.wanted = Wanted::Running;
        (0..plan.network.nodes.len()).map(|number| children::spawn(plan, number)).collect()
    })
}

async fn stop_all(plan: &Plan) -> Result<(), Failure> {
    let all: Vec<_> = (0..plan.network.nodes.len()).collect();
    children::stop(plan, &all).await
}

fn announce(plan: &Plan) -> Result<(), Failure> {
    let network = &plan.network;
    title("Network")?;
    output::line(format_args!("Chain ID:          {}", network.chain_id))?;
    output::line(format_args!(
        "Validators:        {}, crash model {}",
        network.nodes.len(),
        network.crash_model
    ))?;
    output::line(format_args!("Directory:         {}\n", plan.dir.display()))?;
    for member in &network.nodes {
        output::line(format_args!(
            "{}  http://{rpc}  ws://{rpc}  metrics http://{}/metrics",
            member.name,
            member.metrics,
            rpc = member.rpc
        ))?;
    }
    output::line("")
}

/// What is known of the end of a validator; `how` comes from the system, for children of ours.
fn why(plan: &Plan, number: usize, how: Option<ExitStatus>) -> String {
    let log = plan.log(number);
    let name = &plan.network.nodes[number].name;
    if let Some(signal) = how.and_then(|how| how.signal()) {
        // It had no time to say anything.
        return format!("{name} was ended by signal {signal}; its log is {}", log.display());
    }
    match children::last_error(&log) {
        Some(reason) => format!("{name} ended: {reason} (its log is {})", log.display()),
        None => format!("{name} ended and gave no reason, as when killed; see {}", log.display()),
    }
}

/// What the foreground keeps in mind.
struct Watch {
    plan: Plan,
    children: Vec<Child>,
    running: Vec<Option<u32>>,
    screen: Screen,
}

impl Watch {
    fn new(plan: &Plan, children: Vec<Child>) -> Result<Self, Failure> {
        let running = plan.network.nodes.iter().map(|member| member.pid).collect();
        let screen = Screen::new(plan.endpoints()?);
        Ok(Self { plan: plan.clone(), children, running, screen })
    }

    /// Until a signal, or until somebody else stopped the network.
    async fn until(&mut self, signals: &mut Signals) -> Result<(), Failure> {
        loop {
            tokio::select! {
                () = signals.next() => return Ok(()),
                () = tokio::time::sleep(PERIOD) => {}
            }
            self.show_processes()?;
            let nobody = self.running.iter().all(Option::is_none);
            if nobody && self.plan.network.wanted == Wanted::Stopped {
                return Ok(());
            }
            if !nobody {
                self.screen.refresh().await?;
            }
        }
    }

    /// Says who ended and who was started again. Nobody is restarted in silence.
    fn show_processes(&mut self) -> Result<(), Failure> {
        let mut ends = BTreeMap::new();
        for child in &mut self.children {
            // Remembered by the system until we ask, and by the child for ever after.
            if let Ok(Some(how)) = child.try_wait() {
                ends.insert(child.id(), how);
            }
        }
        self.plan = Plan::open(&self.plan.dir)?;
        for number in 0..self.running.len() {
            let (before, now) = (self.running[number], self.plan.running(number));
            if before == now {
                continue;
            }
            self.running[number] = now;
            let name = &self.plan.network.nodes[number].name;
            let text = match now {
                Some(pid) => format!("{name} was started (process {pid})"),
                None if self.plan.network.wanted == Wanted::Stopped => format!("{name} stopped"),
                None => format!(
                    "{}; start it again with `mokka devnet restart {number} --dir {}`",
                    why(&self.plan, number, before.and_then(|pid| ends.get(&pid).copied())),
                    self.plan.dir.display()
                ),
            };
            self.screen.line(&text)?;
        }
        Ok(())
    }
}
