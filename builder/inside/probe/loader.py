"""How each process of the probe begins: trusts the standard library alone, then loads the probe.

It is no module: its text follows that of `builder.inside.loader`.
"""

import sys

if sys.path[:1] == [""]:
    del sys.path[0]
# The probe's own modules come from the standard library, whatever stands in front of it.
path = list(sys.path)
stdlib = getattr(sys.modules.get("os"), "__file__", "").rpartition("/")[0]
sys.path[:] = path[path.index(stdlib) :] if stdlib in path else path
if len(sys.argv) > 1:
    import marshal

    with open(sys.argv[1], "rb") as stream:
        bundle = marshal.load(stream)
else:
    import io
    import json

    bundle = json.load(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"))
    # Compiled once: every process that the first one starts is handed the result.
    bundle["modules"] = compiled(bundle.pop("sources"))  # type: ignore[name-defined] # noqa: F821
load(bundle["room"], bundle["modules"])  # type: ignore[name-defined] # noqa: F821
sys.path[:] = path
sys.modules[bundle["room"] + "." + bundle["entry"]].main(bundle)
