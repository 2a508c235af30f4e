//! Many clients at once on a large database, and as many heartbeats as a day has seconds.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Result;
use crate::machine::evenness;
use crate::place::{Place, host_program, memory_kib};
use crate::scale::Scale;
use crate::serving::{Client, Serving};
use crate::table::{Row, quantile};

/// Clients at once.
const CLIENTS: usize = 100;

/// Functions of one file.
const FUNCTIONS: usize = 40;

/// Time from an answer to the next question of a client that thinks.
const THOUGHT: Duration = Duration::from_millis(200);

/// `list_code_entities` over 100,000 entities, by clients that think and by clients that never stop; before it, how evenly the
/// machine runs, without which a p99 says little.
pub(crate) fn clients(scale: &Scale) -> Result<Vec<Row>> {
    let place = indexed(scale.entities)?;
    let serving = Serving::start(&place)?;
    let mut rows = vec![evenness()?];
    let everything = json!({ "limit": 20 });
    let project = json!({ "limit": 20, "root_dir": place.path().join("tree") });
    for (kind, params, thought) in [
        ("5 a second each", &everything, THOUGHT),
        ("of one project, 5 a second each", &project, THOUGHT),
        ("without a pause", &everything, Duration::ZERO),
    ] {
        let call =
            json!({"jsonrpc": "2.0", "id": 1, "method": "list_code_entities", "params": params});
        let call = call.to_string();
        let (calls, rate) = all_clients(&serving.address, &call, thought, scale.together)?;
        let mut times: Vec<f64> = calls.iter().map(|call| call.milliseconds).collect();
        let (half, last) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
        let usual = p99_of_the_middle_second(&calls);
        let work = format!("list_code_entities, {CLIENTS} clients, {kind}");
        let ours = format!(
            "p50 {half:.1} ms, p99 {last:.1} ms ({usual:.1} ms in the middle one of all seconds), \
             {rate:.0} a second, no error"
        );
        rows.push(Row::alone(&work, ours, "p99 under 50 ms", last < 50.0));
    }
    Ok(rows)
}

/// One heartbeat for every second of a day, and what they leave in memory.
pub(crate) fn heartbeats(scale: &Scale) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let serving = Serving::start(&place)?;
    let mut client = Client::connect(&serving.address)?;
    let mut beat = |times: usize| -> Result<()> {
        for _ in 0..times {
            client.ask("GET /heartbeat", "")?;
            client.ask("GET /health", "")?;
        }
        Ok(())
    };
    let server = *serving.family()?.first().ok_or("there is no server")?;
    // Whatever is made at first use is made then.
    beat(scale.heartbeats / 10)?;
    let before = memory_kib(server, "VmRSS")?;
    beat(scale.heartbeats)?;
    let after = memory_kib(server, "VmRSS")?;
    let grown = after.saturating_sub(before);
    Ok(vec![Row::alone(
        &format!(
            "{} heartbeats and checks of health, memory of the server",
            scale.heartbeats
        ),
        format!("{before} KiB before, {after} KiB after"),
        "grows by less than 2 MiB",
        grown < 2048,
    )])
}

fn indexed(entities: usize) -> Result<Place> {
    let place = Place::new()?;
    let tree = place.path().join("tree");
    for file in 0..entities / FUNCTIONS {
        let directory = tree.join(format!("d{}", file % 50));
        fs::create_dir_all(&directory)?;
        let function =
            |n| format!("def f{file}_{n}(a, b):\n    \"\"\"Adds.\"\"\"\n    return a + b\n\n");
        let text: String = (0..FUNCTIONS).map(function).collect();
        fs::write(directory.join(format!("f{file}.py")), text)?;
    }
    let status = Command::new(host_program()?)
        .arg("--config")
        .arg(place.config())
        .arg("index")
        .arg(&tree)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    match status.success() {
        true => Ok(place),
        false => Err("the tree cannot be indexed".into()),
    }
}

/// A call that was answered.
struct Answered {
    /// Whole seconds since its client began.
    second: u64,
    milliseconds: f64,
}

/// A machine that stands still for a moment has that moment in the p99 of one second only.
fn p99_of_the_middle_second(calls: &[Answered]) -> f64 {
    let mut by_second: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for call in calls {
        by_second
            .entry(call.second)
            .or_default()
            .push(call.milliseconds);
    }
    let mut last: Vec<f64> = by_second
        .values_mut()
        .map(|times| quantile(times, 0.99))
        .collect();
    quantile(&mut last, 0.5)
}

/// All calls, and how many there were in a second.
fn all_clients(
    address: &str,
    call: &str,
    thought: Duration,
    time: Duration,
) -> Result<(Vec<Answered>, f64)> {
    let started = Instant::now();
    let times = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    // So that they do not all ask at the same moment.
                    thread::sleep(thought * number as u32 / CLIENTS as u32);
                    one_client(address, call, thought, time)
                })
            })
            .collect();
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.join().map_err(|_| "a client panicked")??);
        }
        Result::Ok(all)
    })?;
    let rate = times.len() as f64 / started.elapsed().as_secs_f64();
    Ok((times, rate))
}

fn one_client(
    address: &str,
    call: &str,
    thought: Duration,
    time: Duration,
) -> Result<Vec<Answered>> {
    let mut client = Client::connect(address)?;
    let mut times = Vec::new();
    let started = Instant::now();
    while started.elapsed() < time {
        let asked = Instant::now();
        let answer = client.ask("POST /api/jsonrpc", call)?;
        times.push(Answered {
            second: started.elapsed().as_secs(),
            milliseconds: asked.elapsed().as_secs_f64() * 1000.0,
        });
        if !answer.windows(14).any(|part| part == br#""success":true"#) {
            return Err(format!("a call failed: {}", String::from_utf8_lossy(&answer)).into());
        }
        thread::sleep(thought);
    }
    Ok(times)
}
