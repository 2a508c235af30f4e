//! What a loaded library holds of this process's memory, as the kernel counts it.

use std::fs;

/// KiB in memory of the mapped library whose private copy has this hash; 0 where that cannot be read.
pub fn resident_kib(hash: &str) -> u64 {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    of_library(&maps, hash)
}

/// Sums the lines `Rss:` of the mappings whose file has `hash` in its name; see proc_pid_smaps(5).
fn of_library(maps: &str, hash: &str) -> u64 {
    let mut is_meant = false;
    let mut sum = 0;
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("Rss:") if is_meant => {
                sum += words
                    .next()
                    .and_then(|kib| kib.parse::<u64>().ok())
                    .unwrap_or(0);
            }
            // A mapping begins with its addresses.
            Some(first) if !first.ends_with(':') => is_meant = line.contains(hash),
            _ => {}
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mappings_of_the_library_are_summed() {
        let maps = "7f00-7f01 r-xp 00000000 08:01 7 /c/aa.so\nSize: 8 kB\nRss: 5 kB\nPss: 3 kB\n\
                    7f01-7f02 rw-p 00000000 00:00 0\nRss: 100 kB\n\
                    7f02-7f03 rw-p 00001000 08:01 7 /c/aa.so\nRss: 2 kB\n";
        assert_eq!(of_library(maps, "aa"), 7);
        assert_eq!(of_library(maps, "bb"), 0);
    }
}
