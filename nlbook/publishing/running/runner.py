"""Run a chapter: an executed notebook, its record and its results, whole or not at all.

Papermill executes the chapter with a kernel of its own, writing into a hidden folder beside the
results. Only when all cells have run, and each claim has held, do the record, the folder of
results and the notebook take their names, by renaming; those of an earlier run move to a folder
``earlier/`` before that. What a failed or interrupted run got to is kept as
``NAME.failed.ipynb`` and ``NAME.failed.results``, until a run succeeds. A killed run leaves its
hidden folder, which the next run of the chapter in that place takes over. Two runs of a chapter
never write to one place at once: the second is refused.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shlex
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nlbook import host
from nlbook.publishing.book import Book, find_book
from nlbook.publishing.errors import BookError, RunFailed
from nlbook.publishing.guard import PYTHON
from nlbook.publishing.notebooks.normal_form import normalise
from nlbook.publishing.notebooks.prose import render_prose
from nlbook.publishing.parameters.chapter import matching_tiers, read_parameters, resolve
from nlbook.publishing.results import CONTENTS, VARIABLE, read_contents
from nlbook.publishing.running import records
from nlbook.publishing.running.freshness import chapter_key, outputs_digest
from nlbook.publishing.running.locks import own_folder

__all__ = ["run_chapter"]

_SCRATCH = ".run-"
_PATIENCE = 600  # seconds that a kernel may take to answer on a machine that does much else


def run_chapter(
    chapter: str,
    *,
    tier: str = "book",
    parameters: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    copy: bool = False,
    environment: Mapping[str, str] | None = None,
    progress: bool = True,
    book: Book | None = None,
    command: str | None = None,
    overwrite: bool = False,
    say: Callable[[str], object] | None = None,
) -> Path:
    """Execute a chapter and write the notebook, its record and its results.

    Parameters
    ----------
    chapter : str
        Name of the chapter.
    tier : {"book", "smoke", "paper"}
        Values of the parameters that are not given.
    parameters : mapping, optional
        Values by name.
    out : Path, optional
        Folder for the results; ``_build/runs`` by default.
    copy : bool
        Write a committed copy instead: no record, and nothing that differs between two runs.
    environment : mapping, optional
        Environment variables for the kernel, such as ``NLBOOK_CLUSTER``. ``NLBOOK_FOLDER``, from
        where the relative path of a store leads, is this process' folder by default.
    progress : bool
        Show a bar of the cells, and the kernel's own bars, on stderr.
    book : Book, optional
        The book; found by default.
    command : str, optional
        What the record says made it; this process' command line by default.
    overwrite : bool
        Replace what an earlier run of the chapter wrote there. By default it moves, when this
        run has succeeded, to ``earlier/NAME-TIME`` in the same folder, and `say` tells.
    say : callable, optional
        Gets a line when something moves; written to stderr by default.

    Returns
    -------
    Path
        The executed notebook; its record has the suffix ``.json``, and what the chapter saved
        (`save_results`) lies in the folder with the suffix ``.results``.

    Raises
    ------
    BookError
        For an unknown chapter, tier or parameter, or a folder that cannot be written.
    RunFailed
        If a cell fails, a claim doesn't hold or the kernel dies.
    """
    book = book or find_book()
    path = book.chapter(chapter)
    name = path.stem
    values = resolve(path, tier, parameters, book)
    declared = read_parameters(path, book)
    tiers = matching_tiers(declared, values)
    key = chapter_key(path, values, book)
    folder = Path(out) if out is not None else (book.copies if copy else book.runs)
    folder = folder.absolute()
    target = folder / f"{name}.ipynb"
    failed = folder / f"{name}.failed.ipynb"
    started = datetime.now(UTC)
    identity = uuid.uuid4().hex
    watch = records.MemoryWatch()
    given = {k: v for k, v in values.items() if v != declared[k].default}
    with _scratch_folder(folder, name) as scratch:
        clock = time.perf_counter()
        try:
            told = {VARIABLE: str(scratch / "results"), **(environment or {})}
            with _interrupting(watch):
                notebook = _execute(book, path, given, scratch, watch, told, progress)
            shown = _shown(notebook)
        except BaseException as error:
            _keep_failed(scratch, failed)
            if isinstance(error, Exception):
                raise RunFailed(_in_one_line(name, error, failed)) from error
            raise
        finally:
            watch.stop()
        wall_s = time.perf_counter() - clock
        made = {
            "chapter": name,
            "tier": tier if tier in tiers else next(iter(tiers), None),
            "parameters": values,
            "key": key,
            "seed": values.get("seed"),
        }
        notebook.metadata["papermill"] = {"parameters": given}
        for cell in notebook.cells:
            _compact_stderr(cell)
        render_prose(notebook, name, book)
        if copy:
            notebook = normalise(notebook)
        else:
            sha, dirty = records.commit(book)
            record = {
                **made,
                "run": identity,
                "command": command or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
                "commit": sha,
                "dirty": dirty,
                "environment": records.environment(book),
                **records.machine(),
                "wall_s": round(wall_s, 3),
                "peak_memory_mib": watch.peak_mib and round(watch.peak_mib, 1),
                "started": started.isoformat(timespec="seconds"),
                **shown,
                "results": _results(scratch / "results"),
            }
            made["run"] = identity
            _move_earlier(target, overwrite, say or _to_stderr)
            text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            _publish(scratch / "record.json", text, target.with_suffix(".json"))
            if (scratch / "results").is_dir():
                os.rename(scratch / "results", target.with_suffix(".results"))
        made["outputs"] = outputs_digest(notebook)
        notebook.metadata["nlbook"] = made
        import nbformat

        _publish(scratch / "final.ipynb", nbformat.writes(notebook) + "\n", target)
        _discard(failed)
        _discard(failed.with_suffix(".results"))
    return target


def _execute(
    book: Book,
    path: Path,
    given: Mapping[str, Any],
    scratch: Path,
    watch: records.MemoryWatch,
    environment: Mapping[str, str],
    progress: bool,
) -> Any:
    import nbformat
    import papermill

    from nlbook.publishing.notebooks.staging import read_chapter

    source = scratch / "chapter.ipynb"
    nbformat.write(read_chapter(path), source)
    profile = scratch / "profile"  # a user's own may run anything before the first cell
    profile.mkdir()
    # papermill's own inspection doesn't know every declared type, and warns of what is right; that
    # an interrupted kernel died is no error, and of another one its exception tells
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    return papermill.execute_notebook(
        source,
        scratch / "executed.ipynb",
        dict(given),
        cwd=path.parent,
        progress_bar=progress,
        start_timeout=_PATIENCE,
        iopub_timeout=_PATIENCE,
        stderr_file=sys.stderr if progress else None,
        kernel_manager_class=_kernel_manager(book, environment, watch),
        extra_arguments=[
            "--IPKernelApp.log_level=50",
            f"--ProfileDir.location={profile}",
        ],
    )


def _kernel_manager(
    book: Book, environment: Mapping[str, str], watch: records.MemoryWatch
) -> type[Any]:
    """A kernel manager that hands on `environment` and lets `watch` follow the kernel.

    It starts this very Python: what a kernel called python3 is, JUPYTER_PATH and a user's own
    kernels decide.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    # the kernel works in book/, and a store is named from where the caller is
    variables = {
        "NLBOOK_BOOK": str(book.book),
        "NLBOOK_FOLDER": os.getcwd(),
        PYTHON: sys.executable,
        "PYTHONUTF8": "1",  # whatever the locale
        "PYTHONSTARTUP": "",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        **environment,
    }
    package = Path(__file__).resolve().parents[3]
    if package.name != "site-packages":  # the kernel works elsewhere and must find this package
        known = os.environ.get("PYTHONPATH")
        variables["PYTHONPATH"] = os.pathsep.join([str(package), *([known] if known else [])])

    class ChapterKernelManager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3 (ipykernel)", language="python")

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            given = {**os.environ, **options.get("env", {})}
            options["env"] = {**host.thread_limits(), **given, **variables}
            await super().start_kernel(**options)
            pid = getattr(self.provisioner, "pid", None)
            if pid:
                watch.start(pid)

    return ChapterKernelManager


