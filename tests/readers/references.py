"""What other libraries see in a file: its words, and the cells of tables. One function per kind.

Each gives {reference: text} and, for workbooks and csv, cells as {(sheet, row, column): (value, formula)}.
"""

import csv
import datetime
import email
import email.policy
import io
import json
import logging
import re
import subprocess
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import bs4
import docx
import openpyxl
import pdfminer.high_level
import pptx
import xlrd
from docx.table import Table
from docx.text.paragraph import Paragraph
from openpyxl.worksheet.formula import ArrayFormula, DataTableFormula

warnings.filterwarnings("ignore")
logging.getLogger("pdfminer").setLevel(logging.ERROR)

# Values that a comparison leaves out, with the reason; they are counted and shown.
NO_VALUE = object()


def of(path):
    """({reference: text}, cells or None)"""
    kind = path.suffix.lower().lstrip(".")
    maker = {
        "docx": _docx, "xlsx": _xlsx, "xlsm": _xlsx, "xls": _xls, "pptx": _pptx, "pdf": _pdf, "csv": _csv,
        "html": _html, "htm": _html, "json": _json, "eml": _eml, "tgz": _tar, "zip": _zip,
    }.get(kind)
    if maker:
        return maker(path)
    if kind in {"txt", "md", "yaml", "yml", "py", "toml", "rs", "xml"}:
        return {"bytes as text": path.read_bytes().decode("utf-8-sig")}, None
    return {}, None


def _docx(path):
    def blocks(container):
        for block in container.iter_inner_content():
            if isinstance(block, Paragraph):
                yield block.text
            elif isinstance(block, Table):
                seen = set()
                for row in block.rows:
                    for cell in row.cells:
                        # A merged cell stands under each of its places.
                        if cell._tc not in seen:
                            seen.add(cell._tc)
                            yield from blocks(cell)

    document = docx.Document(path)
    texts, parts = list(blocks(document)), set()
    for section in document.sections:
        for story in [
            section.header, section.footer, section.first_page_header, section.first_page_footer,
            section.even_page_header, section.even_page_footer,
        ]:
            if not story.is_linked_to_previous and story.part not in parts:
                parts.add(story.part)
                texts += blocks(story)
    for comment in getattr(document, "comments", []):
        texts += blocks(comment)
    return {"python-docx": "\n".join(texts)}, None


def libreoffice(paths, program="soffice"):
    """{path: text} of word processor files, all in one run; empty where LibreOffice is not there."""
    texts = {}
    # Without a file it would wait for a person.
    if not paths:
        return texts
    with tempfile.TemporaryDirectory() as folder:
        inside, out = Path(folder, "in"), Path(folder, "out")
        inside.mkdir(), out.mkdir()
        named = {}
        for number, path in enumerate(paths):
            copy = inside / f"{number}{path.suffix}"
            copy.write_bytes(path.read_bytes())
            named[path] = out / f"{number}.txt"
        command = [
            program, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to",
            "txt:Text (encoded):UTF8", "--outdir", str(out), *map(str, sorted(inside.iterdir())),
        ]
        try:
            subprocess.run(command, capture_output=True, timeout=600)
        except (OSError, subprocess.TimeoutExpired):
            return {}
        for path, text in named.items():
            if text.is_file():
                texts[path] = text.read_text("utf-8-sig")
    return texts


def _xlsx(path):
    formulas, values = openpyxl.load_workbook(path), openpyxl.load_workbook(path, data_only=True)
    cells, texts = {}, []
    for sheet in formulas.worksheets:
        texts.append(sheet.title)
        kept = values[sheet.title]
        for row in sheet.iter_rows():
            for cell in row:
                raw, formula = cell.value, None
                if cell.comment:
                    texts.append(cell.comment.text)
                # An empty text is nothing that could be shown.
                if raw is None or raw == "":
                    continue
                if isinstance(raw, ArrayFormula):
                    formula = raw.text
                elif isinstance(raw, DataTableFormula):
                    formula = None
                elif cell.data_type == "f":
                    formula = raw
                value = kept.cell(cell.row, cell.column).value if formula else raw
                if isinstance(value, str):
                    texts.append(value)
                # A formula without a kept value: what the reader makes of it has no witness here.
                value = NO_VALUE if value is None else value
                cells[sheet.title, cell.row, cell.column] = (value, formula and formula.removeprefix("=").strip())
    return {"openpyxl": "\n".join(texts)}, cells


def _xls(path):
    book = xlrd.open_workbook(path)
    cells, texts = {}, []
    for sheet in book.sheets():
        texts.append(sheet.name)
        for row in range(sheet.nrows):
            for column in range(sheet.ncols):
                kind, value = sheet.cell_type(row, column), sheet.cell_value(row, column)
                if kind in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK) or value == "":
                    continue
                if kind == xlrd.XL_CELL_TEXT:
                    texts.append(value)
                elif kind == xlrd.XL_CELL_DATE:
                    value = xlrd.xldate_as_datetime(value, book.datemode)
                elif kind == xlrd.XL_CELL_BOOLEAN:
                    value = bool(value)
                elif kind == xlrd.XL_CELL_ERROR:
                    value = xlrd.error_text_from_code[value]
                # xlrd does not tell formulas from values.
                cells[sheet.name, row + 1, column + 1] = (value, None)
    return {"xlrd": "\n".join(texts)}, cells


