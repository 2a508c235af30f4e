//! Whether transactions that append to lists and read lists took place one after another, in real time's order.
//!
//! Every value is appended once, so a list tells in which order its writers took place, and a read tells what it
//! came after and what it came before. These relations and real time make a graph; a cycle in it means that no
//! order of the transactions explains what clients saw. This is the idea of the checker Elle (Kingsbury and Alvaro,
//! "Elle: Inferring Isolation Anomalies from Experimental Observations", VLDB 2020), for one kind of object.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::history::{Call, ListStep, Operation, Told};

/// The lists at the end, by key.
pub(crate) type Lists = BTreeMap<i64, Vec<i64>>;

/// What a transaction did to one list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Append { key: i64, value: i64 },
    Read { key: i64, seen: Vec<i64> },
}

/// A transaction as the checker sees it.
#[derive(Debug)]
struct Transaction {
    steps: Vec<Step>,
    asked: u64,
    /// None where nobody was told of its end: it may have ended at any time after `asked`.
    ended: Option<u64>,
}

/// What is wrong; nothing where the history is strictly serialisable.
pub(crate) fn check(operations: &[Operation], lists: &Lists) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut positions: HashMap<i64, (i64, usize)> = HashMap::new();
    for (key, list) in lists {
        for (index, value) in list.iter().enumerate() {
            if positions.insert(*value, (*key, index)).is_some() {
                wrong.push(format!("twice: {value} was appended more than once"));
            }
        }
    }
    let transactions = transactions(operations, &positions, &mut wrong);
    let writers = writers(&transactions);
    for value in positions
        .keys()
        .filter(|value| !writers.contains_key(value))
    {
        wrong.push(format!(
            "from nowhere: nobody appended {value} with success"
        ));
    }
    for transaction in &transactions {
        check_reads(transaction, lists, &mut wrong);
    }
    if wrong.is_empty() {
        let graph = graph(&transactions, lists, &writers);
        if let Some(cycle) = cycle(&graph) {
            let steps: Vec<_> = cycle.iter().map(|index| &transactions[*index]).collect();
            wrong.push(format!("no order explains these transactions: {steps:?}"));
        }
    }
    wrong
}

/// The transactions that took place. One without an answer took place if its values are there.
fn transactions(
    operations: &[Operation],
    positions: &HashMap<i64, (i64, usize)>,
    wrong: &mut Vec<String>,
) -> Vec<Transaction> {
    let mut found = Vec::new();
    for operation in operations {
        let steps = match &operation.call {
            Call::Lists(steps) => steps.clone(),
            Call::Look(keys) => keys
                .iter()
                .map(|key| ListStep::Read { key: *key })
                .collect(),
            _ => continue,
        };
        let appended: Vec<(i64, i64)> = steps
            .iter()
            .filter_map(|step| match step {
                ListStep::Append { key, value } => Some((*key, *value)),
                ListStep::Read { .. } => None,
            })
            .collect();
        let present = appended
            .iter()
            .filter(|(key, value)| positions.get(value).is_some_and(|(at, _)| at == key))
            .count();
        if operation.is_refused() {
            if present > 0 {
                wrong.push(format!("applied although refused: {operation:?}"));
            }
            continue;
        }
        let seen = match &operation.told {
            Some((at, Told::Lists(seen))) => Some((*at, seen)),
            _ => None,
        };
        if present < appended.len() && (present > 0 || seen.is_some()) {
            let word = if present > 0 { "in part" } else { "lost" };
            wrong.push(format!("{word}: {operation:?}"));
            continue;
        }
        // What was not answered and left no trace did not take place, or nobody can tell.
        if seen.is_none() && present == 0 {
            continue;
        }
        found.push(Transaction {
            steps: with_seen(&steps, seen.map(|(_, seen)| seen.as_slice())),
            asked: operation.asked,
            ended: seen.map(|(at, _)| at),
        });
    }
    found
}

fn with_seen(steps: &[ListStep], seen: Option<&[Vec<i64>]>) -> Vec<Step> {
    let mut reads = seen.unwrap_or_default().iter();
    let mut made = Vec::new();
    for step in steps {
        match step {
            ListStep::Append { key, value } => made.push(Step::Append {
                key: *key,
                value: *value,
            }),
            ListStep::Read { key } => made.extend(reads.next().map(|seen| Step::Read {
                key: *key,
                seen: seen.clone(),
            })),
        }
    }
    made
}

/// Which transaction appended a value.
fn writers(transactions: &[Transaction]) -> HashMap<i64, usize> {
    let mut writers = HashMap::new();
    for (index, transaction) in transactions.iter().enumerate() {
        for step in &transaction.steps {
            if let Step::Append { value, .. } = step {
                writers.insert(*value, index);
            }
        }
    }
    writers
}

