"""The leak scanner: looks for keys and people in recordings, without knowing how they were scrubbed.

    from kobling_contract.cassette_scan.scan import scan
    for finding in scan(Path("cassettes")):
        print(finding)

It imports nothing of the suite. `shapes.py` knows what keys, national ids, telephones, addresses and words look like,
and what an invented one looks like; `decodings.py` takes off what hides them; `scan.py` goes through files.
"""
