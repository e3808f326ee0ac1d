"""All that runs in somebody else's Python: in judged environments, in build steps and in images.

It imports the standard library and, by relative imports, itself. The probe, what compiles modules and what
they need understand Python 3.7, everything else 3.8: `tests/test_architecture.py` holds it to that.
"""
