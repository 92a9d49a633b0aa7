#!/usr/bin/env python3
"""What `empanel read` shows of files, beside what independent readers see in them. See README.md.

usage: compare.py [--empanel PROGRAM] [--misses] [--markdown FILE] [--no-libreoffice] [FOLDER...]
"""

import argparse
import datetime
import json
import os
import re
import sys
import tempfile
import unicodedata
from collections import Counter
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import measure
import references

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = [ROOT.parent / "shared/data/deliverables", ROOT / "fixtures/documents", ROOT / "fixtures/tasks"]
BAR = 0.995
# Shown and held to no bar: it writes the signs of symbol fonts as letters (a box as n, a tick as 3).
NO_BAR = {"pdfminer.six"}

# The same for both sides, and all that is done to a text:
MARKDOWN = re.compile(r"[*_#|`~\\<>\[\]]")
TOKEN = re.compile(r"\d[\d.,]*\d|\w+")


def tokens(text):
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "")
    return Counter(TOKEN.findall(MARKDOWN.sub(" ", text)))


def numbers(counted):
    return Counter({token: n for token, n in counted.items() if token[0].isdigit()})


class Share:
    """So many found of so many."""

    def __init__(self, found=0, of=0):
        self.found, self.of = found, of

    def __iadd__(self, other):
        self.found, self.of = self.found + other.found, self.of + other.of
        return self

    def __str__(self):
        if self.of == 0:
            return "–"
        # Never rounded up to what it is not.
        return f"{int(self.found / self.of * 10_000) / 100:.2f} %"

    def below(self, bar):
        return self.of > 0 and self.found < bar * self.of


def recall(ours, theirs):
    missed = theirs - ours
    return Share((theirs & ours).total(), theirs.total()), missed


def read(program, path, environment):
    """One process for one file: its result, and the peak memory of the program and its worker."""
    took = measure.run([program, "read", "--format", "json", str(path)], sample=True, environment=environment)
    if took.code not in (0, 3):
        sys.exit(f"{program} read {path} ended with {took.code}: {took.err.decode(errors='replace')}")
    return json.loads(took.out)["read"][0], took.memory


def own_text(extracts):
    """The text view without places, and without what the reader adds to rows of sheets: their numbers."""
    texts = []
    for extract in extracts:
        for segment in extract["segments"]:
            text = segment["text"]
            if isinstance(segment["place"], dict) and "cells" in segment["place"]:
                text = "\n".join(re.sub(r"^\| \d+ \|", "|", line) for line in text.split("\n"))
            texts.append(text)
    return "\n".join(texts)


def compare_cells(wanted, extracts):
    """(values, formulas, misses, values without a witness)"""
    ours = {}
    for extract in extracts:
        for sheet in extract["sheets"]:
            for cell in sheet["cells"]:
                ours[sheet["name"], cell["row"], cell["column"]] = cell
    one_sheet = {name for name, _, _ in wanted} == {""}
    if one_sheet:
        ours = {("", row, column): cell for (_, row, column), cell in ours.items()}
    values, formulas, misses, unwitnessed = Share(), Share(), [], 0
    for place, (value, formula) in wanted.items():
        cell = ours.get(place)
        if value is references.NO_VALUE:
            unwitnessed += 1
        else:
            same = cell is not None and references.same_value(value, cell["content"])
            values += Share(int(same), 1)
            if not same:
                misses.append(f"{place}: value {value!r}, ours {cell and cell['content']!r}")
        if formula is not None:
            same = cell is not None and cell["formula"] == formula
            formulas += Share(int(same), 1)
            if not same:
                misses.append(f"{place}: formula {formula!r}, ours {cell and cell['formula']!r}")
    return values, formulas, misses, unwitnessed


def displayed(cell):
    """A cell as the text view has it, as far as the reader says so itself."""
    if cell["shown"] is not None:
        return cell["shown"]
    if not isinstance(cell["content"], dict):
        return ""
    (kind, value), = cell["content"].items()
    if kind == "Bool":
        return "TRUE" if value else "FALSE"
    return format(Decimal(repr(value)), "f").removesuffix(".0") if kind == "Number" else value


