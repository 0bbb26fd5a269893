"""Drive a Chromium without a window, by its debugging protocol over a local socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "Browser",
    "View",
    "find_chromium",
]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-port=0",
)  # fmt: skip
_STARTING_S = 300.0  # a machine may do much else
_LOADING_S = 300.0
_ENDING_S = 60.0

# Unfolds what is folded, waits until pictures, fonts, MathJax and transitions are done, measures.
_MEASURE = """
(async () => {
  for (const details of document.querySelectorAll('article details:not(.hide)'))
    details.open = true;
  for (const image of document.images) image.loading = 'eager';
  const wait = ms => new Promise(done => setTimeout(done, ms));
  const formulas = () => document.querySelectorAll('.math').length;
  const typeset = () => [...document.querySelectorAll('.math')]
    .filter(m => m.querySelector('mjx-container')).length;
  const started = () => window.MathJax && MathJax.startup;
  const coming = document.querySelector('script[src*=mathjax]');
  for (let i = 0; i < 2400 && coming && !started(); i++) await wait(50);  // 2 minutes
  if (started()) await MathJax.startup.promise;
  await document.fonts.ready;
  await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
  await Promise.all(document.getAnimations().map(a => a.finished.catch(() => {})));
  const overflows = e => e.clientWidth && e.scrollWidth > e.clientWidth + 1;
  const called = e => (e.id || e.querySelector('[id]')?.id || e.textContent.trim()).slice(0, 60);
  const limit = document.documentElement.clientWidth;
  const scrolls = e => e && e.tagName !== 'ARTICLE' && (
    getComputedStyle(e).overflowX !== 'visible' || scrolls(e.parentElement));
  const column = document.querySelector('.bd-article-container') || document.documentElement;
  const wide = [...document.querySelectorAll('article *')]
    .filter(e => e.getBoundingClientRect().right > limit + 1 && !scrolls(e.parentElement))
    .map(e => e.tagName.toLowerCase() + '.' + e.className);
  return {
    content_width: Math.max(
      document.documentElement.scrollWidth,
      limit + column.scrollWidth - column.clientWidth),
    widest: wide.slice(0, 3).join(', '),
    formulas: formulas(), typeset: typeset(),
    wide_formulas: [...document.querySelectorAll('article :is(div.math, p, li, td)')]
      .filter(e => e.querySelector('mjx-container') && overflows(e)).map(called),
    wide_cells: [...document.querySelectorAll('article table.computed')]
      .filter(t => [t, ...t.querySelectorAll('td, tbody th')].some(
        e => overflows(e) || e.getBoundingClientRect().right > limit + 1)).map(called),
    formula_stops: document.querySelectorAll(
      'mjx-container[tabindex="0"], mjx-container [tabindex="0"]').length,
    formula_errors: document.querySelectorAll('mjx-merror').length,
    distorted: [...document.querySelectorAll('article img')]
      .filter(i => i.naturalWidth && i.clientWidth)
      .filter(i => {
        const style = getComputedStyle(i);
        const pad = side => parseFloat(style['padding' + side]);
        const width = i.clientWidth - pad('Left') - pad('Right');
        const height = i.clientHeight - pad('Top') - pad('Bottom');
        return Math.abs(height - width * i.naturalHeight / i.naturalWidth) > 3;
      })
      .map(i => i.getAttribute('src')),
  };
})()
"""


@dataclass
class View:
    """What a page did in the browser."""

    content_width: int = 0  #: width that the page needs, CSS pixels
    widest: str = ""  #: elements that stick out
    formulas: int = 0  #: places with mathematics
    typeset: int = 0  #: of which MathJax has typeset
    formula_errors: int = 0  #: of which MathJax could not read
    formula_stops: int = 0  #: at which the Tab key stops
    wide_formulas: list[str] = field(default_factory=list)  #: formulas wider than their column
    wide_cells: list[str] = field(default_factory=list)  #: tables of computed values that don't fit
    distorted: list[str] = field(default_factory=list)  #: pictures out of proportion
    errors: list[str] = field(default_factory=list)  #: uncaught errors and console errors
    requests: list[str] = field(default_factory=list)  #: addresses that the page asked for


def find_chromium() -> str | None:
    """Find the first Chromium on the path, or None."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Browser:
    """A Chromium for the length of a ``with`` block.

    Parameters
    ----------
    program : str
        The Chromium to start. It has a fresh profile and resolves no host name.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._stack = contextlib.ExitStack()
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        with contextlib.ExitStack() as stack:
            profile = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="nlbook-chromium-", ignore_cleanup_errors=True)
            )
            process = subprocess.Popen(
                [self._program, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(_stop, process)
            self._loop = asyncio.new_event_loop()
            stack.callback(self._loop.close)
            self._loop.run_until_complete(self._connect(process, Path(profile)))
            stack.callback(self._socket.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(self, url: str, width: int, height: int, theme: str = "light") -> View:
        """Load a page and measure it.

        Parameters
        ----------
        url : str
            Its address.
        width, height : int
            The screen, CSS pixels; a width under 600 is taken for a phone.
        theme : {"light", "dark"}
            What the reader prefers.

        Returns
        -------
        View
            What happened.
        """
        return self._loop.run_until_complete(self._open(url, width, height, theme))

    def screenshot(self, path: Path, *, whole: bool = False) -> Path:
        """Write a picture (PNG) of the page that is open, of all of it or of the screen."""
        options: dict[str, Any] = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self._loop.run_until_complete(self._call("Page.getLayoutMetrics"))
            options["clip"] = {**size["cssContentSize"], "x": 0, "y": 0, "scale": 1}
        shot = self._loop.run_until_complete(self._call("Page.captureScreenshot", options))
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    def emulate(self, **media: Any) -> None:
        """Show the page that is open as another medium, or to another reader.

        Parameters
        ----------
        **media
            ``media="print"``, or ``features=[{"name": ..., "value": ...}]`` of a media query.
        """
        self._loop.run_until_complete(self._call("Emulation.setEmulatedMedia", media))

    def press(self, key: str, code: int) -> None:
        """Press and release a key where the focus is.

        Parameters
        ----------
        key : str
            Its name, such as ``ArrowRight``.
        code : int
            Its Windows key code, such as 39.
        """
        for kind in ("keyDown", "keyUp"):
            event = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
            self._loop.run_until_complete(self._call("Input.dispatchKeyEvent", event))

    def run(self, script: str) -> Any:
        """Evaluate an expression in the page that is open."""
        return self._loop.run_until_complete(self._evaluate(script))

    def measure_again(self) -> View:
        """Measure the page that is open as it now is, such as on paper."""
        return View(**self.run(_MEASURE))

    async def _connect(self, process: subprocess.Popen[bytes], profile: Path) -> None:
        from tornado.httpclient import AsyncHTTPClient
        from tornado.websocket import websocket_connect

        told = profile / "DevToolsActivePort"
        end = time.monotonic() + _STARTING_S
        while not (told.is_file() and len(told.read_text("utf-8").split()) == 2):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self._program} did not start (exit {process.poll()})")
            await asyncio.sleep(0.05)
        port = told.read_text("utf-8").split()[0]
        answer = await AsyncHTTPClient().fetch(
            f"http://127.0.0.1:{port}/json/list",
            connect_timeout=_STARTING_S,
            request_timeout=_STARTING_S,
        )
        page = next(t for t in json.loads(answer.body) if t["type"] == "page")
        self._socket = await websocket_connect(page["webSocketDebuggerUrl"], max_message_size=2**28)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self._call(f"{domain}.enable")

    async def _open(self, url: str, width: int, height: int, theme: str) -> View:
        phone = width < 600
        await self._call(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": width,
                "height": height,
                "deviceScaleFactor": 2 if phone else 1,
                "mobile": phone,
            },
        )
        await self._call(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": theme}]},
        )
        self._events.clear()
        await self._call("Page.navigate", {"url": url})
        await self._settle("Page.loadEventFired")
        view = View(**await self._evaluate(_MEASURE))
        for event in self._events:
            _note(event, view)
        return view

    async def _evaluate(self, script: str) -> Any:
        answer = await self._call(
            "Runtime.evaluate",
            {"expression": script, "awaitPromise": True, "returnByValue": True},
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"the page refused a script: {answer['exceptionDetails']['text']}")
        return answer["result"].get("value")

    async def _settle(self, method: str) -> None:
        while not any(event["method"] == method for event in self._events):
            self._events.append(await self._message())

    async def _call(self, method: str, options: Mapping[str, Any] | None = None) -> Any:
        self._number += 1
        number = self._number
        await self._socket.write_message(
            json.dumps({"id": number, "method": method, "params": dict(options or {})})
        )
        while True:
            message = await self._message()
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self._events.append(message)

    async def _message(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self._socket.read_message(), _LOADING_S)
        if text is None:
            raise RuntimeError("Chromium ended")
        return dict(json.loads(text))


def _note(event: dict[str, Any], view: View) -> None:
    """Add what an event tells to a view."""
    told = event["params"]
    if event["method"] == "Network.requestWillBeSent":
        view.requests.append(told["request"]["url"])
    elif event["method"] == "Runtime.exceptionThrown":
        thrown = told["exceptionDetails"]
        view.errors.append(thrown.get("exception", {}).get("description", thrown["text"]))
    elif event["method"] == "Runtime.consoleAPICalled" and told["type"] == "error":
        view.errors.append(" ".join(str(a.get("value", a.get("type"))) for a in told["args"]))
    elif event["method"] == "Log.entryAdded" and told["entry"]["level"] == "error":
        view.errors.append(f"{told['entry']['text']} {told['entry'].get('url', '')}".strip())


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
