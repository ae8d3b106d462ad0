"""Many new tables in one step: Django works out what all models look like once, not once each."""

from django.db.migrations.operations.base import Operation


class Together(Operation):
    """Operations that only add: each makes what the models are after the last of them.

    By themselves, each one makes Django build again every model that hangs together with the one
    it adds, and here nearly all do. They share one picture, so none may change what is there.
    """

    reduces_to_sql = True
    reversible = False

    def __init__(self, operations):
        self.operations = operations

    def state_forwards(self, app_label, state):
        state.__dict__.pop("apps", None)  # built before; built again when it is asked for
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def describe(self):
        return "Create the tables, and what they refuse"
