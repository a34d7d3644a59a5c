"""The zoo: adapters with one planted fault each, odd ones that are right, and ones that do nothing. It tests the suite.

    kobling zoo                      # each fault against its designated rule, and what is kept out by construction
    kobling zoo --only 49 --full     # one fault, and every other rule that it fails

Start in `faults.py` (what can go wrong), then read one vendor's file: a fault is a few lines on a real adapter.
`forbidden.py` holds what the engine makes impossible, `odd.py` what must pass, `nothing.py` what must not.
`matrix.py` runs them all and says what was caught.
"""
