"""`python -m platform.clean` in a checkout is `sparring clean` anywhere."""

if __name__ == "__main__":  # a spawned child runs this file again, by another name, and must not start the command too
    from sparring.cli import main

    main("clean")
