"""Runs schemathesis, and prints its exit code last."""

import sys

from schemathesis.cli import schemathesis

try:
    schemathesis(args=sys.argv[1:])
except SystemExit as end:
    print(f"\nexit {end.code}")
