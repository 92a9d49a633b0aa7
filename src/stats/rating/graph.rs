//! The win graph: who is joined to whom, and who beat whom by some chain.
//!
//! Ford (1957): the Bradley-Terry estimate exists iff every system beat (or tied) every other one by
//! some chain of wins, that is, iff the win graph is strongly connected.

/// Connected groups over undirected edges, the largest first, then by their first member.
pub(in crate::stats) fn groups(nodes: usize, edges: impl Iterator<Item = (usize, usize)>) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..nodes).collect();
    fn root(parent: &mut [usize], mut node: usize) -> usize {
        while parent[node] != node {
            parent[node] = parent[parent[node]];
            node = parent[node];
        }
        node
    }
    // Battles repeat their pairs: each pair is joined once, where a table of them is small.
    let mut joined = if nodes <= 2_048 { vec![false; nodes * nodes] } else { Vec::new() };
    for (a, b) in edges {
        if let Some(seen) = joined.get_mut(a * nodes + b)
            && std::mem::replace(seen, true)
        {
            continue;
        }
        let (a, b) = (root(&mut parent, a), root(&mut parent, b));
        if a != b {
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    for node in 0..nodes {
        let at = root(&mut parent, node);
        members[at].push(node);
    }
    members.retain(|group| !group.is_empty());
    members.sort_by_key(|group| (std::cmp::Reverse(group.len()), group[0]));
    members
}

/// The strongly connected block of every node; blocks are numbered arbitrarily. `beats[i]` lists whom
/// `i` beat or tied. Tarjan's algorithm without recursion.
pub(in crate::stats) fn blocks(beats: &[Vec<usize>]) -> (Vec<usize>, usize) {
    const UNSEEN: usize = usize::MAX;
    let n = beats.len();
    let (mut order, mut low, mut block) = (vec![UNSEEN; n], vec![0; n], vec![UNSEEN; n]);
    let (mut stack, mut next, mut count) = (Vec::new(), 0, 0);
    for start in 0..n {
        if order[start] != UNSEEN {
            continue;
        }
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((node, edge)) = path.pop() {
            if edge == 0 {
                order[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
            }
            if let Some(&to) = beats[node].get(edge) {
                path.push((node, edge + 1));
                if order[to] == UNSEEN {
                    path.push((to, 0));
                } else if block[to] == UNSEEN {
                    low[node] = low[node].min(order[to]);
                }
                continue;
            }
            if low[node] == order[node] {
                while let Some(member) = stack.pop() {
                    block[member] = count;
                    if member == node {
                        break;
                    }
                }
                count += 1;
            }
            if let Some((parent, _)) = path.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    (block, count)
}

/// Which nodes `start` reaches, itself included.
pub(in crate::stats) fn reach(edges: &[Vec<usize>], start: usize) -> Vec<bool> {
    let mut seen = vec![false; edges.len()];
    seen[start] = true;
    let mut stack = vec![start];
    while let Some(node) = stack.pop() {
        for &to in &edges[node] {
            if !seen[to] {
                seen[to] = true;
                stack.push(to);
            }
        }
    }
    seen
}
