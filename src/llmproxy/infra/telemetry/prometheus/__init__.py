"""Figures in Prometheus' text format: the families, what fills them, and how workers are added."""
