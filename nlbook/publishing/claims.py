"""Claims: numbers that the book prints, checked where they are computed.

A claim without tiers is an *invariant*: it holds for all parameters and is always enforced. One
with tiers is a *reference*: a number that depends on the run, enforced when the parameters are
those of a tier that it names, and shown as not tested otherwise. One with ``recorded`` is
*recorded*: its number comes from a recorded result and not from this run, so that it is enforced
whatever the parameters are, and proves nothing about them. The formatted value is glued under
the claim's name, for the prose to show; the row of the table of claims goes into the output's
metadata.
"""

from __future__ import annotations

import math
import re
import sys
from decimal import Decimal, InvalidOperation
from typing import Any

from nlbook.publishing.book import did_you_mean, find_book
from nlbook.publishing.errors import BookError, ClaimFailed
from nlbook.publishing.guard import current_run
from nlbook.publishing.parameters.chapter import TIERS

__all__ = ["claim", "show_number"]

_GLUE = "application/papermill.record/"
_RECORD = re.compile(r"[\w-][\w.-]*")
_NAME = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)


def claim(
    name: str,
    value: Any,
    expected: Any = None,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    tiers: tuple[str, ...] | None = None,
    recorded: str | None = None,
    source: str,
    format: str | None = None,
    unit: str | None = None,
) -> None:
    """Check a value, show it, and enter it in the book's table of claims.

    Parameters
    ----------
    name : str
        What the prose shows it by, such as ``creep.mean_number``; once a chapter.
    value : float
        What was computed; a number or an array of one.
    expected : float, optional
        Needs `atol` or `rtol`: \\|value - expected\\| <= atol + rtol \\|expected\\|.
    atol, rtol : float, optional
        Tolerances, absolute and relative.
    minimum, maximum : float, optional
        Bounds, inclusive.
    tiers : tuple of str, optional
        The tiers at which a reference is enforced; an invariant without.
    recorded : str, optional
        The recorded result, ``book/recorded/NAME``, that the value comes from.
    source : str
        Where the expected value or the bound comes from.
    format : str, optional
        Format of the value; refused when its last digit is worth less than the power of ten
        not above the tolerance. By default that is the last digit (tens within 50, tenths
        within 0.3), or the second digit of the larger bound. A value far below a lone `maximum`
        is shown as below a hundredth (or a tenth) of it: its own digits are rounding errors,
        which differ between processors.
    unit : str, optional
        Unit, for the table.

    Raises
    ------
    ClaimFailed
        If an enforced claim doesn't hold, or the value isn't finite.
    ValueError
        If the claim itself makes no sense, such as one that nothing can fail: a value that is
        the expected object itself, a truth value between 0 and 1, a tolerance below rounding.
    """
    run = current_run()
    _refuse_itself(name, value, expected)
    expected, atol, rtol, minimum, maximum = (
        None if bound is None else _plain(name, bound)
        for bound in (expected, atol, rtol, minimum, maximum)
    )
    _check(name, expected, atol, rtol, minimum, maximum, tiers, recorded, source)
    tolerance = None
    if expected is not None:
        tolerance = (atol or 0.0) + (rtol or 0.0) * abs(expected)
    value = _plain(name, value)
    _refuse_certain(name, value, expected, tolerance, minimum, maximum)
    text = _text(name, value, format, tolerance, minimum, maximum)
    bounds = _bounds_in_words(expected, atol, rtol, minimum, maximum)
    finite = math.isfinite(value)
    holds = (
        finite
        and (tolerance is None or abs(value - expected) <= tolerance)
        and (minimum is None or value >= minimum)
        and (maximum is None or value <= maximum)
    )
    tested = tiers is None or bool(set(tiers) & set(run.tiers))
    row = {
        "name": name,
        "text": text,
        "value": value if finite else str(value),
        "expected": expected,
        "atol": atol,
        "rtol": rtol,
        "minimum": minimum,
        "maximum": maximum,
        "bounds": bounds,
        "kind": "recorded" if recorded else "invariant" if tiers is None else "reference",
        "tiers": None if tiers is None else list(tiers),
        "recorded": recorded,
        "tested": tested,
        "holds": holds,
        "source": source,
        "unit": unit,
    }
    verdict = ("holds" if holds else "fails") if tested or not finite else "not tested here"
    shown = f"{text} {unit}" if unit else text
    relation = "is" if text.startswith("below") else "="
    _display(name, text, {"claim": row}, f"{name} {relation} {shown}; claimed: {bounds}; {verdict}")
    if not holds and (tested or not finite):
        raise ClaimFailed(f"claim {name}: {value!r} is not {bounds} ({source})")