/// A read must see the beginning of the list, and of its own transaction's values those appended before it.
fn check_reads(transaction: &Transaction, lists: &Lists, wrong: &mut Vec<String>) {
    let mut own: HashMap<i64, Vec<i64>> = HashMap::new();
    let all_own: HashSet<i64> = transaction
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Append { value, .. } => Some(*value),
            Step::Read { .. } => None,
        })
        .collect();
    for step in &transaction.steps {
        match step {
            Step::Append { key, value } => own.entry(*key).or_default().push(*value),
            Step::Read { key, seen } => {
                let whole = lists.get(key).map(Vec::as_slice).unwrap_or_default();
                if !whole.starts_with(seen) {
                    wrong.push(format!(
                        "a read of {key} saw what never was: {seen:?}, the list is {whole:?}"
                    ));
                }
                let expected = own.get(key).map(Vec::as_slice).unwrap_or_default();
                let of_own: Vec<i64> = seen
                    .iter()
                    .copied()
                    .filter(|value| all_own.contains(value))
                    .collect();
                if of_own != expected {
                    wrong.push(format!(
                        "a transaction did not see its own appends to {key}: {transaction:?}"
                    ));
                }
            }
        }
    }
}

/// Who must come before whom: for each transaction those that come after it.
fn graph(
    transactions: &[Transaction],
    lists: &Lists,
    writers: &HashMap<i64, usize>,
) -> Vec<Vec<usize>> {
    let mut after = vec![Vec::new(); transactions.len()];
    let mut edge = |from: usize, to: usize| {
        if from != to {
            after[from].push(to);
        }
    };
    for list in lists.values() {
        for pair in list.windows(2) {
            edge(writers[&pair[0]], writers[&pair[1]]);
        }
    }
    for (index, transaction) in transactions.iter().enumerate() {
        for step in &transaction.steps {
            let Step::Read { key, seen } = step else {
                continue;
            };
            if let Some(last) = seen.last() {
                edge(writers[last], index);
            }
            let next = lists.get(key).and_then(|list| list.get(seen.len()));
            if let Some(next) = next {
                edge(index, writers[next]);
            }
        }
    }
    for (from, to) in in_real_time(transactions) {
        edge(from, to);
    }
    after
}

/// Pairs of transactions of which the first had ended before the second began; those that follow from others are
/// left out.
fn in_real_time(transactions: &[Transaction]) -> Vec<(usize, usize)> {
    // At the same instant a beginning comes first: the two are then concurrent.
    let mut events: Vec<(u64, bool, usize)> = Vec::new();
    for (index, transaction) in transactions.iter().enumerate() {
        events.push((transaction.asked, false, index));
        if let Some(ended) = transaction.ended {
            events.push((ended, true, index));
        }
    }
    events.sort_unstable();
    let mut pairs = Vec::new();
    // Ended, and not known to be before another that has ended.
    let mut latest: Vec<usize> = Vec::new();
    let mut before: HashMap<usize, Vec<usize>> = HashMap::new();
    for (_, is_end, index) in events {
        if is_end {
            let earlier = before.remove(&index).unwrap_or_default();
            latest.retain(|other| !earlier.contains(other));
            latest.push(index);
        } else {
            pairs.extend(latest.iter().map(|earlier| (*earlier, index)));
            before.insert(index, latest.clone());
        }
    }
    pairs
}

