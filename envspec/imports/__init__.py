"""A static linker for Python: what importing locked packages would do, read from their sources."""

from envspec.imports.link import Failure, LinkReport, link
from envspec.imports.source import Package

__all__ = ["Failure", "LinkReport", "Package", "link"]
