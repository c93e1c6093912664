#!/usr/bin/env python3
"""How the code hangs together, measured: a table per crate, and which files import each other in a circle.

    tests/structure.py [ROOT [CRATE...]]

A circle that is a parent module and its children is Rust's habit of a facade and allowed. Any other fails: in the crates
named, or in any where none is named. So does a surface that others reach and that calls rows one's own, which passes the wall.
Tests inside a file and files of tests are left out. What it reads is text, not syntax trees: names that macros make
are not seen.
"""

import re
import sys
from pathlib import Path

LONG = 500  # lines of a file
# Makers of `Shown` for the command line, and the crates in which they must not be.
OWN = re.compile(r"\bown_(?:data|rows)\b")
REACHED = {"web", "postgres", "report"}
ITEM = r"(?:struct|enum|trait|type|union)"


def blank(match):
    """As many lines as before, without the text."""
    return "\n" * match.group(0).count("\n")


# Raw strings, strings, characters, comments: in the order in which they open.
NOT_CODE = re.compile(
    r"""b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|'(?:\\(?:u\{[^}]*\}|.)|[^'\\\n])'|//[^\n]*|/\*.*?\*/""", re.S
)


def code(text):
    """Code without comments, strings and tests."""
    text = NOT_CODE.sub(lambda m: '""' + blank(m) if m.group(0)[0] in "br\"" else blank(m), text)
    out, at = [], 0
    for test in re.finditer(r"#\[cfg\((?:test\b|all\(test\b)[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*", text):
        if test.start() < at:
            continue
        out.append(text[at : test.start()])
        at = end_of_item(text, test.end())
    return "".join(out) + text[at:]


def end_of_item(text, at):
    """Behind the item that begins at `at`: its closing brace, or its semicolon."""
    depth = 0
    while at < len(text):
        c = text[at]
        if c in "{([":
            depth += 1
        elif c in "})]":
            depth -= 1
            if depth == 0 and c == "}":
                return at + 1
        elif c == ";" and depth == 0:
            return at + 1
        at += 1
    return at


def uses(tree, prefix=()):
    """Every path of a `use` tree, as tuples of names, with the name that it is known by."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        path, _, alias = tree.partition(" as ")
        parts = prefix + tuple(p.strip() for p in path.split("::") if p.strip())
        if parts and parts[-1] == "self":
            parts = parts[:-1]
        yield parts, alias.strip() or (parts[-1] if parts else "")
        return
    head = prefix + tuple(p.strip() for p in tree[:brace].split("::") if p.strip())
    depth, start = 0, brace + 1
    for at in range(brace + 1, len(tree)):
        c = tree[at]
        if c == "{":
            depth += 1
        elif c == "}" and depth:
            depth -= 1
        elif c in ",}" and not depth:
            if tree[start:at].strip():
                yield from uses(tree[start:at], head)
            start = at + 1
            if c == "}":
                break


class Crate:
    def __init__(self, name, src):
        self.name, self.src = name, src
        self.root = "lib.rs" if (src / "lib.rs").exists() else "main.rs"
        self.files, self.lines = {}, {}
        texts = {}
        for file in sorted(src.rglob("*.rs")):
            texts[file] = file.read_text()
        tests = test_modules(src, texts)
        for file, text in texts.items():
            self.lines[file.relative_to(src)] = text.count("\n")
            module = module_of(file.relative_to(src))
            if not any(module[: len(test)] == test for test in tests):
                self.files[module] = code(text)
        # A binary beside a library is a crate of its own, without modules that both have.
        if self.root == "lib.rs":
            self.files.pop(("main",), None)
        self.exports = {module: self.reexports(module) for module in self.files}

    def reexports(self, module):
        """Names that a module passes on, and the path that each stands for."""
        names = {}
        for tree in re.findall(r"\bpub(?:\([^)]*\))?\s+use\s+([^;]+);", self.files[module]):
            for path, name in uses(tree):
                names[name] = path
        return names

    def resolve(self, path, seen=()):
        """The module in which the item of `path` is written down, following what modules pass on."""
        module, rest = (), path
        while rest and module + rest[:1] in self.files:
            module, rest = module + rest[:1], rest[1:]
        if rest:
            passed = self.exports[module].get(rest[0])
            if passed and (module, rest[0]) not in seen:
                target = self.absolute(passed, module)
                if target is not None:
                    return self.resolve(target + rest[1:], (*seen, (module, rest[0])))
        return module

    def absolute(self, path, module):
        """A path from the crate's root, or nothing where it leads out of the crate."""
        if path[:1] == ("crate",):
            return path[1:]
        if path[:1] in (("self",), ("super",)):
            while path[:1] in (("self",), ("super",)):
                module = module[:-1] if path[0] == "super" else module
                path = path[1:]
            return module + path
        if path and module + path[:1] in self.files:
            return module + path
        return None

    def imports(self, module):
        text = self.files[module]
        paths = [path for tree in re.findall(r"\buse\s+([^;]+);", text) for path, _ in uses(tree)]
        rest = re.sub(r"\buse\s+[^;]+;", "", text)
        paths += [tuple(p.split("::")) for p in re.findall(r"(?<![\w:])(?:crate|super|self)(?:::\w+)+", rest)]
        children = {m[-1] for m in self.files if m and m[:-1] == module}
        for path in re.findall(r"(?<![\w:])\w+(?:::\w+)+", rest):
            if path.split("::")[0] in children:
                paths.append(tuple(path.split("::")))
        targets = {self.resolve(target) for path in paths if (target := self.absolute(path, module)) is not None}
        return targets - {module}

    def circles(self):
        graph = {module: self.imports(module) for module in self.files}
        for circle in components(graph):
            top = min(circle, key=len)
            family = all(module == top or module[:-1] in circle for module in circle)
            yield sorted(circle), family and top != (), graph

    def exported(self):
        """Names at the crate's root, and every public item of public modules below it."""
        if self.root != "lib.rs":
            return 0, 0
        text = self.files[()]
        names = sum(1 for tree in re.findall(r"^pub\s+use\s+([^;]+);", text, re.M) for _ in uses(tree))
        names += len(re.findall(rf"^pub\s+(?:const|static|async\s+fn|unsafe\s+fn|fn|mod|{ITEM})\s", text, re.M))
        below = 0
        open_modules = [(name,) for name in re.findall(r"^pub\s+mod\s+(\w+)", text, re.M)]
        while open_modules:
            module = open_modules.pop()
            inner = self.files.get(module, "")
            below += len(re.findall(rf"^pub\s+(?:const|static|(?:async\s+|const\s+|unsafe\s+)*fn|{ITEM})\s", inner, re.M))
            open_modules += [(*module, name) for name in re.findall(r"^pub\s+mod\s+(\w+)\s*;", inner, re.M)]
        return names, below

    def twice(self):
        """Types that two modules define under one name."""
        where = {}
        for module, text in self.files.items():
            for name in re.findall(rf"^(?:pub(?:\([^)]*\))?\s+)?{ITEM}\s+(\w+)", text, re.M):
                where.setdefault(name, []).append(show(module))
        return {name: places for name, places in sorted(where.items()) if len(places) > 1}


