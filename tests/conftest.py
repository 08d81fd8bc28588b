"""What holds for all tests: none of them measures wall time, so no example has a deadline."""

from hypothesis import settings

settings.register_profile("tongzhang", deadline=None)
settings.load_profile("tongzhang")
