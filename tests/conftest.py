"""What all tests share."""

from hypothesis import HealthCheck, settings

# The first example of a test may have to wait for the compiler of its kernels, and all of them for
# a machine that does much else.
settings.register_profile("nlbook", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nlbook")
