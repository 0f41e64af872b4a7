"""`python -m cli`: the same as `acp`, where the command is not on the path."""

from cli.main import main

main()
