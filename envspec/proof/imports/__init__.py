"""A static linker for Python: what importing locked packages would do, read from their sources."""

from envspec.proof.imports.link import Failure, LinkReport, link
from envspec.proof.imports.source import Package

__all__ = ["Failure", "LinkReport", "Package", "link"]
