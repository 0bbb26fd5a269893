"""What pytest needs to know about the whole tree."""


def pytest_collectstart(collector):
    """Leave stderr out of nbval's comparison: progress bars and start-up notes differ by run.

    Warnings do not hide there: ``publishing.begin`` turns them into errors in every chapter.
    """
    if type(collector).__name__ == "IPyNbFile":
        collector.skip_compare += ("stderr",)
