"""What is asked of Slurm, and what is said where there is none: no Slurm is needed for that."""

import os
import shlex

import pytest

from nlbook.parallel import (
    SlurmError,
    SlurmOptions,
    list_clusters,
    slurm_submission,
    start_cluster,
    stop_clusters,
)
from nlbook.parallel.cluster import records as cluster_records
from nlbook.parallel.cluster.slurm import slurm_environment


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """Records in a folder of their own, and no template of a site."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("NLBOOK_SLURM_TEMPLATE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder that is the whole path; programs in it print what they are told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(name, text):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)

    return write


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def asked(n_engines=4, **options):
    """The options of sbatch, by name."""
    command, _ = slurm_submission(n_engines, SlurmOptions(**options))
    words = shlex.split(command)
    assert words[:2] == ["sbatch", "--parsable"] and words[-1].endswith(".sbatch")
    return dict(word.removeprefix("--").split("=", 1) for word in words[2:-1])


def test_what_is_not_given_is_not_asked():
    assert asked().keys() == {"job-name", "ntasks", "output"}
    assert asked()["ntasks"] == "4"


def test_every_option_reaches_sbatch():
    options = asked(
        account="a", partition="p,q", time_limit="1-02:00", tasks_per_node=2, memory="2G"
    )
    del options["job-name"], options["output"]
    assert options == {
        "ntasks": "4",
        "account": "a",
        "partition": "p,q",
        "time": "1-02:00",
        "ntasks-per-node": "2",
        "mem-per-cpu": "2G",
    }


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"account": ""}, "account must be a word, got ''"),
        ({"partition": "a b"}, "partition must be a word"),
        ({"time_limit": "1h"}, "time_limit must be minutes, HH:MM:SS or D-HH:MM:SS, got '1h'"),
        ({"time_limit": 60}, "time_limit must be"),
        ({"memory": "2GB"}, "memory must be a number with K, M, G or T"),
        ({"tasks_per_node": 0}, "tasks_per_node must be an integer of at least 1, got 0"),
        ({"tasks_per_node": True}, "tasks_per_node must be"),
        ({"controller_ip": ""}, "controller_ip must be an address"),
    ],
)
def test_an_option_that_cannot_be_is_refused(option, message):
    with pytest.raises(ValueError, match=message):
        SlurmOptions(**option)


def test_options_of_slurm_are_for_slurm_only():
    refused = pytest.raises(ValueError, match="slurm must be None for kind 'local'")
    with refused, start_cluster("local", 1, slurm=SlurmOptions()):
        pass


@pytest.mark.parametrize(("mpi", "srun"), [(False, "srun --mpi=none "), (True, "SLURM_MPI_TYPE")])
def test_the_package_has_a_template_for_each_set_of_engines(mpi, srun):
    _, script = slurm_submission(2, SlurmOptions(mpi=mpi))
    assert script.startswith("#!/bin/sh\n") and srun in script
    assert "-m ipyparallel.engine" in script and ("--mpi --IPEngine" in script) == mpi
    assert "{{" not in script


def test_a_site_names_its_template_in_the_environment_and_an_option_goes_before_it(
    tmp_path, monkeypatch
):
    for name in ("site", "own"):
        (tmp_path / name).write_text(
            f"#!/bin/sh\n# {name} ${{{{HOME}}}} {{n}} {{program_and_args}}"
        )
    monkeypatch.setenv("NLBOOK_SLURM_TEMPLATE", str(tmp_path / "site"))
    assert "# site ${HOME} 3 " in slurm_submission(3)[1]
    assert "# own ${HOME} 3 " in slurm_submission(3, SlurmOptions(template=tmp_path / "own"))[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("#!/bin/sh\nsrun", "must hold {program_and_args}"),
        ("srun {program_and_args}", "must begin with a line such as #!/bin/sh"),
        ("#!/bin/sh\n{queu} {program_and_args}", r"NameError: .*queu.*It knows .*\{n\}"),
        ("#!/bin/sh\n${HOME} {program_and_args}", r"written twice, \$\{\{HOME\}\}"),
    ],
)
def test_a_template_that_cannot_be_is_refused_before_anything_starts(tmp_path, text, message):
    if text is not None:
        (tmp_path / "t").write_text(text)
    options = SlurmOptions(template=tmp_path / "t")
    with pytest.raises(ValueError, match=message), start_cluster("slurm", 1, slurm=options):
        pass
    assert files(tmp_path / "ipython") == []


def test_showing_what_would_be_submitted_writes_nothing(tmp_path):
    slurm_submission(2)
    assert files(tmp_path) == []


def test_without_slurm_there_is_one_clear_error(programs, tmp_path):
    refused = pytest.raises(SlurmError, match="Slurm is missing: there is no sbatch and no squeue")
    with refused, start_cluster("slurm", 1):
        pass
    assert files(tmp_path / "ipython") == []


def test_a_job_that_cannot_be_cancelled_keeps_its_record(programs, monkeypatch):
    for name in ("sbatch", "scancel"):
        programs(name, "exit 0")
    programs("squeue", "echo no controller >&2; exit 1")
    record = cluster_records.new_record("slurm", 2)
    cluster_records.write_record(record)
    with pytest.raises(SlurmError, match="may still be there: squeue failed: no controller"):
        stop_clusters(running=True)
    assert list_clusters() == [record]
    programs("squeue", "exit 0")
    assert stop_clusters(running=True) == [record]
    assert list_clusters() == []


def test_a_job_that_submits_another_does_not_hand_down_its_own_description(monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "7")
    monkeypatch.setenv("SLURM_CONF", "mine")
    monkeypatch.setenv("SBATCH_ACCOUNT", "mine")
    kept = slurm_environment()
    assert "SLURM_NTASKS" not in kept
    assert kept["SLURM_CONF"] == kept["SBATCH_ACCOUNT"] == "mine"
    assert kept["PATH"] == os.environ["PATH"]
