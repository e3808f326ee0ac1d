"""The first words of the probe inside an environment: trusts the standard library alone, loads the rest."""

import sys

if sys.path[:1] == [""]:
    del sys.path[0]
# The probe's own modules come from the standard library, whatever stands in front of it.
path = list(sys.path)
stdlib = getattr(sys.modules.get("os"), "__file__", "").rpartition("/")[0]
sys.path[:] = path[path.index(stdlib) :] if stdlib in path else path
kind = type(sys)
if len(sys.argv) > 1:
    import marshal

    with open(sys.argv[1], "rb") as stream:
        bundle = marshal.load(stream)
else:
    import io
    import json

    bundle = json.load(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"))
    # Compiled once: every process that the first one starts is handed the result.
    bundle["modules"] = [
        [name, compile(source, "<probe " + name + ">", "exec", dont_inherit=True)]
        for name, source in bundle.pop("sources")
    ]
package = kind(bundle["package"])
package.__path__ = []
sys.modules[bundle["package"]] = package
for name, code in bundle["modules"]:
    module = kind(bundle["package"] + "." + name)
    module.__package__ = bundle["package"]
    sys.modules[module.__name__] = module
    exec(code, module.__dict__)
    setattr(package, name, module)
sys.path[:] = path
getattr(package, bundle["entry"]).main(bundle)
