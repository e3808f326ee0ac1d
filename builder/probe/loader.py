"""The first words of the probe inside an environment: trusts the standard library alone, loads the rest."""

import sys

if sys.path[:1] == [""]:
    del sys.path[0]
# The probe's own modules come from the standard library, whatever stands in front of it.
path = list(sys.path)
stdlib = getattr(sys.modules.get("os"), "__file__", "").rpartition("/")[0]
sys.path[:] = path[path.index(stdlib) :] if stdlib in path else path
import io  # noqa: E402
import json  # noqa: E402
import types  # noqa: E402

if len(sys.argv) > 1:
    with open(sys.argv[1], encoding="utf-8") as stream:
        bundle = json.load(stream)
else:
    bundle = json.load(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"))
package = types.ModuleType(bundle["package"])
package.__path__ = []
sys.modules[bundle["package"]] = package
for name, source in bundle["sources"]:
    module = types.ModuleType(bundle["package"] + "." + name)
    module.__package__ = bundle["package"]
    sys.modules[module.__name__] = module
    exec(compile(source, "<probe " + name + ">", "exec", dont_inherit=True), module.__dict__)
    setattr(package, name, module)
sys.path[:] = path
package.main.main(bundle["loader"], bundle)
