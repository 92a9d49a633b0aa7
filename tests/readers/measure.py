"""Runs a program and says what it took: seconds, CPU seconds, peak memory of it and of all that it started."""

import ctypes
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# Linux: whoever a program leaves behind becomes our child, so that what it took can be counted too.
_PR_SET_CHILD_SUBREAPER = 36
_reaps = ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


@dataclass
class Took:
    code: int
    wall: float
    cpu: float
    """MiB: the peaks of all its processes added up, shared pages counted for each (0 where not sampled)."""
    memory: float
    out: bytes
    err: bytes


def _tree(pid):
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                todo += map(int, Path(f"/proc/{one}/task/{thread}/children").read_text().split())
        except OSError:
            pass
    return found


def _peak(pid):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def run(command, sample=False, environment=None):
    """With `sample`, peak memory is looked up every 2 ms: a run for its memory should not be one for its time."""
    peaks = {}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment)
        if sample:
            while True:
                for pid in _tree(child.pid):
                    # The last one counts: before its `exec` a process has its parent's memory. (So has `ru_maxrss`.)
                    peaks[pid] = _peak(pid) or peaks.get(pid, 0)
                done, status, usage = os.wait4(child.pid, os.WNOHANG)
                if done:
                    break
                time.sleep(0.002)
        else:
            _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        # Those that it left behind.
        while _reaps:
            try:
                _, _, usage = os.wait4(-1, 0)
            except ChildProcessError:
                break
            cpu += usage.ru_utime + usage.ru_stime
        memory = sum(peaks.values()) / 1024
        out.seek(0), err.seek(0)
        return Took(child.returncode, wall, cpu, memory, out.read(), err.read())


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else None


def machine():
    model = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown CPU")
    total = next((int(l.split()[1]) // 1024 for l in open("/proc/meminfo") if l.startswith("MemTotal")), 0)
    return f"{os.cpu_count()} cores ({model}), {total} MiB, Linux {platform.release()}, Python {platform.python_version()}"


def busy():
    """Whether others use the machine: times are then worth less."""
    return f"load {os.getloadavg()[0]:.1f} at the start"


def files(folders):
    """Every file below, sorted, as (short name, path)."""
    found = []
    for folder in map(Path, folders):
        if folder.is_file():
            found.append((folder.name, folder))
            continue
        if not folder.is_dir():
            sys.exit(f"{folder} is not there; name the folders to be read")
        inside = sorted(path for path in folder.rglob("*") if path.is_file())
        found += [(f"{folder.name}/{path.relative_to(folder)}", path) for path in inside]
    return found


def write_between(file, name, text):
    """Puts the text between `<!-- name: begin -->` and `<!-- name: end -->`."""
    page = Path(file).read_text()
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in page or end not in page:
        sys.exit(f"{file} has no lines {begin} and {end}")
    head, rest = page.split(begin, 1)
    Path(file).write_text(f"{head}{begin}\n{text.strip()}\n{end}{rest.split(end, 1)[1]}")


def table(header, rows, right=()):
    cells = [[str(c).replace("|", "\\|") for c in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    pad = lambda row: [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))]
    rule = ["-" * (w - 1) + ":" if i in right else "-" * w for i, w in enumerate(widths)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [pad(cells[0]), rule, *map(pad, cells[1:])])
