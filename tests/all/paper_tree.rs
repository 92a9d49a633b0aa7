//! A made PaperBench tree: for a test, and for the bench `rubrics`.

use serde_json::{Value, json};

/// A tree of the given depth below its root, and at least so many leaves, with leaves and nodes mixed.
pub fn tree(depth: usize, leaves: usize) -> Value {
    fn grow(depth: usize, left: &mut usize, width: usize, number: &mut usize) -> Value {
        *number += 1;
        let id = format!("n{number}");
        let weight = *number % 5 + 1;
        if depth == 0 || *left == 0 {
            let categories = ["Code Development", "Code Execution", "Result Analysis"];
            *left = left.saturating_sub(1);
            return json!({"id": id, "requirements": format!("Step {number} of the method is implemented, and its parameter {} is as in table {}", *number * 7 % 911, *number * 13 % 97),
                "weight": weight, "sub_tasks": [], "task_category": categories[*number % 3]});
        }
        let children: Vec<Value> = (0..width)
            .map(|i| {
                if i % 3 == 1 && depth > 1 {
                    grow(0, left, width, number)
                } else {
                    grow(depth - 1, left, width, number)
                }
            })
            .collect();
        json!({"id": id, "requirements": format!("Part {number}"), "weight": weight, "sub_tasks": children})
    }
    let (mut left, mut number) = (leaves, 0);
    let mut parts = Vec::new();
    while left > 0 {
        parts.push(grow(depth - 1, &mut left, 3, &mut number));
    }
    json!({"id": "root", "requirements": "Reproduce the paper", "weight": 1, "sub_tasks": parts})
}