def show_number(name: str, value: Any, format: str = "") -> None:
    """Glue a computed number, for the prose to show; nothing is claimed of it.

    Parameters
    ----------
    name : str
        What the prose shows it by.
    value : float or str
        What was computed.
    format : str, optional
        Its format, no finer than what is the same on every machine.
    """
    _check_name(name)
    if not isinstance(value, str):
        value = _plain(name, value)
        if not math.isfinite(value):
            raise ValueError(f"number {name}: {value!r} must be finite")
    text = _format(value, format)
    _display(name, text, {"number": {"name": name, "text": text}}, f"{name} = {text}")


_format = format  # some parameters have its name


def _check(
    name: str,
    expected: Any,
    atol: float | None,
    rtol: float | None,
    minimum: float | None,
    maximum: float | None,
    tiers: tuple[str, ...] | None,
    recorded: str | None,
    source: str,
) -> None:
    _check_name(name)
    if not source.strip():
        raise ValueError(f"claim {name}: source must say where the bound comes from")
    if expected is None and minimum is None and maximum is None:
        raise ValueError(
            f"claim {name}: give expected, minimum or maximum (a number of which nothing is "
            "claimed is shown by show_number)"
        )
    if (expected is None) != (atol is None and rtol is None):
        raise ValueError(f"claim {name}: expected needs atol or rtol, and they need expected")
    for label, bound in {
        "expected": expected,
        "atol": atol,
        "rtol": rtol,
        "minimum": minimum,
        "maximum": maximum,
    }.items():
        if bound is not None and not math.isfinite(bound):
            raise ValueError(f"claim {name}: {label}={bound!r} must be finite")
        if label in {"atol", "rtol"} and bound is not None and bound < 0:
            raise ValueError(f"claim {name}: {label}={bound!r} must not be negative")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ValueError(f"claim {name}: minimum={minimum!r} must not exceed maximum={maximum!r}")
    if tiers is not None and not (tiers and set(tiers) <= set(TIERS)):
        raise ValueError(f"claim {name}: tiers={tiers!r} must be a tuple of {', '.join(TIERS)}")
    if recorded is not None:
        if tiers is not None:
            raise ValueError(
                f"claim {name}: recorded={recorded!r} must not be given with tiers: a recorded "
                "number is the same at all of them"
            )
        _check_recorded(name, recorded)


def _check_recorded(name: str, recorded: str) -> None:
    """Refuse what is not recorded, where the book is at hand."""
    if not isinstance(recorded, str) or not _RECORD.fullmatch(recorded):
        raise ValueError(f"claim {name}: recorded={recorded!r} must be a folder of book/recorded")
    try:
        folder = find_book().recorded
    except BookError:
        return
    if not (folder / recorded).is_dir():
        there = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        hint = did_you_mean(recorded, there)
        raise ValueError(
            f"claim {name}: recorded={recorded!r}: {hint}there is no such folder in book/recorded"
        )


def _refuse_itself(name: str, value: Any, expected: Any) -> None:
    """Refuse an expected value that is the value; small integers and truth values are shared."""
    if value is expected and value is not None and not isinstance(value, int):
        raise ValueError(f"claim {name}: expected is the value itself: nothing can fail it")


def _refuse_certain(
    name: str,
    value: Any,
    expected: Any,
    tolerance: float | None,
    minimum: float | None,
    maximum: float | None,
) -> None:
    """Refuse what holds of any value of its type, and what only luck can fulfil."""
    if isinstance(value, bool):
        low = -math.inf if minimum is None else minimum
        high = math.inf if maximum is None else maximum
        if expected is not None and tolerance is not None:
            low, high = max(low, expected - tolerance), min(high, expected + tolerance)
        if low <= 0 and high >= 1:
            raise ValueError(f"claim {name}: a truth value is always from {low:g} to {high:g}")
    if tolerance and isinstance(value, float) and tolerance < math.ulp(expected) / 2:
        raise ValueError(
            f"claim {name}: a tolerance of {tolerance:.3g} is below the rounding of "
            f"{expected:g}; give atol=0 for what is exact"
        )
    largest = sys.float_info.max / 1e8
    for label, bound, sign in (("minimum", minimum, -1), ("maximum", maximum, 1)):
        if bound is not None and sign * bound > largest:
            raise ValueError(f"claim {name}: {label}={bound!r} bounds nothing")
    if maximum is not None and 0 < maximum < sys.float_info.min / sys.float_info.epsilon:
        raise ValueError(
            f"claim {name}: maximum={maximum!r} is below rounding; give maximum=0 for what is exact"
        )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"name={name!r}: must start with a letter, then letters, digits, '._-'")


