#!/usr/bin/env python3
"""`empanel read --format text` and markitdown on the same files, side by side in one run. See README.md.

usage: throughput.py [--empanel PROGRAM] [--repeats N] [--repeats-each N] [--markdown FILE] [FOLDER...]
"""

import argparse
import datetime
import os
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = [ROOT.parent / "shared/data/deliverables", ROOT / "fixtures/documents", ROOT / "fixtures/tasks"]
# What both read. (markitdown gives nothing of pictures without a model, and does not know tgz.)
KINDS = {".docx", ".xlsx", ".xls", ".pptx", ".pdf", ".csv", ".html", ".txt", ".md", ".json"}

# All files in one Python process, or one file. What fails is told; texts are written out as ours are.
PEER = """
import sys, logging, warnings
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
from markitdown import MarkItDown
reader = MarkItDown()
for path in sys.argv[1:]:
    try:
        sys.stdout.write(reader.convert(path).markdown + "\\n")
    except Exception as error:
        sys.stderr.write(f"FAILED {path}: {type(error).__name__}\\n")
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", default=DEFAULT)
    parser.add_argument("--empanel", default=os.environ.get("EMPANEL", ROOT / "target/release/empanel"))
    parser.add_argument("--repeats", type=int, default=5, help="of reading all files in one process")
    parser.add_argument("--repeats-each", type=int, default=3, help="of reading every file in a process of its own")
    parser.add_argument("--markdown", metavar="FILE", help="write the table into this page, between its marks")
    arguments = parser.parse_args()
    program = str(Path(arguments.empanel).resolve())
    empty = tempfile.TemporaryDirectory()
    ours = {"PATH": os.environ.get("PATH", ""), "HOME": empty.name, "EMPANEL_READING__CACHE": ""}
    ours_one = {**ours, "EMPANEL_READING__WORKERS": "1"}
    # Compiled Python files are kept, as they would be for whoever installed it.
    theirs = {"PATH": os.environ.get("PATH", ""), "HOME": empty.name, "PYTHONIOENCODING": "utf-8"}

    paths = [path for _, path in measure.files(arguments.folders) if path.suffix.lower() in KINDS]
    size = sum(path.stat().st_size for path in paths) / 1e6
    names = [str(path) for path in paths]
    load = measure.busy()
    own, peer = [program, "read", "--format", "text"], [sys.executable, "-c", PEER]
    all_at_once = {
        "empanel, one process, all cores": (own, ours),
        "empanel, one process, one worker": (own, ours_one),
        "markitdown, one process": (peer, theirs),
    }
    each = {"empanel, a process per file": (own, ours), "markitdown, a process per file": (peer, theirs)}
    took = {name: [] for name in [*all_at_once, *each]}
    memory, said = {}, {}

    def once(name, command, environment, batches, sample=False):
        runs = [measure.run(command + batch, sample=sample, environment=environment) for batch in batches]
        for run in runs:
            if run.code not in (0, 3):
                sys.exit(f"{name} ended with {run.code}: {run.err.decode(errors='replace')[-2000:]}")
        return runs

    # Files and programs into the page cache, and the memory: that run is not timed.
    for name, (command, environment) in all_at_once.items():
        run, = once(name, command, environment, [names], sample=True)
        memory[name], said[name] = run.memory, run
    for name, (command, environment) in each.items():
        memory[name] = max(run.memory for run in once(name, command, environment, [[n] for n in names], sample=True))
    for scenarios, repeats, batches in [(all_at_once, arguments.repeats, [names]),
                                        (each, arguments.repeats_each, [[n] for n in names])]:
        for repeat in range(repeats):
            order = list(scenarios.items())
            # Whoever comes second finds the machine as the other left it: each comes first in turn.
            for name, (command, environment) in order if repeat % 2 == 0 else reversed(order):
                runs = once(name, command, environment, batches)
                took[name].append((sum(r.wall for r in runs), sum(r.cpu for r in runs)))
                print(f"{name}: {took[name][-1][0]:.2f} s, {took[name][-1][1]:.2f} s CPU", file=sys.stderr)

    rows, medians = [], {}
    for name, times in took.items():
        wall, cpu = (statistics.median(column) for column in zip(*times))
        medians[name] = (wall, cpu, memory[name])
        spread = f"{min(w for w, _ in times):.2f} … {max(w for w, _ in times):.2f}"
        rows.append([name, len(times), f"{wall:.2f}", spread, f"{cpu:.2f}", f"{memory[name]:.0f}",
                     f"{len(paths) / wall:.1f}", f"{size / wall:.2f}"])

    def times(one, other):
        ratios = [theirs / ours for theirs, ours in zip(medians[other], medians[one])]
        return [f"{other} / {one.removeprefix('empanel, ')}", *(f"{ratio:.1f} ×" for ratio in ratios)]

    ratios = [times("empanel, one process, all cores", "markitdown, one process"),
              times("empanel, one process, one worker", "markitdown, one process"),
              times("empanel, a process per file", "markitdown, a process per file")]
    peer_failed = said["markitdown, one process"].err.decode(errors="replace").count("FAILED ")
    our_failed = said["empanel, one process, all cores"].out.count(b"\n[this file could not be read:")
    characters = {n: len(r.out.decode(errors="replace")) for n, r in said.items()}
    text = "\n".join([
        f"Measured {datetime.date.today()} on {measure.machine()}; {load}.",
        f"{measure.first_line([program, '--version'])}; markitdown {version('markitdown')}. {len(paths)} files, {size:.2f} MB "
        f"({', '.join(sorted({p.suffix[1:] for p in paths}))}); medians; nothing from a cache of texts. Characters written: "
        f"{characters['empanel, one process, all cores']:,} and {characters['markitdown, one process']:,}; not read: "
        f"{our_failed} and {peer_failed} files.",
        "",
        measure.table(["", "runs", "wall s", "least … most", "CPU s", "peak MiB", "files/s", "MB/s"], rows, right=range(1, 8)),
        "",
        measure.table(["so many times less", "wall", "CPU", "memory"], ratios, right=(1, 2, 3)),
    ])
    print(text)
    if arguments.markdown:
        measure.write_between(arguments.markdown, "throughput", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