def cells_in_text(extracts):
    """Cells of which every word, and the formula, stands in the text of their row: a judge sees text, not cells."""
    share, misses = Share(), []
    for extract in extracts:
        rows = {}
        for segment in extract["segments"]:
            place = segment["place"] if isinstance(segment["place"], dict) else {}
            if "cells" in place:
                row = int(re.match(r"\D*(\d*)", place["cells"]["range"])[1] or 0)
                rows.setdefault((place["cells"]["sheet"], row), []).append(segment["text"])
            elif "row" in place:
                rows.setdefault(("", place["row"]), []).append(segment["text"])
        rows = {at: tokens("\n".join(texts)) for at, texts in rows.items()}
        for sheet in extract["sheets"]:
            for cell in sheet["cells"]:
                text = rows.get((sheet["name"], cell["row"])) or rows.get(("", cell["row"])) or Counter()
                missed = tokens(displayed(cell)) + tokens(cell["formula"] or "") - text
                share += Share(int(not missed), 1)
                if missed:
                    misses.append(f"{sheet['name']} row {cell['row']} column {cell['column']}: not in the text: {few(missed)}")
    return share, misses


def tables_of(extracts):
    tables, run = 0, False
    for extract in extracts:
        numbered = {s["place"]["table_row"]["table"] for s in extract["segments"]
                    if isinstance(s["place"], dict) and "table_row" in s["place"]}
        tables += len(numbered) + len(extract["sheets"])
        if numbered or extract["sheets"]:
            continue
        # Slides and pages: a run of rows is a table.
        for line in (line for s in extract["segments"] for line in s["text"].split("\n")):
            row = line.startswith("| ")
            tables += row and not run
            run = row
    return tables


