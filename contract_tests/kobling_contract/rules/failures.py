from ..rule import RuleBook
BOOK = RuleBook("FAIL", "")
