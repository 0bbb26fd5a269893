"""The old place of the reader of records."""

import pytest

from nlbook import dislocations
from nlbook.dislocations import recording


@pytest.mark.parametrize("name", recording.__all__)
def test_the_old_place_hands_on_and_warns(name):
    with pytest.warns(DeprecationWarning, match=f"import {name} from nlbook.dislocations"):
        assert getattr(recording, name) is getattr(dislocations, name)
