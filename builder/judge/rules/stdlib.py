"""Names that are or were modules of Python's standard library, in some version."""

from __future__ import annotations

import sys

PYTHON_2 = frozenset({
     "BaseHTTPServer", "CGIHTTPServer", "ConfigParser", "Cookie", "HTMLParser", "Queue",
     "SimpleHTTPServer", "SimpleXMLRPCServer", "SocketServer", "StringIO", "Tkinter", "UserDict",
     "UserList", "UserString", "__builtin__", "anydbm", "cPickle", "cStringIO", "commands", "compiler",
     "cookielib", "copy_reg", "dbhash", "dircache", "dummy_thread", "exceptions", "future_builtins",
     "htmlentitydefs", "htmllib", "httplib", "ihooks", "imputil", "itertools_ext", "markupbase", "md5",
     "mhlib", "mimetools", "mimify", "multifile", "new", "popen2", "posixfile", "repr", "rexec", "rfc822",
     "robotparser", "sets", "sgmllib", "sha", "statvfs", "stringold", "strop", "thread", "tkFileDialog",
     "tkMessageBox", "urllib2", "urlparse", "user", "whichdb", "xmlrpclib",
})  # fmt: skip
"""What Python 3 renamed or dropped."""
REMOVED = frozenset({
     "aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "crypt", "distutils",
     "dummy_threading", "_dummy_thread", "formatter", "imghdr", "imp", "lib2to3", "macpath", "mailcap",
     "msilib", "nis", "nntplib", "ossaudiodev", "parser", "pipes", "smtpd", "sndhdr", "spwd", "sunau",
     "symbol", "telnetlib", "uu", "xdrlib",
})  # fmt: skip
"""What Python 3.8 to 3.13 removed."""
LATER = frozenset({
     "annotationlib", "compression", "graphlib", "string.templatelib", "tomllib", "zoneinfo",
})  # fmt: skip
"""What Python 3.9 and later brought."""

GONE = {
    "ast": ("Num", "Str", "Bytes", "NameConstant", "Ellipsis"),
    "array": ("array.tostring", "array.fromstring"),
    "asyncio": ("async", "coroutine", "get_event_loop_policy", "JoinableQueue"),
    "base64": ("decodestring", "encodestring"),
    "cgi": ("escape", "parse_qs", "parse_qsl"),
    "collections": (
        "Awaitable", "Callable", "Container", "Coroutine", "Generator", "Hashable", "ItemsView", "Iterable",
        "Iterator", "KeysView", "Mapping", "MappingView", "MutableMapping", "MutableSequence", "MutableSet",
        "Sequence", "Set", "Sized", "ValuesView",
    ),
    "configparser": ("SafeConfigParser",),
    "fractions": ("gcd",),
    "gettext": ("lgettext", "ldgettext", "lngettext"),
    "html.parser": ("HTMLParseError",),
    "importlib": ("find_loader",),
    "importlib.abc": ("Finder", "ResourceReader", "Traversable", "TraversableResources"),
    "inspect": ("formatargspec", "getargspec", "getmoduleinfo"),
    "json": ("read", "write"),
    "locale": ("format", "resetlocale"),
    "os": ("errno", "popen2", "popen3"),
    "pathlib": ("Path.link_to",),
    "pkgutil": ("ImpImporter", "ImpLoader", "find_loader", "get_loader"),
    "platform": ("dist", "linux_distribution", "popen"),
    "plistlib": ("readPlist", "readPlistFromBytes", "writePlist", "writePlistToBytes"),
    "random": ("jumpahead",),
    "re": ("_pattern_type", "template", "TEMPLATE"),
    "shlex": (),
    "sqlite3": ("OptimizedUnicode", "enable_shared_cache"),
    "ssl": ("match_hostname", "wrap_socket", "RAND_egd", "RAND_pseudo_bytes"),
    "sys": ("set_coroutine_wrapper", "getcheckinterval", "setcheckinterval"),
    "tempfile": ("template",),
    "threading": ("_shutdown_locks",),
    "time": ("clock",),
    "typing": ("io", "re", "ByteString", "_ForwardRef", "GenericMeta"),
    "unittest": ("findTestCases", "getTestCaseNames", "makeSuite"),
    "xml.etree": ("cElementTree",),
}  # fmt: skip
"""Names that Python 3 once had in its standard modules and some version removed (its "What's new" pages)."""


def gone() -> dict[str, list[str]]:
    """`GONE` as dotted names by top-level module."""
    found: dict[str, list[str]] = {}
    for module, names in GONE.items():
        found.setdefault(module.partition(".")[0], []).extend(f"{module}.{name}" for name in names)
    return found


def is_known(name: str) -> bool:
    """Whether a top-level name is or was in the standard library of some Python."""
    return name in PYTHON_2 or name in REMOVED or name in LATER or name in sys.stdlib_module_names
