class Waypoint:
    def __init__(self, thing, start=None):
        self._waypoint, self._start = thing, start
        self._ext = thing.get_extension_string()
        self._ignore_collisions = "ignore_collision" in self._ext
        self._linear_only = "linear" in self._ext
        self.skip = False

    def get_ext(self):
        return self._ext

    def get_waypoint_object(self):
        return self._waypoint

    def start_of_path(self):
        if self._start is not None:
            self._start(self)

    def end_of_path(self):
        pass