def module_of(file):
    parts = list(file.with_suffix("").parts)
    if parts[-1] in ("lib", "mod") or parts == ["main"]:
        parts.pop()
    return tuple(parts)


def test_modules(src, texts):
    """Modules that are declared under `#[cfg(test)]`, and what is called so."""
    found = set()
    for file, text in texts.items():
        module = module_of(file.relative_to(src))
        for name in re.findall(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;", text):
            found.add((*module, name))
    return found


def components(graph):
    """Strongly connected parts of more than one node."""
    index, low, stack, on, found, counter = {}, {}, [], set(), [], 0
    for start in graph:
        if start in index:
            continue
        work = [(start, iter(sorted(graph[start])))]
        index[start] = low[start] = counter = counter + 1
        stack.append(start)
        on.add(start)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in graph:
                    continue
                if target not in index:
                    index[target] = low[target] = counter = counter + 1
                    stack.append(target)
                    on.add(target)
                    work.append((target, iter(sorted(graph[target]))))
                    break
                if target in on:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = set()
                    while node not in part:
                        part.add(top := stack.pop())
                        on.discard(top)
                    if len(part) > 1:
                        found.append(part)
    return sorted(found, key=len, reverse=True)


def show(module):
    return "/".join(module) or "root"


def crates(root):
    found = [Crate(dir.parent.name, dir) for dir in sorted(root.glob("crates/*/src"))]
    return found + ([Crate("(root)", root / "src")] if (root / "src").is_dir() else [])


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    strict = sys.argv[2:]
    found = crates(root)
    print(f"{'crate':<12}{'files':>7}{'lines':>8}{f'over {LONG}':>10}{'names':>7}{'below':>7}  circles")
    bad = []
    for crate in found:
        names, below = crate.exported()
        long = sum(1 for lines in crate.lines.values() if lines > LONG)
        sizes = []
        for circle, facade, graph in crate.circles():
            sizes.append(f"{len(circle)}{' facade' if facade else ''}")
            if not facade:
                bad.append((crate.name, circle, graph))
        lines = sum(crate.lines.values())
        print(f"{crate.name:<12}{len(crate.lines):>7}{lines:>8}{long:>10}{names:>7}{below:>7}  {', '.join(sizes) or '-'}")
    sql = list(root.glob("queries/**/*.sql"))
    lines = sum(file.read_text().count("\n") for file in sql)
    print(f"{'queries':<12}{len(sql):>7}{lines:>8}")
    for crate in found:
        long = [(lines, file) for file, lines in crate.lines.items() if lines > LONG]
        for lines, file in sorted(long, reverse=True):
            print(f"long: {crate.name}/{file}, {lines} lines")
    for crate in found:
        for name, places in crate.twice().items():
            print(f"defined twice: {crate.name} {name} in {', '.join(places)}")
    for name, circle, graph in bad:
        print(f"circle: {name}, {len(circle)} files")
        for module in circle:
            targets = [show(target) for target in sorted(graph[module]) if target in circle]
            print(f"    {show(module)} -> {', '.join(targets)}")
    own = [(name, file) for name in sorted(REACHED) for file in past_the_wall(root / "crates" / name)]
    for name, file in own:
        print(f"past the wall: {name}/{file}")
    return 1 if own or any(not strict or name in strict for name, _, _ in bad) else 0


def past_the_wall(crate):
    """Files of a crate that call rows one's own."""
    files = sorted(file for file in crate.glob("src/**/*.rs") if "tests" not in file.stem)
    return [file.relative_to(crate) for file in files if OWN.search(code(file.read_text()))]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(1)
