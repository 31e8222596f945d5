"""Rules about commands, read as a person would and not as a shell: what is unclear gets no finding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from cronbox.model.crontab import Entry
from cronbox.model.lint.context import Context, Finding

_SHELLS = frozenset({"/bin/sh", "/bin/dash", "/usr/bin/sh", "/usr/bin/dash"})
_UNESCAPED = re.compile(r"(?:[^%\\]|\\.)*?%", re.DOTALL)
_WORD = re.compile(r"""(?:[^\s;&|<>()"'\\]|\\.|"[^"]*"|'[^']*')+""")
_CONTROL = re.compile(r"&&|\|\||(?<![<>])&(?!>)|(?<!>)\||[;\n()]")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PREFIXES = frozenset(
    {
        *("chronic", "chrt", "doas", "env", "exec", "if", "ionice", "nice", "nohup", "setsid"),
        *("stdbuf", "sudo", "then", "time", "while", "!", "{"),
    }
)
_LOCKS = frozenset({"flock", "lockf", "lockrun", "run-one", "setlock", "lockfile", "with-lock-ex", "solo"})
_RUNNERS = re.compile(r"(?:bash|dash|node|perl|php|python[0-9.]*|Rscript|ruby|sh|source|zsh|\.)\Z")
_SCRIPT = re.compile(r"[\w.-]+\.(?:bash|jar|js|php|pl|py|R|rb|sh)\Z", re.ASCII)
_BUILTINS = frozenset(
    {
        *(".", ":", "[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done"),
        *("echo", "elif", "else", "esac", "eval", "exec", "exit", "export", "false", "fg", "fi"),
        *("for", "getopts", "hash", "if", "in", "jobs", "kill", "printf", "pwd", "read", "readonly"),
        *("return", "set", "shift", "test", "then", "times", "trap", "true", "type", "ulimit"),
        *("umask", "unalias", "unset", "until", "wait", "while", "{", "}", "!", "[[", "function"),
        *("source", "local", "declare", "let"),
    }
)
_THROWN_AWAY = re.compile(
    r">\s*/dev/null\s+2>\s*(?:&1|/dev/null)|&>>?\s*/dev/null|>&\s*/dev/null|2>\s*/dev/null\s+(?:1?>\s*/dev/null|>&2)"
)
_PAST_CRONBOX = re.compile(r">\s*/proc/(?:1|self)/fd/[12]\b")
_BASHISM = re.compile(r"&>>?|\[\[\s|<\(|<<<|(?:^|[;&|]\s*)source\s|\bfunction\s+\w|\|&|\$'")
_BACKGROUND = re.compile(r"(?<![&>|\\])&\s*\Z")
_OWN_PROGRAMS = re.compile(
    r"\(\s*\)|\(\(|\[\[|\$\{|`|<<|\bPATH=|\b(?:alias|case|eval|function|hash|source)\s|(?:^|[;&|{(]|\b(?:do|else|then))\s*\.\s"
)
"""What may give a command programs that are on no PATH, or reads otherwise than it looks."""
_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*\"""")


_MARK = re.compile(r"%|&|\\\\|/dev/null|/proc/|\[\[|<[(<]|\$'|function |source |lock|run-one|solo|timeout")
_SCRIPT_ENDINGS = (".bash", ".jar", ".js", ".php", ".pl", ".py", ".R", ".rb", ".sh")


def _is_suspect(text: str) -> bool:
    """Whether a rule about text, habits, wrappers or paths could speak; most commands are plain."""
    words = text.split()
    return (
        not words
        or _MARK.search(text) is not None
        or any(word[0] != "/" and ("/" in word or word.endswith(_SCRIPT_ENDINGS)) for word in words)
    )


def command(entry: Entry, context: Context) -> Sequence[Finding]:
    """All that is to be said about an entry's command."""
    findings: list[Finding] = []
    if _is_suspect(entry.text):
        for rule in (text, habits, wrappers, paths):
            findings += rule(entry, context)
    if context.facts.programs is not None or context.facts.mounts:
        findings += presence(entry, context)
    return findings


def text(entry: Entry, context: Context) -> Iterator[Finding]:
    """What cron does to a command's text before a shell sees it."""
    if not entry.text.strip(" \t\r\n\0"):
        yield Finding(
            entry.line,
            entry.text_column,
            "CB401",
            "the command is empty",
            "write a command, or remove the line",
        )
    if "%" in entry.text and (found := _UNESCAPED.match(entry.text)):
        column = entry.text_column + found.end() - 1
        message = "cron ends the command at this %, and feeds the rest to it as stdin"
        yield Finding(entry.line, column, "CB402", message, r"write \% for a percent sign, in quotes too")
    if "\\\\" in entry.text and "\\\\" in entry.text.split("%")[0]:
        column = entry.text_column + entry.text.index("\\\\")
        message = r"cron makes one backslash of these two"
        yield Finding(
            entry.line, column, "CB403", message, "write four for two, or move the command into a script"
        )


def habits(entry: Entry, context: Context) -> Iterator[Finding]:
    """What one does under plain cron, and need not or should not do here."""
    command = entry.text
    if found := _THROWN_AWAY.search(command):
        message = "this output is thrown away; cronbox would keep it, within output-limit"
        yield _at(
            entry, found.start(), "CB408", message, "remove the redirection; `cronbox logs` shows the output"
        )
    if found := _PAST_CRONBOX.search(command):
        message = "this goes past cronbox to the container's own output, and fails for other users than root"
        yield _at(entry, found.start(), "CB411", message, "write to stdout; `docker logs` shows that as well")
    bare = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), command)
    if found := _BACKGROUND.search(bare):
        message = "the job ends at once, and what it left in the background is not watched"
        yield _at(entry, found.start(), "CB413", message, "remove the &: cron waits for no job anyway")
    found = _BASHISM.search(bare)
    if found and dict(entry.env).get("SHELL", "/bin/sh") in _SHELLS:
        message = f"{found[0].strip()!r} is bash's, and the job's shell is /bin/sh"
        yield _at(
            entry, found.start(), "CB412", message, "set SHELL=/bin/bash above, or move it into a script"
        )


