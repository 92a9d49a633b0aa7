//! When a failed delivery is tried again. The schedule is data (`[webhooks] retries_s`), Standard Webhooks' by default:
//! at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, three days in all.
//!
//! Each wait is lengthened by up to a fifth, so that what failed together does not come back together. How much follows
//! from the delivery and the attempt: the same whenever it is computed. A receiver that asks for a later time
//! (`Retry-After`) gets it, up to a day; it cannot ask for an earlier one, nor for more attempts.

use std::time::Duration;

use crate::domain::{DeliveryId, Timestamp};

/// The latest that a receiver can ask for.
const MOST_PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// When the next attempt is due after `failed` attempts (1 or more) of a delivery; `None` when it was the last one.
/// `asked` is what the receiver's `Retry-After` says.
#[must_use]
pub fn after_failure(
    retries: &[Duration],
    id: DeliveryId,
    failed: u32,
    now: Timestamp,
    asked: Option<Duration>,
) -> Option<Timestamp> {
    let wait = *retries.get(usize::try_from(failed.checked_sub(1)?).ok()?)?;
    let wait = wait.max(asked.unwrap_or_default().min(MOST_PATIENCE));
    let wait = wait.mul_f64(1.0 + share(id, failed) / 5.0);
    Some(now.checked_add(wait).unwrap_or(Timestamp::MAX))
}

/// From 0 to 1, evenly.
fn share(id: DeliveryId, failed: u32) -> f64 {
    let hash = blake3::hash(format!("{id}/{failed}").as_bytes());
    let bytes = hash.as_bytes();
    f64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Id;
    use crate::services::hooks::STANDARD_RETRIES;

    fn retries() -> Vec<Duration> {
        STANDARD_RETRIES.map(Duration::from_secs).to_vec()
    }

    fn id(n: u128) -> DeliveryId {
        DeliveryId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn waited(n: u128, failed: u32, asked: Option<u64>) -> Option<f64> {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let at = after_failure(&retries(), id(n), failed, now, asked.map(Duration::from_secs))?;
        Some(at.duration_since(now).as_secs_f64())
    }

    #[test]
    fn ten_attempts_are_spread_over_three_days_as_the_standard_says() {
        for (failed, wait) in (1..).zip(STANDARD_RETRIES) {
            let waited = waited(1, failed, None).unwrap();
            assert!((wait as f64..=wait as f64 * 1.2 + 1e-6).contains(&waited), "{failed}: {waited}");
        }
        assert_eq!(waited(1, 10, None), None, "the tenth is the last");
        assert_eq!(waited(1, u32::MAX, None), None);
        let sum: u64 = STANDARD_RETRIES.iter().sum();
        assert_eq!(sum, 75 * 3_600 + 35 * 60 + 5);
    }

    #[test]
    fn what_failed_together_does_not_come_back_together() {
        let waits: Vec<f64> = (0..1_000).map(|n| waited(n, 2, None).unwrap()).collect();
        let mean = waits.iter().sum::<f64>() / 1_000.0;
        assert!((325.0..335.0).contains(&mean), "{mean}");
        let early = waits.iter().filter(|wait| **wait < 315.0).count();
        assert!((200..300).contains(&early), "{early}");
        assert_eq!(waited(7, 2, None), waited(7, 2, None), "and it is the same however often it is computed");
    }

    #[test]
    fn a_receiver_can_ask_for_a_later_time_within_a_day_and_never_for_an_earlier_one() {
        assert!((3_600.0..=4_320.0).contains(&waited(1, 1, Some(3_600)).unwrap()));
        assert_eq!(waited(1, 2, Some(1)), waited(1, 2, None));
        assert!(waited(1, 1, Some(u64::MAX)).unwrap() <= 86_400.0 * 1.2 + 1e-6);
        assert_eq!(waited(1, 10, Some(60)), None, "nor for more attempts");
    }
}
