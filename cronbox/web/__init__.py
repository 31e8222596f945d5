"""The page: what the command line shows, in a browser, and as JSON under /api/v1. It changes nothing.

`server` runs it as a thread of the daemon; `app` puts it together; `access` says who may look; `pages`, `api`
and `health` answer; `shown` words what templates show.
"""
