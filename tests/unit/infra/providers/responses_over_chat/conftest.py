"""Hypothesis as everywhere."""

from tests.properties import prepare

prepare()
