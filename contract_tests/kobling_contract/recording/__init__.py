"""Recordings of an adapter's run: made against a sandbox or a mock, scrubbed, and played back without either.

`recorder.py` makes them, `played.py` is the target that plays them, `cassettes.py` the only module that knows vcrpy.
What may stand in one is decided by `allowlist.py`; what stands in place of everything else comes from `corpus.py` and
`pseudonyms.py`; `scrubber.py` applies both to requests and answers. The leak scanner is elsewhere on purpose
(`kobling_contract.cassette_scan`) and imports nothing from here.
"""
