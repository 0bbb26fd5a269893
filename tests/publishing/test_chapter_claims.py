"""The chapters' own claims, as their code cells write them: each must be able to fail."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from nlbook.publishing.book import code_cells, find_book

BOOK = find_book(__file__)
BOUNDS = ("expected", "minimum", "maximum")


def trees(name: str) -> list[ast.Module]:
    sources = (cell.source for cell in code_cells(BOOK.chapter(name)))
    return [ast.parse(s) for s in sources if not s.lstrip().startswith(("%", "!"))]


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def claims(cells: list[ast.Module]) -> Iterator[tuple[str, ast.expr, dict[str, ast.expr]]]:
    """Name, value and other arguments of each claim."""
    for tree in cells:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) == "claim":
                given = {word.arg: word.value for word in node.keywords if word.arg}
                for place, argument in zip(("name", "value", "expected"), node.args, strict=False):
                    given[place] = argument
                yield ast.unparse(given["name"]), given["value"], given


def typed_names(cells: list[ast.Module]) -> set[str]:
    """Names that the chapter's cells bind to a literal and to nothing else; parameters too."""
    bound: dict[str, list[ast.expr | None]] = {}
    for tree in cells:
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    plain = isinstance(target, ast.Name) and not isinstance(node, ast.AugAssign)
                    for part in ast.walk(target):
                        if isinstance(part, ast.Name):
                            bound.setdefault(part.id, []).append(node.value if plain else None)
            elif isinstance(node, ast.For | ast.comprehension | ast.withitem | ast.NamedExpr):
                target = node.optional_vars if isinstance(node, ast.withitem) else node.target
                for part in ast.walk(target) if target is not None else ():
                    if isinstance(part, ast.Name):
                        bound.setdefault(part.id, []).append(None)
    return {
        key
        for key, values in bound.items()
        if all(value is not None and is_typed(value) for value in values)
    }


def is_typed(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except ValueError:
        return False
    return True


def faults(cells: list[ast.Module]) -> Iterator[str]:
    typed = typed_names(cells)
    for claim, value, given in claims(cells):
        if is_typed(value):
            yield f"{claim}: its value is typed"
        if isinstance(value, ast.Name) and value.id in typed:
            yield f"{claim}: its value {value.id} is typed"
        for bound in BOUNDS:
            if bound in given and ast.dump(given[bound]) == ast.dump(value):
                yield f"{claim}: it holds its value to the same expression"


@pytest.mark.parametrize("name", list(BOOK.chapters))
def test_no_claim_of_a_chapter_is_of_a_typed_number_or_of_itself(name):
    assert list(faults(trees(name))) == []


@pytest.mark.parametrize("name", list(BOOK.chapters))
def test_every_chapter_claims_something(name):
    assert list(claims(trees(name)))


@pytest.mark.parametrize(
    "cell, fault",
    [
        ("claim('a', 91, minimum=90)", "its value is typed"),
        ("share = 91\nclaim('a', share, minimum=90)", "its value share is typed"),
        ("n: int = 3\nclaim('a', n, minimum=2)", "its value n is typed"),
        ("publishing.claim('a', f(x), f(x), atol=1)", "to the same expression"),
        ("claim('a', f(x), maximum=f( x ))", "to the same expression"),
        ("share = 0\nshare += f(x)\nclaim('a', share, minimum=90)", None),
        ("for share in f(x):\n    claim('a', share, minimum=90)", None),
        ("low, share = f(x)\nclaim('a', share, minimum=low)", None),
    ],
)
def test_such_claims_are_seen(cell, fault):
    found = list(faults([ast.parse(cell)]))
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]