def few(counter, most=40):
    shown = [f"{token}" + (f" ×{n}" if n > 1 else "") for token, n in counter.most_common(most)]
    rest = len(counter) - most
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", default=DEFAULT)
    parser.add_argument("--empanel", default=os.environ.get("EMPANEL", ROOT / "target/release/empanel"))
    parser.add_argument("--misses", action="store_true", help="list what is missed, by file")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables into this page, between its marks")
    parser.add_argument("--no-libreoffice", action="store_true")
    arguments = parser.parse_args()
    program = str(Path(arguments.empanel).resolve())
    empty = tempfile.TemporaryDirectory()
    # No configuration of the place where this runs, and no cache.
    environment = {"PATH": os.environ.get("PATH", ""), "EMPANEL_READING__CACHE": "", "HOME": empty.name}

    files = measure.files(arguments.folders)
    load = measure.busy()
    office = {} if arguments.no_libreoffice else references.libreoffice(
        [path for _, path in files if path.suffix.lower() in {".docx", ".odt", ".rtf", ".doc"}])
    rows, totals, misses, failures, readers = [], {}, [], [], set()
    for number, (name, path) in enumerate(files, 1):
        if sys.stderr.isatty():
            print(f"\r{number}/{len(files)} {name[-70:]:70}", end="", file=sys.stderr)
        result, memory = read(program, path, environment)
        extracts = result["extracts"]
        first = extracts[0]
        readers |= {extract["reader"] for extract in extracts}
        kind = path.suffix.lower().lstrip(".") or "none"
        counted = [cell for e in extracts for sheet in e["sheets"] for cell in sheet["cells"]]
        unread = sum(e["outcome"] == "unreadable" for e in extracts)
        cuts = sum(len(e["cuts"]) for e in extracts)
        total = totals.setdefault(kind, {"files": 0, "bytes": 0, "unread": 0, "cuts": 0, "words": {}, "numbers": {},
                                         "values": Share(), "formulas": Share(), "shown": Share(), "unwitnessed": 0})
        total["files"] += 1
        total["bytes"] += path.stat().st_size
        total["unread"] += unread
        total["cuts"] += cuts

        try:
            texts, cells = references.of(path)
        except Exception as error:  # Each library has its own; that it cannot read a file is a result.
            texts, cells = {}, None
            failures.append(f"{name}: {type(error).__name__}: {error}")
        if path in office:
            texts["LibreOffice"] = office[path]
        ours, words_shown, numbers_shown = tokens(own_text(extracts)), [], []
        seen = {reference: tokens(text) for reference, text in texts.items()}
        if {"pdftotext", "pdfminer.six"} <= seen.keys():
            seen["both of these"] = seen["pdftotext"] & seen["pdfminer.six"]
        for reference, theirs in seen.items():
            words, missed = recall(ours, theirs)
            figures, _ = recall(numbers(ours), numbers(theirs))
            total["words"].setdefault(reference, Share()).__iadd__(words)
            total["numbers"].setdefault(reference, Share()).__iadd__(figures)
            words_shown.append(str(words))
            numbers_shown.append(str(figures))
            if missed:
                misses.append(f"{name}: {reference}, {missed.total()} of {words.of} words: {few(missed)}")
        values = formulas = Share()
        if cells is not None:
            values, formulas, wrong, unwitnessed = compare_cells(cells, extracts)
            total["values"] += values
            total["formulas"] += formulas
            total["unwitnessed"] += unwitnessed
            shown, hidden = cells_in_text(extracts)
            total["shown"] += shown
            misses += [f"{name}: {one}" for one in hidden]
            misses += [f"{name}: {one}" for one in wrong]
        rows.append([
            name if len(name) <= 70 else f"{name[:20]}…{name[-49:]}",
            f"{sum(e['characters'] for e in extracts):,}",
            tables_of(extracts) or "",
            f"{len(counted):,}" if counted else "",
            sum(cell["formula"] is not None for cell in counted) or "",
            first["pages"] or "",
            f"{result['milliseconds']:.1f}",
            f"{memory:.0f}",
            "NOT READ" if unread == len(extracts) else cuts or "",
            " · ".join(words_shown) or "–", " · ".join(numbers_shown) or "–", values, formulas,
        ])
    if sys.stderr.isatty():
        print("\r" + " " * 90 + "\r", end="", file=sys.stderr)

    failed, summary = [], []
    for kind, total in sorted(totals.items()):
        for at, reference in enumerate(total["words"] or {"–": None}):
            words = total["words"].get(reference, Share())
            figures = total["numbers"].get(reference, Share())
            values, formulas, in_text = [total[what] if at == 0 else Share() for what in ("values", "formulas", "shown")]
            wrong = [what for what, share, bar in [("words", words, 0 if reference in NO_BAR else BAR),
                                                   ("cells", values, 1), ("formulas", formulas, 1),
                                                   ("cells in the text", in_text, 1)] if share.below(bar)]
            failed += [f"{kind}: {what} that {reference} sees" for what in wrong]
            summary.append([
                kind if at == 0 else "", total["files"] if at == 0 else "", reference, f"{words.of:,}", words, figures,
                values if values.of == 0 else f"{values} of {values.of:,}",
                formulas if formulas.of == 0 else f"{formulas} of {formulas.of:,}", in_text,
                "held to none" if reference in NO_BAR else ("yes" if not wrong else "NO: " + ", ".join(wrong)) if words.of or values.of else "nothing to compare",
            ])

    tools = {
        "openpyxl": version("openpyxl"), "python-docx": version("python-docx"), "python-pptx": version("python-pptx"),
        "xlrd": version("xlrd"), "beautifulsoup4": version("beautifulsoup4"),
        "pdfminer.six": version("pdfminer.six"), "pdftotext": (measure.first_line(["pdftotext", "-v"]) or "not there").removeprefix("pdftotext version "),
        "LibreOffice": (measure.first_line(["soffice", "--version"]) or "").removeprefix("LibreOffice ") if office else "not used",
    }
    unread = sum(total["unread"] for total in totals.values())
    unwitnessed = sum(total["unwitnessed"] for total in totals.values())
    lines = [
        f"Measured {datetime.date.today()} on {measure.machine()}; {load}.",
        f"{measure.first_line([program, '--version'])}, readers {', '.join(sorted(readers))}.",
        "Beside it " + ", ".join(f"{name} {is_at}" for name, is_at in tools.items()) + ".",
        "",
        measure.table(["kind", "files", "reference", "its words", "words", "numbers", "cell values", "formulas",
                       "cells in text", "bars held"], summary, right=(1, 3, 4, 5, 6, 7, 8)),
        "",
        f"{len(files)} files, {unread} unreadable, {sum(t['cuts'] for t in totals.values())} cuts. Formulas whose value the "
        f"file does not hold, so that openpyxl is no witness for it: {unwitnessed}. Files that the reference cannot open: "
        f"{len(failures)}{': ' if failures else ''}{'; '.join(failures)}.",
        "",
        measure.table(["file", "characters", "tables", "cells", "formulas", "pages", "ms", "MiB", "cuts", "words", "numbers",
                       "cell values", "formulas"], rows, right=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)),
    ]
    text = "\n".join(lines)
    print(text)
    if arguments.markdown:
        measure.write_between(arguments.markdown, "compare", text)
    if arguments.misses:
        print("\nMissed:")
        print("\n".join(misses) or "nothing")
    if failed:
        print("\nBELOW THE BAR:\n" + "\n".join(failed), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
