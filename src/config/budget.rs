//! `[budget]`: what judges may cost, US dollars. Both need judges with a price.

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSection {
    /// Of a grading that names none itself.
    pub grading_usd: Option<f64>,
    /// Of all gradings and comparisons of one project in a calendar month, UTC.
    pub project_month_usd: Option<f64>,
}

impl BudgetSection {
    pub(super) fn check(self) -> Result<(), ConfigError> {
        for (key, amount) in [("grading_usd", self.grading_usd), ("project_month_usd", self.project_month_usd)] {
            if let Some(amount) = amount.filter(|amount| !(amount.is_finite() && *amount > 0.0)) {
                let message = format!("{amount} is not an amount above 0; leave it out for none");
                return Err(ConfigError::wrong(format!("[budget] {key}"), message));
            }
        }
        Ok(())
    }
}
