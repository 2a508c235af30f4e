//! Decides when a worker that ended is started again: soon at first, later and later, and at last not at all.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How patient a host is with a worker that keeps ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Delay before the first restart; default none, so that a killed DB worker is back at once.
    pub first_delay: Duration,
    /// Delay before the second restart within `period`, which doubles with each one after it;
    /// default 50 ms.
    pub second_delay: Duration,
    /// Longest delay, reached by doubling; default 30 s.
    pub max_delay: Duration,
    /// Restarts allowed within `period`; default 10. One more and the worker is failed.
    pub max_restarts: usize,
    /// The time that restarts are counted over, and after which they are forgiven; default 60 s.
    pub period: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        RestartPolicy {
            first_delay: Duration::ZERO,
            second_delay: Duration::from_millis(50),
            max_delay: Duration::from_secs(30),
            max_restarts: 10,
            period: Duration::from_secs(60),
        }
    }
}

/// What to do about a worker that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartDecision {
    /// Start it again after this delay.
    After(Duration),
    /// Leave it.
    GiveUp,
}

/// The restarts of one worker.
#[derive(Debug)]
pub struct RestartHistory {
    policy: RestartPolicy,
    /// When restarts within the current period were decided, oldest first.
    recent: VecDeque<Instant>,
}

impl RestartHistory {
    /// Nothing happened yet.
    pub fn new(policy: RestartPolicy) -> RestartHistory {
        RestartHistory {
            policy,
            recent: VecDeque::new(),
        }
    }

    /// The worker ended at `now`. `jitter`, from 0 to 1, spreads the delay by up to a fifth either
    /// way, so that workers that fell together do not rise together.
    pub fn ended(&mut self, now: Instant, jitter: f64) -> RestartDecision {
        while self
            .recent
            .front()
            .is_some_and(|then| now.duration_since(*then) >= self.policy.period)
        {
            self.recent.pop_front();
        }
        if self.recent.len() >= self.policy.max_restarts {
            return RestartDecision::GiveUp;
        }
        let delay = match self.recent.len() {
            0 => self.policy.first_delay,
            before => {
                let doublings = u32::try_from(before - 1).unwrap_or(u32::MAX);
                let factor = 2u32.saturating_pow(doublings);
                self.policy.second_delay.saturating_mul(factor)
            }
        };
        let delay = delay.min(self.policy.max_delay);
        self.recent.push_back(now);
        RestartDecision::After(delay.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: f64 = 0.5;

    fn seconds(number: f64) -> Duration {
        Duration::from_secs_f64(number)
    }

    fn delay(history: &mut RestartHistory, now: Instant) -> f64 {
        match history.ended(now, EVEN) {
            RestartDecision::After(delay) => delay.as_secs_f64(),
            RestartDecision::GiveUp => f64::INFINITY,
        }
    }

    #[test]
    fn delays_double_up_to_the_longest_and_then_it_gives_up() {
        let policy = RestartPolicy {
            max_delay: seconds(1.0),
            max_restarts: 7,
            ..RestartPolicy::default()
        };
        let mut history = RestartHistory::new(policy);
        let now = Instant::now();
        let delays: Vec<f64> = (0..8).map(|_| delay(&mut history, now)).collect();
        assert_eq!(delays, [0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, f64::INFINITY]);
    }

    #[test]
    fn a_quiet_period_forgives() {
        let mut history = RestartHistory::new(RestartPolicy {
            max_restarts: 2,
            ..RestartPolicy::default()
        });
        let start = Instant::now();
        assert_eq!(delay(&mut history, start), 0.0);
        assert_eq!(delay(&mut history, start + seconds(30.0)), 0.05);
        // The first is forgiven, the second still counts.
        assert_eq!(delay(&mut history, start + seconds(60.0)), 0.05);
        assert_eq!(
            history.ended(start + seconds(61.0), EVEN),
            RestartDecision::GiveUp
        );
        assert_eq!(delay(&mut history, start + seconds(600.0)), 0.0);
    }

    #[test]
    fn jitter_spreads_by_a_fifth_either_way() {
        let now = Instant::now();
        let second = |jitter| {
            let mut history = RestartHistory::new(RestartPolicy::default());
            history.ended(now, jitter);
            history.ended(now, jitter)
        };
        assert_eq!(
            second(0.0),
            RestartDecision::After(Duration::from_millis(40))
        );
        assert_eq!(
            second(1.0),
            RestartDecision::After(Duration::from_millis(60))
        );
    }
}
