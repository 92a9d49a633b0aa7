"""The Python references on the battles of main.rs, each in a process of its own: CPU seconds and peak memory.

python peers.py BATTLES. Needs numpy, pandas, evalica, choix, arena-rank; what is absent is said. One thread each.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import resource
import subprocess
import sys
import time

CASES = [
    "evalica core, point fit", "evalica, point fit through its API with names", "choix, point fit (dense ilsr)",
    "evalica core, point fit, 2,000 systems", "choix, point fit, 2,000 systems (dense ilsr)",
    "evalica core, online Elo", "arena-rank, fit with its sandwich", "arena-rank, 100 bootstrap rounds, a tenth of the battles",
]
LIMIT = 300


def mix(seed):
    import numpy as np

    with np.errstate(over="ignore"):
        z = seed + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def battles(count, systems):
    """Indices of both, and 1 = first, 2 = second, 0 = tie."""
    import numpy as np

    k = np.arange(count, dtype=np.uint64) * np.uint64(8)
    n = np.uint64(systems)
    a = mix(k) % n
    b = (a + np.uint64(1) + mix(k + np.uint64(1)) % (n - np.uint64(1))) % n
    strength = lambda system: 2.0 * system.astype(float) / systems - 1.0
    chance = 1.0 / (1.0 + np.exp(strength(b) - strength(a)))
    draw = (mix(k + np.uint64(2)) >> np.uint64(11)).astype(float) / 2.0**53
    winner = np.where(draw < 0.15, 0, np.where(draw < 0.15 + 0.85 * chance, 1, 2)).astype(np.uint8)
    return a, b, winner


def run(case, count):
    import numpy as np

    systems = 2_000 if "2,000" in case else 200
    if "a tenth" in case:
        count //= 10
    a, b, winner = battles(count, systems)
    start = time.process_time()
    if case.startswith("evalica"):
        import evalica
        from evalica import _brzo

        if "API" in case:
            names = np.array([f"system-{i}" for i in range(systems)])
            xs, ys = names[a], names[b]
            kinds = np.array([evalica.Winner.Draw, evalica.Winner.X, evalica.Winner.Y], dtype=object)[winner]
            start = time.process_time()
            found = evalica.bradley_terry(xs, ys, list(kinds)).scores
            result = f"top {found.index[0]}"
        else:
            codes = np.array([int(evalica.Winner.Draw), int(evalica.Winner.X), int(evalica.Winner.Y)], dtype=np.uint8)
            winner, ones = codes[winner], np.ones(count)
            start = time.process_time()
            if "Elo" in case:
                found = _brzo.elo(a, b, winner, ones, systems, 1000.0, 10.0, 400.0, 4.0, 1.0, 0.5)
                found = found[0] if isinstance(found, tuple) else found
                result = f"last {found[-1]:.1f}"
            else:
                found, rounds = _brzo.bradley_terry(a, b, winner, ones, systems, 1.0, 0.5, 1e-8, 100)
                result = f"{np.log(found[-1] / found[0]):.6f} between the ends, {rounds} iterations"
    elif case.startswith("choix"):
        import choix

        start = time.process_time()
        a, b = a.astype(np.int64), b.astype(np.int64)
        wins = np.zeros(systems * systems)
        forth, back = a * systems + b, b * systems + a
        wins += np.bincount(forth[winner == 1], minlength=systems * systems)
        wins += np.bincount(back[winner == 2], minlength=systems * systems)
        ties = winner == 0
        wins += 0.5 * np.bincount(forth[ties], minlength=systems * systems)
        wins += 0.5 * np.bincount(back[ties], minlength=systems * systems)
        found = choix.ilsr_pairwise_dense(wins.reshape(systems, systems))
        result = f"{found[-1] - found[0]:.6f} between the ends"
    else:
        import pandas
        from arena_rank.models.bradley_terry import BradleyTerry
        from arena_rank.utils.data_utils import PairDataset

        names = np.array([f"system-{i:04}" for i in range(systems)])
        words = np.array(["tie", "model_a", "model_b"])
        frame = pandas.DataFrame({"model_a": names[a], "model_b": names[b], "winner": words[winner]})
        start = time.process_time()
        data = PairDataset.from_pandas(frame)
        model = BradleyTerry(systems)
        how = {"ci_method": "bootstrap", "num_bootstrap": 100, "n_jobs": 1} if "bootstrap" in case else {}
        found = model.compute_ratings_and_cis(data, **how)
        ratings, low, high = found["ratings"], found["rating_lower"], found["rating_upper"]
        apart = float(max(ratings) - min(ratings))
        result = f"{apart:.2f} points between the ends, widest interval {float(max(high - low)):.1f}"
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() - start + ended.ru_utime + ended.ru_stime
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {case} | {result} | {spent:.3f} | {peak:.0f} |")


def main():
    count = sys.argv[1]
    if len(sys.argv) > 2:
        run(sys.argv[2], int(count))
        return
    print("| what | result | CPU s, imports and data not counted | peak MB |\n|---|---|---|---|")
    for case in CASES:
        try:
            out = subprocess.run([sys.executable, __file__, count, case], capture_output=True, text=True, timeout=LIMIT)
            failed = (out.stderr.strip().splitlines() or ["killed"])[-1]
            print(out.stdout.strip() or f"| {case} | failed: {failed[:90]} | | |", flush=True)
        except subprocess.TimeoutExpired:
            print(f"| {case} | stopped after {LIMIT} s | | |", flush=True)


main()
