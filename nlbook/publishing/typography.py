"""Numbers as a printer sets them, and what a formula says where none can be set.

Real minus signs; powers of ten with raised digits and spaces that don't break; a value and its
error to the same place; short formulas in plain characters, for a heading that stands before a
value on a phone, or for a terminal.
"""

from __future__ import annotations

import math
import re
import unicodedata

__all__ = ["MINUS", "align", "number_text", "pretty", "uncertain_text", "without_markup"]

#: the minus sign, as long as a plus
MINUS = "\N{MINUS SIGN}"
_THIN = "\N{NARROW NO-BREAK SPACE}"
_TIMES = f"{_THIN}\N{MULTIPLICATION SIGN}{_THIN}"
_FIGURE, _POINT = "\N{FIGURE SPACE}", "\N{PUNCTUATION SPACE}"  # wide as a digit, as a point
_RAISED = str.maketrans("0123456789+-n()=", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ⁽⁾⁼")
_LOWERED = str.maketrans("0123456789+-()=aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎₌ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_NUMBER = re.compile(r"(?<![\w.,-])([+-]?)(\d[\d,]*(?:\.\d+)?)(?:e([+-]?\d+))?(?![\w])")
_DECIMAL = re.compile(rf"[{MINUS}+]?\d[\d,]*(?:\.(\d+))?%?")
_SIGNS = {
    "times": "×", "pm": "±", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ll": "≪", "gg": "≫",
    "approx": "≈", "sim": "∼", "ne": "≠", "neq": "≠", "infty": "∞", "cdot": "·", "to": "→",
    "rightarrow": "→", "partial": "∂", "nabla": "∇", "int": "∫", "sum": "∑", "in": "∈", "ell": "ℓ",
    "langle": "⟨", "rangle": "⟩", "dots": "…", "ldots": "…", "prime": "′", "propto": "∝",
    "colon": ":", "log": "log", "ln": "ln", "max": "max", "min": "min", "exp": "exp",
    "left": "", "right": "", "quad": " ", "lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|",
}  # fmt: skip
_VARIANTS = {"varepsilon": "ε", "epsilon": "ε", "varphi": "φ", "vartheta": "θ", "varrho": "ϱ"}
_ACCENTS = {"bar": "\u0304", "overline": "\u0304", "hat": "\u0302", "tilde": "\u0303"}
_MATH = re.compile(r"(?<!\\)\$([^$]+)\$")
_ROLE = re.compile(r"\{[A-Za-z][\w:+-]*\}`([^`]*?)(?:\s*<[^<>`]*>)?`")


def number_text(value: float, spec: str = "") -> str:
    """A number as text: ``format(value, spec)``, with a real minus sign and power of ten.

    Parameters
    ----------
    value : float
        Finite or infinite.
    spec : str
        Python's format; by default three significant digits, or all of an integer.
    """
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = format(value, spec or ("d" if isinstance(value, int) else ".3g"))
    return pretty(text.lstrip("-") if re.fullmatch(r"-0(\.0*)?(e[+-]0+)?", text) else text)


def pretty(text: str) -> str:
    """Set the numbers in a text, such as ``below 1e-6`` or ``-0.3``."""

    def replace(number: re.Match[str]) -> str:
        sign, digits, exponent = number.groups()
        sign = sign.replace("-", MINUS)
        if exponent is None:
            return f"{sign}{digits}"
        power = "10" + str(int(exponent)).translate(_RAISED)
        return f"{sign}{digits}{_TIMES}{power}"

    return _NUMBER.sub(replace, text)


def uncertain_text(value: float, error: float, spec: str | None = None) -> str:
    """A value and its error, to the same place.

    Parameters
    ----------
    value, error : float
        The error is not negative.
    spec : str, optional
        Format of both; by default one digit of the error, two where it begins with 1.
    """
    if spec:
        return _together(number_text(value, spec), number_text(error, spec))
    if error == 0 or not (math.isfinite(value) and math.isfinite(error)):
        return _together(number_text(float(value)), number_text(float(error)))
    place = math.floor(math.log10(float(f"{error:.1e}")))
    if f"{error:.1e}".startswith("1"):
        place -= 1
    magnitude = math.floor(math.log10(max(abs(value), error)))
    if -5 < magnitude < 7:
        rounded = (round(number, -place) for number in (value, error))
        return _together(*(number_text(n, f".{max(-place, 0)}f") for n in rounded))
    digits = max(magnitude - place, 0)
    if round(max(abs(value), error) / 10.0**magnitude, digits) >= 10:
        magnitude, digits = magnitude + 1, digits + 1
    both = _together(*(number_text(n / 10.0**magnitude, f".{digits}f") for n in (value, error)))
    return f"({both}){_TIMES}10{str(magnitude).translate(_RAISED)}"


def _together(value: str, error: str) -> str:
    return f"{value}{_THIN}±{_THIN}{error}"


def align(texts: list[str]) -> list[str]:
    """Fill decimals that stand right-aligned in a column so that their points line up.

    Texts of another form, such as powers of ten, are left as they are.
    """
    decimals = [decimal.group(1) or "" for t in texts if (decimal := _DECIMAL.fullmatch(t))]
    longest = max(map(len, decimals), default=0)
    filled = []
    for text in texts:
        decimal = _DECIMAL.fullmatch(text)
        missing = longest - len(decimal.group(1) or "") if decimal else 0
        point = _POINT if missing and decimal and not decimal.group(1) else ""
        filled.append(text + point + _FIGURE * missing)
    return filled


def without_markup(text: str) -> str:
    """MyST text in plain characters; what has none stays as LaTeX writes it."""
    text = _MATH.sub(lambda match: _plain_formula(match.group(1)), text)
    text = _ROLE.sub(lambda match: match.group(1), text)
    text = re.sub(r"`([^`]*)`", r"\1", text)
    text = re.sub(r"(?<![\w*])(\*{1,2})(?=\S)(.+?)(?<=\S)\1(?![\w*])", r"\2", text)
    return re.sub(r"\\([\\`*_{}\[\]<>$#|])", r"\1", text)


def _plain_formula(formula: str) -> str:
    text = re.sub(r"\\[,;:! ]|~", "\N{NARROW NO-BREAK SPACE}", formula)
    text = re.sub(r"\\(?:mathrm|text|mathcal|operatorname|mathbf|boldsymbol)\s*\{([^{}]*)\}",
                  r"\1", text)  # fmt: skip
    text = re.sub(
        r"\\(bar|overline|hat|tilde)\s*(?:\{(\\?\w+)\}|(\\[A-Za-z]+|\w))", _accented, text
    )
    text = re.sub(r"\\([A-Za-z]+)(?:\s(?=\w))?", _sign, text)
    for mark, table in (("^", _RAISED), ("_", _LOWERED)):
        pattern = re.escape(mark) + r"(?:\{([^{}]*)\}|(\S))"
        text = re.sub(pattern, lambda match, m=mark, t=table: _moved(match, m, t), text)  # type: ignore[misc]
    return re.sub(r"(?<![\w⁰-⁹])-(?=[\d\w])|(?<=\s)-(?=\s)", MINUS, text)


def _accented(match: re.Match[str]) -> str:
    letter = match.group(2) or match.group(3)
    letter = re.sub(r"\\([A-Za-z]+)", _sign, letter)
    return unicodedata.normalize("NFC", letter + _ACCENTS[match.group(1)])


def _sign(match: re.Match[str]) -> str:
    name = match.group(1)
    if name in _SIGNS:
        return _SIGNS[name]
    if name in _VARIANTS:
        return _VARIANTS[name]
    size = "CAPITAL" if name[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {_GREEK.get(name, name).upper()}")
    except KeyError:
        return match.group(0)


_GREEK = {"lambda": "lamda", "Lambda": "Lamda"}  # Unicode's spelling


def _moved(match: re.Match[str], mark: str, table: dict[int, int]) -> str:
    text = match.group(1) if match.group(1) is not None else match.group(2)
    if mark == "^" and text in ("*", "′"):
        return text
    plain = text.replace(MINUS, "-")
    moved = plain.translate(table)
    if any(a == b for a, b in zip(moved, plain, strict=True)) or re.search("[A-Za-z]{2}", plain):
        words = re.fullmatch(r"\w+", text) is not None
        return f"{mark}{text}" if words else f"{mark}({text.replace('-', MINUS)})"
    return moved
