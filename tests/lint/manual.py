# SPDX-License-Identifier: ISC
"""The reference part of mqsecproxy.conf(5) is made from the table of directives; this fails where the two differ, and
with --write makes the manual anew. Also: every command of mqsecproxyctl stands in its manual."""
import os
import re
import shutil
import subprocess
import sys
import textwrap

top = os.environ.get("top_srcdir", ".")
CONF_MANUAL = os.path.join(top, "man", "mqsecproxy.conf.5")
BEGIN, END = ".Sh DIRECTIVES\n", ".Sh FILTER RULES\n"
ENTRY = re.compile(r'\{"([^"]+)",\s*CONF_(\w+),\s*CONF_T_(\w+),\s*"([^"]*)",\s*(NULL|"[^"]*"),\s*((?:"[^"]*"\s*)+),(.*?)\},\n',
                   re.S)


def read(*path):
    with open(os.path.join(top, *path), encoding="utf-8") as f:
        return f.read()


def plain(text):
    return text.replace("…", " ...").replace("\\", "\\e")


def directives():
    """(block, name, argument, default, doc, restart) of each, as they stand in the table."""
    text = read("src", "conf", "schema.c")
    table = text[text.index("static const struct conf_directive"):]
    table = table[:table.index("\n};")] + "\n"
    found = [(b, n, a, None if d == "NULL" else d[1:-1], "".join(re.findall('"([^"]*)"', doc)), ".restart = true" in rest)
             for n, b, t, a, d, doc, rest in ENTRY.findall(table)]
    assert len(found) == len(re.findall(r'^\s*\{"', table, re.M)) > 40, "the table is not understood"
    return found


def item(name, argument, default, doc, restart):
    tail = []
    if default is not None:
        tail.append("Default: %s." % plain(default))
    if restart:
        tail.append("Restart.")
    words = plain(argument).replace("|", " | ").replace("...]", "...]\\&")
    lines = [".It Ic %s%s" % (name, " Ar " + words if argument else "")]
    for sentence in [plain(doc) + "."] + tail:
        lines += textwrap.wrap(sentence, 78, break_long_words=False, break_on_hyphens=False)
    return "".join(line + "\n" for line in lines)


def reference():
    every = directives()
    out = [BEGIN, '.\\" From here to the end of the section: tests/lint/manual.py --write\n']
    blocks = []
    for block, *_ in every:
        if block not in blocks:
            blocks.append(block)
    for block in blocks:
        name = block.lower()
        out.append(".Ss %s\n" % ("Outside any block" if block == "TOP" else "\\&In a block " + name))
        out.append(".Bl -tag -width Ds\n")
        out.extend(item(*rest) for b, *rest in every if b == block)
        out.append(".El\n")
    return "".join(out)


def main():
    manual = read("man", "mqsecproxy.conf.5")
    made = manual[:manual.index(BEGIN)] + reference() + manual[manual.index(END):]
    if sys.argv[1:] == ["--write"]:
        with open(CONF_MANUAL, "w", encoding="utf-8") as f:
            f.write(made)
        return 0
    results = [(manual == made, "the manual of the configuration is that of the table (tests/lint/manual.py --write)")]
    tool = read("man", "mqsecproxyctl.8")
    commands = [w for f in sorted(os.listdir(os.path.join(top, "src", "ctl"))) if f.endswith(".c")
                for w in re.findall(r'\.words = "([^"]+)"', read("src", "ctl", f))]
    results.append((len(commands) >= 11, "the commands are found"))
    for words in commands:
        results.append((re.search(r"^\.(It )?Ic %s\b" % words, tool, re.M) is not None, "%s is in the manual" % words))
    daemon = read("man", "mqsecproxy.8")
    told = re.findall(r"^\.It Li (\w+)$", daemon[daemon.index(".Sh VERDICTS"):daemon.index(".Sh SERVICE MANAGER")], re.M)
    verdicts = {"evicted"} | set(re.findall(r'\tX\(\w+, "(\w+)"', read("src", "proxy", "verdict.h")))
    results.append((len(told) > 15 and sorted(told) == sorted(verdicts), "the verdicts are in the manual %s" % (set(told) ^ set(verdicts) or "")))
    pages = sorted(p for p in os.listdir(os.path.join(top, "man")) if re.search(r"\.[1-9]$", p))
    # "In" in a heading would be a macro, which makes an include of the next word
    macros = [line for page in pages for line in re.findall(r"^\.S[hs] (?:.* )?[A-Z][a-z](?: .*)?$", read("man", page), re.M)]
    results.append((not macros, "no word of a heading is a macro %s" % macros))
    for i, (good, name) in enumerate(results, 1):
        print("%s %d - %s" % ("ok" if good else "not ok", i, name))
    n = len(results)
    mandoc = shutil.which("mandoc")
    for page in pages:
        n += 1
        if not mandoc:
            print("ok %d - mandoc likes %s # SKIP mandoc is not there" % (n, page))
            continue
        said = subprocess.run([mandoc, "-Tlint", os.path.join(top, "man", page)], stdout=subprocess.PIPE).stdout.decode()
        # Our own pages refer to each other before they are installed.
        said = [line for line in said.splitlines() if "referenced manual not found" not in line]
        results.append((not said, page))
        print("%s %d - mandoc likes %s" % ("not ok" if said else "ok", n, page))
        for line in said:
            print("# " + line)
    print("1..%d" % n)
    return 0 if all(good for good, _ in results) else 1


sys.exit(main())
