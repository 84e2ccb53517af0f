"""`python -m platform.train` in a checkout is `sparring train` anywhere."""

if __name__ == "__main__":  # a spawned child runs this file again, by another name: it must not start a second train
    from sparring.cli import main

    main("train")
