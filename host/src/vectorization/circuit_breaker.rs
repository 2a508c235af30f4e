//! When to ask a model again that has failed: soon at first, then seldom, so that a dead service costs nothing.

use std::time::{Duration, Instant};

/// The pause that follows when the model is given up for now; each further one is twice as long.
const FIRST_REST: Duration = Duration::from_secs(30);

/// The longest pause.
const LONGEST_REST: Duration = Duration::from_secs(600);

/// Counts failures in a row, and says how long nothing is to be asked.
#[derive(Debug)]
pub struct CircuitBreaker {
    /// Failures after which the circuit is open.
    attempts: u32,
    /// The first pause while it is closed.
    delay: Duration,
    failures: u32,
    closed_until: Option<Instant>,
}

impl CircuitBreaker {
    /// A closed one that opens after so many failures in a row, at least one; `delay` is the pause after the first.
    pub fn new(attempts: u32, delay: Duration) -> Self {
        Self {
            attempts: attempts.max(1),
            delay,
            failures: 0,
            closed_until: None,
        }
    }

    /// Whether the model is given up for now; one question is asked when the pause is over.
    pub fn is_open(&self) -> bool {
        self.failures >= self.attempts
    }

    /// How long nothing is to be asked from `now` on.
    pub fn pause(&self, now: Instant) -> Duration {
        self.closed_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// The model has answered.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.closed_until = None;
    }

    /// The model has failed at `now`; `is_final` where another attempt soon would be in vain.
    pub fn failed(&mut self, now: Instant, is_final: bool) {
        self.failures = self.failures.saturating_add(1);
        if is_final {
            self.failures = self.failures.max(self.attempts);
        }
        let pause = match self.failures.checked_sub(self.attempts) {
            None => doubled(self.delay, self.failures - 1),
            Some(rests) => doubled(FIRST_REST, rests),
        };
        self.closed_until = Some(now + pause);
    }
}

fn doubled(pause: Duration, times: u32) -> Duration {
    let factor = 1_u32.checked_shl(times.min(20)).unwrap_or(u32::MAX);
    pause.saturating_mul(factor).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_until_the_circuit_opens_and_then_further() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::new(3, SECOND);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            breaker.failed(now, false);
            pauses.push((breaker.pause(now).as_secs(), breaker.is_open()));
        }
        let expected = [
            (1, false),
            (2, false),
            (30, true),
            (60, true),
            (120, true),
            (240, true),
            (480, true),
            (600, true),
            (600, true),
        ];
        assert_eq!(pauses, expected);
        assert_eq!(breaker.pause(now + 600 * SECOND), Duration::ZERO);
    }

    #[test]
    fn an_answer_closes_it_and_a_final_failure_opens_it_at_once() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::new(5, SECOND);
        breaker.failed(now, true);
        assert_eq!((breaker.is_open(), breaker.pause(now)), (true, 30 * SECOND));
        breaker.succeeded();
        assert_eq!(
            (breaker.is_open(), breaker.pause(now)),
            (false, Duration::ZERO)
        );
        breaker.failed(now, false);
        assert_eq!((breaker.is_open(), breaker.pause(now)), (false, SECOND));
    }
}
