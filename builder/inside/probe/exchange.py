"""Sends arrays through the packages that take and give NumPy arrays, each in a process of its own."""

from __future__ import annotations

import importlib
import io
import warnings

from . import child, importing
from .worker import limit, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


def same(sent: Any, got: Any) -> None:
    """Fail where an array did not come back as it was sent.

    Raises AssertionError that says what differs.
    """
    numpy = importlib.import_module("numpy")

    got = numpy.asarray(got)
    assert got.shape == sent.shape, "shape %s became %s" % (sent.shape, got.shape)
    assert got.dtype == sent.dtype, "dtype %s became %s" % (sent.dtype, got.dtype)
    assert (got == sent).all(), "values changed: %s became %s" % (sent.ravel()[:4], got.ravel()[:4])


def samples() -> list[Any]:
    """Arrays that show swapped bytes, lost strides and cut types."""
    numpy = importlib.import_module("numpy")

    base = numpy.arange(24).reshape(4, 6) * 7 - 50
    return [base.astype(kind) for kind in ("float64", "float32", "int64", "int32")] + [
        numpy.ascontiguousarray(base[::-1, ::2].astype("float64"))
    ]


def scipy(_: Any) -> None:
    sparse = importlib.import_module("scipy.sparse")
    spatial = importlib.import_module("scipy.linalg")
    for array in samples():
        same(array, sparse.csr_matrix(array).toarray())
    eye = samples()[0][:4, :4] + 100.0 * sparse.identity(4).toarray()
    error = abs(spatial.inv(eye).dot(eye) - sparse.identity(4).toarray()).max()
    assert error < 1e-6, "a matrix times its inverse is off by %g" % error


def pandas(module: Any) -> None:
    for array in samples():
        same(array, module.DataFrame(array).to_numpy())
        same(array[0], module.Series(array[0]).to_numpy())


def torch(module: Any) -> None:
    for array in samples():
        array = array.copy()
        tensor = module.from_numpy(array)
        same(array, tensor.numpy())
        tensor[0, 0] = 99
        assert array[0, 0] == 99, "a tensor made from an array does not share its memory"
        if hasattr(array, "__dlpack__") and hasattr(module, "from_dlpack"):
            same(array, module.from_dlpack(array).numpy())


def pyarrow(module: Any) -> None:
    for array in samples():
        flat = array.ravel()
        same(flat, module.array(flat).to_numpy(zero_copy_only=False))


def soundfile(module: Any) -> None:
    numpy = importlib.import_module("numpy")

    wave = (numpy.arange(-400, 400) * 40).astype("int16")
    target = io.BytesIO()
    module.write(target, wave, 16000, format="WAV", subtype="PCM_16")
    target.seek(0)
    got, rate = module.read(target, dtype="int16")
    assert rate == 16000, "rate 16000 became %s" % rate
    same(wave, got)


def sklearn(_: Any) -> None:
    numpy = importlib.import_module("numpy")

    linear = importlib.import_module("sklearn.linear_model")
    points = numpy.arange(12, dtype="float64").reshape(6, 2) ** 2
    goal = points.dot([2.0, -3.0]) + 5.0
    error = abs(linear.LinearRegression().fit(points, goal).predict(points) - goal).max()
    assert error < 1e-6, "an exact line is missed by %g" % error


def h5py(module: Any) -> None:
    with module.File("exchange", "w", driver="core", backing_store=False) as store:
        for index, array in enumerate(samples()):
            store[str(index)] = array
            same(array, store[str(index)][()])


def numba(module: Any) -> None:
    def double(array: Any) -> Any:
        return array + array

    array = samples()[0]
    same(array + array, module.njit(double)(array))


def cv2(module: Any) -> None:
    numpy = importlib.import_module("numpy")

    image = (numpy.arange(8 * 9 * 3).reshape(8, 9, 3) % 251).astype("uint8")
    written, data = module.imencode(".png", image)
    assert written, "a picture could not be encoded"
    same(image, module.imdecode(data, module.IMREAD_COLOR))


def pillow(_: Any) -> None:
    numpy = importlib.import_module("numpy")

    image = (numpy.arange(8 * 9 * 3).reshape(8, 9, 3) % 251).astype("uint8")
    same(image, numpy.array(importlib.import_module("PIL.Image").fromarray(image)))


CONSUMERS = {
    "scipy": scipy,
    "pandas": pandas,
    "torch": torch,
    "pyarrow": pyarrow,
    "soundfile": soundfile,
    "sklearn": sklearn,
    "h5py": h5py,
    "numba": numba,
    "cv2": cv2,
    "PIL": pillow,
}
"""Round trips by the module that they go through."""


def attempt(name: str) -> dict[str, Any]:
    """In the child: one round trip. Keys: `wrong` (what came back changed) or `error`."""
    limit(60.0)
    warnings.simplefilter("ignore")
    try:
        CONSUMERS[name](importlib.import_module(name))
    except AssertionError as error:
        return {"wrong": str(error)[:400]}
    except BaseException as error:
        return {"error": importing.describe(error)}
    return {}


def carry_out(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """One round trip."""
    name = job["root"]
    say({"begin": name})
    results = []  # type: list[dict[str, Any]]
    child.step(lambda: attempt(name), timeout=float(job["timeout"]), tell=results.append)
    value = results[0].pop("value", None) or {}
    say({"end": name, "outcome": dict(results[0], exchange=True, **value)})


def main(bundle: dict[str, Any]) -> None:  # noqa: ARG001
    """Entry of a process of this kind."""
    serve(carry_out)
