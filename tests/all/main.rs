//! The one integration binary. It drives the real program as a process over HTTP and the command line, with
//! temporary folders, a port that is free, and judges that answer by script. Nothing here depends on how fast the
//! machine is: a test waits for a condition, and counts what the scripted server has seen.
//!
//! How to add a test: a function in the module of its subject, named as the promise that it keeps; a [`support::Home`]
//! with the judges that it needs, a [`support::Service`] on it, and [`support::Answer`]'s checks, which show what came
//! back where it is not what was meant.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod access;
mod architecture;
mod attempts;
mod auth;
mod backup;
mod bad_input;
mod batch;
mod browser;
mod cli;
mod compare_criteria;
mod comparisons;
mod costs;
mod crash;
mod disks;
mod drafts;
mod export;
mod fairness;
mod families;
mod faults;
mod gradings;
mod hostile;
#[path = "../hostile/mod.rs"]
#[allow(dead_code, reason = "the bench `hostile` uses the rest")]
mod hostile_files;
mod idempotency;
mod injections;
mod judges;
mod known;
mod leaderboard;
mod leaderboard_choices;
mod main_job;
mod mutate;
mod objects;
mod operations;
mod paper_tree;
mod postgres;
mod probe;
mod provider_batch;
mod read;
mod reading;
mod real_work;
mod replay;
mod replicas;
mod reviews;
mod rubric_tools;
mod rubrics;
#[path = "../../src/store/blobs/s3_server.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod s3_server;
mod sequential;
mod service;
#[allow(dead_code, reason = "the bench `seven_judges` uses the rest")]
mod seven_judges;
mod support;
mod templates;
mod trace;
mod traces;
mod webhooks;
mod weighted;
