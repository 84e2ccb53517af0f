"""`python -m platform.best` in a checkout is `sparring best` anywhere."""

if __name__ == "__main__":  # a spawned child runs this file again, by another name: it must not start a second best
    from sparring.cli import main

    main("best")