def _plain(name: str, value: Any) -> Any:
    """A Python number."""
    if hasattr(value, "mask"):  # NumPy's mean of nothing but hidden entries would read as zero
        from nlbook.checks import check_unmasked

        check_unmasked(f"claim {name}: the value", value)
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if not isinstance(value, int | float):
        raise ValueError(f"claim {name}: {value!r} must be a real number")
    return value


def _text(
    name: str,
    value: Any,
    format: str | None,
    tolerance: float | None,
    minimum: float | None,
    maximum: float | None,
) -> str:
    if not math.isfinite(value) or isinstance(value, bool):
        return str(value)
    if format is not None:
        text = _format(value, format)
        if tolerance and _last_place(text) < _place(tolerance):
            raise ValueError(
                f"claim {name}: format={format!r} shows {text}, finer than its tolerance "
                f"{tolerance:.3g}"
            )
        return text
    if tolerance:
        return _rounded(value, _place(tolerance))
    if isinstance(value, int):
        return str(value)
    largest = max(abs(minimum or 0.0), abs(maximum or 0.0), abs(value) if tolerance == 0 else 0.0)
    largest = largest or abs(value)
    digits = 6 if tolerance == 0 else 2
    text = _rounded(value, _place(largest) - digits + 1 if largest else 0)
    if tolerance is None and minimum is None and maximum is not None and maximum > 0:
        hundredth, tenth = (Decimal(f"{maximum / part:.2g}") for part in (100, 10))
        if abs(value) < hundredth or text == "0":
            limit = hundredth if abs(value) < hundredth else tenth
            text = f"below {_rounded(limit, int(limit.as_tuple().exponent))}"
    return text


def _place(number: float) -> int:
    """Exponent of the power of ten not above a positive number."""
    return math.floor(math.log10(number) + 1e-9)


def _rounded(value: float | Decimal, exponent: int) -> str:
    """`value` to a multiple of 10**exponent, in the shorter notation."""
    rounded = Decimal(value).quantize(Decimal(1).scaleb(exponent)) + 0
    if rounded == 0:
        return "0"
    magnitude = rounded.adjusted()
    if magnitude < -4 or magnitude > 6:
        return f"{rounded:.{max(magnitude - exponent, 0)}e}"
    return f"{rounded:.{max(-exponent, 0)}f}"


def _last_place(text: str) -> float:
    """Exponent of the last digit of a formatted number; infinite when it isn't one."""
    percent = text.endswith("%")
    try:
        exponent = Decimal(text.rstrip("%").replace(",", "")).as_tuple().exponent
    except InvalidOperation:
        return math.inf
    return int(exponent) - 2 * percent


def _bounds_in_words(
    expected: Any,
    atol: float | None,
    rtol: float | None,
    minimum: float | None,
    maximum: float | None,
) -> str:
    words = []
    if expected is not None:
        within = [f"{atol:g}"] if atol is not None else []
        within += [f"{100 * rtol:g} %"] if rtol is not None else []
        exact = all(t in (None, 0) for t in (atol, rtol))
        words.append(f"{expected:g}" + (" exactly" if exact else f" within {' + '.join(within)}"))
    if minimum is not None and maximum is not None:
        words.append(f"from {minimum:g} to {maximum:g}")
    elif minimum is not None:
        words.append(f"at least {minimum:g}")
    elif maximum is not None:
        words.append(f"at most {maximum:g}")
    return ", ".join(words)


def _display(name: str, text: str, row: dict[str, Any], line: str) -> None:
    """Glue `text` in an output of its own, as myst-nb needs it, then show a line to read."""
    from IPython.display import display

    current_run().glued[name] = text
    glued = {"scrapbook": {"name": name, "mime_prefix": _GLUE}, "nlbook": row}
    display({f"{_GLUE}text/plain": repr(text)}, raw=True, metadata=glued)
    display({"text/plain": line}, raw=True)
