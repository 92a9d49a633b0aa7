//! empanel grades real work products by a panel of judge models. ARCHITECTURE.md is the map.

pub mod config;
pub mod domain;

pub mod document;
pub mod grading;
pub mod judge;
pub mod prompt;
pub mod rubric;
pub mod stats;
pub mod store;
pub mod verdict;
