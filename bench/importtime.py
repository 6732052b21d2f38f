"""What `python -X importtime` prints, as a tree, and the tree as text. Pure.

The interpreter prints a module when its import ends, so a module comes after those that it imported, each two spaces
further in: reading from the end makes every line the child of the nearest line before it that is less far in.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

LINE = re.compile(r"^import time:\s*(\d+) \|\s*(\d+) \| ( *)(\S.*)$")
SHOWN_FROM_MS = 1.0
SHOWN_AT_MOST = 30


@dataclass
class Module:
    """One import.

    Attributes:
        name: of the module.
        self_us: what its own code took.
        cumulative_us: that, and what it imported.
        children: what it was the first to import, in the order of their imports.
    """

    name: str
    self_us: int
    cumulative_us: int
    children: list["Module"] = field(default_factory=list)

    def walk(self) -> Iterator["Module"]:
        """This module and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse(text: str) -> list[Module]:
    """The modules that nobody imported but the program itself, in order. Other lines in `text` are left out."""
    roots: list[Module] = []
    open_modules: list[tuple[int, Module]] = []
    for line in reversed(text.splitlines()):
        matched = LINE.match(line)
        if matched is None:
            continue
        own, cumulative, indent, name = matched.groups()
        module, depth = Module(name, int(own), int(cumulative)), len(indent)
        while open_modules and open_modules[-1][0] >= depth:
            open_modules.pop()
        siblings = open_modules[-1][1].children if open_modules else roots
        siblings.insert(0, module)
        open_modules.append((depth, module))
    return roots


def render(modules: Sequence[Module], total_ms: float) -> list[str]:
    """Lines of an indented tree, the largest first; small modules are left out, and said to be."""
    everything = [module for root in modules for module in root.walk()]
    by_size = sorted(everything, key=lambda module: -module.cumulative_us)[:SHOWN_AT_MOST]
    # A module takes at least as long as any below it, so that no shown one hangs in the air; the first is always told.
    shown = {id(module) for module in by_size if module.cumulative_us >= SHOWN_FROM_MS * 1000} | {
        id(module) for module in by_size[:1]
    }
    lines = [f"{'self ms':>9} {'with its own':>13} {'share':>6}  import"]
    lines += _render(modules, shown, total_ms, 0)
    hidden = [module for module in everything if id(module) not in shown]
    if hidden:
        own_ms = sum(module.self_us for module in hidden) / 1000
        lines.append(f"{own_ms:9.1f} {'':>13} {own_ms / total_ms:6.0%}  {len(hidden)} smaller ones")
    return lines


def _render(modules: Sequence[Module], shown: set[int], total_ms: float, depth: int) -> list[str]:
    lines = []
    for module in sorted(modules, key=lambda module: -module.cumulative_us):
        if id(module) in shown:
            own_ms, all_ms = module.self_us / 1000, module.cumulative_us / 1000
            lines.append(f"{own_ms:9.1f} {all_ms:13.1f} {all_ms / total_ms:6.0%}  {'  ' * depth}{module.name}")
            lines += _render(module.children, shown, total_ms, depth + 1)
    return lines
