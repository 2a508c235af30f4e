//! Takes turns between a raw client and a plugin, and makes a table of the ratios of their times.

use std::time::Instant;

/// How much is done.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) rounds: usize,
    pub(crate) rows: i64,
    pub(crate) points: usize,
}

/// One side of a comparison: the same work, and what it read as a check that it was done.
pub(crate) trait Side {
    /// Reads one row by its key `count` times; answers the sum of what was read.
    fn points(&mut self, count: usize, rows: i64) -> i64;
    /// Reads every cell of every row; answers a sum over them.
    fn scan(&mut self) -> i64;
    /// Inserts `rows` rows into an empty table, and empties it again outside the measured time.
    fn bulk_insert(&mut self, rows: i64);
    /// Empties the table of the bulk insert; answers how many rows were in it.
    fn empty(&mut self) -> i64;
}

/// The keys that are asked for, the same for both sides, spread over the table.
pub(crate) fn key(number: usize, rows: i64) -> i64 {
    (number as i64).wrapping_mul(7_919).rem_euclid(rows) + 1
}

/// The rows that are inserted: number, name, weight.
pub(crate) fn row(number: i64) -> (i64, String, f64) {
    (number, format!("name of row {number}"), number as f64 * 0.5)
}

/// The sum over a row's cells that both sides compute.
pub(crate) fn sum(number: i64, name: &str, weight: f64) -> i64 {
    number + name.len() as i64 + weight as i64
}

#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
    /// What a scan did to memory, a sentence for each engine.
    memory: Vec<String>,
}

struct Line {
    work: String,
    raw: f64,
    plugin: f64,
    ratio: f64,
    target: f64,
}

/// One comparison.
struct Work<'w> {
    name: String,
    target: f64,
    /// Units of the printed time in a second.
    unit: f64,
    run: &'w dyn Fn(&mut dyn Side) -> i64,
}

impl Table {
    /// Runs all three works on both sides in turn.
    pub(crate) fn compare(
        &mut self,
        engine: &str,
        sizes: Sizes,
        raw: &mut dyn Side,
        plugin: &mut dyn Side,
    ) {
        let works = [
            Work {
                name: format!("{engine}: point query, us"),
                target: 1.10,
                unit: 1e6 / sizes.points as f64,
                run: &|side| side.points(sizes.points, sizes.rows),
            },
            Work {
                name: format!("{engine}: scan, ms"),
                target: 1.15,
                unit: 1e3,
                run: &|side| side.scan(),
            },
            Work {
                name: format!("{engine}: bulk insert, ms"),
                target: 1.15,
                unit: 1e3,
                run: &|side| {
                    side.bulk_insert(sizes.rows);
                    sizes.rows
                },
            },
        ];
        // Before anything else: later, memory that is kept for reuse would hide what a scan takes.
        self.memory.push(format!(
            "{engine}: the first scan raised the peak of this process's memory by {} KiB (plugin), {} KiB (raw client)",
            growth(plugin),
            growth(raw)
        ));
        for work in works {
            self.lines
                .push(take_turns(&work, sizes.rounds, raw, plugin));
        }
    }

    pub(crate) fn show(&self, sizes: Sizes) -> String {
        let mut table = comfy_table::Table::new();
        table.set_header(["work", "raw client", "plugin", "ratio", "target", "met"]);
        for line in &self.lines {
            table.add_row([
                line.work.clone(),
                format!("{:.1}", line.raw),
                format!("{:.1}", line.plugin),
                format!("{:.3}", line.ratio),
                format!("<= {:.2}", line.target),
                if line.ratio <= line.target {
                    "yes"
                } else {
                    "no"
                }
                .to_owned(),
            ]);
        }
        let memory = self.memory.join("\n");
        format!(
            "{table}\n{memory}\nmedians of {} rounds in turns; {} rows, {} point queries a round",
            sizes.rounds, sizes.rows, sizes.points
        )
    }
}

fn take_turns(work: &Work<'_>, rounds: usize, raw: &mut dyn Side, plugin: &mut dyn Side) -> Line {
    let mut measured: Vec<(f64, f64)> = Vec::new();
    // The first round fills caches, and is not counted.
    for round in 0..=rounds {
        let (raw_time, raw_sum) = time(raw, work.run);
        let (plugin_time, plugin_sum) = time(plugin, work.run);
        assert_eq!(
            raw_sum, plugin_sum,
            "{}: the two sides did not read the same",
            work.name
        );
        if round > 0 {
            measured.push((raw_time * work.unit, plugin_time * work.unit));
        }
    }
    Line {
        work: work.name.clone(),
        raw: median(measured.iter().map(|(raw, _)| *raw)),
        plugin: median(measured.iter().map(|(_, plugin)| *plugin)),
        ratio: median(measured.iter().map(|(raw, plugin)| plugin / raw)),
        target: work.target,
    }
}

/// By how many KiB a scan raises the peak of this process's memory above what it has before.
fn growth(side: &mut dyn Side) -> u64 {
    // Writing 5 here sets the peak back to the present: proc_pid_clear_refs(5).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    side.scan();
    memory("VmHWM:").saturating_sub(before)
}

fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn time(side: &mut dyn Side, run: &dyn Fn(&mut dyn Side) -> i64) -> (f64, i64) {
    let begun = Instant::now();
    let sum = run(side);
    let seconds = begun.elapsed().as_secs_f64();
    (seconds, sum + side.empty())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
