from pyrep.objects.object import Object


class Dummy(Object):
    pass