/// A cycle, if there is one: what is left when everything that comes after nothing has been taken away, again and
/// again, is followed backwards until a transaction comes up twice.
fn cycle(after: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); after.len()];
    let mut waits_for = vec![0usize; after.len()];
    for (from, followers) in after.iter().enumerate() {
        for to in followers {
            before[*to].push(from);
            waits_for[*to] += 1;
        }
    }
    let mut free: Vec<usize> = (0..after.len())
        .filter(|node| waits_for[*node] == 0)
        .collect();
    while let Some(node) = free.pop() {
        for to in &after[node] {
            waits_for[*to] -= 1;
            if waits_for[*to] == 0 {
                free.push(*to);
            }
        }
    }
    let mut node = waits_for.iter().position(|count| *count > 0)?;
    let mut path = Vec::new();
    loop {
        if let Some(start) = path.iter().position(|seen| *seen == node) {
            let mut cycle = path.split_off(start);
            cycle.reverse();
            return Some(cycle);
        }
        path.push(node);
        node = *before[node]
            .iter()
            .find(|earlier| waits_for[**earlier] > 0)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(key: i64, value: i64) -> ListStep {
        ListStep::Append { key, value }
    }

    fn read(key: i64) -> ListStep {
        ListStep::Read { key }
    }

    /// A transaction from `asked` to `ended` whose reads saw `seen`.
    fn done(asked: u64, ended: u64, steps: &[ListStep], seen: &[&[i64]]) -> Operation {
        Operation {
            call: Call::Lists(steps.to_vec()),
            asked,
            told: Some((
                ended,
                Told::Lists(seen.iter().map(|seen| seen.to_vec()).collect()),
            )),
        }
    }

    fn unanswered(asked: u64, steps: &[ListStep]) -> Operation {
        Operation {
            call: Call::Lists(steps.to_vec()),
            asked,
            told: None,
        }
    }

    fn lists(all: &[(i64, &[i64])]) -> Lists {
        all.iter()
            .map(|(key, list)| (*key, list.to_vec()))
            .collect()
    }

    /// The first word of each finding.
    fn words(operations: &[Operation], lists: &Lists) -> Vec<String> {
        let word = |text: String| text.split(' ').next().unwrap_or_default().to_owned();
        check(operations, lists).into_iter().map(word).collect()
    }

    #[test]
    fn a_history_that_has_an_order_passes() {
        let operations = [
            done(0, 10, &[append(1, 100), read(1)], &[&[100]]),
            // Concurrent with the first, and before it.
            done(5, 20, &[read(1)], &[&[]]),
            done(21, 30, &[append(1, 101), append(2, 200)], &[]),
            unanswered(25, &[append(2, 201)]),
            unanswered(26, &[append(2, 999)]),
            done(
                40,
                50,
                &[read(2), append(2, 202), read(2)],
                &[&[200, 201], &[200, 201, 202]],
            ),
        ];
        let lists = lists(&[(1, &[100, 101]), (2, &[200, 201, 202])]);
        assert_eq!(check(&operations, &lists), Vec::<String>::new());
    }

    #[test]
    fn lost_double_partial_and_refused_values_are_found() {
        let one = done(0, 1, &[append(1, 100)], &[]);
        assert_eq!(words(std::slice::from_ref(&one), &lists(&[])), ["lost:"]);
        let twice = lists(&[(1, &[100, 100])]);
        assert_eq!(words(std::slice::from_ref(&one), &twice), ["twice:"]);
        let stranger = lists(&[(1, &[100, 7])]);
        assert_eq!(words(&[one], &stranger), ["from"]);
        let part = unanswered(0, &[append(1, 100), append(2, 200)]);
        assert_eq!(words(&[part], &lists(&[(1, &[100])])), ["in", "from"]);
        let mut refused = unanswered(0, &[append(1, 100)]);
        refused.told = Some((
            1,
            Told::Failed {
                error: "no".into(),
                unknown: false,
            },
        ));
        assert_eq!(
            words(&[refused], &lists(&[(1, &[100])])),
            ["applied", "from"]
        );
    }

    #[test]
    fn a_read_behind_real_time_is_found() {
        let operations = [
            done(0, 10, &[append(1, 100)], &[]),
            done(20, 30, &[read(1)], &[&[]]),
        ];
        assert_eq!(words(&operations, &lists(&[(1, &[100])])), ["no"]);
        let concurrent = [operations[0].clone(), done(9, 30, &[read(1)], &[&[]])];
        assert!(check(&concurrent, &lists(&[(1, &[100])])).is_empty());
    }

    #[test]
    fn write_skew_and_torn_reads_are_found() {
        // Each of the two did not see the other.
        let skew = [
            done(0, 10, &[read(1), append(2, 200)], &[&[]]),
            done(0, 10, &[read(2), append(1, 100)], &[&[]]),
        ];
        assert_eq!(words(&skew, &lists(&[(1, &[100]), (2, &[200])])), ["no"]);
        let torn = [
            done(0, 10, &[append(1, 100), append(2, 200)], &[]),
            done(0, 10, &[read(1), read(2)], &[&[100], &[]]),
        ];
        assert_eq!(words(&torn, &lists(&[(1, &[100]), (2, &[200])])), ["no"]);
    }

    #[test]
    fn reads_of_what_never_was_are_found() {
        let operations = [done(0, 1, &[append(1, 100), read(1)], &[&[]])];
        assert_eq!(words(&operations, &lists(&[(1, &[100])])), ["a"]);
        let operations = [
            done(0, 1, &[append(1, 100)], &[]),
            done(0, 1, &[append(1, 101)], &[]),
            done(0, 9, &[read(1)], &[&[101]]),
        ];
        assert_eq!(words(&operations, &lists(&[(1, &[100, 101])])), ["a"]);
    }

    #[test]
    fn real_time_leaves_out_only_what_follows() {
        let transaction = |asked, ended| Transaction {
            steps: Vec::new(),
            asked,
            ended,
        };
        let transactions = [
            transaction(0, Some(1)),
            transaction(2, Some(3)),
            transaction(0, None),
            transaction(4, Some(5)),
            transaction(1, Some(9)),
        ];
        let mut pairs = in_real_time(&transactions);
        pairs.sort_unstable();
        assert_eq!(pairs, [(0, 1), (1, 3)]);
    }
}
