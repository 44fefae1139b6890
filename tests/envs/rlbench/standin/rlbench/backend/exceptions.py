class BoundaryError(Exception):
    pass


class _TaskError(Exception):
    def __init__(self, message, task):
        super().__init__(f"Error in task {task.get_name()}. {message}")


class WaypointError(_TaskError):
    pass


class NoWaypointsError(_TaskError):
    pass


class DemoError(_TaskError):
    pass


class InvalidActionError(Exception):
    pass


class TaskEnvironmentError(Exception):
    pass
