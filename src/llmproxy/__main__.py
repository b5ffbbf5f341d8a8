"""`python -m llmproxy` is the command `llmproxy`."""

from llmproxy.cli import main

main()
