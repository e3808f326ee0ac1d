"""Benchmarks: what this project claims about speed and size, beside what one would use instead.

`python -m bench [NAME ...] [--quick]` runs all, or those named; `make bench` runs all. Each prints its lines
as it goes and at the end one table; `out/bench/bench.json`, `table.md` and `plot.svg` hold the same. A run
replaces in the JSON only the benchmarks that it ran.

A benchmark is a module of this package with one function, entered in `BENCHMARKS` of `bench/__main__.py`:

    def measurements(size: Size) -> Iterator[Measured | Skipped]:
        '''What is compared.'''

`size` says how much to do: `size.runs` rounds, `size.quick` for CI. What the function yields are values of
`bench/measured.py`: `Measured(name=..., unit=..., sides=(Side(name=..., values=...), ...))`, the project's
own side first; unit `SECONDS`, `MEGABYTES`, ... says which way is better, so that ratios read "times better
than this" everywhere. What this machine cannot measure is yielded as `Skipped(name=..., why=...)`; it fails
nothing.

Sides are run in turn, A B C A B C ..., so that a machine whose speed drifts is fair to all:

    yield Measured(
        name="app change",
        unit=SECONDS,
        sides=interleaved({"oci": ours, "docker build, pip": theirs}, runs=size.runs),
    )

A step of `interleaved` (`bench/steps.py`) is a function without arguments; its wall time counts, unless it
gives back a number, which then counts instead: so it can prepare untimed, or measure memory. `command([...])`
makes a step of a command, which must succeed; `StepError` says that one did not, and ends that benchmark
only.
"""
