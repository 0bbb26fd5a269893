"""The switch that shows all code, by keyboard and from page to page; and what paper shows."""

import pytest

from tests.site.browser import Browser, find_chromium

BOOKKEEPING = "getComputedStyle(document.querySelector('.tag_bookkeeping')).display"
FOLDED = "document.querySelector('.cell details.hide').open"


@pytest.fixture
def browser():
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here: the switch was not tried")
    with Browser(program) as opened:
        yield opened


def test_all_code_is_shown_by_one_key_and_stays_shown(browser, small_site):
    first, second = ((small_site / name).as_uri() for name in ("01_walks.html", "02_use.html"))
    browser.open(first, 1280, 900)
    assert browser.run(BOOKKEEPING) == "none" and not browser.run(FOLDED)
    browser.run("document.querySelector('#all-code').focus()")
    browser.press(" ", 32)
    assert browser.run(BOOKKEEPING) == "block" and browser.run(FOLDED)
    browser.open(second, 1280, 900)
    assert browser.run("document.querySelector('#all-code').checked")
    browser.open(first, 1280, 900)
    assert browser.run(BOOKKEEPING) == "block" and browser.run(FOLDED)
    browser.run("document.querySelector('#all-code').focus()")
    browser.press(" ", 32)
    assert browser.run(BOOKKEEPING) == "none" and not browser.run(FOLDED)


def test_a_page_without_code_has_no_switch(browser, small_site):
    browser.open((small_site / "references.html").as_uri(), 1280, 900)
    assert browser.run("document.querySelector('#all-code') === null")


def test_a_solution_is_open_on_paper_and_folded_afterwards(browser, small_site):
    solution = "document.querySelector('details.solution').open"
    browser.open((small_site / "01_walks.html").as_uri(), 1280, 900)
    browser.run("document.querySelector('details.solution').open = false")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run(solution)
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert not browser.run(solution)


def test_what_scrolls_is_a_stop_of_the_tab_key_and_what_fits_is_none(browser, small_site):
    browser.open((small_site / "01_walks.html").as_uri(), 390, 844)
    stops = (
        "[...document.querySelectorAll('.bd-article pre')].filter(e => e.clientWidth)"
        ".map(e => [e.scrollWidth > e.clientWidth + 1, e.tabIndex])"
    )
    found = browser.run(stops)
    assert {scrolls for scrolls, _ in found} == {True, False}
    assert all((index == 0) == scrolls for scrolls, index in found)
