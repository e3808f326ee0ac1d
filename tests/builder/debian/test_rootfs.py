"""What packages become in a base."""

import gzip
import io
import pathlib
import tarfile
from collections.abc import Callable

import pytest

from builder.debian.deb import Deb, DebError
from builder.debian.layer import LEFT_OUT
from builder.debian.rootfs import RootWriter, merged_path
from builder.oci.store.compress import LayerWriter
from envspec.system.processor import processor_of

MakeDeb = Callable[..., pathlib.Path]


def archive(*debs: pathlib.Path) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    out = io.BytesIO()
    writer = LayerWriter(out)
    root = RootWriter(writer, processor_of("x86_64"), without=LEFT_OUT)
    root.start()
    for deb in debs:
        root.add_package(deb.stem, Deb(deb))
    root.finish()
    writer.close()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(out.getvalue()))) as opened:
        found = {}
        for info in opened:
            assert info.name not in found, "an archive names a path once"
            stream = opened.extractfile(info) if info.isreg() else None
            found[info.name] = info, stream.read() if stream else b""
    return found


def test_top_folders_are_links_into_usr(make_deb: MakeDeb) -> None:
    found = archive(make_deb("demo", ("./bin/tool", b"1"), ("./lib/x86_64-linux-gnu/libx.so", b"2")))
    assert (found["bin"][0].linkname, found["lib64"][0].linkname) == ("usr/bin", "usr/lib64")
    assert found["usr/bin/tool"][1] == b"1"
    assert found["usr/lib/x86_64-linux-gnu/libx.so"][1] == b"2"
    assert merged_path("library/x") == "library/x"


def test_tmp_is_open_to_all_and_roots_home_is_not(make_deb: MakeDeb) -> None:
    found = archive(make_deb("demo"))
    assert found["tmp"][0].mode == 0o1777
    assert found["root"][0].mode == 0o700


def test_users_and_certificates_stand_where_scripts_would_have_put_them(make_deb: MakeDeb) -> None:
    found = archive(
        make_deb("base-passwd", ("./usr/share/base-passwd/passwd.master", b"root:*:0:0::/root:/bin/sh\n")),
        make_deb(
            "ca-certificates",
            ("./usr/share/ca-certificates/mozilla/B.crt", b"second\n"),
            ("./usr/share/ca-certificates/mozilla/A.crt", b"first"),
        ),
    )
    assert found["etc/passwd"][1].startswith(b"root:")
    assert found["etc/ssl/certs/ca-certificates.crt"][1] == b"first\nsecond\n"


@pytest.mark.parametrize("owner", ["base-files", "libc-bin"])
def test_names_are_looked_up_as_debian_has_it(make_deb: MakeDeb, owner: str) -> None:
    """bullseye has the file in one package, bookworm and trixie in another."""
    found = archive(make_deb("demo", (f"./usr/share/{owner}/nsswitch.conf", b"hosts: files dns\n")))
    assert found["etc/nsswitch.conf"][1] == b"hosts: files dns\n"


def test_what_is_installed_is_written_down(make_deb: MakeDeb) -> None:
    found = archive(make_deb("demo", control="Package: demo\nVersion: 2\n"))
    assert found["var/lib/dpkg/status.d/demo"][1] == b"Package: demo\nVersion: 2\n"


def test_manuals_stay_out_and_licences_stay_in(make_deb: MakeDeb) -> None:
    entries = [("./usr/share/man/man1/a.1", b""), ("./usr/share/doc/a/changelog", b"")]
    found = archive(make_deb("demo", *entries, ("./usr/share/doc/a/copyright", b"MIT")))
    assert [path for path in found if "share/man/" in path or "changelog" in path] == []
    assert found["usr/share/doc/a/copyright"][1] == b"MIT"


def test_two_packages_with_one_file_are_refused(make_deb: MakeDeb) -> None:
    with pytest.raises(DebError, match=r"package b: /usr/x is there already, from a"):
        archive(make_deb("a", ("./usr/x", b"")), make_deb("b", ("./usr/x", b"")))


def test_a_hard_link_into_nowhere_is_refused(make_deb: MakeDeb) -> None:
    info = tarfile.TarInfo("./usr/a")
    info.type, info.linkname = tarfile.LNKTYPE, "./etc/shadow"
    with pytest.raises(DebError, match="not there"):
        archive(make_deb("a", info))


def test_hard_links_follow_their_files_into_usr(make_deb: MakeDeb) -> None:
    info = tarfile.TarInfo("./bin/b")
    info.type, info.linkname = tarfile.LNKTYPE, "./bin/a"
    found = archive(make_deb("a", ("./bin/a", b"1"), info))
    assert found["usr/bin/b"][0].linkname == "usr/bin/a"
