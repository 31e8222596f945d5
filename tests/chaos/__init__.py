"""Chaos: jobs that keep a record of their own, faults at random, and a checker that compares the records.

In the manner of Jepsen. `plan` makes jobs and faults from a seed; `world` is a project on an engine of its
own; `faults` does what is planned to it; `conductor` runs it all; `truth` is what the jobs wrote down;
`checker` holds the store against it. `python -m tests.chaos --help` runs it by hand.
"""
