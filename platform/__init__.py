"""A folder called `platform` that answers as the standard library's module of that name.

`python -m platform.search` needs this folder to be called so, and whatever has the checkout's root on its path (the
command above, Ray workers with `working_dir`) then finds it when torch, ray or uuid ask for `platform.system()`. So the
standard module runs here, in this namespace; `__path__` stays ours, which is how the doors beside this file are found.
The code behind the doors is the package `sparring` and is imported by that name only.
"""


def _answer_as_the_standard_module() -> None:
    import sys
    import sysconfig
    from importlib.machinery import PathFinder

    # By its own address, never by sys.path: a second copy of this folder may stand there (Ray's working_dir beside the
    # driver's directory). The archive is where an embedded Python keeps its library instead.
    home = sysconfig.get_path("stdlib")
    archives = [entry for entry in sys.path if entry.endswith(".zip")]
    spec = PathFinder.find_spec("platform", [home, *archives])
    code = spec.loader.get_code("platform") if spec and spec.loader else None
    if code is None:
        raise ImportError(f"the standard library's platform module is not in {home}; run from outside the checkout")
    exec(code, globals())


_answer_as_the_standard_module()
del _answer_as_the_standard_module
