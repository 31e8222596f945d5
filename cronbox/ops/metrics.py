"""Figures of all jobs in the text form that Prometheus reads.

Labels are names of boxes and jobs, statuses, kinds of conditions, and the keys of each job's last result, of
which the agent lets 64 pass: nothing else can make a series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cronbox.model.result import numbers_in
from cronbox.model.run import RAN, Run
from cronbox.ops import Site
from cronbox.ops.crontabs import read_crontabs

COUNTED = timedelta(days=1)
JOB = ("box", "job")


def exposition(site: Site) -> str:
    """The text of a scrape, as the store has it."""
    registry = CollectorRegistry()
    registry.register(_Jobs(site))
    return generate_latest(registry).decode()


class _Jobs(Collector):
    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Jobs that are in no crontab any more have their history, and no place here."""
        last = list(_last_runs(self._site))
        yield _statuses(last)
        yield _gauge(
            "cronbox_job_last_duration_seconds",
            "How long the job's last run took.",
            ((run, run.duration_s) for run in last),
        )
        yield _gauge(
            "cronbox_job_last_finish_timestamp_seconds",
            "When the job's last run ended.",
            ((run, run.finished_at.timestamp() if run.finished_at else None) for run in last),
        )
        yield self._conditions()
        yield self._counts(last)
        yield self._results(last)

    def _conditions(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "cronbox_condition",
            "1 for each condition that is open; an empty job where it is about the box.",
            labels=(*JOB, "kind"),
        )
        for condition in self._site.store.conditions():
            family.add_metric((condition.box, condition.job, condition.kind.value), 1)
        return family

    def _counts(self, last: Iterable[Run]) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "cronbox_job_runs_last_day", "Runs that came up in the last 24 hours.", labels=(*JOB, "status")
        )
        known = {(run.box, run.job) for run in last}
        for (box, job, status), number in self._site.store.counts(self._site.now() - COUNTED).items():
            if (box, job) in known:
                family.add_metric((box, job, status.value), number)
        return family

    def _results(self, last: Iterable[Run]) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "cronbox_job_result",
            "What the job said last in CRONBOX_RESULT, numbers only.",
            labels=(*JOB, "key"),
        )
        for run in last:
            for said in self._site.store.results(run.box, run.job, 1):
                for key, number in numbers_in(said.result or {}).items():
                    family.add_metric((run.box, run.job, key), number)
        return family


def _last_runs(site: Site) -> Iterator[Run]:
    """The newest run that came to an end, of each job that the crontabs have. What still goes on, or never
    ran, does not hide how it went last."""
    for box in site.config.boxes.values():
        for job in read_crontabs(site.config, box, None).jobs:
            if last := site.store.last_ended(box.name, job.name):
                yield last


def _statuses(last: Iterable[Run]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "cronbox_job_last_status",
        "1 for how the job's last run ended, 0 for the other ends.",
        labels=(*JOB, "status"),
    )
    for run in last:
        for status in sorted(RAN):
            family.add_metric((run.box, run.job, status.value), float(run.status is status))
    return family


def _gauge(name: str, text: str, values: Iterable[tuple[Run, float | None]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=JOB)
    for run, value in values:
        if value is not None:
            family.add_metric((run.box, run.job), value)
    return family
