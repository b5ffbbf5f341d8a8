"""Hypothesis for these property tests."""

from tests.properties import prepare

prepare()
