//! What is counted of calls to judges, and how long they took. Labels are what the configuration names, and causes.

use crate::domain::{Cause, JudgeName};

const CALLS: &str = "empanel_judge_calls_total";
const SECONDS: &str = "empanel_judge_call_seconds";
const IN_FLIGHT: &str = "empanel_judge_calls_in_flight";

/// A reply came and could be used.
pub(super) const ANSWERED: &str = "answered";
/// It was sent twice, and the other reply was taken.
pub(super) const OUTRUN: &str = "outrun";

/// One call that ended.
pub(super) fn call(judge: &JudgeName, outcome: &'static str, latency_ms: u64) {
    let judge = judge.to_string();
    metrics::counter!(CALLS, "judge" => judge.clone(), "outcome" => outcome).increment(1);
    metrics::histogram!(SECONDS, "judge" => judge).record(latency_ms as f64 / 1e3);
}

/// While it lives, a call is out.
pub(super) struct InFlight(metrics::Gauge);

pub(super) fn in_flight(judge: &JudgeName) -> InFlight {
    let gauge = metrics::gauge!(IN_FLIGHT, "judge" => judge.to_string());
    gauge.increment(1.0);
    InFlight(gauge)
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Says what is counted, once a recorder is there, and makes every series begin at 0.
pub fn describe_metrics<'a>(judges: impl IntoIterator<Item = &'a JudgeName>) {
    metrics::describe_counter!(CALLS, "Requests to judges that ended, retries included, by outcome.");
    metrics::describe_histogram!(SECONDS, metrics::Unit::Seconds, "How long a request to a judge took.");
    metrics::describe_gauge!(IN_FLIGHT, "Requests to judges that are out now.");
    for judge in judges {
        for outcome in Cause::ALL.map(Cause::as_str).into_iter().chain([ANSWERED, OUTRUN]) {
            metrics::counter!(CALLS, "judge" => judge.to_string(), "outcome" => outcome).increment(0);
        }
        metrics::gauge!(IN_FLIGHT, "judge" => judge.to_string()).set(0.0);
    }
}
