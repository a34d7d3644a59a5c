"""What `kobling check` finds in an adapter before any server runs.

`source.py` reads the code without running it, `probe.py` loads it in a process of its own and asks it, `project.py`
says what belongs to a project and puts both together, `findings.py` is the table of what can be found.
"""
