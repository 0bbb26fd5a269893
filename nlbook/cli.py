"""The command ``nlbook``: list, show, run and build the chapters of the book.

Bad input ends with status 2, a failed run or build with 1, an interruption with 130, each with
one line on stderr. What a command doesn't need isn't imported.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlbook import cli_clusters
from nlbook.host import signals_as_interrupt, usable_cores
from nlbook.publishing.book import Book, find_book
from nlbook.publishing.errors import BookError, RunFailed
from nlbook.publishing.parameters import (
    Parameter,
    YamlError,
    convert,
    from_text,
    read_parameters,
    read_yaml,
    resolve,
)
from nlbook.publishing.parameters.chapter import TIERS

if TYPE_CHECKING:
    from nlbook.publishing.running import Estimate

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the command's name; this process' own by default.

    Returns
    -------
    int
        The exit status.
    """
    options = _parser().parse_args(arguments)
    options.given_arguments = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter
    try:
        with signals_as_interrupt():
            _end_with(os.environ.get("NLBOOK_ENDS_WITH"))
            status: int = options.command(options)
            return status
    except BookError as error:
        return _complain(error, 2)
    except RunFailed as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        # A cell's task that was cut short is no news either.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        return _complain("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _complain(error, 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nlbook", description="Run, check and build the book's chapters."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=function)
        return added

    command("list", _list, "List the chapters.")

    show = command("show", _show, "Show a chapter's parameters: type, range, tiers, meaning.")
    show.add_argument("chapter")

    run = command("run", _run, "Run a chapter; write the executed notebook and its record.")
    run.add_argument("chapter")
    run.add_argument("--tier", choices=TIERS, default="book", help="size of the run (book)")
    run.add_argument(
        "-p", dest="given", action="append", default=[], metavar="NAME=VALUE", help="a parameter"
    )
    run.add_argument("-f", dest="file", type=Path, metavar="FILE", help="parameters in YAML")
    cli_clusters.add_options(run, _positive)
    run.add_argument("-o", dest="out", type=Path, metavar="DIR", help="folder (_build/runs)")
    run.add_argument(
        "--overwrite", action="store_true", help="replace an earlier run instead of keeping it"
    )
    run.add_argument("--dry-run", action="store_true", help="print what the run would cost")
    run.add_argument("-q", "--quiet", action="store_true", help="show no progress")

    build = command("build", _build, "Run the chapters that changed and build the site.")
    build.add_argument("--tier", choices=TIERS, default="book", help="size of the runs (book)")
    build.add_argument("--jobs", type=_positive, metavar="J", help="chapters at a time")
    build.add_argument(
        "--from-copies", action="store_true", help="build from book/notebooks, running nothing"
    )
    build.add_argument("-o", dest="out", type=Path, metavar="DIR", help="folder (_build/html)")

    command("compile", _compile, "Compile ahead of a build what the chapters will need.")

    notebooks = command("notebooks", _notebooks, "Write the committed copies, book/notebooks/.")
    notebooks.add_argument("chapter", nargs="*", help="only these")
    notebooks.add_argument("--force", action="store_true", help="run fresh ones too")
    notebooks.add_argument("--check", action="store_true", help="write nothing; say what is wrong")

    words = command("words", _words, "Count what a reader meets in each chapter, and how long.")
    words.add_argument("chapter", nargs="*", help="only these")

    preview = command("preview", _preview, "Build the pages of one chapter alone, to look at.")
    preview.add_argument("chapter")
    preview.add_argument(
        "--executed", type=Path, metavar="DIR", help="folder of its executed notebook (_build/runs)"
    )
    preview.add_argument("-o", dest="out", type=Path, metavar="DIR", help="folder (_build/preview)")

    clusters = command(
        "clusters", cli_clusters.list_or_stop, "List the clusters that runs have started."
    )
    clusters.add_argument("--stop", action="store_true", help="stop what killed runs left")

    command("doctor", _doctor, "Print versions, cores, MPI, engines and GPUs.")
    return parser


