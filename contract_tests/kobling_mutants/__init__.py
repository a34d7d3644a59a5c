"""Mutation testing of the three vendors' adapters, with the contract suite's rules as what must notice.

    make mutants                                       # measure what is not measured yet, and write the page's tables

mutmut's operators say what can be changed in a line of an adapter; each change is a mutant. Its own runner is not used:
it changes the bodies of functions only, and an adapter is tables for a good part; and it runs whole tests, where the
first rule that fails is enough. Nothing of this is shipped.
"""
