"""Arguments that a callable could be called with: by the names, kinds and defaults of its parameters."""

from __future__ import annotations

import inspect
import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

MOST = 8
"""Ways to call one callable that are tried."""
TEXT = "<p>one</p>"
SAMPLES = {
    "sample.json": "{}\n",
    "sample.txt": "one two\n",
    "sample.csv": "a,b\n1,2\n",
    "sample.html": "<html><body><p>one</p></body></html>\n",
    "sample.pdf": "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    "sample.yaml": "a: 1\n",
    "sample.py": "one = 1\n",
    "requirements.in": "six\n",
    "requirements.txt": "six\n",
    "README.md": "# Sample\n",
    "pyproject.toml": '[project]\nname = "sample"\nversion = "1.0"\n',
}
"""Files that lie where calls are tried: what programs look for or are handed."""
WORDS = (
    (r"csv", "sample.csv"),
    (r"pdf", "sample.pdf"),
    (r"html", "sample.html"),
    (r"ya?ml", "sample.yaml"),
    (r"txt|text|log", "sample.txt"),
    (r"script|module|source_file", "sample.py"),
)
"""Words of a function's or a parameter's name, and the file that goes with them."""


def lay(folder: str) -> None:
    """Write the samples."""
    for name, text in SAMPLES.items():
        with open(os.path.join(folder, name), "w") as stream:
            stream.write(text)


def calls(function: Any, *, bound: bool = False) -> Iterator[dict[str, Any]]:
    """Arguments by name that a function may be called with: what it demands, then one more at a time.

    `bound` leaves the first parameter out. Nothing is known of those that are taken by place alone.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())[bound:]
    except (TypeError, ValueError):
        return
    named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    if any(each.kind is each.POSITIONAL_ONLY and each.default is each.empty for each in parameters):
        return
    demanded = [each for each in named if each.default is each.empty]
    around = str(getattr(function, "__name__", ""))
    guessed = {each.name: guesses(each, around) for each in demanded}
    count = max([len(each) for each in guessed.values()] or [1])
    ways = [
        {name: each[min(number, len(each) - 1)]() for name, each in guessed.items()}
        for number in range(count)
    ]
    yield from ways[:MOST]
    # Many take one of several things, and demand none of them.
    for each in [each for each in named if each.default is None and telling(each)][: MOST - 1]:
        yield dict(ways[0], **{each.name: guesses(each, around)[0]()})


def telling(parameter: Any) -> bool:
    """Whether a parameter's name or kind says what it takes."""
    return any(pattern.search(parameter.name.lower()) for pattern, _ in NAMES) or kind(parameter) in KINDS


def kind(parameter: Any) -> str:
    """The name of the kind that a parameter is said to be of; empty where none is told."""
    told = parameter.annotation
    if told is parameter.empty:
        return ""
    text = told if isinstance(told, str) else getattr(told, "__name__", str(told))
    return re.split(r"[\[|\s]", text.replace("typing.", "").replace("Optional[", "").replace("Union[", ""))[0]


def guesses(parameter: Any, around: str) -> list[Callable[[], Any]]:
    """What makes values that a parameter may take, the likeliest first."""
    name = parameter.name.lower()
    found = [make for pattern, make in NAMES if pattern.search(name)]
    known = KINDS.get(kind(parameter))
    if known is not None:
        found = [known] if not (found and known is KINDS["str"]) else found
    if found and found[0] is path:
        file = next((file for words, file in WORDS if re.search(words, name + around)), "sample.json")
        found = [lambda: os.path.abspath(file)]
    return found + [make for make in (lambda: "a", lambda: 1, lambda: None) if not known]


def path() -> str:
    """The path of a file that is there."""
    return os.path.abspath("sample.json")


def numbers() -> Any:
    """Some numbers, as an array where arrays are used."""
    import sys

    numpy = sys.modules.get("numpy")
    return numpy.array([1.0, 2.0, 3.0]) if numpy is not None else [1.0, 2.0, 3.0]


def does_nothing(*given: Any, **named: Any) -> None:
    """What is called back."""


KINDS = {
    "str": lambda: TEXT,
    "bytes": lambda: b"one",
    "int": lambda: 1,
    "float": lambda: 1.0,
    "bool": lambda: False,
    "list": list,
    "List": list,
    "Sequence": list,
    "Iterable": list,
    "dict": dict,
    "Dict": dict,
    "Mapping": dict,
    "Path": path,
    "PathLike": path,
    "Callable": lambda: does_nothing,
}  # type: dict[str, Callable[[], Any]]
"""Values by the kind that is told."""
NAMES = [
    (re.compile(words), make)
    for words, make in (
        (r"(^|_)(file|path|fname|fp|uri|filepath|source|src|infile)s?$|filename|filepath|file_path", path),
        (r"^url$|_url$", lambda: "http://localhost:9/"),
        (r"html|string|text|markup|content|template|message|prompt|^s$|sentence", lambda: TEXT),
        (r"^(n|num|size|count|k|width|height|length|limit|port|seed|steps?)$|^n_|^num_", lambda: 1),
        (r"^(data|array|arr|a|x|y|xs|ys|values|series|matrix|image|img|signal)$", numbers),
        (r"^(func|function|fn|callback|f|app|callable|handler|target)$", lambda: does_nothing),
        (r"^(data|array|arr|a|x|y|xs|ys|values|series|matrix)$", lambda: [1, 2, 3]),
        (r"name|key|title|label|lang|mode|id$", lambda: "a"),
        (r"options|config|params|settings|mapping|headers|kwargs", dict),
        (r"items|names|files|paths|args|columns|words|tokens", list),
    )
]  # type: list[tuple[Any, Callable[[], Any]]]
"""Values by words of a parameter's name."""
