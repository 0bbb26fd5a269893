import warnings
from dataclasses import replace

import pytest

from nlbook.identification import Certificate, Continuum, FractionalSettings

CERTIFICATE = {"loss": 1.0, "lower_bound": 1.0, "smallest_symbol": 1.0, "norm": 0.0,
               "allowed": 1.0, "rounding": 0.0}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "before", "now", "value", "rest"),
    [
        (Continuum, "reach", "largest_wavenumber", 100.0, {}),
        (FractionalSettings, "reach", "half_width", 0.5, {}),
        (Certificate, "reach", "largest_norm", 2.0, CERTIFICATE),
    ],
)
def test_names_of_before_are_taken_and_read_and_warn(kind, before, now, value, rest):
    with pytest.warns(
        DeprecationWarning, match=f"^{before} is deprecated: its name is {now}"
    ) as said:
        made = kind(**rest, **{before: value})
    assert len(said) == 1
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert made == kind(**rest, **{now: value}) == replace(made)
        assert getattr(made, now) == value
    with pytest.warns(DeprecationWarning, match=f"^{before} is deprecated"):
        assert getattr(made, before) == value


def test_a_number_under_both_its_names_is_refused():
    with pytest.warns(DeprecationWarning), pytest.raises(TypeError, match="is given twice"):
        Continuum(largest_wavenumber=100, reach=50)
