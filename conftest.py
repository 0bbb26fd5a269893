"""What pytest needs to know about the whole tree."""

import os
import tempfile

_results = tempfile.TemporaryDirectory(prefix="nlbook-results-")


def pytest_configure(config):
    """Send what chapters save under nbval to a folder that goes away with this process."""
    os.environ.setdefault("NLBOOK_RESULTS", _results.name)


def pytest_collectstart(collector):
    """Leave stderr out of nbval's comparison: progress bars and start-up notes differ by run.

    Warnings do not hide there: ``publishing.begin`` turns them into errors in every chapter.
    """
    if type(collector).__name__ == "IPyNbFile":
        collector.skip_compare += ("stderr",)


def pytest_itemcollected(item):
    """Wait for the output of a cell as long as a machine may need that does much else."""
    if type(item).__name__ == "IPyNbCell":
        item.output_timeout = 600
