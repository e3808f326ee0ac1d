"""Computes on a card through every library that can, and sends arrays from each to each, with a control."""

from __future__ import annotations

import functools
import importlib
import itertools
import warnings

from . import child, device, importing
from .worker import limit, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

SIDE = 64
"""Rows and columns of the matrices."""


def matrix() -> Any:
    """Numbers whose products are exact in single precision."""
    numpy = importlib.import_module("numpy")
    return (numpy.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 7 - 3).astype("float32")


def same(expected: Any, got: Any) -> None:
    """Fail where numbers are not as expected. Raises AssertionError that says what differs."""
    numpy = importlib.import_module("numpy")
    got = numpy.asarray(got)
    assert got.shape == expected.shape, "shape %s became %s" % (expected.shape, got.shape)
    assert numpy.array_equal(expected, got), "values changed: %s became %s" % (
        expected.ravel()[:4],
        got.ravel()[:4],
    )


class Torch:
    """PyTorch. Each of these classes has `ready`, `send`, `fetch`, `take`, `steps` and `told`."""

    def __init__(self) -> None:
        self.torch = importlib.import_module("torch")

    def meant(self) -> bool:
        return bool(self.torch.version.cuda)

    def ready(self) -> None:
        self.torch.cuda.init()

    def send(self, array: Any) -> Any:
        return self.torch.from_numpy(array).cuda()

    def fetch(self, value: Any) -> Any:
        return value.cpu().numpy()

    def take(self, value: Any) -> Any:
        return self.torch.from_dlpack(value)

    def steps(self) -> dict[str, Callable[[Any], Any]]:
        return {"kernel": lambda a: a + a, "matrix product": lambda a: a @ a, "cuDNN": self.convolve}

    def convolve(self, value: Any) -> Any:
        one = self.torch.ones(1, 1, 1, 1, device="cuda")
        image = value.reshape(1, 1, *value.shape)
        assert self.torch.backends.cudnn.is_acceptable(image), "cuDNN is not there"
        with self.torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return self.torch.nn.functional.conv2d(image, one + one)[0, 0]

    def told(self) -> dict[str, str]:
        return {
            "cuda": str(self.torch.version.cuda),
            "cudnn": str(self.torch.backends.cudnn.version()),
            "built for": " ".join(self.torch.cuda.get_arch_list()),
        }


class Cupy:
    """CuPy."""

    def __init__(self) -> None:
        self.cupy = importlib.import_module("cupy")

    def meant(self) -> bool:
        return True

    def ready(self) -> None:
        self.cupy.cuda.runtime.getDeviceCount()

    def send(self, array: Any) -> Any:
        return self.cupy.asarray(array)

    def fetch(self, value: Any) -> Any:
        return self.cupy.asnumpy(value)

    def take(self, value: Any) -> Any:
        return self.cupy.from_dlpack(value) if hasattr(value, "__dlpack__") else self.cupy.asarray(value)

    def steps(self) -> dict[str, Callable[[Any], Any]]:
        return {"kernel": lambda a: a + a, "matrix product": lambda a: a @ a}

    def told(self) -> dict[str, str]:
        return {"cuda": str(self.cupy.cuda.runtime.runtimeGetVersion())}


class Jax:
    """JAX."""

    def __init__(self) -> None:
        self.jax = importlib.import_module("jax")
        self.numpy = importlib.import_module("jax.numpy")

    def meant(self) -> bool:
        metadata = importlib.import_module("importlib.metadata")
        points = metadata.entry_points()
        found = (
            points.select(group="jax_plugins") if hasattr(points, "select") else points.get("jax_plugins", ())
        )
        return any("cuda" in each.name for each in found)

    def ready(self) -> None:
        self.jax.devices("cuda")

    def send(self, array: Any) -> Any:
        return self.jax.device_put(array, self.jax.devices("cuda")[0])

    def fetch(self, value: Any) -> Any:
        return importlib.import_module("numpy").asarray(value)

    def take(self, value: Any) -> Any:
        return self.jax.dlpack.from_dlpack(value)

    def steps(self) -> dict[str, Callable[[Any], Any]]:
        return {"kernel": lambda a: a + a, "matrix product": self.multiply}

    def multiply(self, value: Any) -> Any:
        return self.numpy.matmul(value, value, precision="highest")

    def told(self) -> dict[str, str]:
        return {"version": str(self.jax.__version__)}