# What a figure shows is also saved (`publishing.save_results`) by the chapter that shows it. Where
# nothing is said here, under the figure's own name: fig-known-laws, or fig-signs-known-laws, as
# known_laws. Else here, figure by figure; a part of a name that the chapter computes is "*".
SHOWN_IN = {
    "fig-crystals-systems": ("schmid_factors",),
    "fig-graphene-fields": ("validation", "disk"),
    "fig-graphene-known": ("known", "known_residuals"),
    "fig-graphene-sweep": ("table_3",),
    "fig-impact-plates": ("sweeps",),
    "fig-relaxation": ("one_crystal",),
    "fig-relaxation-series": ("relaxation",),
    "fig-creep-series": ("creep_case_*",),
    "fig-avalanches": ("activity", "avalanches"),
    "fig-avalanche-film": ("avalanche",),
    "fig-velocities": ("speeds",),
    "fig-exponent": ("exponent_of_the_strain", "exponent_of_the_strain_recorded"),
    "fig-clock": ("clock_series",),
    "fig-three-estimates": ("three_estimates", "tails"),
    "fig-errors": ("errors_of_known_laws",),
    "fig-snapshots": ("densities",),
    "fig-live": ("live", "densities"),
    "fig-drift": ("drift", "signed_densities"),
    "fig-learned": ("densities_case_*",),
    "fig-final": ("densities_case_*", "floors"),
    "fig-signs-one-picture": ("one_picture", "one_picture_symbols"),
    "fig-signs-seen": ("seen", "bands"),
    "fig-signs-losses": ("table_1",),
    "fig-signs-frequencies": ("waves",),
    "fig-signs-darcy": ("darcy_errors", "darcy_errors_certified"),
    "fig-signs-dislocations": ("dislocation_rates", "dislocation_kernels"),
}
SHOWS_NO_RESULT: dict[str, str] = {}  # figures that need none, each with the reason


def literal(argument: ast.expr) -> str:
    """A name as written, with "*" for what is computed."""
    if isinstance(argument, ast.JoinedStr):
        return "".join(literal(part) for part in argument.values)
    return str(argument.value) if isinstance(argument, ast.Constant) else "*"


def shown_and_saved(cells: list[ast.Module]) -> tuple[list[str], set[str]]:
    """Names of the figures of a chapter, and of its results."""
    shown, saved = [], set()
    for node in (node for tree in cells for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and called(node) in ("show", "save_results"):
            given = {word.arg: word.value for word in node.keywords}
            if called(node) == "show":
                if "name" in given:
                    shown.append(literal(given["name"]))
            else:
                saved.add(literal(given["name"] if "name" in given else node.args[0]))
    return shown, saved


def results_of(figure: str) -> tuple[str, ...]:
    own = (
        figure.removeprefix("fig-")
        .removeprefix("signs-")
        .removeprefix("graphene-")
        .removeprefix("crystals-")
        .removeprefix("impact-")
        .replace("-", "_")
    )
    return SHOWN_IN.get(figure, (own,))


def unsaved(cells: list[ast.Module]) -> list[str]:
    """Figures, and results of theirs that the chapter doesn't save."""
    shown, saved = shown_and_saved(cells)
    return [
        f"{figure}: {name}"
        for figure in shown
        if figure not in SHOWS_NO_RESULT
        for name in results_of(figure)
        if name not in saved
    ]


@pytest.mark.parametrize("name", list(BOOK.chapters))
def test_what_a_figure_of_a_chapter_shows_is_saved(name):
    assert unsaved(trees(name)) == []


def test_no_figure_is_listed_that_no_chapter_shows():
    shown = {figure for name in BOOK.chapters for figure in shown_and_saved(trees(name))[0]}
    assert {*SHOWN_IN, *SHOWS_NO_RESULT} - shown == set()


@pytest.mark.parametrize(
    "cell, missing",
    [
        ("figures.show(f, name='fig-new-one')", ["fig-new-one: new_one"]),
        (
            "figures.show(f, name='fig-new-one')\nsave_results('new_two', c)",
            ["fig-new-one: new_one"],
        ),
        ("save_results('new_one', c, units=u)\nfigures.show(f, name='fig-new-one')", []),
        ("_ = publishing.save_results(name='own', columns=c)\nfigures.show(f, name='fig-own')", []),
        ("save_results(f'creep_case_{k}', c)\nfigures.show(f, name='fig-creep-series')", []),
    ],
)
def test_figures_without_results_are_seen(cell, missing):
    assert unsaved([ast.parse(cell)]) == missing