def _pptx(path):
    texts = []

    def shape_text(shape):
        if shape.shape_type == 6:
            for inner in shape.shapes:
                shape_text(inner)
        if shape.has_text_frame:
            texts.append(shape.text_frame.text)
        if getattr(shape, "has_table", False) and shape.has_table:
            texts.extend(cell.text for row in shape.table.rows for cell in row.cells if not cell.is_spanned)
        if getattr(shape, "has_chart", False) and shape.has_chart:
            chart = shape.chart
            if chart.has_title and chart.chart_title.has_text_frame:
                texts.append(chart.chart_title.text_frame.text)
            for plot in chart.plots:
                texts.extend(str(category) for category in plot.categories)
                for series in plot.series:
                    texts.append(series.name)
                    texts.extend(f"{value:.15g}" for value in series.values if value is not None)

    for slide in pptx.Presentation(path).slides:
        for shape in slide.shapes:
            shape_text(shape)
        if slide.has_notes_slide:
            texts.append(slide.notes_slide.notes_text_frame.text if slide.notes_slide.notes_text_frame else "")
    return {"python-pptx": "\n".join(texts)}, None


def _pdf(path):
    done = subprocess.run(["pdftotext", "-q", str(path), "-"], capture_output=True)
    texts = {"pdftotext": done.stdout.decode()} if done.returncode == 0 else {}
    # pdftotext leaves out what is beyond the page's edge or covered by its neighbour; pdfminer does not. Where pdfminer
    # knows no sign for a glyph it writes a mark of its own.
    texts["pdfminer.six"] = re.sub(r"\(cid:\d+\)", " ", pdfminer.high_level.extract_text(path))
    return texts, None


def _csv(path):
    text = path.read_bytes().decode("utf-8-sig")
    try:
        dialect = csv.Sniffer().sniff(text[:10_000], ",;\t|")
    except csv.Error:
        dialect = csv.excel
    rows = list(csv.reader(io.StringIO(text, newline=""), dialect))
    cells = {("", r, c): (v, None) for r, row in enumerate(rows, 1) for c, v in enumerate(row, 1) if v.strip()}
    return {"csv": "\n".join(v for v, _ in cells.values())}, cells


def _html_text(text):
    soup = bs4.BeautifulSoup(text, "lxml")
    for unseen in soup(["script", "style", "template", "noscript"]):
        unseen.decompose()
    return soup.get_text("\n")


def _html(path):
    return {"beautifulsoup4": _html_text(path.read_bytes())}, None


def _json(path):
    texts = []

    def walk(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                texts.append(key)
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
        else:
            texts.append(value if isinstance(value, str) else json.dumps(value))

    walk(json.loads(path.read_bytes().decode("utf-8-sig")))
    return {"json": "\n".join(texts)}, None


def _eml(path):
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    texts = [str(message[name]) for name in ("Subject", "From", "To", "Cc") if message[name]]
    body = message.get_body(("plain", "html"))
    if body:
        text = body.get_content()
        texts.append(_html_text(text) if body.get_content_subtype() == "html" else text)
    return {"email": "\n".join(texts)}, None


def _member(name, data):
    try:
        return data.decode() if re.search(r"\.(txt|md|csv|json|py|ya?ml)$", name) else ""
    except UnicodeDecodeError:
        return ""


def _tar(path):
    with tarfile.open(path) as archive:
        files = [m for m in archive.getmembers() if m.isfile()]
        return {"tarfile": "\n".join(f"{m.name}\n{_member(m.name, archive.extractfile(m).read())}" for m in files)}, None


def _zip(path):
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if not n.endswith("/")]
        return {"zipfile": "\n".join(f"{n}\n{_member(n, archive.read(n))}" for n in names)}, None


def same_value(value, ours):
    """Whether a cell's content (as `empanel read --format json` gives it) is this value, exactly."""
    if ours == "NotCalculated" or not isinstance(ours, dict):
        return False
    (kind, mine), = ours.items()
    if isinstance(value, bool):
        return kind == "Bool" and mine is value
    if isinstance(value, (int, float)):
        return kind == "Number" and float(mine) == float(value)
    if isinstance(value, datetime.datetime):
        # A date without a time of day may be written without it; openpyxl rounds to the microsecond.
        wanted = {value.isoformat()} | ({value.date().isoformat()} if value.time() == datetime.time() else set())
        return kind == "DateTime" and mine in wanted
    if isinstance(value, (datetime.date, datetime.time)):
        return kind == "DateTime" and mine == value.isoformat()
    if isinstance(value, datetime.timedelta):
        return kind == "DateTime" and mine.startswith("PT")
    if kind == "Number":
        # csv has no types: the same digits are the same value.
        try:
            return float(value.replace(",", "")) == float(mine)
        except ValueError:
            return False
    return kind in ("Text", "Error", "DateTime") and mine == value
