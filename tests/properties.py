"""Hypothesis for every run alike: no example database, and a busy machine is no failure.

Called by the conftest of each folder with property tests.
"""

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir


def prepare() -> None:
    """Set the profile, and keep hypothesis' own files out of the work tree."""
    set_hypothesis_home_dir(Path(__file__).parents[1] / ".environments" / "hypothesis")
    settings.register_profile(
        "house",
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("house")
