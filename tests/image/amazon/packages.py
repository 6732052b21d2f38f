"""Makes a repository of RPMs by the names that images/Dockerfile asks for, out of Debian's files.

It runs as root inside a root file system of Debian's, see tests/image/amazon_shaped.py, and leaves /standin. Python is
Debian's own, laid out as Fedora and Amazon Linux lay it out: the standard library below /usr/lib64, packages of RPMs in
/usr/lib/pythonX.Y/site-packages, and what pip installs below /usr/local. The last is done where Fedora does it, in the
source of `site` and `sysconfig`: https://src.fedoraproject.org/rpms/python3.13, patch 251, and
https://fedoraproject.org/wiki/Changes/Making_sudo_pip_safe.
"""

import marshal
import os
import py_compile
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

VERSION = "{}.{}".format(*sys.version_info[:2])
FULL_VERSION = "{}.{}.{}".format(*sys.version_info[:3])
PYTHON = f"python{VERSION}"
PARTS = Path(__file__).parent
PAYLOAD = Path("/payload")
REPOSITORY = Path("/standin")
# Amazon's name -> Debian's; what else came with these is one package that they all require.
TOOLS = {
    "gcc": "gcc",
    "gcc-c++": "g++",
    "make": "make",
    "findutils": "findutils",
    "git": "git",
    "gzip": "gzip",
    "tar": "tar",
    "unzip": "unzip",
}
LIBRARIES = "development-libraries"
# Only recommended, so it must not come along.
WEAK = "only-recommended"
NOT_NEEDED = re.compile(r"/usr/share/(doc|man|info|locale|lintian|bug)/")

SITE_EDITS = (
    # Debian's places go, and with them its name for the folder.
    (r"            if is_virtual_environment:\n.*?(?=            for libdir in libdirs:\n)", ""),
    (r'"dist-packages"', '"site-packages"'),
    (
        r'    _trace\("Processing global site-packages"\)\n',
        '    _trace("Processing global site-packages")\n'
        "    if ENABLE_USER_SITE and 'RPM_BUILD_ROOT' not in os.environ:\n"
        '        PREFIXES.insert(0, "/usr/local")\n',
    ),
)
SYSCONFIG_EDITS = (
    (r"'prefix': prefix_scheme,", "'prefix': 'posix_prefix',"),
    (
        r"(?=\n_SCHEME_KEYS = )",
        """
_INSTALL_SCHEMES['rpm_prefix'] = dict(_INSTALL_SCHEMES['posix_prefix'])
if sys.prefix == sys.base_prefix and 'RPM_BUILD_ROOT' not in os.environ:
    _INSTALL_SCHEMES['posix_prefix'].update({
        'purelib': '{base}/local/lib/python{py_version_short}/site-packages',
        'platlib': '{platbase}/local/{platlibdir}/python{py_version_short}/site-packages',
        'scripts': '{base}/local/bin',
        'data': '{base}/local',
    })
""",
    ),
)
# Debian's refusal to install pip into the system's Python.
ENSUREPIP_EDITS = ((r"    if hasattr\(sys, 'real_prefix'\):\n", "    if True:\n"),)
BUILT_EDITS = (
    (r"'PLATLIBDIR': 'lib'", "'PLATLIBDIR': 'lib64'"),
    (r"'WHEEL_PKG_DIR': '/usr/share/python-wheels/?'", f"'WHEEL_PKG_DIR': '/usr/share/{PYTHON}-wheels'"),
)
SPEC_HEAD = """\
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global _binary_payload w1.gzdio
Name: standin
Version: 1
Release: 1.standin
Summary: Stand-in
License: Various
%description
Stand-in.
%install
mkdir -p %{buildroot}
cp -a /payload/. %{buildroot}/
"""
SPEC_PACKAGE = """
%package -n {name}
Version: {version}
Summary: Stand-in
AutoReqProv: no
{requires}
%description -n {name}
Stand-in.
{after}
%files -n {name}
{files}
"""


class Rpm(NamedTuple):
    """One package: `files` are lines of a spec's %files, a folder stands for all in it."""

    name: str
    version: str
    files: list[str]
    requires: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()

    def spec(self) -> str:
        wants = [f"Requires: {name}" for name in self.requires] + [f"Recommends: {name}" for name in self.recommends]
        has_library = any("/usr/lib" in line for line in self.files)
        return SPEC_PACKAGE.format(
            name=self.name,
            version=self.version,
            requires="\n".join(wants),
            after=f"%post -n {self.name} -p /usr/sbin/ldconfig\n" if has_library else "",
            files="\n".join(self.files),
        )


def edit(source: Path, edits: tuple[tuple[str, str], ...], place: str) -> None:
    """Change a module of the standard library and its byte code. Raises ValueError where a pattern is not in it."""
    text = source.read_text()
    for pattern, replacement in edits:
        text, count = re.subn(pattern, replacement, text, flags=re.DOTALL)
        if not count:
            raise ValueError(f"{source} has nothing like {pattern!r}: Debian changed it")
    source.write_text(text)
    py_compile.compile(str(source), dfile=f"{place}/{source.name}", doraise=True)


def freeze(source: Path, header: Path) -> None:
    """Write a module's code as C."""
    code = marshal.dumps(compile(source.read_text(), f"<frozen {source.stem}>", "exec"))
    header.write_text(f"static const unsigned char {source.stem}_code[] = {{{','.join(map(str, code))}}};\n")


