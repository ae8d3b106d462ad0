"""`make bench`: how quickly the engine works, beside what this machine can do at most.

Not a test: it judges nothing and ends with 0. Every figure is a median of runs, and stands beside a
limit that was measured in the same run on the same machine, since machines and their other load
differ by more than any change of ours. `burst.py` is ten thousand steps that fall due in the same
second, `sweep.py` a look for due steps among millions that are not; `rows.py` makes them, `sink.py`
takes the mail, `limits.py` measures what the same work costs without the application. `way_in.py`
reads and imports reports, `mllp.py` sends them to the listener and to the least that one can be
(`naive_mllp.py`), and `fhir.py` by FHIR to gunicorn and to the least of those (`naive_fhir.py`).
"""
