"""The explorer: a page, served to this machine alone, on which a person sees a vocabulary, asks and compares.

`server` listens on the loopback interface; `access`, `guard` and `connections` decide who is answered and for how long.
`routes` maps addresses to answers, which `answers`, `spelling`, `prediction` and `maps` compute. `static/` is the page,
in plain ES modules. Only `firth explore` imports this package: it needs the extra `explore`.
"""
