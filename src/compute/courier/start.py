"""
Makes modules of the sources that courier.ts has packed into `given`, on a node where there are no files of ours, and
begins: `courier` runs, and brings the files of `shim` along.
"""

import importlib.util
import sys


class Sources:
    """Finds modules among texts [importlib.abc.MetaPathFinder, importlib.abc.Loader]."""

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name in given["courier"] else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__name__
        exec(compile(given["courier"][name], "courier/%s.py" % name, "exec"), module.__dict__)


sys.meta_path.insert(0, Sources())

import courier

courier.main(given["shim"])
