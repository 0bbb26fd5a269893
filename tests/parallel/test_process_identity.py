"""Which process is which, across machines and containers."""

import dataclasses
import subprocess
import sys

import pytest

from nlbook.parallel import process_identity
from nlbook.parallel.process_identity import ProcessIdentity, this_process


def test_a_process_is_known_until_it_ends():
    assert this_process().is_here
    assert not this_process().is_gone
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = dataclasses.replace(
        this_process(), pid=child.pid, started=process_identity._start_time(child.pid)
    )
    assert not identity.is_gone
    child.kill()
    child.wait()
    assert identity.is_gone


def test_another_process_of_the_same_number_is_not_the_same():
    assert dataclasses.replace(this_process(), started=this_process().started - 60.0).is_gone


@pytest.mark.parametrize("name", ["host", "boot", "namespace"])
def test_of_a_process_elsewhere_nothing_is_known(name):
    # a second container of the same host name, or a machine that shares the folder
    elsewhere = dataclasses.replace(this_process(), pid=2**22 + 1, **{name: "another"})
    assert not elsewhere.is_here
    assert not elsewhere.is_gone


def test_an_identity_is_plain_data():
    identity = this_process()
    assert ProcessIdentity.from_dict(identity.as_dict()) == identity
    for wrong in ({}, {**identity.as_dict(), "pid": "3"}, [], None):
        with pytest.raises(ValueError, match="not the identity of a process"):
            ProcessIdentity.from_dict(wrong)