def _list(options: argparse.Namespace) -> int:
    chapters = find_book().chapters
    width = max(map(len, chapters), default=0)
    for name, path in chapters.items():
        print(f"{name:{width}}  {_title(path)}")
    return 0


def _show(options: argparse.Namespace) -> int:
    book = find_book()
    path = book.chapter(options.chapter)
    print(f"{path.stem}: {_title(path)}\n")
    rows: list[tuple[str, ...]] = [("name", "type and range", *TIERS, "meaning")]
    for p in read_parameters(path, book).values():
        rows.append((p.name, p.declaration, *_at_tiers(p), p.comment))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        )
    return 0


def _run(options: argparse.Namespace) -> int:
    book = find_book()
    path = book.chapter(options.chapter)
    given = _given(options, path, book)
    values = resolve(path, options.tier, given, book)
    cli_clusters.check_options(options)
    if options.dry_run:
        return _dry_run(options, path.stem, values, book)
    from nlbook.publishing.running import run_chapter

    with cli_clusters.started(options, _say) as environment:
        notebook = run_chapter(
            path.stem,
            tier=options.tier,
            parameters=given,
            out=options.out,
            environment=environment,
            progress=not options.quiet,
            book=book,
            command=shlex.join(["nlbook", *options.given_arguments]),
            overwrite=options.overwrite,
            say=_say,
        )
    results = notebook.with_suffix(".results")
    if results.is_dir():
        _say(f"{path.stem}: results are in {results}")
    print(notebook)
    return 0


def _dry_run(options: argparse.Namespace, chapter: str, values: dict[str, Any], book: Book) -> int:
    from nlbook.publishing.running import costs, records

    engines = (options.engines or usable_cores()) if options.cluster else None
    workers = engines or records.worker_threads()
    cost = costs.estimate(chapter, values, book, workers, engines or 1)
    print(f"{chapter}: " + ", ".join(f"{name} = {value!r}" for name, value in values.items()))
    stored = values.get("store", True) is not None
    for line in _in_words(cost, workers, "engines" if engines else "cores", stored):
        print(line)
    if options.cluster == "slurm" and engines:
        print("\n" + cli_clusters.submission(options, engines), end="")
    return 0


def _in_words(cost: Estimate, workers: int, what: str, stored: bool) -> Iterator[str]:
    if cost.tasks is None:
        yield "The book has no model of this chapter's cost (book/costs.yaml)."
        return
    yield f"tasks        {cost.tasks}"
    if cost.core_hours is None or cost.wall_hours is None or cost.memory_mib is None:
        yield "time         not measured yet (book/recorded/costs)"
    else:
        yield f"core-hours   {cost.core_hours:.3g}"
        yield f"wall time    {_duration(cost.wall_hours)} on {workers} {what}"
        yield f"memory       {cost.memory_mib:.0f} MiB (measured at tier smoke)"
    if not stored:
        yield "disk         nothing is stored (the parameter store is None)"
    elif cost.disk_bytes is not None:
        yield f"disk         {cost.disk_bytes / 1e6:.3g} MB"
    if cost.provenance:
        known = {k: v for k, v in cost.provenance.items() if isinstance(v, str | int | float)}
        yield "measured     " + ", ".join(f"{k}: {v}" for k, v in known.items())


def _build(options: argparse.Namespace) -> int:
    book = find_book()
    from nlbook.publishing.running.build import execute_stale, only_build
    from nlbook.publishing.site import build_site, check_site_place

    with only_build(book):
        check_site_place(book, options.out)
        executed = book.copies
        if not options.from_copies:
            executed = book.executed
            execute_stale(book, options.tier, options.jobs, _say)
        _say("building the site")
        started = time.monotonic()
        try:
            site = build_site(book, executed, options.out)
        except BookError as error:
            raise RunFailed(str(error)) from None
        _say(f"built in {time.monotonic() - started:.0f} s")
    print(site / "index.html")
    return 0


