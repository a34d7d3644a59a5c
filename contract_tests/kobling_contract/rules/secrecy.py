from ..rule import RuleBook
BOOK = RuleBook("SECR", "")
