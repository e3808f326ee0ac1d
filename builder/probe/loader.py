import sys

if sys.path[:1] == [""]:
    del sys.path[0]
import io
import json
import types

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
package.main.main(bundle["loader"], bundle)
