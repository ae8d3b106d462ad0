"""`make faults`: the engine under a seeded storm of kills, freezes and lost brokers.

As Jepsen does it: clients flag and answer findings and write down what they began and what they
were told (`client.py`); a nemesis with a seed breaks the processes around them (`nemesis.py`); and
a checker judges that history, the mail that arrived and the database against each other
(`checker.py`). `campaign.py` puts the three together, `nursery.py` keeps the processes alive.
"""