def lay_out_python() -> list[Rpm]:
    """Put Python, its library, its headers and pip into the payload."""
    library = PAYLOAD / "usr/lib64" / PYTHON
    leave_out = shutil.ignore_patterns("EXTERNALLY-MANAGED", "sitecustomize.*", "config-*", "dist-packages")
    shutil.copytree(f"/usr/lib/{PYTHON}", library, symlinks=True, ignore=leave_out)
    edit(library / "site.py", SITE_EDITS, f"/usr/lib64/{PYTHON}")
    edit(library / "sysconfig/__init__.py", SYSCONFIG_EDITS, f"/usr/lib64/{PYTHON}/sysconfig")
    edit(library / "ensurepip/__init__.py", ENSUREPIP_EDITS, f"/usr/lib64/{PYTHON}/ensurepip")
    for source in library.glob("_sysconfigdata_*.py"):
        if not source.is_symlink():
            edit(source, BUILT_EDITS, f"/usr/lib64/{PYTHON}")
    (library / "site-packages").mkdir()
    packages = PAYLOAD / "usr/lib" / PYTHON / "site-packages"
    shutil.copytree(PARTS / "pip", packages)
    shutil.copytree("/usr/share/python-wheels", PAYLOAD / f"usr/share/{PYTHON}-wheels")
    shutil.copy(f"/usr/lib/x86_64-linux-gnu/lib{PYTHON}.so.1.0", PAYLOAD / "usr/lib64")
    programs = PAYLOAD / "usr/bin"
    programs.mkdir(parents=True)
    freeze(library / "site.py", PARTS / "site.h")
    run("gcc", "-O2", f"-I/usr/include/{PYTHON}", str(PARTS / "python.c"), f"-l{PYTHON}", "-o", str(programs / PYTHON))
    (programs / f"pip{VERSION}").write_text(f'#!/bin/sh\nexec /usr/bin/{PYTHON} -m pip "$@"\n')
    (programs / f"pip{VERSION}").chmod(0o755)
    for folder in (f"doc/{PYTHON}", f"licenses/{PYTHON}", WEAK):
        (PAYLOAD / "usr/share" / folder).mkdir(parents=True)
        shutil.copy(f"/usr/share/doc/lib{PYTHON}-minimal/copyright", PAYLOAD / "usr/share" / folder)
    headers = copied(files_of(f"libpython{VERSION}-dev", f"/usr/include/(x86_64-linux-gnu/)?{PYTHON}/"))
    pip = [f"/usr/bin/pip{VERSION}", *(f"/usr/lib/{PYTHON}/site-packages/{path.name}" for path in packages.iterdir())]
    own_folders = [f"%dir /usr/lib/{PYTHON}", f"%dir /usr/lib/{PYTHON}/site-packages"]
    libraries = [f"/usr/lib64/{PYTHON}", f"/usr/lib64/lib{PYTHON}.so.1.0", *own_folders]
    program = [f"/usr/bin/{PYTHON}", f"%doc /usr/share/doc/{PYTHON}", f"%license /usr/share/licenses/{PYTHON}"]
    return [
        Rpm(PYTHON, FULL_VERSION, program, (f"{PYTHON}-libs",), recommends=(WEAK,)),
        Rpm(f"{PYTHON}-libs", FULL_VERSION, libraries, ("glibc", f"{PYTHON}-pip-wheel")),
        Rpm(f"{PYTHON}-pip-wheel", FULL_VERSION, [f"/usr/share/{PYTHON}-wheels"]),
        Rpm(f"{PYTHON}-pip", FULL_VERSION, pip, (PYTHON,)),
        Rpm(f"{PYTHON}-devel", FULL_VERSION, headers, (PYTHON,)),
        Rpm(WEAK, "1", [f"/usr/share/{WEAK}"]),
    ]


def lay_out_tools() -> list[Rpm]:
    """Put the compilers and their company into the payload."""
    before, after = (set(Path(f"/{name}-packages").read_text().split()) for name in ("base", "tool"))
    rpms, taken = [], set()
    for name, debian in TOOLS.items():
        files = files_of(debian)
        taken |= set(files)
        rpms.append(Rpm(name, version_of(debian), copied(files), () if debian in before else (LIBRARIES,)))
    more = {file for package in after - before for file in files_of(package) if PYTHON not in package}
    for alias, program in (("cc", "gcc"), ("c++", "g++")):
        (PAYLOAD / "usr/bin" / alias).symlink_to(program)
    rpms.append(Rpm(LIBRARIES, "1", [*copied(sorted(more - taken)), "/usr/bin/cc", "/usr/bin/c++"], ("glibc",)))
    return rpms


def files_of(package: str, pattern: str = "") -> list[str]:
    """The files and links of a Debian package, without its texts."""
    listed = output("dpkg-query", "--listfiles", package).splitlines()
    return [
        path
        for path in listed
        if not NOT_NEEDED.match(path)
        and re.match(pattern, path)
        and (os.path.islink(path) or os.path.isfile(path))
        # The loader's own link is the base's.
        and not path.startswith("/usr/lib64/")
    ]


def version_of(package: str) -> str:
    said = output("dpkg-query", "--show", "--showformat=${Version}", package)
    return said.rpartition(":")[2].replace("-", ".")


def copied(files: list[str]) -> list[str]:
    """Copy files of this system into the payload; return them as lines of a spec."""
    for file in files:
        place = PAYLOAD / file.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place, follow_symlinks=False)
    return [f'"{file}"' for file in files]


def run(*words: str) -> None:
    subprocess.run(words, check=True)


def output(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def main() -> None:
    rpms = [*lay_out_python(), *lay_out_tools()]
    spec = Path("/repository.spec")
    spec.write_text(SPEC_HEAD + "".join(rpm.spec() for rpm in rpms))
    REPOSITORY.mkdir()
    run("rpmbuild", "--quiet", "-bb", "--define", "_topdir /rpmbuild", "--define", f"_rpmdir {REPOSITORY}", str(spec))
    run("createrepo_c", "--quiet", str(REPOSITORY))


if __name__ == "__main__":
    main()
