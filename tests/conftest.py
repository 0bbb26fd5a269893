"""What all tests share."""

from hypothesis import settings

# The first example of a test may have to wait for the compiler of its kernels.
settings.register_profile("nlbook", deadline=None)
settings.load_profile("nlbook")