def wrappers(entry: Entry, context: Context) -> Iterator[Finding]:
    """Locks and time-outs that a directive does better."""
    for at, word in programs(_run_text(entry)):
        name = word.rsplit("/", 1)[-1]
        if name in _LOCKS:
            message = f"{name} keeps a second copy away; so does overlap=skip, with the slot on record"
            yield _at(
                entry, at, "CB409", message, "write `# cronbox: overlap=skip` above and remove the wrapper"
            )
        elif name == "timeout":
            message = (
                "timeout ends the command only; the directive ends all that the job has started, and says so"
            )
            yield _at(
                entry, at, "CB410", message, "write `# cronbox: timeout=…` above and remove the wrapper"
            )


def paths(entry: Entry, context: Context) -> Iterator[Finding]:
    """Programs and scripts that a job will not find."""
    if entry.text.startswith("cd ") or "workdir" in "".join(comment.raw for comment in entry.directives):
        return
    run = _run_text(entry)
    for at, word in (*programs(run), *scripts(run)):
        if (
            word.startswith(("./", "../"))
            or ("/" in word and word[0] not in "/$~\"'`")
            or _is_script_argument(entry, at, word)
        ):
            message = f"{word[:60]!r} is looked for in the user's home"
            yield _at(entry, at, "CB404", message, "write the whole path, or give a `workdir`")


def presence(entry: Entry, context: Context) -> Iterator[Finding]:
    """What the box's image and mounts do not have, as far as they are known."""
    facts = context.facts
    path = dict(entry.env).get("PATH", facts.path)
    if facts.programs is not None and _is_searched(path, facts.searched) and _is_plain(entry):
        for at, word in programs(_run_text(entry)):
            if _is_missing_program(word, path, facts.programs):
                hint = "install it in the image, set PATH, or write the whole path"
                yield _at(entry, at, "CB405", f"{word!r} is not on the job's PATH", hint)
    for folder in facts.mounts:
        yield from _mounted(entry, folder.target, folder.files, folder.executable)


