//! empanel grades real work products by a panel of judge models. ARCHITECTURE.md is the map.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod guard;
pub mod reading;
pub mod refusal;
pub mod services;
pub mod telemetry;

// The stories.
pub mod audit;
pub mod drafting;
pub mod grading;
pub mod hooks;
pub mod http;
pub mod ranking;
pub mod review;

// Rooms that do not know each other.
pub mod document;
pub mod identity;
pub mod judge;
pub mod prompt;
pub mod rubric;
pub mod stats;
pub mod store;
pub mod verdict;
