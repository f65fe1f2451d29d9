"""The explorer: a page, served to this machine alone, on which a person sees a vocabulary, asks and compares.

`server` listens on the loopback interface; `access`, `guard` and `connections` decide who is answered and for how long.
`routes` maps addresses to answers, which `answers`, `spelling`, `prediction` and `maps` compute. `static/` is the page,
in plain ES modules. `watching` serves the page of a training run, whose state is in `feed`. These need the extra
`explore`. `export` makes one file of the page, with the modules joined by `bundle`; `notebook` shows it in a notebook,
and `parquet` writes the map as a table.
"""
