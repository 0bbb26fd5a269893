"""The old place of the reader of records."""

import runpy

import pytest

from nlbook import dislocations
from nlbook.dislocations import recording


@pytest.mark.parametrize("name", recording.__all__)
def test_the_old_place_hands_on_and_warns(name):
    with pytest.warns(DeprecationWarning, match=f"import {name} from nlbook.dislocations"):
        assert getattr(recording, name) is getattr(dislocations, name)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_old_program_says_where_it_is_and_fails():
    with pytest.raises(SystemExit, match=r"python book/studies/creep\.py"):
        runpy.run_module(recording.__name__, run_name="__main__")
