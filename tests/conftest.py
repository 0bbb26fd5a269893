"""What all tests share."""

import signal

from hypothesis import HealthCheck, settings

# The first example of a test may have to wait for the compiler of its kernels, and all of them for
# a machine that does much else.
settings.register_profile("nlbook", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nlbook")

# Under nohup all that tests start would ignore a closed terminal, as they should, and the tests of
# that signal would wait for nothing.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
