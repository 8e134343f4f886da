"""`python -m parity` is the command line."""

from parity.cli import app

app(prog_name="parity")
