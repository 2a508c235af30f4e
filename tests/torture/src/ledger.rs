//! Whether every acknowledged write is there exactly once, no other twice, and no money came or went.

use std::collections::{BTreeMap, HashMap};

use crate::history::{Call, Operation, Told};

/// Accounts of the bank.
pub(crate) const ACCOUNTS: i64 = 8;

/// What each account has at the beginning.
pub(crate) const BALANCE: i64 = 1_000;

/// What is in the tables at the end.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// How often each value is in `writes`.
    pub(crate) writes: HashMap<i64, u32>,
    /// How often each transfer is in `transfers`.
    pub(crate) transfers: HashMap<i64, u32>,
    /// The balance of each account.
    pub(crate) balances: BTreeMap<i64, i64>,
}

/// What is wrong; nothing where every promise was kept.
pub(crate) fn check(operations: &[Operation], tables: &Tables) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut balances: BTreeMap<i64, i64> =
        (0..ACCOUNTS).map(|account| (account, BALANCE)).collect();
    let (mut writes, mut transfers) = (tables.writes.clone(), tables.transfers.clone());
    for operation in operations {
        match &operation.call {
            Call::Insert { value } | Call::InsertReturning { value } => {
                check_values(operation, &mut writes, *value..value + 1, &mut wrong);
            }
            Call::InsertMany { first, count } => {
                check_values(operation, &mut writes, *first..first + count, &mut wrong);
            }
            Call::Transfer {
                value,
                from,
                to,
                amount,
            } => {
                let times = check_values(operation, &mut transfers, *value..value + 1, &mut wrong);
                *balances.entry(*from).or_default() -= amount * i64::from(times);
                *balances.entry(*to).or_default() += amount * i64::from(times);
            }
            Call::Sum => check_sum(operation, &mut wrong),
            Call::Lists(_) | Call::Look(_) => {}
        }
    }
    for value in writes.keys().chain(transfers.keys()) {
        wrong.push(format!("from nowhere: nobody wrote {value}"));
    }
    if balances != tables.balances {
        wrong.push(format!(
            "the balances are {:?}, those of the transfers that are there {balances:?}",
            tables.balances
        ));
    }
    wrong
}

/// Takes the values of an operation out of `present`, and says how often they were there.
fn check_values(
    operation: &Operation,
    present: &mut HashMap<i64, u32>,
    values: std::ops::Range<i64>,
    wrong: &mut Vec<String>,
) -> u32 {
    let times: Vec<u32> = values
        .map(|value| present.remove(&value).unwrap_or(0))
        .collect();
    let least = times.iter().copied().min().unwrap_or(0);
    let most = times.iter().copied().max().unwrap_or(0);
    if most > 1 {
        wrong.push(format!("{most} times: {operation:?}"));
    } else if least < most {
        wrong.push(format!("in part: {operation:?}"));
    } else if operation.is_acknowledged() && least == 0 {
        wrong.push(format!("lost: {operation:?}"));
    } else if operation.is_refused() && most > 0 {
        wrong.push(format!("applied although refused: {operation:?}"));
    }
    most
}

fn check_sum(operation: &Operation, wrong: &mut Vec<String>) {
    if let Some((_, Told::Sum(sum))) = &operation.told
        && *sum != ACCOUNTS * BALANCE
    {
        wrong.push(format!("money came or went: {operation:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(call: Call, told: Option<Told>) -> Operation {
        Operation {
            call,
            asked: 0,
            told: told.map(|told| (1, told)),
        }
    }

    fn tables(writes: &[(i64, u32)]) -> Tables {
        Tables {
            writes: writes.iter().copied().collect(),
            transfers: HashMap::new(),
            balances: (0..ACCOUNTS).map(|account| (account, BALANCE)).collect(),
        }
    }

    fn failed(unknown: bool) -> Option<Told> {
        Some(Told::Failed {
            error: "x".into(),
            unknown,
        })
    }

    /// The first words of what is wrong when one row was written and is there so often.
    fn one_row(told: Option<Told>, times: u32) -> Vec<String> {
        let rows: Vec<(i64, u32)> = (times > 0).then_some((7, times)).into_iter().collect();
        let wrong = check(
            &[operation(Call::Insert { value: 7 }, told)],
            &tables(&rows),
        );
        wrong
            .into_iter()
            .map(|text| text.split(':').next().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn an_acknowledged_row_is_there_once_and_others_at_most_once() {
        let nothing = Vec::<String>::new();
        assert_eq!(one_row(Some(Told::Done), 1), nothing);
        assert_eq!(one_row(Some(Told::Done), 0), ["lost"]);
        assert_eq!(one_row(Some(Told::Done), 2), ["2 times"]);
        assert_eq!(one_row(None, 0), nothing);
        assert_eq!(one_row(None, 1), nothing);
        assert_eq!(one_row(None, 2), ["2 times"]);
        assert_eq!(one_row(failed(true), 1), nothing);
        assert_eq!(one_row(failed(false), 0), nothing);
        assert_eq!(one_row(failed(false), 1), ["applied although refused"]);
    }

    #[test]
    fn a_batch_is_there_as_a_whole_and_strangers_are_noticed() {
        let batch = operation(Call::InsertMany { first: 5, count: 3 }, None);
        let wrong = |rows: &[(i64, u32)]| check(std::slice::from_ref(&batch), &tables(rows));
        assert!(wrong(&[]).is_empty());
        assert!(wrong(&[(5, 1), (6, 1), (7, 1)]).is_empty());
        assert!(wrong(&[(5, 1), (7, 1)])[0].starts_with("in part"));
        assert!(wrong(&[(9, 1)])[0].starts_with("from nowhere"));
    }

    #[test]
    fn balances_are_those_of_the_transfers_that_took_place() {
        let transfer = Call::Transfer {
            value: 1,
            from: 0,
            to: 1,
            amount: 30,
        };
        let mut tables = tables(&[]);
        tables.transfers.insert(1, 1);
        let operations = [operation(transfer, None)];
        assert_eq!(check(&operations, &tables).len(), 1);
        tables.balances.insert(0, BALANCE - 30);
        tables.balances.insert(1, BALANCE + 30);
        assert!(check(&operations, &tables).is_empty());
        let sum = operation(Call::Sum, Some(Told::Sum(ACCOUNTS * BALANCE - 1)));
        assert!(check(&[sum], &self::tables(&[]))[0].starts_with("money"));
    }
}