def _interrupting(watch: records.MemoryWatch) -> contextlib.AbstractContextManager[None]:
    """Hand an interruption on to the kernel, whose tasks then end at their next checkpoint.

    The kernel has a session of its own, so no terminal reaches it.
    """

    def interrupt() -> None:
        logging.getLogger("papermill").setLevel(logging.CRITICAL)  # that the kernel ends is no news
        if watch.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(watch.pid, signal.SIGINT)

    return host.signals_first(interrupt)


@contextlib.contextmanager
def _scratch_folder(folder: Path, name: str) -> Iterator[Path]:
    """A hidden folder in `folder` for this run alone; what a killed run left in it is removed."""
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            own = own_folder(folder / f"{_SCRATCH}{name}", f"another run of {name}")
            scratch = stack.enter_context(own)
        except OSError as error:
            raise BookError(f"{folder}: cannot write there ({error.strerror})") from None
        yield scratch


def _publish(aside: Path, text: str, target: Path) -> None:
    """Write aside, to the disk, then rename."""
    with aside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(aside, target)


def _keep_failed(scratch: Path, failed: Path) -> None:
    for aside, kept in (
        (scratch / "executed.ipynb", failed),
        (scratch / "results", failed.with_suffix(".results")),
    ):
        if aside.exists():
            _discard(kept)
            os.rename(aside, kept)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _move_earlier(target: Path, overwrite: bool, say: Callable[[str], object]) -> None:
    """Make room for a run: what an earlier one wrote moves together to a folder of its own."""
    if overwrite:  # the notebook and the record are replaced by renaming
        _discard(target.with_suffix(".results"))
        return
    record = records.read_record(target)
    written = [target.with_suffix(suffix) for suffix in (".ipynb", ".json", ".results")]
    written = [path for path in written if path.exists() or path.is_symlink()]
    if not written:
        return
    moment = datetime.fromtimestamp(written[0].stat(follow_symlinks=False).st_mtime, UTC)
    if record is not None:
        moment = datetime.fromisoformat(record["started"])
    stem = f"{target.stem}-{moment:%Y-%m-%dT%H-%M-%S}"
    kept, number = target.parent / "earlier" / stem, 1
    while kept.exists():
        number += 1
        kept = kept.with_name(f"{stem}-{number}")
    kept.mkdir(parents=True)
    for path in written:
        os.rename(path, kept / path.name)
    say(f"{target.stem}: the earlier run is kept in {kept}")


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _shown(notebook: Any) -> dict[str, list[dict[str, Any]]]:
    """Rows of the claims and of the numbers, in order; names, also of figures, must be unique."""
    rows: dict[str, list[dict[str, Any]]] = {"claim": [], "number": []}
    seen: set[str] = set()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind, row in output.get("metadata", {}).get("nlbook", {}).items():
                if row["name"] in seen:
                    raise ValueError(f"{kind} {row['name']!r} is made twice")
                seen.add(row["name"])
                if kind in rows:
                    rows[kind].append(dict(row))
    return {"claims": rows["claim"], "numbers": rows["number"]}


def _results(folder: Path) -> dict[str, Any]:
    """What the chapter saved, by name, and the other files that it wrote beside that."""
    saved = read_contents(folder)
    known = {CONTENTS, *(entry["file"] for entry in saved.values())}
    files = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return {"saved": saved, "files": sorted(set(files) - known)}


def _in_one_line(name: str, error: Exception, failed: Path) -> str:
    if type(error).__name__ == "PapermillExecutionError":
        what = f"{error.ename}: {error.evalue}"  # type: ignore[attr-defined]
    elif type(error).__name__ == "DeadKernelError":
        what = "its kernel died; most often it ran out of memory"
    else:
        what = f"{type(error).__name__}: {error}"
    kept = f" (kept as {failed})" if failed.exists() else ""
    return f"{name}: {' '.join(what.split())}{kept}"


def _compact_stderr(cell: Any) -> None:
    """Of a progress bar keep the last state."""
    for output in cell.get("outputs", []):
        if output.get("name") == "stderr":
            lines = output.text.split("\n")
            output.text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
