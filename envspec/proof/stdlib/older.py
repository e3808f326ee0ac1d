"""What the generated table cannot show: Python 2, and names that were lost early or never public."""

from __future__ import annotations

PYTHON_2_MODULES = frozenset({
     "BaseHTTPServer", "CGIHTTPServer", "ConfigParser", "Cookie", "HTMLParser", "Queue",
     "SimpleHTTPServer", "SimpleXMLRPCServer", "SocketServer", "StringIO", "Tkinter", "UserDict",
     "UserList", "UserString", "__builtin__", "anydbm", "cPickle", "cStringIO", "commands", "compiler",
     "cookielib", "copy_reg", "dbhash", "dircache", "dummy_thread", "exceptions", "future_builtins",
     "htmlentitydefs", "htmllib", "httplib", "ihooks", "imputil", "itertools_ext", "markupbase", "md5",
     "mhlib", "mimetools", "mimify", "multifile", "new", "popen2", "posixfile", "repr", "rexec", "rfc822",
     "robotparser", "sets", "sgmllib", "sha", "statvfs", "stringold", "strop", "thread", "tkFileDialog",
     "tkMessageBox", "urllib2", "urlparse", "user", "whichdb", "xmlrpclib",
})  # fmt: skip
"""Modules that Python 3 renamed or dropped."""

PYTHON_2_BUILTINS = frozenset({
    "apply", "basestring", "buffer", "cmp", "coerce", "execfile", "file", "intern", "long", "raw_input",
    "reduce", "reload", "unichr", "unicode", "xrange",
})  # fmt: skip
"""Names that only Python 2 had; a module that uses one unguarded cannot be imported."""

LOST = {
    "asyncio": ("JoinableQueue",),
    "base64": ("decodestring", "encodestring"),
    "html.parser": ("HTMLParseError",),
    "importlib": ("find_loader",),
    "inspect": ("getmoduleinfo",),
    "json": ("read", "write"),
    "os": ("errno", "popen2", "popen3"),
    "random": ("jumpahead",),
    "re": ("TEMPLATE", "_pattern_type"),
    "sqlite3": ("OptimizedUnicode", "version", "version_info"),
    "ssl": ("RAND_egd",),
    "threading": ("_shutdown_locks",),
    "typing": ("_ForwardRef",),
}  # fmt: skip
"""Names that modules lost before Python 3.6, or that were never listed as public and used all the same."""
