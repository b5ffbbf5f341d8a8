"""Traces and their figures, told to whoever collects them by OpenTelemetry's protocols."""
