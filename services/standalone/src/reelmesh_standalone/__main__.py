"""The front door of `python -m reelmesh_standalone`: the same as `reelmesh up`."""

from reelmesh_standalone.commands import doors

if __name__ == "__main__":
    doors.up()