def _run_text(entry: Entry) -> str:
    """What of the text is run, and not fed to it behind a `%`."""
    found = _UNESCAPED.match(entry.text) if "%" in entry.text else None
    return entry.text[: found.end() - 1] if found else entry.text


def _is_plain(entry: Entry) -> bool:
    """Whether the command is for a common shell, and defines no programs of its own."""
    shell = dict(entry.env).get("SHELL", "/bin/sh").rsplit("/", 1)[-1]
    return shell in ("sh", "dash", "bash") and not _OWN_PROGRAMS.search(entry.text)


def _is_searched(path: str, searched: frozenset[str] | None) -> bool:
    """Whether it is known what all folders of a PATH hold."""
    return searched is None or searched.issuperset(path.split(":"))


def _mounted(
    entry: Entry, target: str, files: frozenset[str], executable: frozenset[str]
) -> Iterator[Finding]:
    if target not in entry.text:
        return
    run = _run_text(entry)
    runs = set(programs(run))
    for at, word in sorted({*runs, *scripts(run)}):
        if not word.startswith(target.rstrip("/") + "/") or any(char in word for char in "$*?`[~"):
            continue
        if "/../" in word or "//" in word or "/./" in word:
            continue
        if word not in files:
            yield _at(entry, at, "CB406", f"{word!r} is not there", "check the name and the box's mounts")
        elif (at, word) in runs and word not in executable:
            hint = f"chmod +x it, or call its interpreter: python3 {word}"
            yield _at(entry, at, "CB407", f"{word!r} is not executable", hint)


def _at(entry: Entry, offset: int, code: str, message: str, hint: str) -> Finding:
    return Finding(entry.line, entry.text_column + offset, code, message, hint)


# ------------------------------------------------------------------------------------ reading commands


@lru_cache(maxsize=4096)
def programs(command: str) -> tuple[tuple[int, str], ...]:
    """(offset, word) of what the command runs: the first word of each part, and what prefixes run in turn."""
    found: list[tuple[int, str]] = []
    expected = True
    at = 0
    for word in _WORD.finditer(command):
        if _CONTROL.search(command, at, word.start()):
            expected = True
        redirected = command[at : word.start()].rstrip().endswith(("<", ">", ">&", "<&", ">|"))
        at = word.end()
        if not expected or redirected or _ASSIGNMENT.match(word[0]):
            continue
        if word[0].startswith(("-", "#")):
            expected = not word[0].startswith("#")
            continue
        name = word[0].rsplit("/", 1)[-1]
        found.append((word.start(), word[0]))
        expected = name in _PREFIXES
    return tuple(found)


@lru_cache(maxsize=4096)
def scripts(command: str) -> tuple[tuple[int, str], ...]:
    """(offset, word) of what interpreters are given to run."""
    starts = {at: word for at, word in programs(command) if _RUNNERS.match(word.rsplit("/", 1)[-1])}
    if not starts:
        return ()
    found, waiting = [], False
    for word in _WORD.finditer(command):
        if word.start() in starts:
            waiting = True
        elif waiting and word[0] in ("-c", "-m", "-e", "-r", "-", "-s"):
            waiting = False
        elif waiting and not word[0].startswith("-"):
            found.append((word.start(), word[0]))
            waiting = False
    return tuple(found)


def _is_script_argument(entry: Entry, at: int, word: str) -> bool:
    """`python3 load.py`: a script by its bare name."""
    return (at, word) in scripts(_run_text(entry)) and _SCRIPT.match(word) is not None


def _is_missing_program(word: str, path: str, present: frozenset[str]) -> bool:
    if "/" in word or word in _BUILTINS or not re.fullmatch(r"[\w.+-]+", word):
        return False
    return not any(f"{folder.rstrip('/')}/{word}" in present for folder in path.split(":"))


COMMAND_RULES = (command,)
