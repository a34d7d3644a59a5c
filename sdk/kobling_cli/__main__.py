"""`python -m kobling_cli` is `kobling`."""

from . import main

main()
