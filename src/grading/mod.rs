pub mod aggregate;
pub mod escalate;
pub mod score;
#[cfg(test)]
pub(crate) mod testing;
