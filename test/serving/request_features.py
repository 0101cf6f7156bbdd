"""Computes expressions of rows, as the embedded package for Python does."""

import json
import sys

sys.path.insert(0, sys.argv[1])
from features import compile_expression

asked = json.load(open(sys.argv[2]))
computed = [compile_expression(expression, asked["needs"]) for expression in asked["expressions"]]
json.dump([[compute(row) for compute in computed] for row in asked["rows"]], sys.stdout)
