"""The contract suite: decides whether a vendor's adapter may be trusted with clinics and patients.

    from kobling_contract.certify import certify
    certificate = certify("eg-pasientsky", seed=1)
    print(certificate.summary())

Start in `contract.py` (every rule), read `rule.py` (what a rule is) and `trial.py` (how it proves something). `rig.py`
builds the world a rule runs in; `runner.py` turns a rule into a verdict; `certificate.py` holds the result;
`pytest_plugin.py` makes pytest items of the same rules. This module imports nothing, so that pytest can load the plugin
in every run at no cost.
"""
