"""The table of all rules. docs/rules/ has a page for each, named after its code."""

from __future__ import annotations

from dataclasses import dataclass

from cronbox.model.lint.problem import Severity

ERROR, WARNING, HINT = Severity.ERROR, Severity.WARNING, Severity.HINT


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing the linter looks for."""

    code: str
    severity: Severity
    summary: str

    @property
    def page(self) -> str:
        """Where it is explained, from the project's root."""
        return f"docs/rules/{self.code}.md"


_ALL = (
    # The file and its lines: mostly what makes cron ignore the file.
    Rule("CB101", ERROR, "cron does not read a file of this name"),
    Rule("CB102", ERROR, "the file does not end with a newline"),
    Rule("CB103", ERROR, "carriage return"),
    Rule("CB104", ERROR, "byte order mark"),
    Rule("CB105", ERROR, "NUL byte"),
    Rule("CB106", ERROR, "more lines than cron reads"),
    Rule("CB110", ERROR, "a time field that cron refuses"),
    Rule("CB111", ERROR, "unknown @keyword"),
    Rule("CB112", ERROR, "the user or the command is missing"),
    Rule("CB113", ERROR, "unknown user"),
    Rule("CB114", ERROR, "this cannot be a user's name"),
    Rule("CB115", ERROR, "the command is longer than cron takes"),
    Rule("CB116", ERROR, "the command begins with *"),
    Rule("CB117", ERROR, "neither an entry nor an environment line"),
    # Environment lines.
    Rule("CB201", ERROR, "environment line without a value"),
    Rule("CB202", ERROR, "malformed environment line"),
    Rule("CB203", ERROR, "the environment line is longer than cron keeps"),
    Rule("CB204", ERROR, "a name that no shell can read"),
    Rule("CB205", WARNING, "nothing is expanded in an environment line"),
    Rule("CB206", WARNING, "quotes or blanks that do not mean what they seem to"),
    Rule("CB207", WARNING, "the comment is part of the value"),
    Rule("CB208", WARNING, "a time zone that does not move the schedule"),
    Rule("CB209", WARNING, "a mail setting that does nothing here"),
    Rule("CB210", ERROR, "SHELL is not an absolute path"),
    Rule("CB211", WARNING, "LOGNAME is always overwritten"),
    Rule("CB212", HINT, "no entry stands below this environment line"),
    # Schedules.
    Rule("CB301", ERROR, "cron skips part of this time field"),
    Rule("CB302", ERROR, "a reversed range selects nothing"),
    Rule("CB303", ERROR, "a number that overflows"),
    Rule("CB304", WARNING, "the step does not divide its range"),
    Rule("CB305", WARNING, "the step is larger than its range"),
    Rule("CB306", WARNING, "this never fires"),
    Rule("CB307", WARNING, "either day-of-month or day-of-week is enough"),
    Rule("CB308", WARNING, "day-of-month and day-of-week must both match"),
    Rule("CB309", WARNING, "due at a time that summer time skips"),
    Rule("CB310", WARNING, "due at a time that the end of summer time repeats"),
    Rule("CB311", WARNING, "every minute of chosen hours"),
    # Commands.
    Rule("CB401", ERROR, "the command is empty"),
    Rule("CB402", WARNING, "an unescaped % ends the command"),
    Rule("CB403", WARNING, "cron takes one of two backslashes away"),
    Rule("CB404", WARNING, "a relative path"),
    Rule("CB405", WARNING, "the command is not on the job's PATH"),
    Rule("CB406", WARNING, "the script is not there"),
    Rule("CB407", WARNING, "the script is not executable"),
    Rule("CB408", HINT, "output is thrown away that cronbox would keep"),
    Rule("CB409", HINT, "a lock made by hand"),
    Rule("CB410", HINT, "a time-out made by hand"),
    Rule("CB411", WARNING, "output past cronbox, to the container's own"),
    Rule("CB412", WARNING, "bash syntax under another shell"),
    Rule("CB413", WARNING, "the job goes into the background"),
    # Directives.
    Rule("CB501", ERROR, "malformed directive"),
    Rule("CB502", ERROR, "unknown key in a directive"),
    Rule("CB503", ERROR, "wrong value in a directive"),
    Rule("CB504", ERROR, "a directive without an entry below it"),
    Rule("CB505", ERROR, "a key stands twice over one entry"),
    Rule("CB506", WARNING, "ignore names no rule"),
    Rule("CB507", WARNING, "a comment that looks like a directive"),
    Rule("CB508", WARNING, "a limit that root does not feel"),
    # The box as a whole.
    Rule("CB601", WARNING, "the same job twice"),
    Rule("CB602", ERROR, "two jobs of one name"),
    Rule("CB603", HINT, "many jobs in the same minute"),
    Rule("CB604", WARNING, "the job usually takes longer than its interval"),
    Rule("CB605", ERROR, "after a job that it cannot wait for"),
    Rule("CB606", ERROR, "jobs that wait for each other"),
    Rule("CB607", WARNING, "a group that has no limit"),
)
RULES: dict[str, Rule] = {rule.code: rule for rule in _ALL}
"""Every rule by its code."""
