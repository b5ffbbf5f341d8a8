"""Property tests run here."""

from tests.properties import prepare

prepare()