class Numba:
    """Numba."""

    def __init__(self) -> None:
        self.cuda = importlib.import_module("numba.cuda")

    def meant(self) -> bool:
        return getattr(self.cuda, "implementation", "") == "NVIDIA" or self.cuda.is_available()

    def ready(self) -> None:
        self.cuda.current_context()

    def send(self, array: Any) -> Any:
        return self.cuda.to_device(array)

    def fetch(self, value: Any) -> Any:
        return value.copy_to_host()

    def take(self, value: Any) -> Any:
        return self.cuda.as_cuda_array(value)

    def steps(self) -> dict[str, Callable[[Any], Any]]:
        return {"kernel": self.double}

    def double(self, value: Any) -> Any:
        cuda = self.cuda

        def kernel(source: Any, target: Any) -> None:
            row, column = cuda.grid(2)
            if row < source.shape[0] and column < source.shape[1]:
                target[row, column] = source[row, column] + source[row, column]

        target = cuda.device_array_like(value)
        cuda.jit(kernel)[(SIDE // 16, SIDE // 16), (16, 16)](value, target)
        return target

    def told(self) -> dict[str, str]:
        return {}


LIBRARIES = {"torch": Torch, "cupy": Cupy, "jax": Jax, "numba": Numba}  # type: dict[str, Any]
"""Libraries that compute on cards, by the module that is imported."""

EXPECTED = {
    "kernel": lambda a: a + a,
    "matrix product": lambda a: a @ a,
    "cuDNN": lambda a: a + a,
}  # type: dict[str, Callable[[Any], Any]]


def compute(name: str) -> dict[str, Any]:
    """In the child: whether a library finds the card, and whether it computes on it what NumPy does."""
    limit(300.0)
    warnings.simplefilter("ignore")
    try:
        library = LIBRARIES[name]()
        if not library.meant():
            return {}
    except BaseException as error:
        return {"error": importing.describe(error), "at": "import"}
    try:
        library.ready()
    except BaseException as error:
        return {"refused": ("%s: %s" % (type(error).__name__, error))[:400]}
    return steps(library)


def steps(library: Any) -> dict[str, Any]:
    """Every computation of a library, until one is not as it should be."""
    step = "copy"
    try:
        here = matrix()
        there = library.send(here.copy())
        same(here, library.fetch(there))
        for step, work in library.steps().items():
            same(EXPECTED[step](here), library.fetch(work(there)))
        return {"told": library.told()}
    except AssertionError as error:
        return {"wrong": str(error)[:400], "at": step}
    except BaseException as error:
        return {"error": importing.describe(error), "at": step}


def exchange(pair: list[str]) -> dict[str, Any]:
    """In the child: one array sent from the first library to the second on the card, and a control.

    The control is an array that was changed on the way: what finds nothing wrong must find that.
    """
    limit(300.0)
    warnings.simplefilter("ignore")
    try:
        giver, taker = (LIBRARIES[name]() for name in pair)
        here = matrix()
        got = taker.fetch(taker.take(giver.send(here.copy())))
        same(here, got)
        try:
            same(here, got + (got == got.max()))
        except AssertionError:
            return {}
        return {"wrong": "an array that was changed on purpose is taken for the same"}
    except AssertionError as error:
        return {"wrong": str(error)[:400]}
    except BaseException as error:
        return {"error": importing.describe(error)}


def exchanges(pairs: list[list[str]]) -> dict[str, Any]:
    """In the child: how one exchange after the other went; what loading takes is taken once for all."""
    return {"%s to %s" % tuple(pair): exchange(pair) for pair in pairs}


def carry_out(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Ask the driver, then each library alone, then each pair of those that work.

    What goes wrong in company is tried again alone: the others may be to blame.
    """
    say({"begin": "card"})
    timeout = float(job["timeout"]) * 2
    found = run(device.ask, timeout)
    facts = dict(found.pop("value", None) or found)
    names = job["libraries"] if facts.get("cards") else []
    trials = [outcome(name, run(functools.partial(compute, name), timeout)) for name in names]
    fine = [each["what"] for each in trials if "told" in each]
    pairs = [list(pair) for pair in itertools.permutations(fine, 2)]
    together = run(functools.partial(exchanges, pairs), timeout).get("value") if pairs else None
    for pair in pairs:
        what = "%s to %s" % tuple(pair)
        fits = together is not None and not together[what]
        trials.append(outcome(what, {} if fits else run(functools.partial(exchange, pair), timeout)))
    say({"end": "card", "outcome": {"card": True, "facts": dict(facts, trials=trials)}})


def run(work: Callable[[], Any], timeout: float) -> dict[str, Any]:
    """One bounded step in a process of its own."""
    results = []  # type: list[dict[str, Any]]
    child.step(work, timeout=timeout, tell=results.append)
    return results[0]


def outcome(what: str, result: dict[str, Any]) -> dict[str, Any]:
    """What is told of one step."""
    value = result.pop("value", None) or {}
    return dict(result, what=what, module=what.partition(" ")[0], **value)


def main(bundle: dict[str, Any]) -> None:  # noqa: ARG001
    """Entry of a process of this kind. Job key: `libraries`, those that import."""
    serve(carry_out)