def _compile(options: argparse.Namespace) -> int:
    from nlbook.publishing.running.build import compile_ahead

    compile_ahead(find_book(), _say)
    return 0


def _notebooks(options: argparse.Namespace) -> int:
    from nlbook.publishing.running import check_copies, make_copies

    book = find_book()
    if options.check:
        problems = check_copies(book)
        for problem in problems:
            print(problem, file=sys.stderr)
        return 1 if problems else 0
    written = make_copies(book, options.chapter or None, force=options.force)
    for path in written:
        print(path)
    if not written:
        _say("every copy is up to date")
    return 0


def _words(options: argparse.Namespace) -> int:
    from nlbook.publishing.notebooks.reading import measure

    book = find_book()
    chapters = [_named(name, book) for name in options.chapter] or list(book.chapters.values())
    print("chapter                        words folded figures tables equations code minutes")
    for path in chapters:
        for name, page in zip((path.stem, "  its second page"), measure(path), strict=True):
            if page.words or not name.startswith(" "):
                print(
                    f"{name:30} {page.words:5} {page.folded_words:6} {page.figures:7} "
                    f"{page.tables:6} {page.equations:9} {page.code_lines:4} {page.minutes:7.1f}"
                )
    return 0


def _preview(options: argparse.Namespace) -> int:
    from nlbook.publishing.site.preview import preview

    book = find_book()
    path = _named(options.chapter, book)
    page, complaints = preview(book, path.stem, options.executed or book.runs, options.out)
    for line in complaints:
        _say(line)
    print(page)
    return 0


def _named(name: str, book: Book) -> Path:
    """A chapter by its name, or the number that it begins with."""
    known = [path for stem, path in book.chapters.items() if stem.partition("_")[0] == name]
    return known[0] if known else book.chapter(name)


def _doctor(options: argparse.Namespace) -> int:
    from nlbook.publishing.running import findings

    for topic, text in [*findings(), *cli_clusters.findings()]:
        print(f"{topic:10} {text}")
    return 0


def _given(options: argparse.Namespace, path: Path, book: Book) -> dict[str, Any]:
    """Values of ``-f`` and ``-p``, checked and converted; ``-p`` goes before ``-f``."""
    declared = read_parameters(path, book)
    given: dict[str, Any] = {}
    if options.file:
        given.update(_read_file(options.file))
    texts = {}
    for text in options.given:
        name, separator, value = text.partition("=")
        if not separator:
            raise BookError(f"-p {text}: must read NAME=VALUE")
        texts[name.strip()] = value
    resolve(path, options.tier, {k: v for k, v in given.items() if k not in texts}, book)
    for name in texts:
        if name not in declared:
            resolve(path, options.tier, {name: None}, book)  # says which is nearest
    given = {k: convert(k, v, declared[k].declaration) for k, v in given.items() if k not in texts}
    return given | {k: from_text(k, v, declared[k].declaration) for k, v in texts.items()}


def _read_file(file: Path) -> dict[str, Any]:
    try:
        content = read_yaml(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise BookError(f"-f {file}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise BookError(f"-f {file}: must hold lines 'name: value'")
    return {str(name): value for name, value in content.items()}


def _end_with(parent: str | None) -> None:
    """Terminate this process when the build that started it is gone, even if it was killed."""
    if parent is None or not parent.isdecimal() or os.getppid() != int(parent):
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _at_tiers(parameter: Parameter) -> list[str]:
    default = repr(parameter.default)
    others = [repr(parameter.tiers[t]) if t in parameter.tiers else "" for t in TIERS[1:]]
    return [default, *others]


def _title(path: Path) -> str:
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    return ""


def _duration(hours: float) -> str:
    if hours < 2 / 60:
        return f"{hours * 3600:.2g} s"
    if hours < 2:
        return f"{hours * 60:.2g} min"
    return f"{hours:.3g} h"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1")
    return number


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _complain(error: object, status: int) -> int:
    print(f"nlbook: {error}", file=sys.stderr, flush=True)
    return status
