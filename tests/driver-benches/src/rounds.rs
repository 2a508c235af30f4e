//! Takes turns between a raw client and a plugin, and makes a table of the ratios of their times.

use std::time::Instant;

use crate::Work;
use crate::cancelling;
use crate::loaded::Loaded;

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

pub(crate) struct Table<'w> {
    /// What is measured.
    works: &'w [Work],
    lines: Vec<Line>,
    /// What is no ratio: of memory, and of calls that were cancelled.
    sentences: Vec<String>,
}

struct Line {
    work: String,
    raw: f64,
    plugin: f64,
    ratio: f64,
    target: f64,
}

/// One comparison.
struct Comparison<'w> {
    work: Work,
    name: String,
    target: f64,
    /// Units of the printed time in a second.
    unit: f64,
    run: &'w dyn Fn(&mut dyn Side) -> i64,
}

impl<'w> Table<'w> {
    pub(crate) fn new(works: &'w [Work]) -> Self {
        Self {
            works,
            lines: Vec::new(),
            sentences: Vec::new(),
        }
    }

    /// Runs the works on both sides in turn.
    pub(crate) fn compare(
        &mut self,
        engine: &str,
        sizes: Sizes,
        raw: &mut dyn Side,
        plugin: &mut dyn Side,
    ) {
        let comparisons = [
            Comparison {
                work: Work::Point,
                name: format!("{engine}: point query, us"),
                target: 1.10,
                unit: 1e6 / sizes.points as f64,
                run: &|side| side.points(sizes.points, sizes.rows),
            },
            Comparison {
                work: Work::Scan,
                name: format!("{engine}: scan, ms"),
                target: 1.15,
                unit: 1e3,
                run: &|side| side.scan(),
            },
            Comparison {
                work: Work::Bulk,
                name: format!("{engine}: bulk insert, ms"),
                target: 1.15,
                unit: 1e3,
                run: &|side| {
                    side.bulk_insert(sizes.rows);
                    sizes.rows
                },
            },
        ];
        if self.works.contains(&Work::Scan) {
            // Before anything else: later, memory that is kept for reuse would hide what a scan takes.
            self.sentences.push(format!(
                "{engine}: the first scan raised the peak of this process's memory by {} KiB (plugin), {} KiB (raw \
                 client)",
                growth(plugin),
                growth(raw)
            ));
        }
        for comparison in comparisons {
            if self.works.contains(&comparison.work) {
                let line = take_turns(&comparison, sizes.rounds, raw, plugin);
                self.lines.push(line);
            }
        }
    }

    /// Cancels this query of the plugin a few times.
    pub(crate) fn cancel(&mut self, engine: &str, sql: &str, plugin: &mut Loaded) {
        if self.works.contains(&Work::Cancel) {
            let sentence = cancelling::measure(sql, plugin);
            self.sentences.push(format!("{engine}: {sentence}"));
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
        let sentences = self.sentences.join("\n");
        format!(
            "{table}\n{sentences}\nmedians of {} rounds in turns; {} rows, {} point queries a round",
            sizes.rounds, sizes.rows, sizes.points
        )
    }
}

fn take_turns(
    work: &Comparison<'_>,
    rounds: usize,
    raw: &mut dyn Side,
    plugin: &mut dyn Side,
) -> Line {
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

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
