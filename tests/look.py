"""Take a picture of a page of the site: ``python -m tests.look PAGE OUT --width 390 --dark``."""

import argparse
from pathlib import Path

from tests.site.browser import Browser, find_chromium


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.look", description=__doc__)
    parser.add_argument("page", type=Path, help="its HTML file")
    parser.add_argument("out", type=Path, help="the picture (PNG) to write")
    parser.add_argument("--width", type=int, default=1280, help="of the screen, CSS pixels")
    parser.add_argument("--height", type=int, default=900, help="of the screen, CSS pixels")
    parser.add_argument("--dark", action="store_true", help="for a reader who prefers dark")
    parser.add_argument("--print", action="store_true", help="as on paper")
    parser.add_argument("--at", default="", help="the label to scroll to; else the whole page")
    given = parser.parse_args()
    program = find_chromium()
    if not given.page.is_file():
        raise SystemExit(f"there is no {given.page}")
    if program is None:
        raise SystemExit("no Chromium here")
    with Browser(program) as browser:
        url = given.page.resolve().as_uri()
        theme = "dark" if given.dark else "light"
        view = browser.open(url, given.width, given.height, theme)
        if not given.at:  # what lies beyond the screen would be laid out anew, and moved
            tall = browser.run("document.documentElement.scrollHeight")
            view = browser.open(url, given.width, tall, theme)
        if given.print:
            browser.emulate(media="print")
        if given.at:
            scroll = "scrollIntoView({behavior: 'instant'})"
            browser.run(f"document.getElementById({given.at!r}).{scroll}")
        browser.screenshot(given.out, whole=not given.at)
    print(f"{given.out}: needs {view.content_width} of {given.width} pixels {view.widest}".rstrip())
    for what in (*view.wide_formulas, *view.wide_cells):
        print(f"wider than its place: {what}")


if __name__ == "__main__":
    main()
