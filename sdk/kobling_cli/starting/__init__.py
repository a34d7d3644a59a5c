"""Projects of vendors' developers: made by `kobling new` from a template, and brought up to date by `kobling update`.

`templates/` holds the template in every version that was ever published, `project.py` makes and updates a project,
`history.py` turns the versions into the git repository that copier needs to merge by.
"""
